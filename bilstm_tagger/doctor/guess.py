"""Which task a source is for, when nobody says."""

from __future__ import annotations

import itertools
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bilstm_tagger.data.builtin import BUILTINS, parse_builtin
from bilstm_tagger.data.formats import find_format
from bilstm_tagger.data.guess import are_spans
from bilstm_tagger.data.proteins.residues import RESIDUES, STATES_8
from bilstm_tagger.data.records import Notes, ReadOptions, Record
from bilstm_tagger.data.sources import resolve
from bilstm_tagger.data.spelling import find_spellings
from bilstm_tagger.errors import DataError
from bilstm_tagger.schemes import split_tag
from bilstm_tagger.tasks import Task, get_task, task_names

if TYPE_CHECKING:
    import datasets

__all__ = ["guess_task"]

_SAMPLE = 500
_THREE_STATES = frozenset("HEC-_.L ")


def guess_task(source: str | Path | datasets.Dataset, options: ReadOptions, *, format: str) -> Task:
    """Returns the task that a source's first sequences look like.

    Letters of residues with letters of states are proteins; tags with prefixes are spans (chunks, when some labels are
    NP and VP); everything else is one tag a token. A source that cannot be read is taken for names.

    Raises:
        DataError: There is no such built-in sample.
    """
    if isinstance(source, str) and source.startswith("builtin:"):
        builtin = BUILTINS[parse_builtin(source, options.split)[0]]
        fitting = [task for task in map(get_task, task_names()) if task.kind == builtin.kind]
        fitting = [task for task in fitting if not builtin.states or set(task.tags or ()) == set(builtin.states)]
        return min(fitting, key=lambda task: task.name != "ner")
    chains = _sample(source, replace(options, task=get_task("protein_ss8"), notes=Notes()), format)
    if chains and all(map(_is_chain, chains)):
        states = {tag for record in chains for tag in record.tags if tag is not None}
        return get_task("protein_ss3" if states <= _THREE_STATES else "protein_ss8")
    names = _sample(source, replace(options, task=get_task("ner"), notes=Notes()), format)
    if not names:
        return _guess_unread(source, options, format)
    tags = {tag for record in names for tag in record.tags if tag is not None}
    spelling = find_spellings(tags)
    labels = {split_tag(spelling.get(tag, tag))[1].upper() for tag in tags}
    if {"NP", "VP"} <= labels and are_spans(tags):
        return get_task("chunking")
    return get_task("ner" if not tags or are_spans(tags) else "pos")


def _guess_unread(source: str | Path | datasets.Dataset, options: ReadOptions, format: str) -> Task:
    """Returns a task for what cannot be read as names: another one that can be, or that of the format."""
    if _sample(source, replace(options, task=get_task("pos"), notes=Notes()), format):
        return get_task("pos")
    chains = replace(options, task=get_task("protein_ss3"))
    with suppress(DataError), ExitStack() as stack:
        found = resolve(source, chains, format=format, stack=stack)
        formats = {find_format(path, chains) if format == "auto" else format for path in found.files[:1]}
        return chains.task if formats & {"fasta", "dssp"} else get_task("ner")
    return get_task("ner")


def _sample(source: str | Path | datasets.Dataset, options: ReadOptions, format: str) -> list[Record]:
    """Returns the first records, as many as can be read."""
    records: list[Record] = []
    with suppress(DataError), ExitStack() as stack:
        for record in itertools.islice(resolve(source, options, format=format, stack=stack).records(), _SAMPLE):
            records.append(record)
    return records


def _is_chain(record: Record) -> bool:
    residues = all(len(token) == 1 and token.upper() in RESIDUES for token in record.tokens)
    return residues and all(tag is None or tag.upper() in STATES_8 for tag in record.tags)
