"""Tags of spans in other spellings than ``B-PER``: ``b-per``, ``PER-B``, ``BEGIN_PER``, ``B:PER``, ``o``."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bilstm_tagger.schemes import OUTSIDE, split_tag

__all__ = ["find_spellings", "is_span_column"]

_OUTSIDE = frozenset(["o", "0", "out", "outside"])
_WORDS = {
    "begin": "B",
    "beginning": "B",
    "inside": "I",
    "intermediate": "I",
    "middle": "M",
    "end": "E",
    "last": "L",
    "single": "S",
    "singleton": "S",
    "unit": "U",
}
_PREFIX = re.compile(rf"([bimelsu]|{'|'.join(_WORDS)})[-_:./| ](.+)", re.IGNORECASE | re.DOTALL)
_SUFFIX = re.compile(rf"(.+)[-_:./| ]([bimelsu]|{'|'.join(_WORDS)})", re.IGNORECASE | re.DOTALL)
_BARE = re.compile("[bimelsu]")
_STARTS = frozenset("BI")


def find_spellings(tags: Iterable[str]) -> dict[str, str]:
    """Says how the tags of a source are spelt in the usual way, where they are spelt otherwise.

    ``o``, ``0`` and ``outside`` are always O, and blanks around a tag do not count. Prefixes in lower case, in full
    words, with another separator, or behind the label are understood only when every tag without a usual prefix can be
    read so, and some of them begins or continues a span: ``e-mail`` beside ``phone`` is a label.

    Args:
        tags: The different tags of a source.

    Returns:
        The tags that are spelt otherwise, each with its usual spelling.
    """
    mended: dict[str, str] = {}
    certain: dict[str, str] = {}
    prefixes: set[str] = set()
    understood = True
    for tag in tags:
        bare = tag.strip()
        new: str | None = OUTSIDE if bare.lower() in _OUTSIDE else bare
        if new == bare and bare and split_tag(bare)[0] == "":
            new = _usual(bare) if understood else None
            understood = new is not None
            prefixes.add((new or " ")[0])
        elif new:
            prefixes.add(split_tag(new)[0])
            if new != tag:
                certain[tag] = new
        if new and new != tag:
            mended[tag] = new
    return mended if understood and not _STARTS.isdisjoint(prefixes) else certain


def is_span_column(values: Iterable[str]) -> bool:
    """Says whether values can be the tags of spans, in whichever spelling: O, or a prefix and a label."""
    given = set(values)
    if all(split_tag(value)[0] != "" for value in given):
        return bool(given)
    mended = find_spellings(given)
    new = {mended.get(value, value) for value in given}
    # A column of zeros is none of tags.
    return new != {OUTSIDE} and all(split_tag(value)[0] != "" for value in new)


def _usual(tag: str) -> str | None:
    """Returns a tag with a capital prefix and a hyphen, or None when it has no prefix in any spelling."""
    if _BARE.fullmatch(tag):
        return tag.upper()
    if match := _PREFIX.fullmatch(tag):
        prefix, label = match[1], match[2]
    elif match := _SUFFIX.fullmatch(tag):
        label, prefix = match[1], match[2]
    else:
        return None
    return f"{_WORDS.get(prefix.lower(), prefix.upper())}-{label}"
