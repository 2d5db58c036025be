"""The description that each task fills in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bilstm_tagger.schemes import Scheme

__all__ = ["Task"]


@dataclass(frozen=True, kw_only=True)
class Task:
    """A kind of sequence tagging.

    Attributes:
        name: As in ``task = "..."``.
        title: For headings and model cards.
        kind: ``spans`` (names, chunks), ``tokens`` (one tag a token), ``residues`` (proteins).
        scheme: Scheme of the model's tags.
        decoding: ``viterbi``, the most probable well-formed sequence; or ``marginal``, the most probable tag of each
            token, which maximises the expected number of right tokens.
        tokenizer: How raw input is cut when the data do not say: ``words``, ``characters``, ``residues``.
        metric: Name of the dev score that chooses the best epoch: ``f1``, ``accuracy``, ``q3``, ``q8``.
        tags: The whole tag set where it is fixed beforehand (residue states), else None.
        token_column: Column of the tokens in column files, where it can be fixed.
        tag_column: Column of the tags in column files: ``-1`` is the last; CoNLL-U names such as ``UPOS``.
        outputs: Output formats of ``tag``, the first is the default for files.
        defaults: Configuration sections that differ from the general defaults.
    """

    name: str
    title: str
    kind: Literal["spans", "tokens", "residues"]
    scheme: Scheme
    decoding: Literal["viterbi", "marginal"] = "viterbi"
    tokenizer: Literal["words", "characters", "residues"]
    metric: str
    tags: tuple[str, ...] | None = None
    token_column: str | int | None = None
    tag_column: str | int = -1
    outputs: tuple[str, ...] = ("conll", "jsonl", "table")
    defaults: Mapping[str, Any] = field(default_factory=dict)
