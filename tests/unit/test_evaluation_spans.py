import math
import subprocess
import sys

import pytest

from bilstm_tagger.errors import ConfigError, InputError
from bilstm_tagger.evaluation import Report, fast_metric, score
from bilstm_tagger.evaluation.spans import leave_out_unknown


def tags(text):
    return [None if tag == "?" else tag for tag in text.split()]


def test_importing_evaluation_loads_nothing_heavy():
    code = (
        "import sys, bilstm_tagger.evaluation; "
        "print([name for name in ('torch', 'seqeval', 'sklearn', 'datasets', 'transformers') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_dictionary_has_the_agreed_keys():
    report = score([tags("B-PER I-PER O")], [tags("B-PER O O")], task="ner", seconds=0.5)
    record = report.to_dict()
    assert list(record) == [
        "task", "sequences", "tokens", "unknown_tokens", "accuracy", "strict", "default", "seconds",
    ]  # fmt: skip
    assert record["task"] == "ner"
    assert (record["sequences"], record["tokens"], record["unknown_tokens"], record["seconds"]) == (1, 3, 0, 0.5)
    for side in ("strict", "default"):
        assert set(record[side]) == {"precision", "recall", "f1", "support", "macro", "per_type"}
        assert record[side]["per_type"] == {"PER": {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1}}
    assert "seconds" not in score([tags("O")], [tags("O")], task="ner").to_dict()


def test_micro_and_macro_differ_as_they_should():
    gold = [tags("B-A O B-A O B-A O B-B")]
    predicted = [tags("B-A O B-A O B-A O O")]
    report = score(gold, predicted, task="ner")
    assert report.strict.micro.recall == 0.75
    assert report.strict.macro.recall == 0.5
    assert report.strict.macro.precision == 0.5
    assert report.strict.macro.support == 4
    assert type(report.strict.micro.f1) is float
    assert type(report.strict.micro.support) is int


def test_no_spans_at_all_scores_zero_without_a_warning():
    report = score([tags("O O")], [tags("O O")], task="ner")
    assert report.strict.micro.f1 == report.default.macro.f1 == 0.0
    assert report.strict.per_type == {}
    assert report.accuracy == 1.0
    assert "micro" in report.to_text()
    assert fast_metric([tags("O O")], [tags("O O")], "f1") == 0.0


def test_sequences_without_tokens_count():
    report = score([[], tags("B-A")], [[], tags("B-A")], task="ner")
    assert (report.sequences, report.tokens, report.strict.micro.f1) == (2, 1, 1.0)


@pytest.mark.parametrize(
    ("gold", "predicted", "known_gold", "known_predicted"),
    [
        # A predicted span on an unknown token goes; one elsewhere stays.
        ("O ? O O", "O B-A O B-A", "O O O O", "O O O B-A"),
        ("O ? O O", "O B-A I-A O", "O O O O", "O O O O"),
        # The gold span might go on: not judged when the prediction goes on, ...
        ("B-A ? O", "B-A I-A O", "O O O", "O O O"),
        ("? B-A O", "B-A I-A O", "O O O", "O O O"),
        # ... right when it is the same, missed when there is none.
        ("B-A ? O", "B-A O O", "B-A O O", "B-A O O"),
        ("B-A ? O", "O O O", "B-A O O", "O O O"),
        # A gold span whose end is known is missed even if a span that overlaps it is not counted.
        ("B-A O ?", "B-A I-A I-A", "B-A O O", "O O O"),
        # A span of the prediction that ends before the unknown token is wrong.
        ("B-A I-A ?", "B-A B-B I-B", "O O O", "B-A O O"),
        ("? ?", "B-A B-A", "O O", "O O"),
    ],
)
def test_unknown_gold_tags(gold, predicted, known_gold, known_predicted):
    assert leave_out_unknown([tags(gold)], [tags(predicted)]) == ([tags(known_gold)], [tags(known_predicted)])


def test_unknown_tokens_are_counted_and_not_scored():
    report = score([tags("B-A ? O")], [tags("B-A B-A O")], task="ner")
    assert (report.tokens, report.unknown_tokens, report.accuracy) == (3, 1, 1.0)
    assert report.strict.micro.f1 == 1.0
    assert "1 of them without a gold tag" in report.to_text()


def test_scoring_leaves_its_input_alone():
    gold, predicted = [tags("B-A ? O")], [tags("B-A I-A O")]
    score(gold, predicted, task="ner")
    assert gold == [["B-A", None, "O"]]
    assert predicted == [["B-A", "I-A", "O"]]


def test_length_mismatch_names_the_sequence():
    with pytest.raises(InputError, match=r"sequence 1 \(the first is 0\) has 2 gold tags and 1 predicted tags"):
        score([["O"], ["O", "O"]], [["O"], ["O"]], task="ner")
    with pytest.raises(InputError, match="2 gold sequences and 1 predicted ones"):
        score([["O"], ["O"]], [["O"]], task="ner")
    with pytest.raises(InputError, match="sequence 0"):
        fast_metric([["O"]], [["O", "O"]], "f1")


def test_nothing_to_score():
    with pytest.raises(InputError, match="no sequences to score"):
        score([], [], task="ner")
    with pytest.raises(InputError, match="no token of the 2 sequences has a gold tag"):
        score([[None], []], [["O"], []], task="ner")


@pytest.mark.parametrize("tag", ["S-PER", "PER", "B_PER", "", "B-"])
def test_tags_of_another_scheme(tag):
    with pytest.raises(InputError, match=r"not of the IOB2 scheme.*Accepted: O, B-TYPE, I-TYPE"):
        score([["O"]], [[tag]], task="ner")
    with pytest.raises(InputError, match="not of the IOB2 scheme"):
        fast_metric([[tag]], [["O"]], "f1")


def test_a_predicted_tag_must_be_there():
    with pytest.raises(InputError, match="a predicted tag is None"):
        score([["O"]], [[None]], task="ner")


def test_metric_by_name():
    report = score([tags("B-A O")], [tags("B-A B-A")], task="ner")
    assert report.metric("f1") == report.strict.micro.f1 == pytest.approx(2 / 3)
    assert report.metric("accuracy") == 0.5
    with pytest.raises(ConfigError, match=r"the task 'ner' has no such score: got 'q3'.*accuracy, f1"):
        report.metric("q3")
    with pytest.raises(ConfigError, match=r"unknown metric: got 'f2'.*f1, accuracy, q3, q8.*'f1'"):
        fast_metric([["O"]], [["O"]], "f2")
    with pytest.raises(ConfigError, match="unknown task"):
        score([["O"]], [["O"]], task="nerr")


TABLE = """\
Named entity recognition: 2 sequences, 6 tokens, 1.50 s (percent)

       strict                                 default
type   precision  recall      F1  support  |  precision  recall      F1  support
--------------------------------------------------------------------------------
LOC         0.00    0.00    0.00        1  |     100.00  100.00  100.00        1
PER       100.00  100.00  100.00        1  |     100.00  100.00  100.00        1
--------------------------------------------------------------------------------
micro     100.00   50.00   66.67        2  |     100.00  100.00  100.00        2
macro      50.00   50.00   50.00        2  |     100.00  100.00  100.00        2

F1 95%: strict 0.00-100.00, default 100.00-100.00
Token accuracy 83.33

Strict and default differ: an I- tag that continues no span of its type begins a span in the default reading \
(conlleval's) and none in the strict one.

95% intervals: percentile bootstrap, 1,000 resamples of 2 sentences"""


def test_text_of_spans():
    gold, predicted = [tags("B-PER I-PER O"), tags("O B-LOC O")], [tags("B-PER I-PER O"), tags("O I-LOC O")]
    assert score(gold, predicted, task="ner", seconds=1.5).to_text() == TABLE
    assert "differ" not in score(gold, gold, task="ner").to_text()


def test_a_report_is_plain_data():
    report = score([tags("B-A")], [tags("B-A")], task="ner")
    assert isinstance(report, Report)
    with pytest.raises(AttributeError):
        report.accuracy = math.pi
    assert report == score([tags("B-A")], [tags("B-A")], task="ner")
