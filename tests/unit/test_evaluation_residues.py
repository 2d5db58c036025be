import json
import math

import pytest

from bilstm_tagger.errors import ConfigError, InputError
from bilstm_tagger.evaluation import fast_metric, score
from bilstm_tagger.evaluation.residues import encode_states
from bilstm_tagger.evaluation.sov import sov, sov_per_chain


def chain(text):
    return [None if state == "?" else state for state in text]


def test_q3_per_residue_and_per_chain():
    gold, predicted = [chain("HHHH"), chain("EE"), chain("??")], [chain("HHHC"), chain("CC"), chain("HH")]
    report = score(gold, predicted, task="protein_ss3")
    assert report.metric("q3") == report.accuracy == fast_metric(gold, predicted, "q3") == 3 / 6
    assert report.residues.q3_chain_mean == (3 / 4 + 0) / 2  # the chain without known states is in no mean
    assert report.residues.q8 is None
    assert (report.sequences, report.tokens, report.unknown_tokens) == (3, 8, 2)
    assert "q8" not in report.to_dict()


def test_eight_states_give_three():
    gold, predicted = [chain("HGIEBSTC")], [chain("GHHBECCS")]
    report = score(gold, predicted, task="protein_ss8")
    assert report.metric("q8") == report.accuracy == fast_metric(gold, predicted, "q8") == 0.0
    assert report.metric("q3") == fast_metric(gold, predicted, "q3") == 1.0
    assert report.residues.sov99 == 0.0
    assert report.residues.sov99_three_states == 1.0
    assert score(gold, predicted, task="protein_ss3").accuracy == 1.0


def test_true_states_of_three_are_not_counted_in_eight():
    gold, predicted = [chain("HHHECC")] * 20, [chain("HGHBSC")] * 20
    report = score(gold, predicted, task="protein_ss8")
    assert report.metric("q3") == 1.0
    assert "q8" not in report.to_dict()
    text = report.to_text()
    assert "the gold tags have three, in which all is scored" in text
    assert "Q8" not in text
    with pytest.raises(ConfigError, match="no such score: got 'q8'"):
        report.metric("q8")
    # One true state beyond three, and they are eight; few residues, and nobody knows; what is not scored says nothing.
    assert score([chain("HGHECC"), *gold[1:]], predicted, task="protein_ss8").residues.q8 is not None
    assert score(gold[:3], predicted[:3], task="protein_ss8").metric("q8") == 3 / 6
    masked = [[*chain("HHHECC"), None]] * 20
    assert score(masked, [chain("HHHECCS")] * 20, task="protein_ss8").metric("q8") == 1.0


def test_spellings_of_coil_are_one():
    assert score([chain("L-_ P.CH")], [chain("CCCCCCCH")], task="protein_ss8").metric("q8") == 1.0


def test_mcc_by_hand():
    # H against the rest: tp 2, fp 1, fn 1, tn 2
    row = score([chain("HHHCCC")], [chain("HHCHCC")], task="protein_ss3").residues.classes.per_class["H"]
    assert row.mcc == pytest.approx((2 * 2 - 1 * 1) / math.sqrt(3 * 3 * 3 * 3))
    assert (row.precision, row.recall, row.support) == (2 / 3, 2 / 3, 3)


def test_masked_residues_change_nothing():
    gold, masked = [chain("HHHCCC")], [chain("HHHCCC???")]
    predicted = [chain("HHCCCC")]
    first = score(gold, predicted, task="protein_ss3").to_dict()
    for tail in ("HHH", "CCC", "EHC"):
        second = score(masked, [predicted[0] + chain(tail)], task="protein_ss3").to_dict()
        assert {key: second[key] for key in first if key not in ("tokens", "unknown_tokens")} == {
            key: first[key] for key in first if key not in ("tokens", "unknown_tokens")
        }


