"""What errors say, and of which kinds they are."""

from __future__ import annotations

import pytest

from bilstm_tagger.errors import (
    ConfigError,
    DataError,
    InputError,
    MissingDependencyError,
    ModelError,
    TaggerError,
    UnknownTagError,
    shorten,
    suggest,
)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (TaggerError("it broke"), "it broke."),
        (TaggerError("it broke", received=3), "it broke: got 3."),
        (TaggerError("it broke", received="x", accepted="a number"), "it broke: got 'x'. Accepted: a number."),
        (TaggerError("it broke", accepted=["a", "b"]), "it broke. Accepted: a, b."),
        (TaggerError("it broke", accepted=(name for name in "ab")), "it broke. Accepted: a, b."),
        (TaggerError("it broke", hint="Mend it"), "it broke. Mend it."),
        (TaggerError("it broke", hint="Did you mean 'x'?"), "it broke. Did you mean 'x'?"),
        (DataError("bad line"), "bad line."),
        (DataError("bad line", path="a.txt"), "a.txt: bad line."),
        (DataError("bad line", path="a.txt", line=3, received="?"), "a.txt:3: bad line: got '?'."),
        (DataError("bad line", line=3), "bad line."),
        (
            MissingDependencyError("onnx", extra="onnx", purpose="the export"),
            "the export needs the package 'onnx', which is not installed. "
            "Install it with: pip install 'bilstm-tagger[onnx]'.",
        ),
    ],
)
def test_each_message_says_what_was_given_what_is_right_and_what_to_do(error: TaggerError, text: str) -> None:
    assert str(error) == text


def test_data_errors_carry_where_they_are() -> None:
    error = UnknownTagError("no such label", path="dev.conll", line=7, received="B-X")
    assert (error.path, error.line) == ("dev.conll", 7)


@pytest.mark.parametrize(
    ("kind", "parents"),
    [
        (ConfigError, {TaggerError}),
        (DataError, {TaggerError}),
        (UnknownTagError, {TaggerError, DataError}),
        (InputError, {TaggerError, ValueError}),
        (ModelError, {TaggerError}),
        (MissingDependencyError, {TaggerError, ImportError}),
    ],
)
def test_the_tree_is_as_the_module_draws_it(kind: type[TaggerError], parents: set[type]) -> None:
    assert set(kind.__mro__) - {kind, Exception, BaseException, object} == parents


def test_long_values_are_cut_in_the_middle() -> None:
    assert shorten("x" * 50) == repr("x" * 50)
    text = shorten(list(range(1000)))
    assert len(text) <= 120
    assert text.startswith("[0, 1, 2")
    assert " ... " in text
    assert text.endswith("998, 999]")


def test_the_nearest_name_is_suggested_and_a_far_one_is_not() -> None:
    assert suggest("epoch", ["epochs", "patience"]) == "Did you mean 'epochs'?"
    assert suggest("zzz", ["epochs", "patience"]) is None
    assert suggest("", []) is None
