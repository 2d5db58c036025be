"""The probability of a span against the sum over all tag sequences that are read as that span."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from bilstm_tagger.inference.span_scores import FoundSpans, TagGrammar, find_spans, path_tokens
from bilstm_tagger.nn.crf import CRF
from bilstm_tagger.schemes import Scheme, TokenSpan, legal_transitions, tags_to_spans

# At most five tags, so that five tokens have at most 3,125 sequences. IOB2 with two labels, the rest with what fits.
MODELS = {
    "BIOES": (("O", "B-X", "I-X", "E-X", "S-X"), Scheme.BIOES, True),
    "BIOES, free": (("O", "B-X", "I-X", "E-X", "S-X"), Scheme.BIOES, False),
    "BILOU": (("O", "B-X", "I-X", "L-X", "U-X"), Scheme.BILOU, True),
    "BILOU, free": (("O", "B-X", "I-X", "L-X", "U-X"), Scheme.BILOU, False),
    "IOB2": (("O", "B-X", "I-X", "B-Y", "I-Y"), Scheme.IOB2, True),
    "IOB2, free": (("O", "B-X", "I-X", "B-Y", "I-Y"), Scheme.IOB2, False),
    "IO": (("O", "I-X", "I-Y"), Scheme.IO, True),
    "IO, free": (("O", "I-X", "I-Y"), Scheme.IO, False),
    "residues": (("C", "E", "H"), Scheme.NONE, True),
    "no outside": (("C", "E", "H"), Scheme.NONE, False),
}


def spans_of(tags: list[str], scheme: Scheme, outside: str) -> list[TokenSpan]:
    """The definition of a span, and that residues outside are in none."""
    spans = tags_to_spans(tags, scheme)
    return [span for span in spans if scheme is not Scheme.NONE or span[0] != outside]


def make(name: str, seed: int, seq_len: int, scale: float) -> tuple[CRF, TagGrammar, str, Tensor]:
    tags, scheme, constraints = MODELS[name]
    outside = {"residues": "C", "no outside": ""}.get(name, "O")
    generator = torch.Generator().manual_seed(seed)
    legal = [torch.from_numpy(mask) for mask in legal_transitions(tags, scheme)] if constraints else [None] * 3
    crf = CRF(len(tags), batch_first=True, legal_start=legal[0], legal_transitions=legal[1], legal_end=legal[2])
    crf = crf.double()
    for parameter in crf.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.float64) * scale
    emissions = torch.randn(3, seq_len, len(tags), generator=generator, dtype=torch.float64) * scale
    return crf, TagGrammar(tags, scheme, outside=outside, constraints=constraints), outside, emissions


def find(crf: CRF, grammar: TagGrammar, emissions: Tensor, paths: Tensor, lengths: Tensor) -> FoundSpans:
    """As the tagger does it."""
    posterior = crf.path_posterior(emissions, paths, lengths, predecessors=grammar.needs_predecessors)
    before = None if posterior.predecessors is None else posterior.predecessors.numpy()
    continuations = None
    if grammar.ambiguous:
        suffixes, transitions = crf.continuations(emissions, lengths)
        continuations = suffixes.numpy(), transitions.numpy()
    marginals, conditionals = posterior.marginals.numpy(), posterior.conditionals.numpy()
    tokens = path_tokens(paths.numpy(), lengths.numpy(), marginals, conditionals)
    return find_spans(grammar, tokens, lengths.numpy(), marginals, conditionals, before, continuations)


def enumerate_spans(name: str, crf: CRF, emissions: Tensor, outside: str) -> dict[TokenSpan, float]:
    """The probability of every span of one sequence, by going through all sequences."""
    tags, scheme, _ = MODELS[name]
    start, transitions, end = (t.detach() for t in crf._potentials(torch.float64))
    paths = list(itertools.product(range(len(tags)), repeat=len(emissions)))
    index = torch.tensor(paths)  # (num_paths, seq_len)
    scores = start[index[:, 0]] + end[index[:, -1]] + transitions[index[:, :-1], index[:, 1:]].sum(dim=1)
    scores = scores + emissions[torch.arange(len(emissions)), index].sum(dim=1)
    shares = scores.softmax(dim=0).tolist()
    found: dict[TokenSpan, float] = {}
    for path, share in zip(paths, shares, strict=True):
        if share > 0:
            for span in spans_of([tags[tag] for tag in path], scheme, outside):
                found[span] = found.get(span, 0.0) + share
    return found


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), seq_len=st.integers(1, 5), scale=st.sampled_from([0.3, 1.0, 3.0]))
def test_spans_and_their_probabilities_equal_enumeration(name: str, seed: int, seq_len: int, scale: float) -> None:
    crf, grammar, outside, emissions = make(name, seed, seq_len, scale)
    lengths = torch.tensor([seq_len, max(1, seq_len - 2), 1])
    tags, scheme, _ = MODELS[name]
    paths = crf.best_path(emissions, lengths)
    found = find(crf, grammar, emissions, paths, lengths)
    ours = [
        (row, (grammar.labels[label], start, end))
        for row, label, start, end in zip(
            *(a.tolist() for a in (found.sequence, found.label, found.start, found.end)), strict=True
        )
    ]
    expected_spans, expected_scores, joined = [], [], []
    for row, length in enumerate(lengths.tolist()):
        every = enumerate_spans(name, crf, emissions[row, :length], outside)
        spans = spans_of([tags[tag] for tag in paths[row, :length].tolist()], scheme, outside)
        expected_spans += [(row, span) for span in spans]
        expected_scores += [every[span] for span in spans]
        inner = {position for _, start, end in spans for position in range(start + 1, end)}
        joined += [position in inner for position in range(length)]
    assert ours == expected_spans
    mask = torch.arange(paths.shape[1]) < lengths.unsqueeze(1)
    names = grammar.names_of(paths[mask].numpy(), mask.nonzero()[:, 1].numpy() == 0)
    if scheme is not Scheme.NONE:
        assert [name.startswith("I-") for name in names] == joined
    np.testing.assert_allclose(found.score, expected_scores, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", MODELS)
def test_any_path_is_scored_not_only_the_best_one(name: str) -> None:
    crf, grammar, outside, emissions = make(name, 5, 4, 1.0)
    tags, scheme, constraints = MODELS[name]
    lengths = torch.tensor([4, 4, 4])
    every = enumerate_spans(name, crf, emissions[0], outside)
    start, transitions, end = crf.legal_start, crf.legal_transitions, crf.legal_end
    for path in itertools.islice(itertools.product(range(len(tags)), repeat=4), 0, None, 7):
        legal = start[path[0]] and end[path[-1]] and all(transitions[a, b] for a, b in itertools.pairwise(path))
        if constraints and not legal:
            continue
        found = find(crf, grammar, emissions[:1], torch.tensor([path]), lengths[:1])
        spans = spans_of([tags[tag] for tag in path], scheme, outside)
        np.testing.assert_allclose(found.score, [every[span] for span in spans], rtol=1e-6, atol=1e-9)


def test_the_spans_that_can_begin_at_a_token_share_its_probability() -> None:
    crf, grammar, outside, emissions = make("BIOES, free", 3, 4, 1.0)
    every = enumerate_spans("BIOES, free", crf, emissions[0], outside)
    marginals = crf.marginals(emissions[:1], torch.tensor([4]))[0]
    inside = 1 - float(marginals[2, grammar.label < 0].sum())
    assert sum(share for (_, start, end), share in every.items() if start <= 2 < end) == pytest.approx(inside)


def test_a_batch_without_spans_has_none() -> None:
    crf, grammar, _, emissions = make("BIOES", 0, 3, 1.0)
    outside = torch.zeros(3, 3, dtype=torch.long)
    found = find(crf, grammar, emissions, outside, torch.tensor([3, 2, 1]))
    assert len(found.score) == 0
