"""How many of the words have a pretrained vector."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from bilstm_tagger.config import WordConfig
from bilstm_tagger.doctor.findings import Finding, Severity, Tally
from bilstm_tagger.doctor.profile import PartProfile
from bilstm_tagger.errors import DataError, MissingDependencyError
from bilstm_tagger.features.vectors import load_vectors

__all__ = ["vector_coverage"]

_DIGIT = re.compile(r"\d")
_LOW = 0.8


def vector_coverage(parts: Sequence[PartProfile], word: WordConfig) -> Iterator[Finding]:
    """Yields the share of words with a vector, part by part and source by source.

    Words are looked up as the model does: digits as 0 where the configuration asks for it, then as they stand, then in
    lower case.

    Raises:
        ConfigError: The vectors are neither a file nor known by name.
        DataError: The file is damaged, or missing and ``word.missing`` is ``error``.
    """
    named = word.vectors or []
    for source in [named] if isinstance(named, str) else named:
        try:
            vectors = load_vectors(source)
        except (DataError, MissingDependencyError) as error:
            absent = isinstance(error, MissingDependencyError) or not Path(source).exists()
            if not absent:
                raise
            severity: Severity = "error" if word.missing == "error" else "note"
            yield Finding.of("D711", f"the vectors '{source}' are not there: {error}", severity=severity)
            continue
        known = set(vectors.words)
        for part in parts:
            if part.words.counts:
                yield _coverage(part, known, source, digits_to_zero=word.digits_to_zero)


def _coverage(part: PartProfile, known: set[str], source: str, *, digits_to_zero: bool) -> Finding:
    missing: dict[str, int] = {}
    exact = 0
    for form, count in part.words.counts.items():
        key = _DIGIT.sub("0", form) if digits_to_zero else form
        if key in known:
            exact += count
        elif key.lower() not in known:
            missing[form] = count
    total = part.words.counts.total()
    share = 1 - sum(missing.values()) / total
    tally = Tally()
    for form in sorted(missing, key=lambda form: -missing[form]):
        tally.add(source, None, f"{form} ({missing[form]:,})")
        if tally.full:
            break
    message = (
        f"{share:.1%} of the tokens have a vector in '{source}' ({exact / total:.1%} as they stand, the rest in lower "
        f"case), and {1 - len(missing) / len(part.words.counts):.1%} of the {len(part.words.counts):,} different words"
    )
    severity: Severity = "warning" if share < _LOW else "note"
    return Finding.of("D711", message, part=part.name, tally=tally, severity=severity, count=sum(missing.values()))
