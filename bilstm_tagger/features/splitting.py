"""How raw text becomes tokens with character offsets, by a tokenizer that is saved with the model.

The rule is a regular expression inside the model's ``tokenizer.json``: ``transformers.AutoTokenizer`` runs it in Rust,
``Splitter`` runs the same expression in Python's ``re``, which is about twice as fast, for one sentence and for many
(no objects cross between the languages). Both give the same tokens; a property test holds that.

Outside tokens lie only white space and, for ``words`` and ``characters``, control and invisible format characters.
A token is always a slice of the text as given (upper-cased for ``residues``).
"""

from __future__ import annotations

import json
import re
import string
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bilstm_tagger.errors import InputError, ModelError
from bilstm_tagger.split_rules import KINDS, Kind, kind_of, pattern_for

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["AMINO_ACIDS", "Splitter", "build_tokenizer", "check_residues", "tokenizer_config"]

AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY" + "XBZUOJ"
"""The one-letter codes that a protein sequence may hold: the 20, and unknown, ambiguous and rare ones."""

_NUCLEOTIDES = frozenset("ACGTUN")
_SHORTEST_DNA = 20
_NOT_RESIDUE = re.compile(f"[^{AMINO_ACIDS}{AMINO_ACIDS.lower()}]")
_SURROGATE = re.compile("[\ud800-\udfff]")

Offsets = list[tuple[int, int]]


def build_tokenizer(
    kind: Kind, vocabulary: Mapping[str, int], *, unknown: str = "<unk>", padding: str = "<pad>"
) -> Tokenizer:
    """Builds the tokenizer of a model: a rule that cuts text, and a vocabulary that numbers the tokens.

    Args:
        kind: ``words`` (as CoNLL-2003, WNUT-17 and the Penn Treebank tokenise), ``characters`` (for languages
            without spaces), ``whitespace`` or ``residues`` (proteins).
        vocabulary: Token to row number. Holds ``unknown`` and ``padding``.
        unknown: The entry for tokens that the vocabulary lacks.
        padding: The entry for the places after the end of a sequence.

    Returns:
        A tokenizer to save as ``tokenizer.json``.

    Raises:
        ModelError: For an unknown kind, or a vocabulary without the two special entries.
    """
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

    if kind not in KINDS:
        raise ModelError("unknown kind of tokenizer", received=kind, accepted=KINDS)
    missing = [entry for entry in (unknown, padding) if entry not in vocabulary]
    if missing:
        raise ModelError(f"the vocabulary lacks the special entry '{missing[0]}'")
    tokenizer = Tokenizer(models.WordLevel(dict(vocabulary), unk_token=unknown))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(pattern_for(kind)), behavior="removed", invert=True)
    if kind == "residues":
        # The library has no upper-casing normalizer.
        pairs = zip(string.ascii_lowercase, string.ascii_uppercase, strict=True)
        tokenizer.normalizer = normalizers.Sequence([normalizers.Replace(*pair) for pair in pairs])
    return tokenizer


