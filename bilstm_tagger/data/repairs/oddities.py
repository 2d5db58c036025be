"""Tokens that are probably no words: what a conversion, a scraper or an editor left behind, and how to mend it."""

from __future__ import annotations

import html
import re
import unicodedata
from html.entities import html5
from typing import NamedTuple

from bilstm_tagger.data.records import UNKNOWN_TOKEN

__all__ = ["LONG_TOKEN", "Oddity", "find_oddity", "visible"]

LONG_TOKEN = 100
"""A longer token, in characters, is odd."""


class Oddity(NamedTuple):
    """What is odd about a token.

    Attributes:
        code: The finding that it belongs to; see ``CATALOG`` in :mod:`bilstm_tagger.doctor.findings`.
        new: The token as it should be, or None when nobody can tell.
    """

    code: str
    new: str | None


# What an ASCII token has to hold to be looked at further; all others are tested with one search.
_ASCII_ODD = re.compile(r"[\x00-\x20\x7f<&]|://")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
# Not the joiners U+200C and U+200D: emoji and the scripts of India and Persia are written with them.
_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_NOTHING_TO_SEE = re.compile("[\u200c\u200d\ufe00-\ufe0f]+")
_ELEMENTS = "a|abbr|b|big|blockquote|body|br|center|code|div|em|font|h[1-6]|head|hr|html|i|iframe|img|li|link|meta|ol"
_ELEMENT = re.compile(
    rf"</?(?:{_ELEMENTS}|p|pre|script|small|span|strong|style|sub|sup|table|tbody|td|th|thead|title|tr|tt|u|ul)"
    r"(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_WINDOWS = {chr(byte): bytes([byte]).decode("cp1252", "ignore") for byte in range(0x80, 0xA0)}
_GLUED = re.compile(r"[^\W_]https?://", re.IGNORECASE)


def find_oddity(token: str) -> Oddity | None:
    """Says what is odd about a token, the gravest first, or None."""
    if token.isascii():
        if len(token) <= LONG_TOKEN and _ASCII_ODD.search(token) is None:
            return None
    elif token == UNKNOWN_TOKEN:
        return Oddity("D206", None)
    else:
        odd = _beyond_ascii(token)
        if odd is not None:
            return odd
    if _CONTROL.search(token):
        return Oddity("D701", _without_controls(token))
    if _ELEMENT.search(token) or any(
        entity.group()[1:] in html5 or "#" in entity.group() for entity in _entities(token)
    ):
        return Oddity("D703", _unescaped(token))
    if any(map(str.isspace, token)):
        stripped = token.strip()
        return Oddity("D705", None if not stripped or any(map(str.isspace, stripped)) else stripped)
    if _GLUED.search(token):
        return Oddity("D706", None)
    if len(token) > LONG_TOKEN:
        return Oddity("D707", None)
    return None


def _beyond_ascii(token: str) -> Oddity | None:
    decoded = _decoded(token)
    if decoded is not None:
        return Oddity("D704", decoded)
    if _INVISIBLE.search(token):
        return Oddity("D701", _without_controls(_INVISIBLE.sub("", token)))
    if _NOTHING_TO_SEE.fullmatch(token):
        return Oddity("D701", None)
    if UNKNOWN_TOKEN in token:
        return Oddity("D702", None)
    if not unicodedata.is_normalized("NFC", token):
        return Oddity("D708", unicodedata.normalize("NFC", token))
    return None


def _decoded(token: str) -> str | None:
    """Returns what UTF-8 read as Windows-1252 or Latin-1 was meant to be; None for anything else.

    Text of several letters beyond ASCII whose bytes happen to be UTF-8 is hardly ever a word of its own.
    """
    for encoding in ("cp1252", "latin-1"):
        try:
            decoded = token.encode(encoding).decode("utf-8")
        except UnicodeError:
            continue
        return decoded if decoded.isprintable() and not any(map(str.isspace, decoded)) else None
    return None


def _without_controls(token: str) -> str | None:
    """Returns a token without control characters; U+0096 and the like are Windows-1252's dashes and quotes."""
    return _CONTROL.sub(lambda match: _WINDOWS.get(match.group(), ""), token).strip() or None


def _entities(token: str) -> list[re.Match[str]]:
    return list(_ENTITY.finditer(token))


def _unescaped(token: str) -> str | None:
    """Returns a token with its entities as characters, where that leaves one token without elements."""
    text = html.unescape(token)
    return None if _ELEMENT.search(text) or any(map(str.isspace, text)) or not text else text


def visible(text: str) -> str:
    """Returns text with what cannot be seen written as ``U+200B`` and the like, for messages."""
    return "".join(
        character if character.isprintable() and not _NOTHING_TO_SEE.match(character) else f"<U+{ord(character):04X}>"
        for character in text
    )
