import pytest

from bilstm_tagger.data import load_rows
from bilstm_tagger.errors import ConfigError, DataError


@pytest.fixture
def write(tmp_path):
    def write(text, name="x.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(
    "text",
    [
        "id,len,input,expected\n7,6,MKVLAA,LBHGTS\n",
        "id,sequence,dssp\n7,mkvlaa, BHGTS\n",
        'id;seq;sst8;sst3\n7;"MKVLAA";-BHGTS;CEHHCC\n',
        "id\tinput\tlabels\n7\tMKVLAA\tLBHGTS\n",
    ],
)
def test_chains(write, text):
    path = write(text)
    assert load_rows(path, task="protein_ss8")[:] == {
        "id": ["7"],
        "tokens": [list("MKVLAA")],
        "tags": [["C", "B", "H", "G", "T", "S"]],
    }
    assert load_rows(path, task="protein_ss3")["tags"] == [["C", "E", "H", "H", "C", "C"]]


def test_masks_and_odd_residues(write):
    path = write("seq,ss3,ok\nM*K*,CHH,101\nMK,HE,0 1.0\n")
    rows = load_rows(path, task="protein_ss3", mask="ok")
    assert rows["tokens"] == [["M", "X", "K"], ["M", "K"]]
    assert rows["tags"] == [["C", None, "H"], [None, "E"]]


def test_a_tsv_of_chains(write):
    assert load_rows(write("id\tsequence\tss3\na\tMK\t-E\n", "x.tsv"), task="protein_ss3")["tags"] == [["C", "E"]]


def test_words(write):
    text = 'Sentence #,Word,POS,Tag\nSentence: 1,Oslo,NNP,B-geo\n,"a, b",NN,\nSentence: 2,,X,O\n'
    rows = load_rows(write(text), task="ner")
    assert rows[:] == {
        "id": ["Sentence: 1", "Sentence: 2"],
        "tokens": [["Oslo", "a, b"], ["\ufffd"]],
        "tags": [["B-geo", None], ["O"]],
    }
    assert load_rows(write(text), task="pos")["tags"] == [["NNP", "NN"], ["X"]]
    assert load_rows(write(text), task="pos", require_tags=False)["tags"] == [[None, None], [None]]


def test_blank_lines_end_sentences_where_no_column_names_them(write):
    for name, text in (
        ("x.tsv", 'word\tner\nEU\tB-ORG\n"\tO\n\nOslo\tB-LOC\n'),
        ("x.csv", 'word,tag\nEU,B-ORG\n"""",O\n,\nOslo,B-LOC\n'),
    ):
        rows = load_rows(write(text, name), task="ner")
        assert rows["tokens"] == [["EU", '"'], ["Oslo"]]
        assert rows["id"] == ["1", "2"]


SENTENCES = [
    ('sentence,word_labels\n"EU rejects German","B-ORG,O,B-MISC"\nOslo,B-LOC\n', {}),
    ("text,labels\nEU rejects German,B-ORG O B-MISC\nOslo,B-LOC\n", {}),
    (
        """tokens,ner_tags\n"['EU', 'rejects', ""German""]","['B-ORG', 'O', 'B-MISC']"\n['Oslo'],['B-LOC']\n""",
        {},
    ),
    ("""tokens;tags\n"['EU' 'rejects'\n 'German']";['B-ORG' 'O' 'B-MISC']\n['Oslo'];['B-LOC']\n""", {"separator": ";"}),
    ('words\tner\n["EU", "rejects", "German"]\t["B-ORG", "O", "B-MISC"]\nOslo\tB-LOC\n', {}),
    ("x,y\nEU rejects German,B-ORG O B-MISC\nOslo,B-LOC\n", {"token_column": "x", "tag_column": "y"}),
    ("""id,sentence,pos,tag\n1,EU rejects German,A B C,"['B-ORG', 'O', 'B-MISC']"\n2,Oslo,A,['B-LOC']\n""", {}),
]


@pytest.mark.parametrize(("text", "options"), SENTENCES)
def test_a_sentence_a_row(write, text, options):
    rows = load_rows(write(text, "x.tsv" if "\t" in text else "x.csv"), task="ner", **options)
    assert rows[:] == {
        "id": ["1", "2"],
        "tokens": [["EU", "rejects", "German"], ["Oslo"]],
        "tags": [["B-ORG", "O", "B-MISC"], ["B-LOC"]],
    }


def test_a_sentence_a_row_with_parts_of_speech(write):
    text = "sentence,pos,tag\nEU acts,\"['N', 'V']\",\"['B-ORG', 'O']\"\n"
    assert load_rows(write(text), task="pos")["tags"] == [["N", "V"]]