def tokenizer_config(*, unknown: str = "<unk>", padding: str = "<pad>") -> dict[str, Any]:
    """Returns the contents of ``tokenizer_config.json``, with which ``AutoTokenizer`` loads the model's folder."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "unk_token": unknown,
        "pad_token": padding,
        "padding_side": "right",
        "clean_up_tokenization_spaces": False,
        # A text that happens to contain "<pad>" is text.
        "split_special_tokens": True,
        "model_input_names": ["input_ids", "attention_mask"],
    }


class Splitter:
    """Cuts raw text into tokens.

    Args:
        tokenizer: A tokenizer, the path of a ``tokenizer.json``, or what stands in one. A rule that this package
            wrote runs in Python's ``re``; any other pre-tokenizer (of a file edited by hand) runs in Rust, as it is.

    Attributes:
        kind: ``words``, ``characters``, ``whitespace``, ``residues``, or ``custom`` for a rule of somebody else.

    Raises:
        ModelError: When the file is missing, no tokenizer, or has no pre-tokenizer.
    """

    def __init__(self, tokenizer: Tokenizer | str | Path | Mapping[str, Any]) -> None:
        if isinstance(tokenizer, str | Path):
            state = _read_pre_tokenizer(Path(tokenizer))
            name = str(tokenizer)
        elif isinstance(tokenizer, Mapping):
            state = tokenizer.get("pre_tokenizer")
            name = "tokenizer.json"
        else:
            rule = tokenizer.pre_tokenizer
            state = None if rule is None else json.loads(rule.__getstate__())
            name = "the tokenizer"
        if state is None:
            raise ModelError(f"{name} has no pre-tokenizer: it does not say how text is cut into tokens")
        self._state = state
        pattern = _own_pattern(state)
        self.kind: str = "custom" if pattern is None else str(kind_of(pattern))
        self._find = _finder_in_rust(state, name=name) if pattern is None else _finder(pattern)

    def __reduce__(self) -> tuple[type[Splitter], tuple[dict[str, Any]]]:
        return Splitter, ({"pre_tokenizer": self._state},)  # functions cannot be sent to another process

    def split(self, text: str) -> tuple[list[str], Offsets]:
        """Cuts one text.

        Args:
            text: Any string; lone surrogates are allowed.

        Returns:
            The tokens, and for each its ``(start, end)`` in ``text``, in order and without overlap.

        Raises:
            InputError: For ``residues``, when the text is no protein sequence.
        """
        if self.kind == "residues":
            check_residues(text)
            text = text.upper()
        offsets = self._find(text)
        return [text[start:end] for start, end in offsets], offsets

    def split_batch(self, texts: Iterable[str]) -> list[tuple[list[str], Offsets]]:
        """Cuts many texts; the result for each is that of ``split``."""
        return [self.split(text) for text in texts]


def check_residues(text: str) -> None:
    """Checks that a text is a protein sequence: one-letter codes, white space, and perhaps a ``*`` at the end.

    Raises:
        InputError: Naming the first wrong character and its position, counted from 1; or saying that the text is
            a nucleotide sequence.
    """
    letters = "".join(text.split())
    if letters.endswith("*"):
        letters = letters[:-1]
    wrong = _NOT_RESIDUE.search(letters)
    if wrong is not None:
        char = wrong[0]
        # In the text itself there may be white space before it.
        position = text.index(char) + 1
        if char in "-.":
            hint = "Gaps of an alignment are not residues: remove all '-' and '.'"
        elif char == "*":
            hint = "'*' (stop) may stand at the end only: cut the sequence there"
        else:
            hint = None
        raise InputError(
            f"not an amino acid at position {position}",
            received=char,
            accepted=f"the letters {AMINO_ACIDS}, in upper or lower case",
            hint=hint,
        )
    if len(letters) >= _SHORTEST_DNA and set(letters.upper()) <= _NUCLEOTIDES:
        raise InputError(
            f"not a protein but a nucleotide sequence: all its {len(letters)} letters are among A, C, G, T, U, N",
            received=letters,
            hint="Translate it to amino acids first",
        )


def _read_pre_tokenizer(path: Path) -> dict[str, Any] | None:
    try:
        state = json.loads(path.read_bytes())
    except OSError as error:
        raise ModelError(f"cannot read the tokenizer {path}: {error.strerror}") from None
    except ValueError as error:
        raise ModelError(f"{path} is not valid JSON: {error}") from None
    if not isinstance(state, dict) or "model" not in state:
        raise ModelError(f"{path} is not a tokenizer.json: it has no 'model'")
    rule = state.get("pre_tokenizer")
    if rule is not None and not isinstance(rule, dict):
        raise ModelError(f"{path} has a pre-tokenizer that cannot be read", received=rule)
    return rule


def _own_pattern(state: Mapping[str, Any]) -> str | None:
    """Returns the pattern of a rule that this package wrote, else None."""
    if state.get("type") != "Split" or state.get("behavior") != "Removed" or not state.get("invert"):
        return None
    pattern = state["pattern"].get("Regex")
    return pattern if pattern is not None and kind_of(pattern) in KINDS else None


def _finder(pattern: str) -> Callable[[str], Offsets]:
    find = re.compile(pattern).finditer
    return lambda text: [match.span() for match in find(text)]


def _finder_in_rust(state: Mapping[str, Any], *, name: str) -> Callable[[str], Offsets]:
    """Returns a function that cuts by any pre-tokenizer of the library, given its state."""
    from tokenizers import Tokenizer

    whole = {"version": "1.0", "pre_tokenizer": state, "model": {"type": "WordLevel", "vocab": {}, "unk_token": ""}}
    try:
        cut = Tokenizer.from_str(json.dumps(whole)).pre_tokenizer.pre_tokenize_str
    except Exception as error:  # the library raises bare Exception
        raise ModelError(f"{name} has a pre-tokenizer that cannot be read: {error}") from None

    def find(text: str) -> Offsets:
        # Rust strings hold no lone surrogates; the replacement has the same length, so offsets stay right.
        clean = _SURROGATE.sub("\ufffd", text)
        return [(start, end) for _, (start, end) in cut(clean) if end > start]

    return find
