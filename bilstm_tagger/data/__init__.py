"""Readers of labelled sequences: files, built-in samples and hub data sets become rows of a ``datasets.Dataset``.

A row is ``{id: str, tokens: list[str], tags: list[str | None]}`` and, where the source has them, ``text: str`` with
``offsets: list[[start, end]]`` and ``dense: list[list[float32]]``. Rows of span tasks hold IOB2 tags, whatever the
source's scheme; rows of proteins hold upper-case residues and states, coil written ``C``. A tag of None is unknown.

The rows lie in Arrow files under ``BILSTM_TAGGER_CACHE`` (by default the user's cache folder) and are
memory-mapped; :func:`clear_cache` deletes them.
"""

from bilstm_tagger.data.builtin import builtin_names
from bilstm_tagger.data.cache import cache_folder, clear_cache
from bilstm_tagger.data.formats import format_names
from bilstm_tagger.data.load import load_rows

__all__ = ["builtin_names", "cache_folder", "clear_cache", "format_names", "load_rows"]
