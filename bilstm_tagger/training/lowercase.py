"""Training sentences once more in lower case: names in tweets and chats often begin with no capital."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["count_lowered", "lowered_rows"]


def lowered_rows(rows: Dataset, share: float, *, seed: int) -> Dataset:
    """Returns a share of the rows in lower case, with the same tags.

    Args:
        rows: The training part.
        share: Chance that a row is copied; rows without a capital never are.
        seed: Of the choice.
    """
    import datasets

    columns = [name for name in ("tokens", "tags", "dense") if name in rows.column_names]
    rows = rows.select_columns(columns)
    chosen = np.random.default_rng([seed, 1]).random(len(rows)) < share
    copies = _lowered(rows[np.flatnonzero(chosen)])
    return datasets.Dataset.from_dict(copies, features=rows.features)


def count_lowered(counts: Mapping[str, int], forms: Iterable[str]) -> dict[str, int]:
    """Returns how often words stand in a text, those of lower-case copies of it added.

    A copy makes no word more frequent: one that is new in it is as rare as the words that it comes from.

    Args:
        counts: Of the text.
        forms: The words of the copies.
    """
    new = set(forms) - set(counts)
    added: Counter[str] = Counter()
    for form, count in counts.items():
        if (low := form.lower()) in new:
            added[low] += count
    return {**counts, **added}


def _lowered(batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Returns the rows with a capital, without it."""
    lowered = [[token.lower() for token in tokens] for tokens in batch["tokens"]]
    changed = [new != old for new, old in zip(lowered, batch["tokens"], strict=True)]
    kept = batch | {"tokens": lowered}
    return {name: [value for value, keep in zip(values, changed, strict=True) if keep] for name, values in kept.items()}
