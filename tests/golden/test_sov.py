"""SOV against published values and against the authors' own program (tests/data/sov/SOURCE.txt)."""

import csv
from pathlib import Path

import pytest

from bilstm_tagger.evaluation.sov import sov

SHIPPED = Path(__file__).parent.parent / "data" / "sov"
METHODS = {"Sov94": "sov94", "Sov99": "sov99", "SovRefine": "sov_refine"}


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def check_published(rows):
    for row in rows:
        arguments = [part.strip() for part in row["ctor_args"].split(",")]
        options = {"allowance": arguments[0] == "false"}
        if row["metric"] == "Sov94":
            options["first_only"] = arguments[1] == "true"
        if row["metric"] == "SovRefine":
            options["scale"] = float(arguments[1])
        state = None if row["class"] == "ALL" else row["class"]
        value = sov(row["reference"], row["predicted"], method=METHODS[row["metric"]], state=state, **options)
        assert value == pytest.approx(float(row["expected"]), abs=0.0055), row


def check_program(rows):
    """The program prints three decimals."""
    for row in rows:
        reference, predicted = row["reference"], row["predicted"]
        for column, method in (("SOV_99", "sov99"), ("SOV_refine", "sov_refine")):
            value = sov(reference, predicted, method=method)
            assert value == pytest.approx(float(row[column]), abs=0.00051), row
        for item in row["per_state"].split(";"):
            name, expected = item.split("=")
            method = "sov99" if name.startswith("SOV_99") else "sov_refine"
            value = sov(reference, predicted, method=method, state=name[-1])
            assert value == pytest.approx(float(expected), abs=0.00051), (row["id"], item)


def test_published_values():
    rows = read(SHIPPED / "published.tsv")
    assert len(rows) == 64
    check_published(rows)


def test_values_of_the_authors_program():
    rows = read(SHIPPED / "cb513_sov_refine.tsv")
    assert len(rows) == 60
    check_program(rows)


def test_the_shipped_published_values_are_the_collected_ones(shared_data):
    rows = read(shared_data / "protein" / "sov" / "sov_published_reference_values.tsv")
    assert [row for row in rows if row["metric"] in METHODS] == read(SHIPPED / "published.tsv")


def test_all_values_of_the_authors_program(shared_data):
    rows = read(shared_data / "protein" / "sov" / "sov_reference_cb513_model1.tsv")
    assert len(rows) >= 200
    check_program(rows)


def test_the_program_s_own_example():
    """The example in the README of SOV_refine.pl: 17 residues, states A and B."""
    reference, predicted = "AAABBBAAABBBBAABB", "AABBABBAABBAAAAAA"
    assert sov(reference, predicted) == pytest.approx(0.650, abs=0.00051)
    assert sov(reference, predicted, state="A") == pytest.approx(0.875, abs=0.00051)
    assert sov(reference, predicted, state="B") == pytest.approx(0.500, abs=0.00051)
    assert sov(reference, predicted, method="sov_refine") == pytest.approx(0.620, abs=0.00051)
