"""Proteins from file to file: profiles and residue columns, maps of states, chains that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bilstm_tagger import Tagger, train
from bilstm_tagger.errors import ConfigError, DataError, InputError
from tests.tiny import protein_rows, tiny_config
from tests.unit.cli_helpers import run


def write_chains(folder: Path, name: str, *, seed: int, labels: bool = True) -> Path:
    """Writes chains as a table and, beside it, arrays that tell the states."""
    rows = protein_rows(12, seed=seed, unknown=0.0)
    path = folder / f"{name}.tsv"
    lines = ["id\tsequence\tss3\n"]
    lines += [f"{name}{row['id']}\t{''.join(row['tokens'])}\t{''.join(row['tags'])}\n" for row in rows]
    path.write_text("".join(lines))
    arrays = {f"{name}{row['id']}": np.eye(3, dtype=np.float32)[["CEH".index(t) for t in row["tags"]]] for row in rows}
    np.savez(folder / f"{name}.npz", **arrays)
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("profiles")
    data = {
        "train": str(write_chains(folder, "train", seed=1)),
        "profiles": str(folder / "train.npz"),
        "states": "jnet",
        "dev_fraction": 0.25,
    }
    config = tiny_config(
        "protein_ss3",
        data=data,
        residue={"properties": True, "position": True},
        encoder={"layers": 1, "convolution": 0},
        training={"epochs": 12, "learning_rate": 0.03, "batch_tokens": 64},
    )
    train(config, output=folder / "model", progress=False)
    write_chains(folder, "test", seed=2)
    return folder


def test_the_model_folder_remembers_what_it_reads(trained: Path) -> None:
    model = Tagger.from_pretrained(trained / "model").model
    assert model.network.sizes.dense_size == 3 + 7 + 2
    assert model.vocabulary.residue.size == 9
    assert model.config.data.states == "jnet"


def test_profiles_are_read_when_scoring_and_tagging(trained: Path, tmp_path: Path) -> None:
    # The profile tells the states: a model that reads it is right.
    arguments = ["--profiles", trained / "test.npz", "--quiet"]
    report = tmp_path / "report.json"
    assert run("evaluate", trained / "model", "--data", trained / "test.tsv", *arguments, "--json", report) == 0
    assert json.loads(report.read_text())["q3"] > 0.9
    output = tmp_path / "out.jsonl"
    options = ["--format", "csv", "--output", output, "--output-format", "jsonl"]
    assert run("tag", trained / "model", trained / "test.tsv", *options, *arguments) == 0
    gold = [line.split("\t") for line in (trained / "test.tsv").read_text().splitlines()[1:]]
    docs = [json.loads(line) for line in output.read_text().splitlines()]
    assert [doc["id"] for doc in docs] == [name for name, _, _ in gold]
    right = [
        a == b for doc, (_, _, states) in zip(docs, gold, strict=True) for a, b in zip(doc["tags"], states, strict=True)
    ]
    assert sum(right) > 0.9 * len(right)


def test_profiles_are_read_when_drawing(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, chains, arguments = trained / "model", trained / "test.tsv", ["--profiles", trained / "test.npz"]
    assert run("show", model, chains, "--format", "csv", "--output", tmp_path / "a.html", *arguments) == 0
    assert run("show", model, "--gold", chains, "--output", tmp_path / "b.html", *arguments) == 0
    assert all((tmp_path / name).stat().st_size > 1000 for name in ("a.html", "b.html"))
    assert run("show", model, chains, "--format", "csv", "--output", tmp_path / "c.html") == 2
    assert run("show", tmp_path / "a.ss2", *arguments) == 2
    assert "--profiles belong to a model of proteins" in capsys.readouterr().err


def test_a_model_of_profiles_refuses_chains_without(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("tag", trained / "model", trained / "test.tsv", "--format", "csv") == 2
    assert "the model reads 3 dense columns and the input has none" in capsys.readouterr().err
    with pytest.raises(InputError, match=r"profiles=FOLDER\) or --profiles gives them"):
        Tagger.from_pretrained(trained / "model").tag("MKV")
    with pytest.raises((DataError, InputError), match="dense columns"):
        Tagger.from_pretrained(trained / "model").evaluate(trained / "test.tsv", format="csv")


def test_a_profile_of_another_width_is_refused(trained: Path, tmp_path: Path) -> None:
    arrays = np.load(trained / "test.npz")
    np.savez(tmp_path / "wide.npz", **{name: np.ones((len(arrays[name]), 5)) for name in arrays})
    arrays.close()
    with pytest.raises((DataError, InputError), match=r"got \(\d+, 5\)|got 5"):
        Tagger.from_pretrained(trained / "model").evaluate(trained / "test.tsv", profiles=tmp_path / "wide.npz")


def test_one_chain_and_many_have_the_same_columns(trained: Path) -> None:
    tagger = Tagger.from_pretrained(trained / "model")
    rows = [
        {"id": row["id"], "tokens": row["tokens"], "dense": np.zeros((len(row["tokens"]), 3))}
        for row in protein_rows(6, seed=5)
    ]
    together = tagger.tag_batch(rows)
    for row, doc in zip(rows, together, strict=True):
        alone = tagger.tag(row)
        assert alone.tags == doc.tags
        np.testing.assert_allclose(alone.probabilities, doc.probabilities, atol=1e-5)


def test_bad_chains_are_listed_and_the_rest_is_tagged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "chains.fasta"
    path.write_text(">a\nMKVLAAGE\n>b\n\n>c\nMK1\n>a\nGGG\n>d\nXXX\n>e\nmkvla\n>f\n" + "ACGT" * 10 + "\n")
    output = tmp_path / "out.fasta"
    assert run("tag", "protein-ss3", path, "--output", output) == 2
    assert f"{path}:3: record 'b' is empty" in capsys.readouterr().err
    assert not output.exists()
    assert run("tag", "protein-ss3", path, "--output", output, "--skip-invalid", "--quiet") == 1
    assert [line for line in output.read_text().splitlines() if line.startswith(">")] == [">a", ">e"]
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Skipped, as they cannot be used: 5"
    for line, expected in zip(lines[1:], [":3: ", ":5: ", ":7: ", ":9: ", ":13: "], strict=True):
        assert line.startswith(f"  {path}{expected}")


def test_a_good_file_ends_with_0(tmp_path: Path) -> None:
    (tmp_path / "a.fasta").write_text(">a\nMKV\n")
    assert run("tag", "protein-ss3", tmp_path / "a.fasta", "--skip-invalid", "--quiet") == 0


@pytest.mark.parametrize("format", ["jsonl", "ss2"])
def test_a_model_of_eight_states_answers_in_three(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], format: str
) -> None:
    path = tmp_path / "a.fasta"
    path.write_text(
        ">a\nMGDIQVQVNIDDNGKNFDYTYTVTTESELQKVLNELMDYIKKQGAKRVRISITARTKKEAEKFAAILIKVFAELGYNDINVTFDGDTVTVEGQL\n"
    )
    options = ["--output-format", format, "--quiet", "--states", "3"]
    assert run("tag", "protein-ss8", path, *options) == 0
    out = capsys.readouterr().out
    if format == "jsonl":
        doc = json.loads(out)
        table, states = np.array(doc["probabilities"])[:, [0, 2, 1]], doc["tags"]
        assert doc["labels"] == ["C", "E", "H"]
    else:
        rows = [line.split() for line in out.splitlines()[2:]]
        table, states = np.array([row[3:] for row in rows], dtype=float), [row[2] for row in rows]
    np.testing.assert_allclose(table.sum(axis=1), 1, atol=2e-3)
    assert set(states) == set("CHE")
    for row, state in zip(table, states, strict=True):
        assert row["CHE".index(state)] >= row.max() - 1e-3


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        ("protein-ss8", ["--states", "4"], "the model cannot answer in that many states: got 4. Accepted: 3 or 8."),
        ("protein-ss3", ["--states", "8"], "the model cannot answer in that many states: got 8. Accepted: 3."),
        ("protein-ss3", ["--profiles", "nowhere"], "nowhere: no such file"),
    ],
)
def test_options_that_cannot_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], model: str, options: list[str], message: str
) -> None:
    (tmp_path / "a.fasta").write_text(">a\nMKV\n")
    assert run("tag", model, tmp_path / "a.fasta", *options) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "values",
    [
        {"data": {"profiles": "x"}},
        {"data": {"skip_invalid": True}},
        {"residue": {"properties": True}},
        {"residue": {"position": True}},
    ],
)
def test_what_is_for_proteins_only(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"' is for proteins: got 'ner'. Accepted: protein_ss3, protein_ss8"):
        tiny_config("ner", **values)


def test_unknown_maps_and_kinds_are_named() -> None:
    with pytest.raises(ConfigError, match=r"'data.states': got 'jnt'.*Did you mean 'jnet'"):
        tiny_config("protein_ss3", data={"states": "jnt"})
    with pytest.raises(ConfigError, match=r"'data.profile_kinds"):
        tiny_config("protein_ss3", data={"profile_kinds": []})


def test_the_script_cross_validates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import runpy
    import sys

    path = write_chains(tmp_path, "train", seed=1)
    config = tmp_path / "tiny.toml"
    config.write_text(
        f'task = "protein_ss3"\n[data]\ntrain = "{path.as_posix()}"\nprofiles = "train.npz"\ndev_fraction = 0.25\n'
        "[word]\nsize = 4\n[encoder]\nhidden_size = 4\n[training]\nepochs = 1\n"
    )
    script = Path(__file__).parents[2] / "scripts" / "cross_validate.py"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["cross_validate.py", str(config), "--folds", "3", "--output", str(tmp_path / "m")])
        runpy.run_path(str(script), run_name="__main__")
        out = capsys.readouterr().out
        assert [line.split(":")[0] for line in out.splitlines()[:3]] == [f"fold {fold} of 3" for fold in (1, 2, 3)]
        assert "mean of folds" in out
        assert "12 sequences" in out
        patch.setattr(sys, "argv", ["cross_validate.py", str(config), "--folds", "13"])
        with pytest.raises(SystemExit) as stop:
            runpy.run_path(str(script), run_name="__main__")
    assert stop.value.code == 2
    assert "wrong number of folds: got 13. Accepted: 2 to 12." in capsys.readouterr().err


def test_scoring_goes_on_without_chains_that_cannot_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "labelled.fasta"
    chain, states = "MKVLAAGIVGLLLAQWERTY", "CCCCHHHHHHCCCEEEECCC"
    path.write_text(f">a\n{chain}\n{states}\n>b\nXXXX\nCCCC\n>d\n{chain[::-1]}\n{states}\n", encoding="ascii")
    assert run("evaluate", "protein-ss3", "--data", path, "--quiet") == 2
    capsys.readouterr()
    for _ in range(2):  # the second time from the cache, but for what was left out
        report = tmp_path / "report.json"
        assert run("evaluate", "protein-ss3", "--data", path, "--skip-invalid", "--quiet", "--json", report) == 1
        shown = capsys.readouterr()
        assert "2 sequences, 40 tokens" in shown.out
        assert shown.err.count("labelled.fasta:4: record 'b' has only unknown residues") == 1
        assert json.loads(report.read_text())["sequences"] == 2


@pytest.mark.parametrize("part", ["dev", "test"])
def test_eight_states_are_not_judged_by_three(tmp_path: Path, part: str) -> None:
    files = {}
    for name, states in (("train", "HGIEBSTC"), ("three", "HEC")):
        files[name] = tmp_path / f"{name}.csv"
        chains = [f"{index},{'ACDEFGHIKL' * 2},{(states * 20)[index : index + 20]}" for index in range(10)]
        files[name].write_text("id,sequence,dssp8\n" + "\n".join(chains) + "\n")
    data = {"train": str(files["train"]), "dev": str(files["train"]), part: str(files["three"])}
    with pytest.raises(ConfigError, match=rf"the {part} part has three states.*Set training\.metric = \"q3\""):
        train(tiny_config("protein_ss8", data=data), output=tmp_path / "run", progress=False)
    config = tiny_config("protein_ss8", data=data, training={"metric": "q3", "epochs": 1})
    assert train(config, output=tmp_path / "run", progress=False).metric == "q3"
