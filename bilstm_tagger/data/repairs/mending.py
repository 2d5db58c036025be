"""Doing to a record what the doctor proposed, with a list of what was done."""

from __future__ import annotations

from bilstm_tagger.data.records import Record
from bilstm_tagger.data.repairs.oddities import find_oddity
from bilstm_tagger.data.repairs.repair import Repair
from bilstm_tagger.data.tags import tag_repairs
from bilstm_tagger.schemes import Scheme

__all__ = ["mend", "token_repair"]


def mend(record: Record, scheme: Scheme | None) -> tuple[Record, list[Repair]]:
    """Repairs the tags and the tokens of one sequence.

    Tokens that lie in a running text are left alone, since they would no longer be what stands there.

    Args:
        record: The sequence as its file has it.
        scheme: The scheme of its source's tags, in which the tags stay; None when they are no spans.

    Returns:
        The record (the same one when nothing was to be done), and each change.
    """
    repairs = [] if scheme is None else tag_repairs(record, scheme)
    if record.text is None:
        repairs += [
            repair for position in range(len(record.tokens)) if (repair := token_repair(record, position)) is not None
        ]
    if not repairs:
        return record, []
    tokens, tags = list(record.tokens), list(record.tags)
    for repair in repairs:
        (tags if repair.what == "tag" else tokens)[repair.position] = repair.new
    return record._replace(tokens=tokens, tags=tags), repairs


def token_repair(record: Record, position: int) -> Repair | None:
    """Says how a token is mended, or None when it is as it should be or nobody can tell."""
    token = record.tokens[position]
    oddity = find_oddity(token)
    if oddity is None or oddity.new is None:
        return None
    return Repair(oddity.code, record.path, record.line_of(position), "token", position, token, oddity.new)
