"""Training sentences once more in lower case: names in tweets and chats often begin with no capital."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["with_lowercase"]


def with_lowercase(rows: Dataset, share: float, *, seed: int) -> Dataset:
    """Returns the rows and, behind them, a share of them in lower case, with the same tags.

    Args:
        rows: The training part.
        share: Chance that a row is copied; rows without a capital never are.
        seed: Of the choice.
    """
    if not share:
        return rows
    import datasets

    columns = [name for name in ("tokens", "tags", "dense") if name in rows.column_names]
    rows = rows.select_columns(columns)
    chosen = np.random.default_rng([seed, 1]).random(len(rows)) < share
    copies = datasets.Dataset.from_dict(_lowered(rows[np.flatnonzero(chosen)]), features=rows.features)
    joined: Dataset = datasets.concatenate_datasets([rows, copies])
    return joined


def _lowered(batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Returns the rows with a capital, without it."""
    lowered = [[token.lower() for token in tokens] for tokens in batch["tokens"]]
    changed = [new != old for new, old in zip(lowered, batch["tokens"], strict=True)]
    kept = batch | {"tokens": lowered}
    return {name: [value for value, keep in zip(values, changed, strict=True) if keep] for name, values in kept.items()}
