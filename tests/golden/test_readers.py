"""The readers, with no options or one, against the counts published with each data set."""

# ruff: noqa: E501  (a table)

from collections import Counter

import pytest

from bilstm_tagger.data import load_rows
from bilstm_tagger.data.alignment import Misfits
from bilstm_tagger.schemes import tags_to_spans

CONLL2003_DEV = {"PER": 1842, "LOC": 1837, "ORG": 1341, "MISC": 922}
CONLL2003_TRAIN = {"LOC": 7140, "PER": 6600, "ORG": 6321, "MISC": 3438}

# file, task: sentences, tokens, spans by type (conlleval's rules)
SPANS = {
    ("wnut17/wnut17train.conll", "ner"): (3394, 62730, {"person": 660, "location": 548, "group": 264, "corporation": 221, "product": 142, "creative-work": 140}),
    ("wnut17/emerging.dev.conll", "ner"): (1009, 15733, {"person": 470, "product": 114, "creative-work": 105, "location": 74, "group": 39, "corporation": 34}),
    ("wnut17/emerging.test.annotated", "ner"): (1287, 23394, {"person": 429, "group": 165, "location": 150, "creative-work": 142, "product": 127, "corporation": 66}),
    # The published 1,841 / 39,152 count the 145 -DOCSTART- lines.
    ("wikigold/wikigold.en.test.conllu", "ner"): (1841 - 145, 39152 - 145, {"LOC": 1014, "PER": 934, "ORG": 898, "MISC": 712}),
    ("broad-twitter/a.conll", "ner"): (1000, 16612, {"PER": 229, "ORG": 173, "LOC": 119}),
    ("broad-twitter/b.conll", "ner"): (2000, 30825, {"PER": 865, "ORG": 516, "LOC": 229}),
    ("broad-twitter/e.conll", "ner"): (200, 3981, {"LOC": 144, "ORG": 122, "PER": 59}),
    ("broad-twitter/f.conll", "ner"): (2000, 35427, {"PER": 2650, "ORG": 1090, "LOC": 636}),
    ("broad-twitter/g.conll", "ner"): (2138, 34062, {"PER": 1802, "ORG": 1498, "LOC": 1385}),
    ("broad-twitter/h.conll", "ner"): (2001, 29480, {"PER": 2323, "ORG": 736, "LOC": 309}),
    ("uner-pt-bosque/pt_bosque-ud-dev.iob2", "ner"): (1172, 28447, {"PER": 570, "ORG": 417, "LOC": 414}),
    ("uner-pt-bosque/pt_bosque-ud-test.iob2", "ner"): (1167, 27604, {"ORG": 456, "PER": 442, "LOC": 317}),
    ("uner-pt-bosque/pt_bosque-ud-train.iob2", "ner"): (7018, 171776, {"PER": 2914, "ORG": 2762, "LOC": 2425}),
    ("uner-zh-gsd/zh_gsd-ud-dev.iob2", "ner"): (500, 12663, {"LOC": 437, "PER": 238, "ORG": 135}),
    ("uner-zh-gsd/zh_gsd-ud-test.iob2", "ner"): (500, 12012, {"LOC": 434, "PER": 206, "ORG": 127}),
    ("uner-zh-gsd/zh_gsd-ud-train.iob2", "ner"): (3997, 98616, {"LOC": 2871, "PER": 2155, "ORG": 1110}),
    ("ner-ja-wikipedia/ner.char.iob2", "ner"): (5343, 308374, {"人名": 2980, "法人名": 2485, "地名": 2157, "製品名": 1215, "政治的組織名": 1180, "施設名": 1108, "その他の組織名": 1051, "イベント名": 1009}),
    ("hiner-hi-val/validation.conll", "ner"): (10851, 221036, {"LOCATION": 20062, "PERSON": 3765, "ORGANIZATION": 2644, "NUMEX": 2546, "TIMEX": 1758, "LANGUAGE": 571, "MISC": 552, "GAME": 179, "RELIGION": 131, "LITERATURE": 74, "FESTIVAL": 30}),
    ("germeval2014-devtest/NER-de-dev.tsv", "ner"): (2200, 41653, {"LOC": 763, "PER": 711, "ORG": 496, "OTH": 269, "LOCderiv": 235, "ORGpart": 91, "LOCpart": 52, "PERpart": 18, "OTHpart": 18, "OTHderiv": 16, "ORGderiv": 3, "PERderiv": 2}),
    ("germeval2014-devtest/NER-de-test.tsv", "ner"): (5100, 96499, {"LOC": 1706, "PER": 1639, "ORG": 1150, "OTH": 697, "LOCderiv": 561, "ORGpart": 172, "LOCpart": 109, "PERpart": 44, "OTHpart": 42, "OTHderiv": 39, "PERderiv": 11, "ORGderiv": 8}),
    ("bc5cdr/train.tsv", "ner"): (4560, 118170, {"Chemical": 5203, "Disease": 4182}),
    ("bc5cdr/devel.tsv", "ner"): (4581, 117453, {"Chemical": 5347, "Disease": 4246}),
    ("ncbi-disease/train.tsv", "ner"): (5424, 135701, {"Disease": 5134}),
    ("ncbi-disease/devel.tsv", "ner"): (923, 23969, {"Disease": 787}),
    ("conll2003-en/eng.train", "ner"): (14041, 203621, CONLL2003_TRAIN),
    ("conll2003-en/eng.testa", "ner"): (3250, 51362, CONLL2003_DEV),
    ("conll2003-en/eng.testa", "chunking"): (3250, 51362, {"NP": 14644, "PP": 4884, "VP": 4696, "ADVP": 650, "SBAR": 366, "ADJP": 306, "PRT": 147, "INTJ": 31, "CONJP": 10, "LST": 3}),
    ("conll2002/esp.testa", "ner"): (1915, 52923, {"ORG": 1700, "PER": 1222, "LOC": 985, "MISC": 445}),
    ("conll2002/esp.train", "ner"): (8323, 264715, {"ORG": 7390, "LOC": 4914, "PER": 4321, "MISC": 2173}),
    ("conll2002/ned.testa", "ner"): (2895, 37687, {"MISC": 748, "PER": 703, "ORG": 686, "LOC": 479}),
    ("conll2002/ned.train", "ner"): (15806, 202644, {"PER": 4716, "MISC": 3338, "LOC": 3208, "ORG": 2082}),
    ("conll2000/train.txt", "chunking"): (8936, 211727, {"NP": 55081, "VP": 21467, "PP": 21281, "ADVP": 4227, "SBAR": 2207, "ADJP": 2060, "PRT": 556, "CONJP": 56, "INTJ": 31, "LST": 10, "UCP": 2}),
    ("conll2000/test.txt", "chunking"): (2012, 47377, {"NP": 12422, "PP": 4811, "VP": 4658, "ADVP": 866, "SBAR": 535, "ADJP": 438, "PRT": 106, "CONJP": 9, "LST": 5, "INTJ": 2}),
}  # fmt: skip

