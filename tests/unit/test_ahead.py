"""Items made one ahead arrive in order, and no more than one is made too many."""

from __future__ import annotations

import pytest

from bilstm_tagger.training.ahead import one_ahead


def test_the_items_arrive_in_order() -> None:
    assert list(one_ahead(range(7))) == list(range(7))
    assert list(one_ahead([])) == []
    assert list(one_ahead([None, None])) == [None, None]


def test_one_item_is_made_ahead_and_no_more() -> None:
    made = []

    def items():
        for number in range(10):
            made.append(number)
            yield number

    ahead = one_ahead(items())
    assert [next(ahead), next(ahead)] == [0, 1]
    ahead.close()  # waits for the item that is being made
    assert made == [0, 1, 2]


def test_an_error_comes_where_the_item_would_have() -> None:
    def items():
        yield 1
        raise ValueError("the second item cannot be made")

    ahead = one_ahead(items())
    assert next(ahead) == 1
    with pytest.raises(ValueError, match="the second item cannot be made"):
        next(ahead)
