"""Rows of proteins as FASTA: each chain with its states below it, and the mask in a file of its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from bilstm_tagger.data.records import Record
from bilstm_tagger.data.writers.base import WriteOptions
from bilstm_tagger.errors import ConfigError

__all__ = ["write_fasta"]


def write_fasta(records: Iterable[Record], stream: TextIO, options: WriteOptions) -> None:
    """Writes ``>id``, the sequence and its states; to ``options.mask`` ``>id`` and 0 for each unknown state, else 1.

    As in FLIP, a residue of unknown state has the letter C, which the mask takes back.

    Raises:
        ConfigError: The rows are no proteins; or states are unknown and there is no file for the mask.
    """
    if options.task.kind != "residues":
        raise ConfigError(
            "FASTA is for proteins", received=options.task.name, accepted="--task protein_ss3 or protein_ss8"
        )
    if options.unknown and options.mask is None:
        raise ConfigError(
            "some states are unknown, and a FASTA file needs a second one, the mask, to say so",
            accepted="a file name instead of standard output, or another format such as jsonl",
        )
    for number, record in enumerate(records, start=1):
        name = "_".join(record.id.split()) or str(number)
        if name != record.id:
            options.lose("white space in ids", record)
        states = "".join(tag or "C" for tag in record.tags)
        stream.write(f">{name}\n{''.join(record.tokens)}\n{states}\n")
        if options.mask is not None:
            mask = "".join("0" if tag is None else "1" for tag in record.tags)
            options.mask.write(f">{name}\n{mask}\n")