# file, options: sentences, tokens, different tags
TOKENS = [
    ("ud-en-ewt/en_ewt-ud-train.conllu", {}, (12544, 204577, 17)),
    ("ud-en-ewt/en_ewt-ud-dev.conllu", {}, (2001, 25147, 17)),
    ("ud-en-ewt/en_ewt-ud-dev.conllu", {"tag_column": "XPOS"}, (2001, 25147, 49)),
    ("ud-en-ewt/en_ewt-ud-test.conllu", {}, (2077, 25094, 17)),
    ("ud-en-ewt/en_ewt-ud-test.conllu", {"tag_column": "XPOS"}, (2077, 25094, 48)),
    ("conll2000/train.txt", {}, (8936, 211727, 44)),
    ("conll2000/test.txt", {}, (2012, 47377, 43)),
    ("conll2003-en/eng.testa", {}, (3250, 51362, 45)),
]


@pytest.mark.parametrize(("file", "task"), SPANS)
def test_spans(shared_data, file, task):
    sentences, tokens, spans = SPANS[file, task]
    rows = load_rows(shared_data / "text" / file, task=task)
    assert len(rows) == sentences
    assert sum(map(len, rows["tokens"])) == tokens
    assert Counter(label for tags in rows["tags"] for label, _, _ in tags_to_spans(tags)) == spans


