"""The names under which records (JSON lines, hub data sets, CSV) keep tokens and tags."""

from __future__ import annotations

from collections.abc import Sequence

from bilstm_tagger.data.records import ReadOptions
from bilstm_tagger.errors import DataError

__all__ = ["ID_FIELDS", "MASK_FIELDS", "find_field", "match_field", "tag_fields", "token_fields"]

ID_FIELDS = ("id", "sent_id", "name", "pdb_id")
MASK_FIELDS = ("mask", "resolved")

_WORDS = ("tokens", "words", "forms", "sentence", "tokenized_text")
_CHAINS = ("tokens", "input", "sequence", "seq", "primary")
_LABELS = ("labels", "label", "expected")
_TAGS = {
    "ner": ("tags", "ner_tags", "ner", "entities", *_LABELS),
    "chunking": ("tags", "chunk_tags", "chunks", *_LABELS),
    "pos": ("tags", "pos_tags", "upos", "pos", *_LABELS),
    "protein_ss3": ("tags", "ss3", "sst3", "dssp3", "ss", "dssp", *_LABELS, "ss8", "sst8", "dssp8"),
    "protein_ss8": ("tags", "ss8", "sst8", "dssp8", "ss", "dssp", *_LABELS),
}


def token_fields(options: ReadOptions) -> tuple[str, ...]:
    """Returns the names under which tokens are looked for, the likeliest first."""
    return _CHAINS if options.task.kind == "residues" else _WORDS


def tag_fields(options: ReadOptions) -> tuple[str, ...]:
    """Returns the names under which the task's tags are looked for, the likeliest first."""
    return _TAGS.get(options.task.name, ("tags", f"{options.task.name}_tags", *_LABELS))


def find_field(
    present: Sequence[str],
    asked: str | int | None,
    names: Sequence[str],
    *,
    key: str,
    path: str,
    line: int | None = None,
    required: bool = True,
) -> str | None:
    """Returns the field that was asked for, or the first of the usual names that is present (case does not matter).

    Args:
        present: The names that the record has.
        asked: A name from the configuration, or a number (an index into ``present``), or None.
        names: Where to look when nothing was asked for.
        key: The configuration key, for messages.
        path: The file, for messages.
        line: The line, for messages.
        required: Whether a missing field is an error; otherwise None is returned.

    Raises:
        DataError: There is no such field.
    """
    found = match_field(present, asked, names)
    if found is not None or (asked is None and not required):
        return found
    raise DataError(
        f"there is no field for data.{key}",
        path=path,
        line=line,
        received=list(present),
        accepted=names if asked is None else [str(asked)],
        hint=f"Set data.{key} to the name of the right field",
    )


def match_field(present: Sequence[str], asked: str | int | None, names: Sequence[str]) -> str | None:
    """Returns the field that was asked for, or the first of the usual names that is present, or None."""
    if isinstance(asked, int):
        return present[asked] if -len(present) <= asked < len(present) else None
    by_name = {name.strip().lower(): name for name in reversed(present)}
    wanted = (name.lower() for name in (names if asked is None else [asked]))
    return next((by_name[name] for name in wanted if name in by_name), None)