def test_masked_residues_break_segments():
    # One helix of 4 cut by a gap is two of 2; the prediction is cut at the same place.
    assert sov(chain("HH??HH"), "HHHHHH") == 1.0
    # Missing the second stretch loses exactly that segment; joined it would have scored (2 + 1) / 4.
    assert sov(chain("HH??HH"), "HHCCCC") == 0.5
    assert sov("HHHH", "HHCC") == 0.75
    assert sov(chain("HH??HH"), "HHEEHH") == 1.0


def test_sov_of_what_is_not_there():
    assert math.isnan(sov("CCC", "CCC", state="H"))
    assert math.isnan(sov("CCC", "CHC", state="H"))
    assert sov("CHC", "CCC", state="H") == 0.0


def test_sov_of_a_set_is_the_mean_over_chains():
    gold, predicted = [chain("HHHH"), chain("EE"), chain("??"), []], [chain("HHHH"), chain("CC"), chain("HH"), []]
    values = sov_per_chain(encode_states(gold, predicted, three=True))
    assert values[:2].tolist() == [1.0, 0.0]
    assert all(map(math.isnan, values[2:]))
    report = score(gold, predicted, task="protein_ss3")
    assert report.metric("sov99") == 0.5
    assert report.residues.sov99_per_state == {"E": 0.0, "H": 1.0}


def test_segments_end_with_their_chain():
    """Equal states on both sides of a chain's end are two segments."""
    gold, predicted = [chain("HHHH"), chain("HHHH")], [chain("CCHH"), chain("HHCC")]
    assert sov_per_chain(encode_states(gold, predicted, three=True)).tolist() == [0.75, 0.75]


def test_sov_refuses_what_cannot_be_scored():
    with pytest.raises(InputError, match="sequence 0"):
        sov("HHH", "HH")
    with pytest.raises(InputError, match="no token of the 1 sequences has a gold tag"):
        sov([None], "H")


@pytest.mark.parametrize("task", ["protein_ss3", "protein_ss8"])
def test_strange_states(task):
    with pytest.raises(InputError, match=r"not a state of protein secondary structure: got 'Z'\. Accepted: H, G, I"):
        score([chain("HHZ")], [chain("HHH")], task=task)
    with pytest.raises(InputError, match="not a state"):
        fast_metric([chain("HHH")], [chain("HHh")], "q3")


def test_dictionary_is_json():
    record = score([chain("HHGC?")], [chain("HHHCC")], task="protein_ss8", seconds=1).to_dict()
    assert json.loads(json.dumps(record)) == record
    wanted = {"task", "sequences", "tokens", "accuracy", "q3", "q8", "sov99", "seconds"}
    assert wanted <= set(record)
    assert "strict" not in record
    assert set(record["per_class"]["H"]) == {"precision", "recall", "f1", "mcc", "support", "sov99"}
    assert 0.0 <= record["sov99"] <= 1.0


# SOV'99: of H, (2 + 1)/4 * 3; of E, 2; of G nothing; over 6 residues. SOV_refine: D = 3 * 36/14, so H earns 2.946.
TEXT = """\
Protein secondary structure, 8 states: 1 sequence, 6 tokens (percent; MCC from -1 to 1)

score             per residue  mean of chains
---------------------------------------------
Q3                      83.33           83.33
Q8                      66.67           66.67
SOV'99, 8 states                        70.83
SOV'99, 3 states                       100.00
SOV_refine                              82.44

state  precision  recall      F1     MCC  SOV'99  support
---------------------------------------------------------
C           0.00    0.00    0.00  0.0000                0
E         100.00  100.00  100.00  1.0000  100.00        2
G           0.00    0.00    0.00  0.0000    0.00        1
H          66.67   66.67   66.67  0.3333   75.00        3
---------------------------------------------------------
macro      41.67   41.67   41.67  0.3333                6

Most frequent confusions
gold  predicted  count
----------------------
G     H              1
H     C              1"""


def test_text():
    assert score([chain("GHHHEE")], [chain("HHHCEE")], task="protein_ss8").to_text() == TEXT
    three = score([chain("HHHEEC")], [chain("HHCEEC")], task="protein_ss3").to_text()
    assert "Q8" not in three
    assert ["Q3", "83.33", "83.33"] in [line.split() for line in three.splitlines()]