LEGAL = {
    "bag": (12791, 343439, {"DATE": 6463, "DURATION": 491, "SET": 99, "TIME": 34}),
    "bfh": (8522, 276515, {"DATE": 6156, "DURATION": 189, "SET": 37, "TIME": 9}),
    "bgh": (5858, 177867, {"DATE": 2819, "DURATION": 254, "TIME": 22, "SET": 7}),
    "bpatg": (12016, 404097, {"DATE": 4576, "DURATION": 84, "TIME": 12, "SET": 4}),
    "bsg": (8083, 302413, {"DATE": 4634, "DURATION": 215, "SET": 64, "TIME": 14}),
    "bverfg": (9237, 306320, {"DATE": 3595, "DURATION": 207, "TIME": 20, "SET": 12}),
    "bverwg": (10216, 348326, {"DATE": 4879, "DURATION": 178, "SET": 36, "TIME": 9}),
}


@pytest.mark.parametrize("court", LEGAL)
def test_a_member_of_an_archive(shared_data, court):
    sentences, tokens, spans = LEGAL[court]
    rows = load_rows(f"{shared_data}/text/legal-de/timex.iob2.tar.xz::{court}.timex.iob2", task="ner")
    assert (len(rows), sum(map(len, rows["tokens"]))) == (sentences, tokens)
    assert Counter(label for tags in rows["tags"] for label, _, _ in tags_to_spans(tags)) == spans


@pytest.mark.slow
def test_a_folder_with_an_archive(shared_data):
    rows = load_rows(shared_data / "text" / "legal-de", task="ner")
    assert (len(rows), sum(map(len, rows["tokens"]))) == (66723, 2158977)
    assert sum(len(tags_to_spans(tags)) for tags in rows["tags"]) == 35119


def test_character_spans(shared_data):
    # The published tokens are characters; here a Latin word is one token, and three spans end inside one.
    found = Misfits()
    path = shared_data / "text" / "ner-ja-wikipedia" / "ner.json"
    rows = load_rows(path, task="ner", misfits=found)
    assert len(rows) == 5343
    assert (
        Counter(label for tags in rows["tags"] for label, _, _ in tags_to_spans(tags))
        == (SPANS["ner-ja-wikipedia/ner.char.iob2", "ner"][2])
    )
    assert (found.spans, len(found.records)) == (13185, 3)
    characters = load_rows(path, task="ner", tokenizer="characters", align="strict")
    assert sum(len(tags_to_spans(tags)) for tags in characters["tags"]) == 13185


# file: documents; the numbers of -DOCSTART- lines that the sources name
DOCUMENTS = {
    "conll2003-en/eng.testa": 216,
    "conll2003-en/eng.train": 946,
    "conll2002/ned.testa": 74,
    "conll2002/ned.train": 287,
}


@pytest.mark.parametrize("file", DOCUMENTS)
def test_documents(shared_data, file):
    rows = load_rows(shared_data / "text" / file, task="ner")
    assert len(set(rows["document"])) == DOCUMENTS[file]


def test_the_inner_layer(shared_data):
    path = shared_data / "text" / "germeval2014-devtest" / "NER-de-dev.tsv"
    inner = load_rows(path, task="ner", tag_column=3)
    assert (len(inner), sum(map(len, inner["tokens"]))) == (2200, 41653)
    found = Counter(label for tags in inner["tags"] for label, _, _ in tags_to_spans(tags))
    assert found == {"LOC": 106, "LOCderiv": 47, "PER": 34, "ORG": 18, "PERpart": 3} | dict.fromkeys(
        ("OTH", "LOCpart", "ORGpart", "PERderiv"), 1
    )


FOLDERS = [
    ("wnut17", "train", 3394), ("wnut17", "dev", 1009), ("wnut17", "test", 1287), ("bc5cdr", "dev", 4581),
    ("conll2003-en", "dev", 3250), ("conll2000", "test", 2012), ("germeval2014-devtest", "test", 5100),
    ("uner-pt-bosque", "train", 7018), ("wikigold", "test", 1841 - 145), ("hiner-hi-val", "dev", 10851),
    ("broad-twitter", "test", 9339), ("uner-zh-gsd", "dev", 500), ("ncbi-disease", "train", 5424),
]  # fmt: skip


