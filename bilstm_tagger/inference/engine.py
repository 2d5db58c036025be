"""Token lists to tagged sequences: the part of tagging where the time goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bilstm_tagger.features.batching import sorted_batches
from bilstm_tagger.features.vocabulary import Vocabulary
from bilstm_tagger.inference.inputs import Prepared
from bilstm_tagger.inference.scorer import Scorer
from bilstm_tagger.inference.span_scores import FoundSpans, PathTokens, TagGrammar, find_spans, path_tokens
from bilstm_tagger.inference.threads import in_threads
from bilstm_tagger.tasks import Task
from bilstm_tagger.types import Span, TaggedSequence

__all__ = ["Engine"]

Result = TypeVar("Result")

COIL = "C"


class Engine:
    """Tags prepared sequences in batches.

    Args:
        scorer: Gives the emissions.
        vocabulary: The model's.
        task: Decides whether there are spans.
        decoding: The best sequence, or the best tag of each token.
        threads: Batches that are computed at the same time on a CPU; 0 takes as many as torch has threads.
    """

    def __init__(
        self,
        scorer: Scorer,
        vocabulary: Vocabulary,
        task: Task,
        *,
        decoding: Literal["viterbi", "marginal"],
        threads: int = 0,
    ) -> None:
        self.scorer = scorer
        self.threads = threads
        self.task = task
        self.decoding = decoding
        residues = task.kind == "residues"
        self.grammar = TagGrammar(
            vocabulary.tags,
            vocabulary.scheme,
            outside=COIL if residues else "O",
            constraints=scorer.constraints,
        )
        self.names = vocabulary.tags
        self.spans = task.kind != "tokens"

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
        results = [None if item.tokens else self._empty(item, probabilities) for item in items]

        def work(indices: NDArray[np.int64]) -> list[TaggedSequence]:
            return self._tag_batch([items[index] for index in indices.tolist()], lengths[indices], probabilities)

        return self._run(work, lengths, results, batch_tokens=batch_tokens, advance=advance)

    def tag_words(self, sentences: Sequence[list[str]], *, batch_tokens: int) -> list[list[str]]:
        """Returns the tags of sentences and nothing else, in order.

        Args:
            sentences: Lists of words.
            batch_tokens: Padded tokens in a batch.
        """
        lengths = np.fromiter(map(len, sentences), dtype=np.int64, count=len(sentences))
        results: list[list[str] | None] = [None if sentence else [] for sentence in sentences]

        def work(indices: NDArray[np.int64]) -> list[list[str]]:
            return self._tags([sentences[index] for index in indices.tolist()], lengths[indices])

        return self._run(work, lengths, results, batch_tokens=batch_tokens)

    def _run(
        self,
        work: Callable[[NDArray[np.int64]], list[Result]],
        lengths: NDArray[np.int64],
        results: list[Result | None],
        *,
        batch_tokens: int,
        advance: Callable[[int], None] | None = None,
    ) -> list[Result]:
        """Puts the results of all sequences that are not empty in their places.

        Args:
            work: Gives the results of the sequences at some indices.
            lengths: ``(num_sequences,)``.
            results: Those of empty sequences.
            batch_tokens: Padded tokens in a batch.
            advance: Called with the number of sequences after each batch.
        """
        on_cpu = self.scorer.device.type == "cpu"
        threads = (self.threads or torch.get_num_threads()) if on_cpu else 1
        batches = sorted_batches(lengths, batch_tokens=batch_tokens)
        tagged = in_threads(torch.inference_mode()(work), batches, threads=threads)
        for indices, found in zip(batches, tagged, strict=True):
            for index, result in zip(indices.tolist(), found, strict=True):
                results[index] = result
            if advance is not None:
                advance(len(indices))
        return results  # type: ignore[return-value]  # each sequence is empty or in a batch

    def _empty(self, item: Prepared, probabilities: bool) -> TaggedSequence:
        nothing = np.zeros((0, len(self.names)), dtype=np.float32) if probabilities else None
        return TaggedSequence(item.text, [], [], [], [], 1.0, [], item.id, self.names, nothing)

    def _tag_batch(
        self, items: list[Prepared], lengths: NDArray[np.int64], probabilities: bool
    ) -> list[TaggedSequence]:
        tokens, columns = [item.tokens for item in items], [item.dense for item in items]
        emissions, sizes = self.scorer.emissions(tokens, lengths, columns)
        crf = self.scorer.crf
        predecessors = self.spans and self.grammar.needs_predecessors
        if self.decoding == "viterbi":
            posterior = crf.best_posterior(emissions, sizes, predecessors=predecessors)
        else:
            posterior = crf.path_posterior(emissions, None, sizes, predecessors=predecessors)
        continuations = None
        if self.spans and self.grammar.ambiguous:
            suffixes, transitions = _to_host(*crf.continuations(emissions, sizes))
            continuations = suffixes, transitions
        tags, marginals, conditionals = _to_host(posterior.path, posterior.marginals, posterior.conditionals)
        before = None if posterior.predecessors is None else _to_host(posterior.predecessors)[0]
        path = path_tokens(tags, lengths, marginals, conditionals)
        found = None
        if self.spans:
            found = find_spans(self.grammar, path, lengths, marginals, conditionals, before, continuations)
        return self._collect(items, lengths, path, found, marginals if probabilities else None)

    def _tags(self, sentences: list[list[str]], lengths: NDArray[np.int64]) -> list[list[str]]:
        emissions, sizes = self.scorer.emissions(sentences, lengths)
        crf = self.scorer.crf
        if self.decoding == "viterbi":
            path = crf.best_path(emissions, sizes)
        else:
            path = crf.marginals(emissions, sizes).argmax(dim=-1)
        (tags,) = _to_host(path.T)  # (batch_size, seq_len)
        mask = np.arange(tags.shape[1]) < lengths[:, None]
        names = self.grammar.names_of(tags[mask], np.nonzero(mask)[1] == 0)
        ends = np.cumsum(lengths).tolist()
        return [names[end - length : end] for end, length in zip(ends, lengths.tolist(), strict=True)]

    def _collect(
        self,
        items: list[Prepared],
        lengths: NDArray[np.int64],
        tokens: PathTokens,
        found: FoundSpans | None,
        marginals: NDArray[np.float32] | None,
    ) -> list[TaggedSequence]:
        names = self.grammar.names_of(tokens.tags, tokens.steps == 0)
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


def _to_host(*tensors: Tensor) -> list[NDArray[Any]]:
    """Returns tensors as arrays; of a GPU's, all are copied before any is waited for."""
    copies = [tensor.to("cpu", non_blocking=True) for tensor in tensors]
    if tensors[0].is_cuda:
        torch.cuda.synchronize(tensors[0].device)
    return [copy.numpy() for copy in copies]
