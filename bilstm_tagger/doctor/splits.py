"""What a dev or test part has that training never saw, and the other way round."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bilstm_tagger.doctor.chains import similar
from bilstm_tagger.doctor.findings import Finding
from bilstm_tagger.doctor.profile import PartProfile
from bilstm_tagger.doctor.sequences import contradictions, shared

__all__ = ["compare", "unknown_words", "unseen_spans"]

_DIGIT = re.compile(r"\d")


def compare(parts: dict[str, PartProfile]) -> Iterator[Finding]:
    """Yields what was found between the parts; the first is that which is learnt from, if it is ``train``."""
    full = {name: profile for name, profile in parts.items() if len(profile.sequences)}
    names = list(full)
    for position, name in enumerate(names):
        for other in names[:position]:
            yield from _overlap(full[name], full[other])
    if full:
        yield from contradictions(", ".join(names), [profile.sequences for profile in full.values()])
    train = full.get("train")
    if train is not None:
        for name in names[1:]:
            yield from _unseen(full[name], train)


def _overlap(part: PartProfile, other: PartProfile) -> Iterator[Finding]:
    chains = part.task.kind == "residues"
    yield from shared(part.name, part.sequences, other.name, other.sequences, chains=chains)
    if chains:
        yield from similar(part.name, part.chains, other.name, other.chains)


def _unseen(part: PartProfile, train: PartProfile) -> Iterator[Finding]:
    if part.task.kind == "residues":
        return
    unseen = {label: count for label, count in part.labels.items() if label not in train.labels}
    if unseen:
        labels = ", ".join(f"{label} ({count:,})" for label, count in sorted(unseen.items()))
        message = f"{part.name} has labels that train has not: {labels}"
        yield Finding.of("D402", message, part=part.name, tally=part.label_places(sorted(unseen)))
    words = unknown_words(part, train)
    message = f"{words:.1%} of the tokens of {part.name} are words that train has not, in lower case neither"
    yield Finding.of("D712", message, part=part.name, count=round(words * part.tokens))
    mentions = part.spans.mentions.total()
    if mentions:
        rate = unseen_spans(part, train)
        message = f"{rate:.1%} of the {mentions:,} spans of {part.name} have a text that no span of train has"
        yield Finding.of("D713", message, part=part.name, count=round(rate * mentions))


def unknown_words(part: PartProfile, train: PartProfile) -> float:
    """Returns the share of tokens whose word training never saw, as a model looks words up.

    That is with digits as 0, and in lower case when not as it stands (Lample et al. 2016).
    """
    known = {_DIGIT.sub("0", word) for word in train.words.counts}
    unknown = 0
    for word, count in part.words.counts.items():
        key = _DIGIT.sub("0", word)
        if key not in known and key.lower() not in known:
            unknown += count
    return unknown / max(1, part.words.counts.total())


def unseen_spans(part: PartProfile, train: PartProfile) -> float:
    """Returns the share of spans whose text (as it stands) is that of no span of training, whatever its label."""
    known = {text for _, text in train.spans.mentions}
    unseen = sum(count for (_, text), count in part.spans.mentions.items() if text not in known)
    return unseen / max(1, part.spans.mentions.total())