@pytest.mark.parametrize(("folder", "split", "sentences"), FOLDERS)
def test_folders(shared_data, folder, split, sentences):
    assert len(load_rows(shared_data / "text" / folder, task="ner", split=split)) == sentences


@pytest.mark.parametrize(("file", "sentences"), [("dev", 2001), ("test", 2077)])
def test_universal_ner_english(shared_data, file, sentences):
    # Its words are those of an older release of the treebank, so only the sentences are counted by the source.
    rows = load_rows(shared_data / "text" / "uner-en-ewt" / f"en_ewt-ud-{file}.iob2", task="ner")
    assert len(rows) == sentences
    assert {tag for tags in rows["tags"] for tag in tags} == {"O"} | {
        f"{p}-{t}" for p in "BI" for t in ("PER", "LOC", "ORG")
    }


@pytest.mark.parametrize(("file", "options", "counts"), TOKENS)
def test_parts_of_speech(shared_data, file, options, counts):
    rows = load_rows(shared_data / "text" / file, task="pos", **options)
    tags = {tag for row in rows["tags"] for tag in row}
    assert (len(rows), sum(map(len, rows["tokens"])), len(tags - {None})) == counts


def test_repairs_are_counted(shared_data, caplog):
    load_rows(shared_data / "text" / "wikigold" / "wikigold.en.test.conllu", task="ner")
    assert [message.rpartition(": ")[2] for message in caplog.messages] == ["17 in this source"]


FLIP = [
    ("train", 9712, 2479773, 2319963),
    ("dev", 1080, 280780, 262853),
    ("test", 364, 84541, 75402),
]


@pytest.mark.parametrize(("split", "chains", "residues", "scored"), FLIP)
def test_flip(shared_data, split, chains, residues, scored):
    folder = shared_data / "protein" / "flip"
    companions = {"labels": str(folder / "sampled.fasta"), "mask": str(folder / "mask.fasta")}
    rows = load_rows(folder / "sequences.fasta", task="protein_ss3", split=split, **companions)
    assert len(rows) == chains
    assert sum(map(len, rows["tokens"])) == residues
    assert sum(len(tags) - tags.count(None) for tags in rows["tags"]) == scored


def test_cb6133(shared_data):
    path = shared_data / "protein" / "cb6133" / "cb6133filtered.npy.csv"
    rows = load_rows(path, task="protein_ss8")
    shares = Counter(tag for tags in rows["tags"] for tag in tags)
    assert (len(rows), shares.total()) == (5534, 1183318)
    published = {"H": 34.54, "G": 3.91, "I": 0.02, "E": 21.78, "B": 1.03, "T": 11.28, "S": 8.26, "C": 19.19}
    assert {state: round(100 * count / shares.total(), 2) for state, count in shares.items()} == published
    assert len(load_rows(path, task="protein_ss8", deduplicate=True)) == 5364


def test_jpred4(shared_data):
    rows = load_rows(shared_data / "protein" / "jpred4" / "jpred4_training.tsv", task="protein_ss3")
    shares = Counter(tag for tags in rows["tags"] for tag in tags)
    assert (len(rows), shares.total()) == (1348, 218421)
    assert {state: round(100 * count / shares.total(), 2) for state, count in shares.items()} == {
        "H": 35.59,
        "E": 22.25,
        "C": 42.16,
    }


@pytest.mark.parametrize("name", ["1qys_ss.fas", "1qys_ss_conf.fas"])
def test_predictors_fasta(shared_data, name):
    [row] = load_rows(shared_data / "protein" / "formats" / name, task="protein_ss3")
    assert "".join(row["tags"]).startswith("CCCEEEEEEECCCCC")
    assert len(row["tokens"]) == len(row["tags"]) == 94


def test_builtin_chains_leave_out_those_near_to_public_test_sets(shared_data):
    near = set()
    for path in (shared_data / "protein" / "overlap").glob("*_train__homologous_to__*.tsv"):
        near |= {line.split("\t")[0] for line in path.read_text(encoding="utf-8").splitlines()[1:]}
    train = load_rows("builtin:flip/train", task="protein_ss3")
    assert near
    assert not near & set(train["id"])
    full = (shared_data / "protein" / "flip" / "sequences.fasta").read_text(encoding="utf-8").split(">")[1:]
    assert set(train["id"]) <= {record.split("\n")[0] for record in full}
