"""Rows to integer arrays, once for all epochs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bilstm_tagger.errors import DataError, UnknownTagError
from bilstm_tagger.features.char_states import CharRows
from bilstm_tagger.features.gazetteer import Gazetteer
from bilstm_tagger.features.residues import ResidueColumns
from bilstm_tagger.features.vocabulary import FormTable, Vocabulary
from bilstm_tagger.schemes import Scheme, split_tag

if TYPE_CHECKING:
    import pyarrow as pa
    from datasets import Dataset

__all__ = ["EncodedRows", "PaddedArrays", "count_forms", "encode_rows", "lm_arrays", "tag_values"]

UNKNOWN_TAG = -100


@dataclass(frozen=True)
class PaddedArrays:
    """One batch, time-major; the fields are those of ``nn.Batch``."""

    forms: NDArray[np.int64]
    lengths: NDArray[np.int64]
    words: NDArray[np.int64]
    chars: NDArray[np.int64] | None
    shapes: NDArray[np.int64] | None
    dense: NDArray[np.float32] | None
    tags: NDArray[np.int64] | None
    singletons: NDArray[np.bool_] | None
    lm_states: NDArray[np.float16] | None = None
    lm_ahead: NDArray[np.int64] | None = None
    lm_back: NDArray[np.int64] | None = None
    lm_ahead_at: NDArray[np.int64] | None = None
    lm_back_at: NDArray[np.int64] | None = None
    teacher: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class EncodedRows:
    """A data set as flat arrays; sequence ``i`` is ``[offsets[i]:offsets[i + 1]]``.

    Attributes:
        offsets: ``(num_sequences + 1,)`` int64.
        forms: ``(num_tokens,)`` int32, each token's row in ``table``.
        table: The distinct forms. Row 0 is padding.
        tags: ``(num_tokens,)`` int64, ``UNKNOWN_TAG`` for unknown; None where rows have none.
        dense: ``(num_tokens, dense_size)`` float32, or None.
        singletons: ``(num_forms,)`` bool.
        lm_chars: What the language model reads; None without one.
        lm_states: ``(num_tokens, 2 * hidden_size)`` float16, what it answers, where that is known before.
        teacher: ``(num_tokens, num_tags)`` emissions of the models that are learned from; None without any.
    """

    offsets: NDArray[np.int64]
    forms: NDArray[np.int32]
    table: FormTable
    tags: NDArray[np.int64] | None
    dense: NDArray[np.float32] | None
    singletons: NDArray[np.bool_]
    lm_chars: CharRows | None = None
    lm_states: NDArray[np.float16] | None = None
    teacher: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each sequence, ``(num_sequences,)``."""
        return np.diff(self.offsets)

    def batch(self, indices: Sequence[int] | NDArray[np.int64]) -> PaddedArrays:
        """Collects some sequences, none of them empty, into padded arrays."""
        rows = np.asarray(indices)
        lengths = self.offsets[rows + 1] - self.offsets[rows]
        steps = np.arange(lengths.max())[:, None]
        mask = steps < lengths  # (seq_len, batch_size)
        flat = (self.offsets[rows] + np.minimum(steps, lengths - 1))[mask]
        distinct, inverse = np.unique(self.forms[flat], return_inverse=True)
        # Row 0 of a batch's table is padding too.
        distinct = np.concatenate([[0], distinct])
        forms = np.zeros(mask.shape, dtype=np.int64)
        forms[mask] = inverse + 1
        chars = self.table.chars[distinct]
        width = int((chars != 0).sum(axis=1).max(initial=1))
        return PaddedArrays(
            forms=forms,
            lengths=lengths,
            words=self.table.words[distinct],
            chars=chars[:, :width].astype(np.int64) if chars.shape[1] else None,
            shapes=self.table.shapes[distinct],
            dense=None if self.dense is None else _pad(self.dense[flat], mask, 0.0),
            tags=None if self.tags is None else _pad(self.tags[flat], mask, UNKNOWN_TAG),
            singletons=self.singletons[distinct],
            teacher=None if self.teacher is None else _pad(self.teacher[flat], mask, 0.0),
            **self._lm_arrays(rows, lengths, flat, mask),
        )

    def _lm_arrays(
        self, rows: NDArray[np.int64], lengths: NDArray[np.int64], flat: NDArray[np.int64], mask: NDArray[np.bool_]
    ) -> dict[str, NDArray[Any]]:
        if self.lm_states is not None:
            return {"lm_states": _pad(self.lm_states[flat], mask, 0.0)}
        if self.lm_chars is None:
            return {}
        return lm_arrays(self.lm_chars, self.offsets[rows], lengths)


def lm_arrays(chars: CharRows, first: NDArray[np.int64], lengths: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    """Returns ``CharRows.batch`` by the names of the fields of ``PaddedArrays``."""
    return {f"lm_{name}": value for name, value in vars(chars.batch(first, lengths)).items()}


def _pad(values: NDArray[Any], mask: NDArray[np.bool_], fill: float) -> NDArray[Any]:
    padded = np.full((*mask.shape, *values.shape[1:]), fill, dtype=values.dtype)
    padded[mask] = values
    return padded


def _list_column(rows: Dataset, name: str) -> tuple[pa.Array, NDArray[np.int64]]:
    """Returns a list column's values, all rows in a row, and the offsets between rows."""
    import pyarrow as pa

    column = rows.with_format("arrow")[:][name]
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], type=array.type)
    offsets = np.asarray(array.offsets).astype(np.int64)
    return array.flatten(), offsets - offsets[0]


def count_forms(rows: Dataset) -> dict[str, int]:
    """Returns how many times each word form stands in the rows."""
    values, _ = _list_column(rows, "tokens")
    return {entry["values"]: entry["counts"] for entry in values.value_counts().to_pylist()}


