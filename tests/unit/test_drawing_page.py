"""Pages: whole, escaped, without network or script; gold beside prediction."""

import io
from html.parser import HTMLParser

import pytest

from bilstm_tagger.drawing import Shown, write_page
from bilstm_tagger.types import Span, TaggedSequence

VOID = {"meta", "input", "br", "path", "rect"}


class Page(HTMLParser):
    """Checks that tags close in order, and keeps what a test asks for."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.attributes, self.text = [], [], [], ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.seen.append(tag)
        self.attributes.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.seen.append(tag)
        self.attributes.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "title"} & set(self.open):
            self.text += data

    def with_class(self, name):
        return [tag for tag, attributes in self.attributes if name in (attributes.get("class") or "").split()]


def page(shown, kind, **options):
    stream = io.StringIO()
    write_page(shown, stream, kind=kind, title=options.pop("title", "a title"), **options)
    return stream.getvalue()


def sentence(text, words, spans=(), *, tags=None, id=None):
    """A sentence; spans are ``(label, first token, token after)``."""
    offsets, position = [], 0
    for word in words:
        start = text.index(word, position)
        position = start + len(word)
        offsets.append((start, position))
    found = [
        Span(text[offsets[a][0] : offsets[b - 1][1]], label, offsets[a][0], offsets[b - 1][1], 0.875, a, b)
        for label, a, b in spans
    ]
    return TaggedSequence(text, list(words), tags or ["O"] * len(words), found, [0.5] * len(words), 0.1, offsets, id)


def protein(states, *, id=None):
    offsets = [(i, i + 1) for i in range(len(states))]
    return TaggedSequence("A" * len(states), ["A"] * len(states), list(states), [], [0.9] * len(states), 1, offsets, id)


def test_spans_are_marked_in_the_running_text():
    doc = sentence("Angela Merkel, Oslo", ["Angela", "Merkel", ",", "Oslo"], [("PER", 0, 2), ("LOC", 3, 4)])
    found = Page(page([Shown(doc)], "spans"))
    assert "Angela MerkelPER 0.88, OsloLOC 0.88" in found.text
    assert found.seen.count("mark") == 4  # two in the legend
    assert found.with_class("note") == ["span"]


@pytest.mark.parametrize("nasty", ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "\"'&amp;", "</style>"])
def test_nothing_in_the_input_is_markup(nasty):
    doc = sentence(f"{nasty} end", [nasty, "end"], [(nasty, 0, 1)], id=nasty)
    words = sentence(f"{nasty} end", [nasty, "end"], tags=[nasty, "X"], id=nasty)
    chain = protein("HH", id=nasty)
    for text in (
        page([Shown(doc, ["O", "B-" + nasty])], "spans", title=nasty),
        page([Shown(words, ["X", nasty])], "tokens", title=nasty),
        page([Shown(chain), Shown(chain, ["C", "H"])], "residues", title=nasty),
    ):
        found = Page(text)
        assert not {"script", "img"} & set(found.seen)
        assert nasty in found.text
        assert found.seen.count("style") == 1


def test_pages_need_nothing_from_elsewhere():
    doc = sentence("Oslo", ["Oslo"], [("LOC", 0, 1)])
    for text in (page([Shown(doc)], "spans"), page([Shown(protein("HEC"))], "residues")):
        assert "http" not in text
        assert "url(" not in text
        assert "<script" not in text
        assert "prefers-color-scheme:dark" in text
        found = Page(text)
        assert ("html", {"lang": "en"}) in found.attributes
        assert {"header", "main", "h1"} <= set(found.seen)


def test_gold_stands_beside_where_it_differs():
    doc = sentence("Ada met Oslo", ["Ada", "met", "Oslo"], [("PER", 0, 1), ("PER", 2, 3)])
    right = Page(page([Shown(doc, ["B-PER", "O", "B-PER"])], "spans"))
    assert "as gold" in right.text
    assert right.with_class("bad") == []
    wrong = Page(page([Shown(doc, ["B-PER", "O", "B-LOC"])], "spans"))
    assert wrong.with_class("bad") == ["mark", "mark"]
    assert "OsloPER 0.88 not in gold" in wrong.text
    assert "OsloLOC missed" in wrong.text
    assert wrong.with_class("differing") == ["article"]
    assert ("input", {"type": "checkbox", "id": "only"}) in wrong.attributes


def test_a_span_over_an_unknown_tag_is_not_called_wrong():
    doc = sentence("Ada met", ["Ada", "met"], [("PER", 0, 1)])
    found = Page(page([Shown(doc, [None, "O"])], "spans"))
    assert found.with_class("bad") == []


def test_tags_stand_below_their_words():
    doc = sentence("I saw", ["I", "saw"], tags=["PRON", "NOUN"])
    found = Page(page([Shown(doc, ["PRON", "VERB"])], "tokens"))
    assert "IPRON sawNOUNgold VERB" in found.text
    assert len(found.with_class("bad")) == 1
    assert found.with_class("bad") != Page(page([Shown(doc, [None, None])], "tokens")).with_class("bad")


def test_right_to_left_text_and_emoji_keep_every_character():
    text = "زارت أنجيلا Berlin 👩‍👩‍👧‍👦 e\u0301"
    doc = sentence(text, text.split(), [("LOC", 2, 3)])
    source = page([Shown(doc)], "spans")
    assert '<p dir="auto">زارت أنجيلا <mark' in source
    assert "👩‍👩‍👧‍👦 e\u0301</p>" in source


def test_halves_of_characters_are_replaced():
    text = page([Shown(sentence("a \ud800 b", ["a", "\ud800", "b"], id="\udfff"))], "spans")
    assert "a \ufffd b" in text
    text.encode("utf-8")


def test_a_chain_is_told_in_words_too():
    found = Page(page([Shown(protein("CHHHHEEC", id="1abc"), ["C", *"HHHH", "H", None, "C"])], "residues"))
    (row,) = (attributes for tag, attributes in found.attributes if attributes.get("class") == "row")
    assert row["role"] == "img"
    assert row["aria-label"] == ("Residues 1 to 8. Predicted: helix 2-5, strand 6-7. 1 residues differ from gold.")
    for line in ("gold  CHHHHH.C", "seq   AAAAAAAA", "pred  CHHHHEEC", "conf  99999999"):
        assert line in found.text
    assert "8 residues: 50% helix, 25% strand, 25% coil; mean confidence 0.90; 85.7% as gold" in found.text


def test_many_chains_have_an_index():
    shown = [Shown(protein("H" * length, id=f"chain {length}")) for length in (1, 61)]
    found = Page(page(shown, "residues", left_out=1200))
    links = {attributes["href"] for tag, attributes in found.attributes if tag == "a"}
    sections = {attributes["id"] for tag, attributes in found.attributes if tag == "section"}
    assert links == {f"#{name}" for name in sections} == {"#c1", "#c2"}
    assert "2 chains; 1,200 more are not shown" in found.text
    assert len(found.with_class("row")) == 3
    assert "nav" not in Page(page(shown[:1], "residues")).seen


def test_empty_sequences_are_drawn_as_such():
    empty = TaggedSequence("", [], [], [], [], 1.0, [])
    assert "0 residues" in Page(page([Shown(empty)], "residues")).text
    Page(page([Shown(empty, [])], "spans"))
    Page(page([Shown(empty)], "tokens"))


def test_unknown_gold_states_are_no_states():
    found = Page(page([Shown(protein("HH"), [None, None])], "residues"))
    assert "- as gold" in found.text
