"""What is drawn: predictions from a file or a tagger, brought together with gold tags."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bilstm_tagger.data.files import read_lines, stem_suffix
from bilstm_tagger.drawing.chain import Chain
from bilstm_tagger.drawing.glyphs import NAMES
from bilstm_tagger.errors import DataError, InputError
from bilstm_tagger.schemes import is_span_tag
from bilstm_tagger.tasks.protein_ss3 import THREE_STATES
from bilstm_tagger.types import Span, TaggedSequence

__all__ = ["Kind", "Shown", "as_chain", "kind_of", "pair_with_gold", "read_predictions"]

Kind = Literal["spans", "tokens", "residues"]


@dataclass(frozen=True, slots=True)
class Shown:
    """One sequence to draw.

    Attributes:
        doc: The prediction.
        gold: Its true tags, None where unknown; or None where there are none to compare with.
    """

    doc: TaggedSequence
    gold: Sequence[str | None] | None = None


def read_predictions(path: Path) -> Iterator[TaggedSequence]:
    """Reads what ``tag`` wrote as JSON Lines, or PSIPRED's ``.ss2``.

    Raises:
        DataError: The file is missing, empty, or neither; with file and line.
    """
    docs = _read_ss2(path) if stem_suffix(path) == ".ss2" else _read_jsonl(path)
    first = next(docs, None)
    if first is None:
        raise DataError("there are no predictions in it", path=path, accepted="JSON Lines from tag, or .ss2")
    yield first
    yield from docs


def _read_jsonl(path: Path) -> Iterator[TaggedSequence]:
    accepted = "an object a line as 'tag --output-format jsonl' writes it, or a file .ss2"
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            yield _sequence(record)
        except json.JSONDecodeError as error:
            raise DataError(
                f"not valid JSON at column {error.colno} ({error.msg})",
                path=path,
                line=number,
                received=line.strip(),
                accepted=accepted,
            ) from None
        except (KeyError, TypeError, ValueError, AttributeError):
            raise DataError(
                "this is no tagged sequence", path=path, line=number, received=record, accepted=accepted
            ) from None


def _sequence(record: dict[str, Any]) -> TaggedSequence:
    """Rebuilds a sequence from ``TaggedSequence.to_dict``, less the probabilities of other tags."""
    tokens, tags = [str(token) for token in record["tokens"]], [str(tag) for tag in record["tags"]]
    offsets = [(int(start), int(end)) for start, end in record["offsets"]]
    scores = [float(score) for score in record["tag_scores"]]
    text, length = str(record["text"]), len(tokens)
    spans = [Span(**span) for span in record["spans"]]
    ends = [0, *(end for _, end in offsets)]
    sound = all(before <= start <= end for before, (start, end) in zip(ends, offsets, strict=False))
    if not sound or ends[-1] > len(text) or {len(tags), len(offsets), len(scores)} != {length}:
        raise ValueError("lengths or offsets do not fit")
    if any(not 0 <= span.token_start < span.token_end <= length for span in spans):
        raise ValueError("a span lies outside of the tokens")
    name = record.get("id")
    return TaggedSequence(
        text, tokens, tags, spans, scores, float(record.get("score", 1.0)), offsets, None if name is None else str(name)
    )


def _read_ss2(path: Path) -> Iterator[TaggedSequence]:
    """Reads the chains of a file; each header begins a new one."""
    rows: list[tuple[str, str, float]] = []
    chains, name = 0, path.name[: path.name.lower().rfind(".ss2")]
    for number, line in enumerate(read_lines(path), start=1):
        fields = line.split()
        if line.startswith("#") or not fields:
            if rows:
                chains += 1
                yield _chain_of(rows, f"{name} {chains}" if chains > 1 else name)
                rows = []
            continue
        try:
            _, residue, state, *probabilities = fields
            likely = dict(zip("CHE", map(float, probabilities), strict=True))[state]
        except (ValueError, KeyError):
            raise DataError(
                "this is no line of .ss2", path=path, line=number, received=line.rstrip(),
                accepted="index, residue, state (C, H or E), and the probabilities of coil, helix, strand",
            ) from None  # fmt: skip
        rows.append((residue, state, likely))
    if rows:
        yield _chain_of(rows, f"{name} {chains + 1}" if chains else name)


def _chain_of(rows: list[tuple[str, str, float]], name: str) -> TaggedSequence:
    residues = [residue for residue, _, _ in rows]
    offsets = [(index, index + 1) for index in range(len(rows))]
    return TaggedSequence(
        "".join(residues), residues, [row[1] for row in rows], [], [row[2] for row in rows], 1.0, offsets, name
    )


def kind_of(docs: Sequence[TaggedSequence]) -> Kind:
    """Says what sequences are by their tags: states of residues, IOB2 tags, or one tag a token."""
    pairs = [pair for doc in docs for pair in zip(doc.tokens, doc.tags, strict=True)]
    if all(tag in THREE_STATES and len(token) == 1 for token, tag in pairs):
        return "residues"
    return "spans" if all(is_span_tag(tag) for _, tag in pairs) else "tokens"


def as_chain(shown: Shown, number: int) -> Chain:
    """Brings a protein to one letter a residue and a state; all ways to write coil are C.

    Raises:
        InputError: A token or tag is no residue or state.
    """
    doc = shown.doc
    for token, tag in zip(doc.tokens, doc.tags, strict=True):
        if tag not in THREE_STATES or len(token) != 1 or not token.isprintable():
            raise InputError("this is no residue with its state", received=(token, tag), accepted="one letter each")
    gold = None if shown.gold is None else [None if tag is None else _state(tag) for tag in shown.gold]
    # XML knows no control characters.
    name = "".join(letter if letter.isprintable() else " " for letter in doc.id or "").strip() or f"sequence {number}"
    return Chain(name, "".join(doc.tokens), "".join(map(_state, doc.tags)), doc.tag_scores, gold)


def _state(letter: str) -> str:
    return letter if letter in NAMES else "C"


def pair_with_gold(docs: Iterable[TaggedSequence], gold: Iterable[dict[str, Any]], *, source: str) -> Iterator[Shown]:
    """Gives each prediction its gold row: the one of its id, else the one at its place.

    Args:
        docs: The predictions.
        gold: Rows with ``id``, ``tokens`` and ``tags``.
        source: Of the gold rows, for messages.

    Raises:
        InputError: There is no gold row for a prediction, or it has another number of tokens.
    """
    rows = list(gold)
    by_id = {row["id"]: row for row in rows}
    if len(by_id) < len(rows):  # ids that stand for several rows name none
        by_id = {}
    for number, doc in enumerate(docs):
        row = by_id.get(doc.id) if doc.id is not None else None
        row = row if row is not None else rows[number] if number < len(rows) else None
        name = doc.id or f"prediction {number + 1}"
        if row is None:
            raise InputError(f"{source} has no gold tags for '{name}'", accepted="a row of the same id or place")
        if len(row["tags"]) != len(doc):
            raise InputError(
                f"'{name}' has {len(doc)} tokens and {len(row['tags'])} gold tags in {source}",
                accepted="the gold tags of the same tokens, by id or in the same order",
            )
        yield Shown(doc, row["tags"])