def test_lists_in_fields(write):
    text = r"""tokens,tags
"['l\'eau', 'a\xe9\n', '', 'b']","['O', None, '', 'B-X']"
"['a b', 'c']",O O
"[""a"", null]","[""O"", null]"
[a 'b,O O
[],[]
"""
    rows = load_rows(write(text), task="ner")
    assert rows["tokens"] == [["l'eau", "aé\n", "\ufffd", "b"], ["a b", "c"], ["a", "\ufffd"], ["[a", "'b"]]
    assert rows["tags"][0] == ["O", None, None, "B-X"]


def test_numbers_for_tags(write, tmp_path):
    (tmp_path / "labels.txt").write_text("O\nB-ORG\n")
    text = "tokens,ner_tags\n\"['EU', 'acts', '.']\",[1 0 -100]\n"
    assert load_rows(write(text), task="ner")["tags"] == [["B-ORG", "O", None]]
    (tmp_path / "labels.txt").unlink()
    with pytest.raises(DataError, match=r"x.csv:2: tags that are numbers cannot be read without the names"):
        load_rows(write(text), task="ner")


def test_a_sentence_a_row_without_tags(write):
    [row] = load_rows(write("text\nEU acts.\n"), task="ner", require_tags=False)
    assert (row["tokens"], row["text"]) == (["EU", "acts", "."], "EU acts.")
    [row] = load_rows(write("tokens\n\"['EU', 'acts.']\"\n"), task="ner", require_tags=False)
    assert row["tokens"] == ["EU", "acts."]


def test_a_long_sentence_in_a_field(write):
    text = f"sentence,tags\n{'word ' * 50_000},{'O ' * 50_000}\n"
    assert len(load_rows(write(text), task="ner")["tokens"][0]) == 50_000


def test_another_number_of_tags(write):
    with pytest.raises(DataError, match=r"x.csv:3: 1 tags for 2 words: got 'O'. Accepted: one tag for each word"):
        load_rows(write("sentence,tags\na b,O O\nc d,O\ne f,O O\n"), task="ner")


def test_quoted_fields_between_tabs(write):
    assert load_rows(write('word\ttag\n"a\tb"\tO\n""""\tB-X\n', "x.tsv"), task="ner")["tokens"] == [["a\tb", '"']]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('word,tag\na,O\n"b,O\nc,O\n', r"x.csv:4: not valid CSV \(unexpected end of data\)"),
        ('\n\nword,tag\na,O\n"b,O\nc,O\n', r"x.csv:6: not valid CSV \(unexpected end of data\)"),
        ("word,tag,word\na,O,b\n", r"x.csv:1: two columns have one name: got 'word'"),
        ('word,tag\na,O\n"b\nc",O\n', r"x.csv:4: a line break inside a word: got 'b\\nc'. Perhaps a quotation mark"),
        ("wo\rrd,tag\na,O\n", r"x.csv:1: not valid CSV \(new-line character"),
    ],
)
def test_quotation_marks_that_nothing_closes(write, text, message):
    with pytest.raises(DataError, match=message):
        load_rows(write(text), task="ner")


def test_a_separator_of_several_characters(write):
    with pytest.raises(ConfigError, match=r"CSV has a separator of one character: got '\|\|'"):
        load_rows(write("word,tag\na,O\n"), task="ner", separator="||")


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("id,input,expected\na,MK\n", {}, r"x.csv:2: wrong number of columns: 2 instead of 3: got 'a,MK'"),
        ("id,input,expected\na,MK,HHH\n", {}, r"x.csv:2: record 'a' has 2 residues and 3 labels"),
        ("id,input,expected\na,MK,HQ\n", {}, r"residue 2 of 'a' has a label that is no state: got 'Q'"),
        ("id,input,expected\na,M1,HH\n", {}, r"x.csv:2: residue 2 is not an amino acid"),
        ("id,input\na,MK\n", {}, r"x.csv:1: there is no field for data.tag_column.*'id', 'input'"),
        ("a,b\n1,2\n", {}, r"there is no field for data.token_column.*Set data.token_column"),
        ("input,expected\nMK,HH\n", {"tag_column": "ss"}, r"data.tag_column.*Accepted: ss"),
        ("input,expected,mask\nMK,HH,101\n", {}, r"record '1' has 2 residues and 3 mask values"),
        ("input,expected,mask\nMK,HH,1x\n", {}, r"x.csv:2: the mask holds something other than 0 and 1: got '1x'"),
    ],
)
def test_errors(write, text, options, message):
    with pytest.raises(DataError, match=message):
        load_rows(write(text), task="protein_ss3", **options)


def test_blank_lines_above_the_header(write):
    assert load_rows(write("\n \nword,tag,,\na,O,,\n"), task="ner")["tokens"] == [["a"]]
