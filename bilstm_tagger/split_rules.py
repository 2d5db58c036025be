r"""The regular expressions by which raw text becomes tokens, one for each kind of splitting.

Each pattern runs, with the same matches, in two engines: Oniguruma (inside the Rust ``tokenizers`` library, where it is
a model's ``tokenizer.json``) and Python's ``re``, which is faster for one sentence. So a pattern uses only what means
the same in both: explicit character ranges instead of ``\w``, ``\s`` or ``\p{L}``, whose meaning follows the
engine's Unicode version; atomic groups and possessive ``++`` but never ``{m,n}+``; no flags. The ranges are written
out when a tokenizer is built, so that a saved model splits alike under every later Python.

No alternative scans further than it consumes, but for bounded repeats; so matching takes linear time.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable
from typing import Literal, get_args

__all__ = ["KINDS", "Kind", "kind_of", "pattern_for"]

Kind = Literal["words", "characters", "whitespace", "residues"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_VERSION = 1
_MARK = re.compile(r"\(\?#bilstm-tagger ([a-z]+) ([0-9]+)\)")

# Scripts without spaces between words whose characters become tokens one by one. The marks U+3099 and U+309A,
# which stay with their base, are left out.
_CJK = (
    "\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f"
    "\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9d"
    "\U0001aff0-\U0001b16f\U00020000-\U0003ffff"
)
# Beyond U+FFFF whole blocks of letters: Python tries astral ranges one by one, so there should be few.
_ASTRAL_LETTERS = (
    "\U00010000-\U0001afef\U0001b170-\U0001cfff\U0001d400-\U0001d7ff\U0001df00-\U0001efff\U0001fbf0-\U0001fbf9"
)
# Format characters that are seen: Arabic and Syriac number and verse signs.
_VISIBLE_FORMAT = "\u0600-\u0605\u06dd\u070f\u0890-\u0891\u08e2"
# Without the tag characters, which belong to the flag before them.
_ASTRAL_FORMAT = "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001"
# Besides the combining marks: half-width kana voicing marks, skin tones, tags, variation selectors.
_MODIFIERS = "\uff9e\uff9f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f\U000e0100-\U000e01ef"
_REGIONAL = "[\U0001f1e6-\U0001f1ff]"
_KEYCAP = "[0-9#*]\ufe0f?\u20e3"
_JOINER = "\u200d"
# Soft hyphen, zero-width (non-)joiner, word joiner: invisible, and inside a word part of it.
_INVISIBLE = "\u00ad\u200c\u200d\u2060"

# Nothing that the word would go on with; an underscore at its end is a token of its own.
_END = "(?!_?[A-Za-z0-9])"
_APOSTROPHE = "['\u2019]"
_CLITIC = f"{_APOSTROPHE}(?:[sSmMdD]|re|RE|ve|VE|ll|LL){_END}"
_NOT = f"[nN]{_APOSTROPHE}[tT]{_END}"
# RFC 3986 characters, and what a URL in running text does not end with.
_URL_REST = r"[!#-;=?-~]*[#$%&*+/-9=@-Z^-z|~-]"
_TOP_LEVEL = "com|org|net|edu|gov|info|io|ly|me|co|uk|de|fr|eu|us|ca|au|jp|in|it|tv|gd|be|ch|nl|es|ru"
_ABBREVIATIONS = (
    "Mrs?|M[st]|Drs?|St|Ft|Prof|Gen|Lt|Col|Sgt|Capt|Cmdr|Maj|Rev|Gov|Sens?|Reps?|Hon|Pres|Sr|Jr|Inc|Corp|Ltd|Co|Bros|"
    "Ave|Blvd|Attn|Jan|Feb|Mar|Apr|Aug|Sept?|Oct|Nov|Dec|Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Calif|Fla|Conn|Pa|Va|"
    "Mass|Ph|[vV]s|[eE]tc"
)
_MERGED_END = f"(?:{_END}|(?={_NOT}))"
# PTB and UD write these as two words.
_MERGED = (
    f"[Cc]an(?=not{_MERGED_END})|[Gg]on(?=na{_MERGED_END})|[Ww]an(?=na{_MERGED_END})|[Gg]ot(?=ta{_MERGED_END})|"
    f"[Ll]em(?=me{_MERGED_END})|[Gg]im(?=me{_MERGED_END})"
)
_EMOTICON = (
    # eyes, nose, mouth; with a letter as mouth nothing may follow, and "://" is no face
    r"[:;=][-o^'\u2019]?(?:[)(\]\[}{]++|[DPpOo/\\|*@$](?![A-Za-z0-9_/]))|"
    r"[(\[][:;=](?![!-~])|</?3++(?![0-9A-Za-z])|\^[_.-]?\^|-_++-|\\[oO]/|\u00af\\_\(\u30c4\)_/\u00af"
)
_RUNS = r"[.!?][.!?]++|--++|\$\$++|==++|__++|~~++|\*\*++|\+\+++|##++|<<++|>>++|\|\|++|\u2014\u2014++|''|``"


def pattern_for(kind: Kind) -> str:
    """Returns the pattern whose matches are the tokens.

    It begins with a comment that names the kind and the version, by which ``kind_of`` knows it again.
    """
    return f"(?#bilstm-tagger {kind} {_VERSION}){_BUILDERS[kind]()}"


def kind_of(pattern: str) -> str | None:
    """Returns the kind of splitting that a pattern was built for, or None for a pattern that is not of this module."""
    mark = _MARK.match(pattern)
    return mark[1] if mark else None


@functools.cache
def _ranges(chosen: Callable[[str], bool]) -> str:
    """Returns the characters up to U+FFFF for which ``chosen`` holds, as the inside of a ``[...]`` class."""
    parts: list[str] = []
    start: int | None = None
    for code in range(0x10001):
        inside = code <= 0xFFFF and not 0xD800 <= code <= 0xDFFF and chosen(chr(code))
        if inside and start is None:
            start = code
        elif not inside and start is not None:
            first, last = re.escape(chr(start)), re.escape(chr(code - 1))
            parts.append(first if start == code - 1 else f"{first}-{last}")
            start = None
    return "".join(parts)


def _is_word_character(char: str) -> bool:
    return unicodedata.category(char)[0] in "LMN" and _cjk().fullmatch(char) is None


def _is_mark(char: str) -> bool:
    return unicodedata.category(char)[0] == "M"


def _is_blank(char: str) -> bool:
    """White space, control and format characters: what lies between tokens of running text."""
    if char.isspace() or unicodedata.category(char) == "Cc":
        return True
    return unicodedata.category(char) == "Cf" and _visible_format().fullmatch(char) is None


@functools.cache
def _cjk() -> re.Pattern[str]:
    return re.compile(f"[{_CJK}]")


@functools.cache
def _visible_format() -> re.Pattern[str]:
    return re.compile(f"[{_VISIBLE_FORMAT}]")


def _blank() -> str:
    return _ranges(_is_blank) + _ASTRAL_FORMAT


def _grapheme() -> str:
    """One visible character with its marks, or one emoji: flags, skin tones, keycaps, joined sequences."""
    modifiers = f"[{_ranges(_is_mark)}{_MODIFIERS}]*+"
    base = f"[^{_blank()}]"
    return f"(?:{_REGIONAL}{_REGIONAL}|{base}){modifiers}(?:{_JOINER}{base}{modifiers})*+"


def _words() -> str:
    inside = _ranges(_is_word_character) + _VISIBLE_FORMAT + _ASTRAL_LETTERS
    word = f"[{inside}]"
    letter = f"(?![0-9]){word}"
    connector = (
        f"[-._\u00b7\u05f3\u05f4\u2010\u2011{_INVISIBLE}]|(?!{_CLITIC}){_APOSTROPHE}|"
        "(?<=[0-9])[,:/](?=[0-9])|(?<=[A-Z])&(?=[A-Z])"
    )
    alternatives = [
        rf"(?:[hH][tT][tT][pP][sS]?|[fF][tT][pP])://{_URL_REST}",
        rf"[wW][wW][wW]\.{_URL_REST}",
        _MERGED,
        _KEYCAP,
        # Most words: nothing after them that could belong to them. All that follows is for the rest.
        f"{word}++(?![-._'\u2019@&:/%+$\u00b7\u05f3\u05f4\u2010\u2011{_INVISIBLE}]|,[0-9])",
        _NOT,
        r"(?:mailto:)?[A-Za-z0-9](?>[A-Za-z0-9._%+-]{0,63})@[A-Za-z0-9]++(?:[.-][A-Za-z0-9]++)*+",
        rf"(?:[A-Za-z0-9-]{{1,63}}\.){{1,4}}(?:{_TOP_LEVEL})/(?:{_URL_REST})?",
        # U.S., e.g., Ph.D. is a word and a period; U.S.-led is one word
        rf"{letter}(?:\.{letter})++(?!{word})\.?(?:-{word}++)*+",
        rf"(?:{_ABBREVIATIONS}|[A-HJ-Z])\.(?![.A-Za-z0-9_])",
        f"[A-Za-z]{{1,30}}?(?={_NOT})",
        r"(?:A|C|S|T|Z|HK|NZ|US)\$",
        rf"(?:(?<![0-9A-Za-z.])[+.](?=[0-9]))?{word}++(?:(?:{connector}){word}++)*+",
        _CLITIC,
        rf"{_APOSTROPHE}(?:[0-9][0-9]s?|em|til|tis|twas|cuz){_END}",
        f"[@#](?![0-9]++(?![_{inside}]))[_{inside}]++",
        r"&(?:amp|lt|gt|quot|apos|nbsp|#[0-9]{1,7});",
        _EMOTICON,
        _RUNS,
        _grapheme(),
    ]
    return "|".join(alternatives)


def _not_space() -> str:
    return f"[^{_ranges(str.isspace)}]++"


# Which letters are residues is checked by the splitter, for an error that names the wrong one.
_BUILDERS: dict[str, Callable[[], str]] = {
    "words": _words,
    "characters": _grapheme,
    "whitespace": _not_space,
    "residues": lambda: f"[^*{_ranges(str.isspace)}]",
}
