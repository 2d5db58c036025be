"""Token lists to tagged sequences: the part of tagging where the time goes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bilstm_tagger.features.batching import sorted_batches
from bilstm_tagger.features.vocabulary import Vocabulary
from bilstm_tagger.inference.inputs import Prepared
from bilstm_tagger.inference.span_scores import FoundSpans, PathTokens, TagGrammar, find_spans, path_tokens
from bilstm_tagger.nn import Batch, BiLstmCrf
from bilstm_tagger.tasks import Task
from bilstm_tagger.types import Span, TaggedSequence

__all__ = ["Engine", "FormCache"]

COIL = "C"
_SMALL_BATCH = 256


class FormCache:
    """Vectors of word forms met before; bounded, and emptied when it is full. Threads may share it.

    Args:
        network: In evaluation mode.
        vocabulary: The model's.
        capacity: Forms held, at least as many as one batch has.
    """

    def __init__(self, network: BiLstmCrf, vocabulary: Vocabulary, *, capacity: int = 50_000) -> None:
        self.network = network
        self.vocabulary = vocabulary
        self.capacity = capacity
        self.rows: dict[str, int] = {}
        self.table = self._empty_table()
        self._lock = threading.Lock()

    def _empty_table(self) -> Tensor:
        return torch.zeros(1, self.network.form_size, device=self.network.projection.weight.device)

    def lookup(self, tokens: Sequence[str]) -> tuple[NDArray[np.int64], Tensor]:
        """Returns each token's row ``(num_tokens,)`` and the table ``(num_rows, form_size)``; row 0 is padding."""
        with self._lock:
            rows = self.rows
            new = list(dict.fromkeys(token for token in tokens if token not in rows))
            if new:
                if len(rows) + len(new) > self.capacity:
                    # A new table: another thread may still read the old one.
                    rows.clear()
                    self.table = self._empty_table()
                    new = list(dict.fromkeys(tokens))
                self._add(new)
            return np.fromiter(map(rows.__getitem__, tokens), dtype=np.int64, count=len(tokens)), self.table

    def _add(self, forms: list[str]) -> None:
        table = self.vocabulary.lookup(forms)
        device = self.table.device
        vectors = self.network.form_vectors(
            torch.from_numpy(table.words).to(device),
            torch.from_numpy(table.chars.astype(np.int64)).to(device) if table.chars.shape[1] else None,
            torch.from_numpy(table.shapes).to(device),
        )
        begin = len(self.rows) + 1
        if begin + len(forms) > len(self.table):
            # Room for as many again, so that growing costs little in all.
            grown = self.table.new_zeros(2 * (begin + len(forms)), self.table.shape[1])
            grown[:begin] = self.table[:begin]
            self.table = grown
        self.table[begin : begin + len(forms)] = vectors
        self.rows.update(zip(forms, range(begin, begin + len(forms)), strict=True))


