"""Models that learn from models: what they are told, what they end as, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import torch

from bilstm_tagger import Config, ConfigError, DataError, ModelError, Tagger, train
from bilstm_tagger.inference import Model
from bilstm_tagger.inference.decoding import to_batch
from bilstm_tagger.training.distillation import Distillation, Teacher
from bilstm_tagger.training.losses import TrainingLoss
from bilstm_tagger.training.parts import encode_part
from bilstm_tagger.training.unlabelled import join_rows, load_unlabelled
from tests.tiny import ner_rows, protein_rows, sections, tiny_config, tiny_model, write_conll

ROWS = ner_rows(20)
LABELLED = datasets.Dataset.from_list(ROWS)


def config(folder: Path, distill: dict[str, Any], **changes: Any) -> Config:
    train_file, dev_file = folder / "train.conll", folder / "dev.conll"
    write_conll(train_file, ROWS)
    write_conll(dev_file, ner_rows(10, seed=1))
    return tiny_config(
        **sections(
            {
                "data": {"train": str(train_file), "dev": str(dev_file)},
                "training": {"epochs": 2},
                "distill": distill,
            },
            changes,
        )
    )


def told(student: Model, teacher: Teacher, rows: list[dict[str, Any]]) -> Any:
    """The rows as a batch, with the teacher's answers."""
    data = datasets.Dataset.from_list(rows)
    encoded = teacher.answer(encode_part(student, data, "rows"), data, "rows")
    return to_batch(encoded.batch(np.arange(len(encoded))))


def test_each_token_has_the_answers_that_tagging_gives() -> None:
    models = [tiny_model(ROWS, seed=1), tiny_model(ROWS, seed=2, char={"kind": "none"})]
    teacher = Teacher(models)
    batch = told(tiny_model(ROWS, seed=3), teacher, ROWS)
    marginals = teacher.crf.marginals(batch.teacher, batch.lengths)
    docs = Tagger(models).tag_batch([row["tokens"] for row in ROWS], probabilities=True)
    for column, doc in enumerate(docs):
        np.testing.assert_allclose(marginals[: len(doc), column], doc.probabilities, atol=1e-5)


def test_the_loss_mixes_labels_and_answers() -> None:
    student, model = tiny_model(ROWS, seed=3), tiny_model(ROWS, seed=1)
    batch = told(student, Teacher([model]), ROWS)
    labels = TrainingLoss()(student.network, batch)
    losses = [
        TrainingLoss(distillation=Distillation(model.network.crf, weight))(student.network, batch)
        for weight in (0.25, 0.5, 1.0)
    ]
    torch.testing.assert_close(losses[0], 0.75 * labels + 0.25 * losses[2])
    torch.testing.assert_close(losses[1], 0.5 * labels + 0.5 * losses[2])
    with torch.no_grad():
        # Nobody can do better than the teacher's own entropy, and the teacher does.
        own = TrainingLoss(distillation=Distillation(model.network.crf, 1.0))(model.network, batch)
        entropy = model.network.crf.entropy(batch.teacher, batch.lengths).sum()
    torch.testing.assert_close(own, entropy)
    assert losses[2] > own


def test_without_labels_the_answers_are_all() -> None:
    student, model = tiny_model(ROWS, seed=3), tiny_model(ROWS, seed=1)
    nothing = [{"tokens": row["tokens"], "tags": [None] * len(row["tokens"])} for row in ROWS]
    # A part without any label would have no tags to be encoded: one row keeps its own, and is taken off again.
    labelled, partly, alone = (told(student, Teacher([model]), rows) for rows in (ROWS, [*nothing, ROWS[0]], ROWS[:1]))
    half = TrainingLoss(distillation=Distillation(model.network.crf, 0.5))
    whole = TrainingLoss(distillation=Distillation(model.network.crf, 1.0))
    unlabelled = half(student.network, partly) - half(student.network, alone)
    torch.testing.assert_close(unlabelled, 0.5 * whole(student.network, labelled), rtol=1e-4, atol=1e-3)


def test_a_batch_without_answers_is_refused() -> None:
    model = tiny_model(ROWS)
    data = datasets.Dataset.from_list(ROWS)
    batch = to_batch(encode_part(model, data, "rows").batch(np.arange(3)))
    with pytest.raises(ValueError, match="no answers of a teacher"):
        TrainingLoss(distillation=Distillation(model.network.crf, 0.5))(model.network, batch)


