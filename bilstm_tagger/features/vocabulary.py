"""From strings to row numbers: words, characters, shapes and tags of a model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bilstm_tagger.features.char_states import Alphabet
from bilstm_tagger.features.gazetteer import Gazetteer
from bilstm_tagger.features.residues import ResidueColumns
from bilstm_tagger.features.vectors import Vectors
from bilstm_tagger.schemes import Scheme, split_tag, tag_set

__all__ = [
    "PADDING",
    "PADDING_TOKEN",
    "UNKNOWN",
    "UNKNOWN_TOKEN",
    "FormTable",
    "Vocabulary",
    "build_vocabulary",
    "span_labels",
    "word_shape",
]

PADDING, UNKNOWN = 0, 1
PADDING_TOKEN, UNKNOWN_TOKEN = "<pad>", "<unk>"

_DIGIT = re.compile(r"\d")


def word_shape(word: str) -> str:
    """Returns the word with X for capitals, x for other letters, d for digits; runs are cut to two.

    >>> word_shape("McDonald's"), word_shape("B-52s")
    ('XxXxx'x', 'X-ddx')
    """
    drawn = "".join("X" if c.isupper() else "x" if c.isalpha() else "d" if c.isdigit() else c for c in word[:20])
    return re.sub(r"(.)\1{2,}", r"\1\1", drawn)


@dataclass(frozen=True)
class FormTable:
    """What the network needs to know of word forms, one row a form.

    Attributes:
        words: ``(num_forms,)`` int64 rows of the word embedding.
        chars: ``(num_forms, word_len)`` int32 character ids, 0 for padding; word_len 0 without characters.
        shapes: ``(num_forms,)`` int64.
    """

    words: NDArray[np.int64]
    chars: NDArray[np.int32]
    shapes: NDArray[np.int64]


@dataclass(frozen=True)
class Vocabulary:
    """All that a model knows by name.

    Attributes:
        words: Word to row; rows 0 and 1 are padding and unknown, then the trained words, then the pretrained
            words that training never saw.
        trained_words: Number of rows before those.
        chars: Character to id; 0 padding, 1 unknown. Empty for models without characters.
        shapes: Word shape to id; 0 padding, 1 unknown. Empty for models without shapes.
        tags: The tag set, in the model's scheme.
        scheme: That scheme.
        digits_to_zero: Whether digits are looked up as 0.
        word_length: Longer words keep this many characters, half from either end.
        singletons: Rows of words without a pretrained vector that training saw once.
        residue: Columns that are computed from the residues of proteins.
        alphabet: The characters that the language model reads; None without one.
        gazetteer: Lists of names.
    """

    words: dict[str, int]
    trained_words: int
    chars: dict[str, int]
    shapes: dict[str, int]
    tags: tuple[str, ...]
    scheme: Scheme
    digits_to_zero: bool = True
    word_length: int = 40
    singletons: frozenset[int] = field(default_factory=frozenset, repr=False)
    residue: ResidueColumns = field(default_factory=ResidueColumns)
    alphabet: Alphabet | None = None
    gazetteer: Gazetteer = field(default_factory=Gazetteer)

    @property
    def computed(self) -> ResidueColumns | Gazetteer:
        """What gives dense columns beyond those of the data; residues have no names, and words no residues."""
        return self.gazetteer if self.gazetteer.size else self.residue

    @cached_property
    def tag_ids(self) -> dict[str, int]:
        """Tag to index."""
        return {tag: index for index, tag in enumerate(self.tags)}

    def normalize(self, form: str) -> str:
        """Returns the form as it is looked up: its digits as 0 where the model asks for that."""
        # Most forms are letters, which is seen faster than searched.
        return form if not self.digits_to_zero or form.isalpha() else _DIGIT.sub("0", form)

    def word_id(self, form: str) -> int:
        """Returns the row of a form: as it stands, else in lower case, else unknown."""
        form = self.normalize(form)
        row = self.words.get(form)
        return row if row is not None else self.words.get(form.lower(), UNKNOWN)

    def lookup(self, forms: Sequence[str]) -> FormTable:
        """Returns the table of these forms."""
        words = np.fromiter((self.word_id(form) for form in forms), dtype=np.int64, count=len(forms))
        shapes = np.fromiter(
            (self.shapes.get(word_shape(form), UNKNOWN) for form in forms) if self.shapes else (0 for _ in forms),
            dtype=np.int64,
            count=len(forms),
        )
        return FormTable(words, self._char_table(forms), shapes)

    def _char_table(self, forms: Sequence[str]) -> NDArray[np.int32]:
        if not self.chars:
            return np.zeros((len(forms), 0), dtype=np.int32)
        head, tail = (self.word_length + 1) // 2, self.word_length // 2
        cut = [form if len(form) <= self.word_length else form[:head] + form[len(form) - tail :] for form in forms]
        lengths = np.fromiter((len(form) for form in cut), dtype=np.int64, count=len(cut))
        width = int(lengths.max(initial=1))
        table = np.zeros((len(cut), width), dtype=np.int32)
        codes = np.frombuffer("".join(cut).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        known, ids = self._char_codes
        places = np.searchsorted(known, codes).clip(max=len(known) - 1)
        table[np.arange(width) < lengths[:, None]] = np.where(known[places] == codes, ids[places], UNKNOWN)
        return table

    @cached_property
    def _char_codes(self) -> tuple[NDArray[np.uint32], NDArray[np.int32]]:
        """The code points of the characters in order, and the id of each."""
        codes = np.array([ord(char) for char in self.chars], dtype=np.uint32)
        order = np.argsort(codes)
        return codes[order], np.array(list(self.chars.values()), dtype=np.int32)[order]


def build_vocabulary(
    form_counts: dict[str, int],
    labels: Iterable[str],
    *,
    scheme: Scheme,
    vectors: Vectors | None = None,
    keep: int | None = None,
    min_count: int = 1,
    digits_to_zero: bool = True,
    characters: bool = True,
    shapes: bool = False,
    word_length: int = 40,
    residue: ResidueColumns | None = None,
) -> tuple[Vocabulary, NDArray[np.float32] | None, NDArray[np.float16] | None]:
    """Builds a vocabulary from the training part.

    Args:
        form_counts: Number of times each word form stands in the training part.
        labels: Labels of the spans, or the tags themselves for ``Scheme.NONE``.
        scheme: Scheme of the model's tags.
        vectors: Pretrained vectors, or None.
        keep: How many pretrained words that training never saw are kept, in the file's order; None keeps all.
        min_count: Rarer words without a vector are unknown.
        digits_to_zero: Look digits up as 0.
        characters: Whether the model reads characters.
        shapes: Whether the model reads shapes.
        word_length: Characters read of a word, at most.
        residue: Columns that the model computes from residues; None has none.

    Returns:
        The vocabulary; the pretrained rows of the trained words ``(trained_words, size)``, nan where a word has
        none; the further pretrained rows ``(num_frozen, size)``. Both are None without vectors.
    """
    counts: dict[str, int] = {}
    for form, count in form_counts.items():
        key = _DIGIT.sub("0", form) if digits_to_zero else form
        counts[key] = counts.get(key, 0) + count
    known = {} if vectors is None else {word: row for row, word in reversed(list(enumerate(vectors.words)))}
    words = {PADDING_TOKEN: PADDING, UNKNOWN_TOKEN: UNKNOWN}
    for form in sorted(counts, key=lambda form: (-counts[form], form)):
        if counts[form] >= min_count or form in known or form.lower() in known:
            words.setdefault(form, len(words))
    trained = len(words)
    matrix, frozen = None, None
    if vectors is not None:
        matrix = np.full((trained, vectors.matrix.shape[1]), np.nan, dtype=np.float32)
        for form, row in words.items():
            source = known.get(form, known.get(form.lower()))
            if source is not None and row > UNKNOWN:
                matrix[row] = vectors.matrix[source]
        frozen = _keep_unseen(words, vectors, keep, digits_to_zero)
    vocabulary = Vocabulary(
        words=words,
        trained_words=trained,
        chars=numbered({c for form in form_counts for c in form}) if characters else {},
        shapes=numbered({word_shape(form) for form in form_counts}) if shapes else {},
        tags=tuple(tag_set(labels, scheme)),
        scheme=scheme,
        digits_to_zero=digits_to_zero,
        word_length=word_length,
        singletons=_singletons(words, counts, known),
        residue=residue or ResidueColumns(),
    )
    return vocabulary, matrix, frozen


def _singletons(words: dict[str, int], counts: dict[str, int], known: dict[str, int]) -> frozenset[int]:
    """Rows of the words to train the unknown vector on: seen once, and without a pretrained vector.

    A rare word with a pretrained vector is not like an unknown one: when tagging, others like it have vectors too.
    """
    return frozenset(
        words[form]
        for form, count in counts.items()
        if count == 1 and form in words and form not in known and form.lower() not in known
    )


def _keep_unseen(
    words: dict[str, int], vectors: Vectors, keep: int | None, digits_to_zero: bool
) -> NDArray[np.float16]:
    """Adds pretrained words that training never saw to ``words``; returns their rows."""
    rows: list[int] = []
    for row, word in enumerate(vectors.words):
        if keep is not None and len(rows) >= keep:
            break
        if word in words or (digits_to_zero and _DIGIT.sub("0", word) != word):
            continue  # a word with digits other than 0 is never looked up as it stands
        words[word] = len(words)
        rows.append(row)
    return vectors.matrix[rows].astype(np.float16)


def numbered(values: Iterable[str]) -> dict[str, int]:
    """Returns the id of each name, in their order, after those of padding and unknown."""
    return {value: index for index, value in enumerate(sorted(values), start=UNKNOWN + 1)}


def span_labels(tags: Iterable[str | None]) -> set[str]:
    """Returns the labels of span tags, without ``O``."""
    parts = (split_tag(tag) for tag in tags if tag is not None)
    return {label for prefix, label in parts if prefix != "O"}
