"""Which task a source is for, where nobody says so."""

from __future__ import annotations

import itertools
from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import replace

from bilstm_tagger.data.builtin import BUILTINS, parse_builtin
from bilstm_tagger.data.files import read_lines
from bilstm_tagger.data.formats import find_format
from bilstm_tagger.data.readers.csv import find_delimiter
from bilstm_tagger.data.readers.fields import tag_fields
from bilstm_tagger.data.records import ReadOptions
from bilstm_tagger.data.sources import Source, resolve
from bilstm_tagger.data.spelling import find_spellings
from bilstm_tagger.errors import DataError
from bilstm_tagger.schemes import OUTSIDE, is_span_tag
from bilstm_tagger.tasks import Task, get_task

__all__ = ["are_spans", "guess_task"]

_SAMPLE = 200
_MOSTLY = 0.8
_TASKS = {"spans": "ner", "tokens": "pos", "residues": "protein_ss8"}
_CHAINS = frozenset(["sequence", "seq", "input", "primary"])


def guess_task(source: str, options: ReadOptions, *, format: str = "auto") -> Task:
    """Returns a task of proteins for chains, ``pos`` for tags that are no spans, otherwise ``ner``.

    Of proteins it is ``protein_ss8``, which holds three states too, unless a column's name says three.
    CoNLL-U has parts of speech unless a column is asked for.

    Args:
        source: As for ``load_rows``.
        options: How to read; the task in them does not matter.
        format: A format's name, or ``auto``.

    Raises:
        ConfigError: There is no such format.
        DataError: There is no such source.
    """
    options = replace(options, task=get_task("ner"))
    if source.startswith("builtin:"):
        sample = BUILTINS[parse_builtin(source, options.split)[0]]
        three = bool(sample.states) and set(sample.states) == set(get_task("protein_ss3").tags or ())
        return get_task("protein_ss3" if three else _TASKS[sample.kind])
    with ExitStack() as stack:
        found = resolve(source, options, format=format, stack=stack)
        try:
            return get_task(_guess(found, options))
        except DataError:
            # The reader will say what is wrong, with the right task.
            return options.task


def _guess(found: Source, options: ReadOptions) -> str:
    if found.files:
        path = found.files[0]
        chosen = find_format(path, options) if found.format == "auto" else found.format
        first = next(iter(read_lines(path)), "") if chosen in ("conll", "csv") else ""
        header = {name.strip().strip('"').lower() for name in first.split(find_delimiter(first))}
        if chosen in ("fasta", "dssp") or first.startswith(">"):
            return "protein_ss8"
        if header & _CHAINS:
            # The name of a column of chains may be a word; with one of states beside it, it is none.
            for name in ("protein_ss8", "protein_ss3"):
                if not header.isdisjoint(tag_fields(replace(options, task=get_task(name)))):
                    return name
        if chosen == "conllu" and options.tag_column is None:
            return "pos"
    tags = {tag for record in itertools.islice(found.records(), _SAMPLE) for tag in record.tags if tag is not None}
    return "ner" if not tags or are_spans(tags) else "pos"


def are_spans(tags: Collection[str]) -> bool:
    """Says whether tags look like those of spans: there is O among them, or nearly all of them have a prefix.

    Some tag sets of parts of speech have a B, an S or an E.
    """
    spelling = find_spellings(tags)
    usual = [spelling.get(tag, tag) for tag in tags]
    return OUTSIDE in usual or (bool(usual) and sum(map(is_span_tag, usual)) >= _MOSTLY * len(usual))
