"""Span scores against seqeval's published examples, counts worked out by hand, and conlleval's rules."""

import random

import pytest

from bilstm_tagger.evaluation import score


def conlleval_spans(tags):
    """Chunks by the start and end rules of conlleval.pl for B, I and O, written from their published description."""
    spans, start, previous, kind = set(), None, "O", ""
    for position, tag in enumerate([*tags, "O"]):
        prefix, _, label = tag.partition("-")
        ends = previous != "O" and (prefix in "BO" or label != kind)
        begins = prefix == "B" or (prefix == "I" and (previous == "O" or label != kind))
        if ends:
            spans.add((kind, start, position))
        if begins:
            start = position
        previous, kind = prefix, label
    return spans


def test_examples_of_seqeval_s_readme():
    gold = [["O", "O", "O", "B-MISC", "I-MISC", "I-MISC", "O"], ["B-PER", "I-PER", "O"]]
    predicted = [["O", "O", "B-MISC", "I-MISC", "I-MISC", "I-MISC", "O"], ["B-PER", "I-PER", "O"]]
    report = score(gold, predicted, task="ner")
    for side in (report.strict, report.default):
        assert side.micro.f1 == 0.5
        assert side.per_type["MISC"].f1 == 0.0
        assert side.per_type["PER"].f1 == 1.0
    assert report.accuracy == pytest.approx(0.8)
    # The README shows the two modes apart with these tags.
    report = score([["B-NP", "I-NP", "O"]], [["I-NP", "I-NP", "O"]], task="chunking")
    assert report.default.micro.f1 == 1.0
    assert report.strict.micro.f1 == 0.0


@pytest.mark.parametrize(
    ("gold", "predicted", "strict", "default"),
    [
        # (right, predicted, gold) spans, by hand
        ("B-A I-A O B-B", "B-A I-A O B-B", (2, 2, 2), (2, 2, 2)),
        ("B-A I-A O B-B", "B-A O O B-B", (1, 2, 2), (1, 2, 2)),
        ("B-A I-A O O", "I-A I-A O I-B", (0, 0, 1), (1, 2, 1)),
        ("B-A I-A I-A O", "B-A I-B I-B O", (0, 1, 1), (0, 2, 1)),
        ("B-A B-A O B-A", "B-A I-A O B-A", (1, 2, 3), (1, 2, 3)),
        ("B-A-B I-A-B O O", "B-A-B I-A-B B-A O", (1, 2, 1), (1, 2, 1)),
        ("O O O", "O O B-A", (0, 1, 0), (0, 1, 0)),
        ("O O O", "O O I-A", (0, 0, 0), (0, 1, 0)),
        ("O O B-A", "O O O", (0, 0, 1), (0, 0, 1)),
    ],
)
def test_counts_by_hand(gold, predicted, strict, default):
    report = score([gold.split()], [predicted.split()], task="ner")
    for side, (right, found, support) in ((report.strict, strict), (report.default, default)):
        assert side.micro.precision == pytest.approx(right / found if found else 0.0)
        assert side.micro.recall == pytest.approx(right / support if support else 0.0)
        assert side.micro.f1 == pytest.approx(2 * right / (found + support) if found + support else 0.0)
        assert side.micro.support == support


def test_default_mode_counts_what_conlleval_counts():
    generator = random.Random(5)
    tags = ["O", "O", "O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-X", "I-X"]
    gold = [generator.choices(tags, k=generator.randint(0, 12)) for _ in range(300)]
    predicted = [[tag if generator.random() < 0.7 else generator.choice(tags) for tag in row] for row in gold]
    report = score(gold, predicted, task="ner")
    pairs = [(conlleval_spans(right), conlleval_spans(guess)) for right, guess in zip(gold, predicted, strict=True)]
    for label in ("PER", "LOC", "X"):
        right = sum(sum(span[0] == label for span in first & second) for first, second in pairs)
        found = sum(sum(span[0] == label for span in second) for _, second in pairs)
        support = sum(sum(span[0] == label for span in first) for first, _ in pairs)
        scores = report.default.per_type[label]
        assert scores.precision == pytest.approx(right / found)
        assert scores.recall == pytest.approx(right / support)
        assert scores.support == support
    assert report.default != report.strict