@contextmanager
def _threads_for(tokens: int) -> Iterator[None]:
    """Keeps a small batch on one processor thread: handing its small operations to several costs more than it saves."""
    threads = torch.get_num_threads()
    if tokens > _SMALL_BATCH or threads == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class Engine:
    """Tags prepared sequences in batches.

    Args:
        network: The weights.
        vocabulary: The model's.
        task: Decides whether there are spans.
        decoding: The best sequence, or the best tag of each token.
    """

    def __init__(
        self, network: BiLstmCrf, vocabulary: Vocabulary, task: Task, *, decoding: Literal["viterbi", "marginal"]
    ) -> None:
        self.network = network.eval()
        self.task = task
        self.decoding = decoding
        self.cache = FormCache(network, vocabulary)
        residues = task.kind == "residues"
        self.grammar = TagGrammar(
            vocabulary.tags,
            vocabulary.scheme,
            outside=COIL if residues else "O",
            constraints=network.sizes.constraints,
        )
        self.names = vocabulary.tags
        self.spans = task.kind != "tokens"

    @torch.inference_mode()
    def tag(
        self,
        items: Sequence[Prepared],
        *,
        batch_tokens: int,
        probabilities: bool,
        advance: Callable[[int], None] | None = None,
    ) -> list[TaggedSequence]:
        """Tags sequences; one result for each, in order.

        Args:
            items: The sequences, empty ones too.
            batch_tokens: Padded tokens in a batch.
            probabilities: Whether to keep the marginals.
            advance: Called with the number of sequences after each batch.
        """
        lengths = np.fromiter((len(item.tokens) for item in items), dtype=np.int64, count=len(items))
        results: list[TaggedSequence] = (
            [self._empty(item, probabilities) for item in items] if (lengths == 0).any() else []
        )
        results = results or [None] * len(items)  # type: ignore[list-item]
        for indices in sorted_batches(lengths, batch_tokens=batch_tokens):
            chosen = [items[index] for index in indices.tolist()]
            with _threads_for(int(lengths[indices].sum())):
                tagged = self._tag_batch(chosen, lengths[indices], probabilities)
            for index, result in zip(indices.tolist(), tagged, strict=True):
                results[index] = result
            if advance is not None:
                advance(len(chosen))
        return results

    def _empty(self, item: Prepared, probabilities: bool) -> TaggedSequence:
        nothing = np.zeros((0, len(self.names)), dtype=np.float32) if probabilities else None
        return TaggedSequence(item.text, [], [], [], [], 1.0, [], item.id, self.names, nothing)

    def _tag_batch(
        self, items: list[Prepared], lengths: NDArray[np.int64], probabilities: bool
    ) -> list[TaggedSequence]:
        batch = self._batch(items, lengths)
        emissions = self.network.emissions(batch)
        crf = self.network.crf
        path = crf.best_path(emissions, batch.lengths) if self.decoding == "viterbi" else None
        posterior = crf.path_posterior(
            emissions, path, batch.lengths, predecessors=self.spans and self.grammar.needs_predecessors
        )
        tags = posterior.path.cpu().numpy()
        marginals, conditionals = posterior.marginals.cpu().numpy(), posterior.conditionals.cpu().numpy()
        before = None if posterior.predecessors is None else posterior.predecessors.cpu().numpy()
        continuations = None
        if self.spans and self.grammar.ambiguous:
            suffixes, transitions = crf.continuations(emissions, batch.lengths)
            continuations = suffixes.cpu().numpy(), transitions.cpu().numpy()
        tokens = path_tokens(tags, lengths, marginals, conditionals)
        found = None
        if self.spans:
            found = find_spans(self.grammar, tokens, lengths, marginals, conditionals, before, continuations)
        return self._collect(items, lengths, tokens, found, marginals if probabilities else None)

    def _batch(self, items: list[Prepared], lengths: NDArray[np.int64]) -> Batch:
        rows, table = self.cache.lookup([token for item in items for token in item.tokens])
        device = table.device
        mask = np.arange(int(lengths.max()))[:, None] < lengths  # (seq_len, batch_size)
        forms = np.zeros(mask.T.shape, dtype=np.int64)
        forms[mask.T] = rows
        dense = None
        if self.network.sizes.dense_size:
            values = np.zeros((*mask.T.shape, self.network.sizes.dense_size), dtype=np.float32)
            values[mask.T] = np.concatenate([item.dense for item in items if item.dense is not None])
            dense = torch.from_numpy(values).transpose(0, 1).to(device)
        return Batch(
            forms=torch.from_numpy(forms).T.contiguous().to(device),
            lengths=torch.from_numpy(lengths).to(device),
            form_vectors=table,
            dense=dense,
        )

    def _collect(
        self,
        items: list[Prepared],
        lengths: NDArray[np.int64],
        tokens: PathTokens,
        found: FoundSpans | None,
        marginals: NDArray[np.float32] | None,
    ) -> list[TaggedSequence]:
        tags = tokens.tags.tolist()
        written = self.grammar.written
        if found is None:
            names = [written[0][tag] for tag in tags]
        else:
            names = [written[join][tag] for join, tag in zip(found.joined.tolist(), tags, strict=True)]
        tag_scores = tokens.marginals.tolist()
        begins = np.cumsum(lengths) - lengths
        scores = np.exp(np.add.reduceat(tokens.log_conditionals, begins)).tolist()
        spans = self._spans(items, found)
        results, begin = [], 0
        for index, (item, length) in enumerate(zip(items, lengths.tolist(), strict=True)):
            end = begin + length
            results.append(
                TaggedSequence(
                    text=item.text,
                    tokens=item.tokens,
                    tags=names[begin:end],
                    spans=spans[index],
                    tag_scores=tag_scores[begin:end],
                    score=scores[index],
                    offsets=item.offsets,
                    id=item.id,
                    labels=self.names,
                    probabilities=None if marginals is None else marginals[index, :length].copy(),
                )
            )
            begin = end
        return results

    def _spans(self, items: list[Prepared], found: FoundSpans | None) -> list[list[Span]]:
        spans: list[list[Span]] = [[] for _ in items]
        if found is None:
            return spans
        columns = (found.sequence, found.start, found.end, found.label, found.score)
        for row, start, end, label, score in zip(*(column.tolist() for column in columns), strict=True):
            item = items[row]
            first, last = item.offsets[start][0], item.offsets[end - 1][1]
            name = self.grammar.labels[label]
            spans[row].append(Span(item.text[first:last], name, first, last, score, start, end))
        return spans