def test_a_student_comes_to_believe_what_its_teachers_do() -> None:
    teacher = Teacher([tiny_model(ROWS, seed=seed) for seed in (1, 2)])
    student = tiny_model(ROWS, seed=3).network
    batch = told(tiny_model(ROWS, seed=3), teacher, ROWS)
    entropy = float(teacher.crf.entropy(batch.teacher, batch.lengths).sum())
    loss = TrainingLoss(distillation=Distillation(teacher.crf, 1.0))
    optimizer = torch.optim.Adam(student.parameters(), lr=0.03)
    values = []
    for _ in range(120):
        value = loss(student, batch)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        values.append(float(value.detach()))
    # The loss falls to its least possible value; the labels, which have nothing to do with these teachers, are unused.
    assert values[0] > 1.5 * entropy
    assert entropy < values[-1] < 1.05 * entropy


def test_text_without_labels_is_learned_from(tmp_path: Path) -> None:
    tiny_model(ROWS, seed=1).save(tmp_path / "teacher")
    tiny_model(ROWS, seed=2, char={"kind": "none"}).save(tmp_path / "second")
    text = tmp_path / "text.txt"
    text.write_text("Ada Lovelace met Niels in Tromsø.\r\n\n   \nNiels left 🚲\n", encoding="utf-8")
    teachers = [str(tmp_path / "teacher"), str(tmp_path / "second")]
    settings = config(tmp_path, {"teacher": teachers, "unlabelled": str(text)})
    result = train(settings, output=tmp_path / "run", progress=False)
    assert {"Niels", "Tromsø", "🚲"} <= set(Model.load(result.folder).vocabulary.words)
    record = json.loads((result.folder / "run.json").read_text(encoding="utf-8"))["data"]
    assert (record["unlabelled"]["sequences"], record["unlabelled"]["tokens"]) == (2, 10)
    assert record["train"]["sequences"] == len(ROWS)
    # The same from a file with tags: they are not read.
    tagged = write_conll(tmp_path / "more.conll", [{"tokens": ["Niels"], "tags": ["B-SCIENTIST"]}])
    settings = config(tmp_path, {"teacher": str(tmp_path / "teacher"), "unlabelled": str(tagged)})
    rows = load_unlabelled(settings, LABELLED)
    assert rows is not None
    assert rows["tags"][:] == [[None]]


@pytest.mark.parametrize(
    ("name", "content"), [("text.txt", "adabob\nbobo\n"), ("text.jsonl", '{"text": "adabob"}\n{"text": "bobo"}\n')]
)
def test_text_is_cut_into_characters_where_the_labelled_tokens_are(tmp_path: Path, name: str, content: str) -> None:
    letters = [{"id": str(index), "tokens": list("ada"), "tags": ["B-PER", "I-PER", "I-PER"]} for index in range(4)]
    teacher = tiny_model(letters, seed=1)
    assert teacher.tokenizer == "characters"
    teacher.save(tmp_path / "teacher")
    (tmp_path / name).write_text(content, encoding="utf-8")
    data = {part: str(write_conll(tmp_path / part, letters)) for part in ("train", "dev")}
    distill = {"teacher": str(tmp_path / "teacher"), "unlabelled": str(tmp_path / name)}
    result = train(
        tiny_config(data=data, distill=distill, training={"epochs": 1}), output=tmp_path / "run", progress=False
    )
    student = Model.load(result.folder)
    assert student.tokenizer == "characters"
    assert set(student.vocabulary.words) >= {"b", "o"}
    record = json.loads((result.folder / "run.json").read_text(encoding="utf-8"))["data"]
    assert record["unlabelled"]["tokens"] == 10


def test_chains_with_unknown_states_are_learned_from(tmp_path: Path) -> None:
    rows = protein_rows(10)
    teacher = Teacher([tiny_model(rows, task="protein_ss3", seed=1)])
    student = tiny_model(rows, task="protein_ss3", seed=2)
    batch = told(student, teacher, rows)
    assert batch.tags is not None
    unknown = (batch.tags < 0) & (torch.arange(len(batch.tags)).unsqueeze(1) < batch.lengths)
    emissions = student.network.emissions(batch).detach().requires_grad_()
    labels = -student.network.crf(emissions, batch.tags, reduction="none", lengths=batch.lengths).sum()
    mixed = Distillation(teacher.crf, 0.5).mix(labels, student.network.crf, emissions, batch)
    (gradient,) = torch.autograd.grad(mixed, [emissions])
    assert unknown.any()
    assert bool((gradient[unknown].abs().sum(dim=-1) > 1e-4).all())


