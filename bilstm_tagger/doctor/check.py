"""The doctor: reads the sources of a run or a single one, and says what is wrong with them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bilstm_tagger.config import Config, WordConfig
from bilstm_tagger.data.tags import parse_scheme
from bilstm_tagger.doctor.coverage import vector_coverage
from bilstm_tagger.doctor.findings import SEVERITIES, Finding
from bilstm_tagger.doctor.guess import guess_task
from bilstm_tagger.doctor.part import Part, read_options
from bilstm_tagger.doctor.profile import PartProfile
from bilstm_tagger.doctor.report import CheckReport
from bilstm_tagger.doctor.splits import compare
from bilstm_tagger.errors import ConfigError
from bilstm_tagger.schemes import Scheme
from bilstm_tagger.tasks import Task, get_task

if TYPE_CHECKING:
    import datasets

__all__ = ["check", "check_config"]

_PARTS = ("train", "dev", "test")


def check_config(config: Config) -> CheckReport:
    """Checks all parts that a configuration names, and its word vectors.

    Raises:
        ConfigError: It names no data, or an unknown format or scheme.
    """
    sources = {part: getattr(config.data, part) for part in _PARTS}
    named = {part: source for part, source in sources.items() if source is not None}
    if not named:
        raise ConfigError("the configuration names no data", accepted="data.train, data.dev or data.test")
    # These say what training makes of the rows, not how they are read.
    options = config.data.model_dump(exclude={*_PARTS, "dev_fraction", "lowercase"})
    return check(named, task=config.task, word=config.word if config.word.size else None, **options)


def check(
    source: str | Path | datasets.Dataset | Mapping[str, Any],
    *,
    task: str | Task | None = None,
    split: str = "train",
    word: WordConfig | None = None,
    **options: Any,
) -> CheckReport:
    """Checks one source, or several parts and how they fit together.

    Each source is read once, in memory that grows with the number of different words and, by a few bytes, with the
    number of sequences. Its rows then lie in the cache, where training finds them.

    Args:
        source: A source, as :func:`bilstm_tagger.load_rows` takes it; or ``train``, ``dev`` and ``test`` with one each.
        task: The task, or its name; guessed from the first part when None.
        split: The part of a source that has several.
        word: Where the vectors of words are named, to say how many words have one.
        options: Further options of :func:`bilstm_tagger.load_rows`; None is as good as not given.

    Raises:
        ConfigError: Unknown task, format or scheme, or unknown vectors.
        DataError: A damaged file of vectors. What is wrong with the sources themselves is in the report.
    """
    began = time.perf_counter()
    named = dict(source) if isinstance(source, Mapping) else {"": source}
    given = {name: value for name, value in options.items() if value is not None}
    guessed = task is None
    if task is None:
        first, one = next(iter(named.items()))
        task = guess_task(one, read_options(get_task("ner"), first or split, given), format=given.get("format", "auto"))
    task = get_task(task) if isinstance(task, str) else task
    asked = parse_scheme(given.get("scheme", "auto")) if task.kind == "spans" else None
    parts = [Part(name, one, task, name or split, given) for name, one in named.items()]
    findings = [finding for part in parts for finding in part.examine(asked)]
    profiles = {part.name: part.profile for part in parts}
    findings += [*_schemes_differ(profiles, asked), *compare(profiles)]
    if word is not None and task.kind != "residues":
        findings += vector_coverage(list(profiles.values()), word)
    findings.sort(key=lambda finding: (SEVERITIES.index(finding.severity), finding.code))
    summaries = [part.summary(asked, profiles.get("train")) for part in parts]
    return CheckReport(task.name, guessed, summaries, findings, time.perf_counter() - began)


def _schemes_differ(profiles: Mapping[str, PartProfile], asked: Scheme | None) -> Iterator[Finding]:
    found = {name: scheme.scheme for name, part in profiles.items() if (scheme := part.scheme(asked)) is not None}
    if len(set(found.values())) > 1:
        schemes = ", ".join(f"{name} {scheme}" for name, scheme in found.items())
        yield Finding.of("D302", f"the parts are in different schemes: {schemes}", part=", ".join(found))