def tag_values(rows: Dataset) -> set[str]:
    """Returns the distinct tags of the rows, unknown ones left out."""
    values, _ = _list_column(rows, "tags")
    return {tag for tag in values.unique().to_pylist() if tag is not None}


def encode_rows(rows: Dataset, vocabulary: Vocabulary, *, source: str = "rows", dense_size: int = 0) -> EncodedRows:
    """Encodes a data set.

    Args:
        rows: With columns ``tokens`` and, where there are labels, ``tags`` (spans in IOB2); ``dense`` if the
            model has dense columns.
        vocabulary: The model's.
        source: The data set's name, for errors.
        dense_size: Columns that the model reads, given in the rows' ``dense`` or computed from the tokens.

    Raises:
        UnknownTagError: A tag that is not in the vocabulary.
        DataError: Dense columns are missing or of another width.
    """
    values, offsets = _list_column(rows, "tokens")
    coded = values.dictionary_encode()
    forms = [PADDING_FORM, *coded.dictionary.to_pylist()]
    table = vocabulary.lookup(forms)
    table.words[0], table.chars[0], table.shapes[0] = 0, 0, 0
    once = np.fromiter(vocabulary.singletons, dtype=np.int64, count=len(vocabulary.singletons))
    return EncodedRows(
        offsets=offsets,
        forms=np.asarray(coded.indices).astype(np.int32) + 1,
        table=table,
        tags=_encode_tags(rows, vocabulary, source) if "tags" in rows.column_names else None,
        dense=_dense(rows, vocabulary.computed, coded, offsets, dense_size, source) if dense_size else None,
        singletons=np.isin(table.words, once),
        lm_chars=None if vocabulary.alphabet is None else CharRows.of(values.to_pylist(), vocabulary.alphabet),
    )


PADDING_FORM = ""


def _encode_tags(rows: Dataset, vocabulary: Vocabulary, source: str) -> NDArray[np.int64]:
    """IOB2 tags in the model's scheme: each depends on its own prefix and on whether the span goes on."""
    values, offsets = _list_column(rows, "tags")
    coded = values.dictionary_encode()
    names: list[str] = coded.dictionary.to_pylist()
    codes = np.asarray(coded.indices.fill_null(-1)).astype(np.int64)
    following = np.append(codes[1:], -1)
    last = offsets[1:][np.diff(offsets) > 0] - 1
    inside = np.array([split_tag(name)[0] == "I" for name in names] + [False])
    # What comes next: 0 the span's continuation, 1 something else or the end, 2 an unknown tag.
    case = np.where(inside[following], 0, np.where(following < 0, 2, 1))
    case[last] = 1
    ids = np.full((len(names) + 1, 3), UNKNOWN_TAG, dtype=np.int64)
    for code, name in enumerate(names):
        for goes_on in (True, False):
            index = vocabulary.tag_ids.get(_in_scheme(name, vocabulary.scheme, goes_on=goes_on))
            if index is None:
                where = int(np.searchsorted(offsets, int(np.argmax(codes == code)), side="right"))
                raise UnknownTagError(
                    f"unknown tag in sequence {where}",
                    path=source,
                    received=name,
                    accepted=sorted({split_tag(tag)[1] or tag for tag in vocabulary.tags}),
                    hint="Correct the tag, or train on data that has it",
                )
            ids[code, 1 - goes_on] = index
        # Before an unknown tag it is open whether the span ends: then the prefix is unknown, and so the tag.
        if ids[code, 0] == ids[code, 1]:
            ids[code, 2] = ids[code, 0]
    encoded: NDArray[np.int64] = ids[codes, case]
    return encoded


def _in_scheme(tag: str, scheme: Scheme, *, goes_on: bool) -> str:
    """One IOB2 tag in another scheme, given whether the next tag continues its span."""
    prefix, label = split_tag(tag)
    if scheme in (Scheme.NONE, Scheme.IOB2) or prefix in ("O", ""):
        return tag
    suffix = f"-{label}" if label else ""
    if scheme is Scheme.IO:
        return f"I{suffix}"
    if goes_on:
        return tag
    ends = {Scheme.BIOES: {"B": "S", "I": "E"}, Scheme.BILOU: {"B": "U", "I": "L"}}[scheme]
    return f"{ends[prefix]}{suffix}"


def _dense(
    rows: Dataset,
    computed: ResidueColumns | Gazetteer,
    coded: pa.DictionaryArray,
    offsets: NDArray[np.int64],
    size: int,
    source: str,
) -> NDArray[np.float32]:
    """Returns the given columns and, to their right, the computed ones, ``(num_tokens, size)``."""
    parts = [_encode_dense(rows, size - computed.size, source)] if size > computed.size else []
    if computed.size:
        forms = coded.dictionary.to_pylist()
        parts.append(computed.columns(forms, np.asarray(coded.indices), np.diff(offsets)))
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def _encode_dense(rows: Dataset, size: int, source: str) -> NDArray[np.float32]:
    if "dense" not in rows.column_names:
        raise DataError("the rows have no dense columns", path=source, accepted=f"{size} numbers a token")
    values, _ = _list_column(rows, "dense")
    width = np.diff(np.asarray(values.offsets))
    if len(width) and not (width == size).all():
        wrong = int(width[width != size][0])
        raise DataError("wrong number of dense columns", path=source, received=wrong, accepted=str(size))
    flat = np.asarray(values.flatten(), dtype=np.float32).reshape(-1, size)
    if not np.isfinite(flat).all():
        raise DataError("a dense column holds a number that is not finite", path=source)
    return flat