def test_a_resumed_student_ends_with_the_same_bits(tmp_path: Path) -> None:
    tiny_model(ROWS, seed=1).save(tmp_path / "teacher")
    settings = config(tmp_path, {"teacher": str(tmp_path / "teacher")})
    train(settings, output=tmp_path / "whole", progress=False)
    train(settings, output=tmp_path / "run", progress=False, on_epoch=lambda record: record["epoch"] == 1)
    train(settings, output=tmp_path / "run", progress=False, resume=True)
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "run")]
    assert weights[0] == weights[1]
    # Another teacher in the same folder is another run.
    train(settings, output=tmp_path / "run", progress=False, on_epoch=lambda record: True)
    tiny_model(ROWS, seed=2).save(tmp_path / "teacher")
    with pytest.raises(ConfigError, match=r"something changed: sources\.distill\.teacher"):
        train(settings, output=tmp_path / "run", progress=False, resume=True)


@pytest.mark.parametrize(
    ("teacher", "student", "message"),
    [
        (
            {"rows": [{"id": "0", "tokens": ["Oslo"], "tags": ["B-LOC"]}]},
            {},
            r"has other tags than this run \(missing: .*PER.*; further: none\)",
        ),
        ({}, {"crf": {"scheme": "IOB2"}}, r"has other tags than this run \(missing: none; further: E-.*, S-.*\)"),
        (
            {"rows": [{"id": "0", "tokens": ["Oslo"], "tags": ["B-LOC"]}], "crf": {"scheme": "IO"}},
            {"rows": [{"id": "0", "tokens": ["Ada"], "tags": ["B-PER"]}], "crf": {"scheme": "IO"}},
            r"\(missing: I-PER; further: I-LOC\)\. Train both on the same labels",
        ),
        ({"crf": {"constraints": False}}, {}, "may give tags that the constraints of this run forbid"),
        ({"crf": {"constraints": False}}, {"crf": {"constraints": False}}, None),
        ({}, {"crf": {"constraints": False}}, None),
    ],
)
def test_teachers_and_students_must_fit(teacher: dict[str, Any], student: dict[str, Any], message: str | None) -> None:
    models = Teacher([tiny_model(**teacher)]), tiny_model(**student)
    if message is None:
        models[0].check(models[1])
        return
    with pytest.raises(ConfigError, match=message):
        models[0].check(models[1])


@pytest.mark.parametrize(
    ("distill", "error", "message"),
    [
        ({"teacher": "nowhere"}, ModelError, "no such model folder: nowhere"),
        ({"unlabelled": "text.txt"}, ConfigError, r"needs a teacher.*distill\.teacher"),
        ({"teacher": "nowhere", "unlabelled": "text.txt"}, DataError, "text.txt"),
        ({"weight": 0.0}, ConfigError, "wrong value for 'distill.weight'"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, distill: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        train(config(tmp_path, distill), output=tmp_path / "run", progress=False)


def test_a_text_of_blanks_and_a_chain_of_digits_are_refused(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("\n  \n")
    with pytest.raises(DataError, match=r"text\.txt: the text has no words"):
        load_unlabelled(tiny_config(distill={"teacher": "any", "unlabelled": str(text)}), LABELLED)
    text.write_text("ACDE\n12\n")
    with pytest.raises(DataError, match=r"text\.txt:2: not an amino acid"):
        load_unlabelled(tiny_config("protein_ss3", distill={"teacher": "any", "unlabelled": str(text)}), LABELLED)


def test_dense_columns_on_one_side_only_are_refused() -> None:
    rows = datasets.Dataset.from_list([{"tokens": ["a"], "tags": ["O"]}])
    dense = datasets.Dataset.from_list([{"tokens": ["a"], "tags": [None], "dense": [[1.0]]}])
    with pytest.raises(DataError, match="only one has dense columns"):
        join_rows(rows, dense)


def test_paths_are_relative_to_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "teacher").mkdir()
    (tmp_path / "text.txt").touch()
    file = tmp_path / "my.toml"
    file.write_text('task = "ner"\n[distill]\nteacher = ["teacher", "protein-ss3"]\nunlabelled = "text.txt"\n')
    distill = Config.load(file).distill
    assert distill.teacher == [str(tmp_path / "teacher"), "protein-ss3"]
    assert distill.unlabelled == str(tmp_path / "text.txt")
