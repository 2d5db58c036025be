"""What must be the same for a search to go on: scores on other data cannot be ranked together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from bilstm_tagger.config import Config
from bilstm_tagger.training.fingerprints import source_fingerprints
from bilstm_tagger.training.parts import hash_parts
from bilstm_tagger.training.search.space import Choices, Space, apply_values

__all__ = ["search_identity", "source_keys", "without_test"]

_DATA = ("data.", "distill.unlabelled")
# Beside those of the data section.
_SOURCES = ("distill.teacher", "distill.unlabelled", "lm.model", "training.start", "word.vectors")


def search_identity(config: Config, space: Space, seeds: Sequence[int]) -> dict[str, Any]:
    """Returns settings and a hash of all that trials read, JSON-ready.

    Raises:
        TaggerError: As ``hash_parts`` and ``source_fingerprints`` do, of any of the varied sources too.
    """
    configuration = config.to_dict()
    del configuration["output"]
    varied = {key: space[key] for key in source_keys(space)}
    choices = {key: values.values for key, values in varied.items() if isinstance(values, Choices)}
    # What is varied replaces what the configuration says, which may be nothing.
    first = apply_values(config, {key: values[0] for key, values in choices.items()})
    common = _fingerprints(first)
    found = {
        "configuration": configuration,
        "space": {key: str(values) for key, values in space.items()},
        "seeds": list(seeds),
        **common,
    }
    for key, values in choices.items():
        for value in values[1:]:
            other = _fingerprints(apply_values(first, {key: value}), data=key.startswith(_DATA))
            changed = [dict(other[kind].items() - common[kind].items()) for kind in other]
            found[f"{key}={value}"] = " ".join(digest for digests in changed for _, digest in sorted(digests.items()))
    return found


def source_keys(varied: Iterable[str]) -> list[str]:
    """Returns those of the varied keys that say what is read, or how."""
    return [key for key in varied if key.startswith("data.") or key in _SOURCES]


def without_test(config: Config) -> Config:
    """Returns the configuration without its test part: selection is the dev part's business."""
    return config.model_copy(update={"data": config.data.model_copy(update={"test": None})})


def _fingerprints(config: Config, *, data: bool = True) -> dict[str, dict[str, str]]:
    found = {"data": hash_parts(without_test(config))} if data else {}
    return found | {"sources": source_fingerprints(config)}
