"""The geometry of drawn chains, and the pictures made of it."""

import io
import re
import sys
import xml.etree.ElementTree as ElementTree
from itertools import product

import pytest

from bilstm_tagger.drawing import write_png, write_svg
from bilstm_tagger.drawing.chain import ROW, Chain, Segment, describe, draw_row, rows_of, segments
from bilstm_tagger.drawing.glyphs import CELL, NAMES, segment_paths
from bilstm_tagger.drawing.shapes import DARK, LIGHT, STYLES
from bilstm_tagger.errors import InputError, MissingDependencyError

SVG = "{http://www.w3.org/2000/svg}"


def chain(states, *, gold=None, scores=None, name="1abc"):
    return Chain(name, "A" * len(states), states, [0.5] * len(states) if scores is None else scores, gold)


def points(paths):
    return [path.begin for path in paths] + [point for path in paths for step in path.steps for point in step]


def test_segments_are_runs():
    assert segments("HHC") == [Segment("H", 0, 2), Segment("C", 2, 3)]
    assert segments([None, None, "E"]) == [Segment(None, 0, 2), Segment("E", 2, 3)]
    assert segments("") == []


def test_rows_hold_sixty_residues():
    assert list(rows_of(chain("C" * 121))) == [(0, 60), (60, 120), (120, 121)]
    assert list(rows_of(chain(""))) == []


@pytest.mark.parametrize(("state", "length", "ends"), list(product(NAMES, (1, 2, 3, 7, 60), (True, False))))
def test_every_segment_fills_its_place_and_no_more(state, length, ends):
    left, right = 100.0, 100.0 + length * CELL
    found = points(segment_paths(state, left, right, 50.0, ends=ends))
    assert min(x for x, _ in found) == pytest.approx(left)
    assert max(x for x, _ in found) == pytest.approx(right)
    assert all(36 <= y <= 64 for _, y in found)


def test_a_helix_turns_once_in_3_6_residues_and_is_right_handed():
    paths = segment_paths("H", 0, 36 * CELL, 50.0, ends=True)
    front = [path for path in paths if path.style == "helix"]
    assert len(front) == 10
    for path in front[:-1]:
        # What is in front falls from left to right: y grows downwards.
        (end_x, end_y) = path.steps[0][-1]
        assert end_x > path.begin[0]
        assert end_y > path.begin[1]


def test_an_arrow_has_its_head_where_the_strand_ends():
    length = 70
    row = draw_row(chain("E" * length), 0, ROW)
    (first,) = (path for path in row.paths if path.style == "strand")
    (last,) = (path for path in draw_row(chain("E" * length), ROW, length).paths if path.style == "strand")
    assert len(first.steps) == 3  # a plain block: it goes on in the next row
    assert len(last.steps) == 6
    assert len({y for _, y in points([last])}) == 5


def test_where_the_prediction_differs_is_framed():
    row = draw_row(chain("HHEEC", gold=["H", "E", "H", None, "C"]), 0, 5)
    (frame,) = (path for path in row.paths if path.style == "wrong")
    assert max(x for x, _ in points([frame])) - min(x for x, _ in points([frame])) == pytest.approx(2 * CELL)
    assert any(path.style == "unknown" for path in row.paths)
    assert not any(path.style == "wrong" for path in draw_row(chain("HHEEC"), 0, 5).paths)


def test_gold_of_three_states_is_compared_in_three():
    assert chain("GTEH", gold=list("HCEH")).wrong == [False] * 4
    assert chain("GTEH", gold=list("HCGH")).wrong == [True, True, True, False]
    assert chain("GT").wrong == [False, False]


def test_letters_stand_above_their_glyphs():
    row = draw_row(Chain("x", "MKT", "HEC", [0.1, 0.2, 0.3]), 0, 3)
    (residues,) = (letters for letters in row.letters if letters.style == "residue")
    (states,) = (letters for letters in row.letters if letters.style == "state")
    assert (residues.text, states.text) == ("MKT", "HEC")
    assert list(residues.places) == list(states.places)
    assert residues.places[1] - residues.places[0] == CELL


def test_confidence_is_as_high_as_the_probability():
    def heights(score):
        row = draw_row(chain("C", scores=[score]), 0, 1)
        (area,) = (path for path in row.paths if path.style == "confidence")
        return max(y for _, y in points([area])) - min(y for _, y in points([area]))

    assert heights(0.5) == pytest.approx(heights(1.0) / 2)
    assert heights(0.0) == 0
    assert not any(path.style == "confidence" for path in draw_row(Chain("x", "M", "C", []), 0, 1).paths)


def test_a_row_in_words():
    assert describe(chain("CHHHET"), 0, 6) == "Predicted: helix 2-4, strand 5-5, turn 6-6."
    assert describe(chain("CC", gold=["C", "H"]), 0, 2) == "Predicted: coil. 1 residues differ from gold."


def test_every_style_has_its_colours_on_both_papers():
    names = {name for style in STYLES.values() for name in (style.fill, style.stroke) if name is not None}
    assert names <= set(LIGHT)
    assert set(LIGHT) == set(DARK)
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in (*LIGHT.values(), *DARK.values()))


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_text_can_be_read(colours):
    """Contrast of at least 4.5 (WCAG 2.2, AA) for text on paper, and of 3 for what is drawn."""

    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    def contrast(first, second):
        bright, dark = sorted((luminance(colours[first]), luminance(colours[second])), reverse=True)
        return (bright + 0.05) / (dark + 0.05)

    for paper in ("paper", "wrong"):
        assert contrast("ink", paper) >= 4.5
        assert contrast("faint", paper) >= 4.5
    for drawn in ("helix", "strand", "coil", "confidence-edge", "wrong-edge"):
        assert contrast(drawn, "paper") >= 3, drawn


def test_svg_is_sound_and_escaped():
    stream = io.StringIO()
    write_svg([chain("CHHHHEEEC" * 20, name="<b>&\"'"), chain("")], stream)
    root = ElementTree.fromstring(stream.getvalue())
    assert root.find(f"{SVG}title").text == "Secondary structure of <b>&\"', 1abc"
    assert "helix 2-5" in root.find(f"{SVG}desc").text
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert "<b>&\"'  (180 residues)" in texts
    assert texts.count("A" * 60) == 3
    assert "var(" not in stream.getvalue()  # programs other than browsers know no variables


def test_png():
    pytest.importorskip("matplotlib")
    stream = io.BytesIO()
    write_png([chain("CHHHHHEEEECTTSSGGGB", gold=[None] * 19)], stream)
    data = stream.getvalue()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(data[16:20], "big") == 2 * (64 + 60 * 13 + 40 + 32)


def test_png_needs_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.backends.backend_agg", None)
    monkeypatch.delitem(sys.modules, "bilstm_tagger.drawing.raster", raising=False)
    with pytest.raises(MissingDependencyError, match=r"Writing PNG needs the package 'matplotlib'.*\[viz\]"):
        write_png([chain("C")], io.BytesIO())


def test_a_png_that_is_too_tall():
    with pytest.raises(InputError, match=r"a PNG of 20,000 residues would be .* pixels tall.*Write \.html or \.svg"):
        write_png([chain("C" * 20_000)], io.BytesIO())
