import json

import pytest

from bilstm_tagger.evaluation import fast_metric, score

GOLD = [["NOUN", "VERB", "NOUN", None], [], ["X", "NOUN"]]
PREDICTED = [["NOUN", "NOUN", "NOUN", "ADV"], [], ["X", "VERB"]]


def test_accuracy_and_tags():
    report = score(GOLD, PREDICTED, task="pos")
    assert (report.sequences, report.tokens, report.unknown_tokens) == (3, 6, 1)
    assert report.accuracy == report.metric("accuracy") == fast_metric(GOLD, PREDICTED, "accuracy") == 3 / 5
    noun = report.classes.per_class["NOUN"]
    assert (noun.precision, noun.recall, noun.support) == (2 / 3, 2 / 3, 3)
    verb = report.classes.per_class["VERB"]
    assert (verb.precision, verb.recall, verb.f1, verb.support) == (0.0, 0.0, 0.0, 1)
    assert "ADV" not in report.classes.per_class  # predicted only where nothing is known


def test_confusions_by_frequency():
    gold = [["A", "A", "A", "B", "B", "C"]]
    predicted = [["B", "B", "A", "B", "A", "C"]]
    classes = score(gold, predicted, task="pos").classes
    assert classes.confusions(10) == [("A", "B", 2), ("B", "A", 1)]
    assert classes.confusions(1) == [("A", "B", 2)]
    assert classes.confusion.tolist() == [[1, 2, 0], [1, 1, 0], [0, 0, 1]]


def test_dictionary_is_json():
    record = score(GOLD, PREDICTED, task="pos", seconds=2.0).to_dict()
    assert json.loads(json.dumps(record)) == record
    assert set(record) == {
        "task", "sequences", "tokens", "unknown_tokens", "accuracy", "per_class", "macro", "confusion", "seconds",
        "intervals",
    }  # fmt: skip
    assert record["confusion"]["labels"] == ["NOUN", "VERB", "X"]
    assert sum(map(sum, record["confusion"]["counts"])) == 5


TEXT = """\
Part-of-speech tagging: 1 sequence, 4 tokens (percent)

Accuracy 75.00

tag    precision  recall     F1  support
----------------------------------------
NOUN       50.00  100.00  66.67        1
VERB      100.00   66.67  80.00        3
----------------------------------------
macro      75.00   83.33  73.33        4

Most frequent confusions
gold  predicted  count
----------------------
VERB  NOUN           1"""


def test_text():
    gold, predicted = [["NOUN", "VERB", "VERB", "VERB"]], [["NOUN", "NOUN", "VERB", "VERB"]]
    assert score(gold, predicted, task="pos").to_text() == TEXT
    assert "confusions" not in score(gold, gold, task="pos").to_text()


def test_one_tag_only():
    """No other tag to be correlated with: MCC has no value and is 0."""
    row = score([["A", "A"]], [["A", "A"]], task="pos").classes.per_class["A"]
    assert (row.precision, row.recall, row.f1, row.mcc) == (1.0, 1.0, 1.0, 0.0)


@pytest.mark.parametrize("name", ["q3", "q8", "f1"])
def test_scores_that_tags_lack(name):
    from bilstm_tagger.errors import ConfigError

    with pytest.raises(ConfigError, match="the task 'pos' has no such score"):
        score(GOLD, PREDICTED, task="pos").metric(name)
