"""Whatever a file holds, the doctor gives a report."""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from bilstm_tagger.doctor import check
from bilstm_tagger.doctor.html import report_page

SEED = (
    "-DOCSTART- O\n\n# sent_id = 1\nAda\tB-PER\n&amp;\tO\n\t\nin\tO\r\nÖslo\tI-LOC\n\n# O\n1\tx\t_\n"
    '{"tokens": ["a"], "tags": ["B-X"]}\n>p1\nMKVLA\nHHHEC\nid,input,dssp8\na,MK,HE\n'
).encode()
PIECES = [
    b"\n",
    b"\t",
    b" ",
    b"\r",
    b"\0",
    b"#",
    b"\xff",
    b"\xef\xbb\xbf",
    b"I-X",
    b"B-",
    b"\xe2\x80\x8b",
    b"O",
    b"<b>",
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    rng = random.Random(draw(st.integers(0, 2**32)))
    data = SEED
    for _ in range(rng.randint(0, 12)):
        start = rng.randrange(len(data) + 1)
        piece = rng.choice([*PIECES, data[: rng.randrange(60)], bytes([rng.randrange(256)])])
        data = data[:start] + piece + data[start + rng.choice([0, 0, 1, 5, 40]) :]
    return data


@settings(deadline=None, max_examples=60)
@given(
    st.one_of(st.binary(max_size=200), mutated()), st.sampled_from(["conll", "conllu", "jsonl", "fasta", "csv", "txt"])
)
def test_any_bytes_give_a_report(data: bytes, suffix: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"x.{suffix}")
        path.write_bytes(data)
        report = check({"train": path, "dev": path})
    assert report.exit_code() in (0, 2)
    if not report.parts[0].sequences:
        assert report.count("error")
    json.dumps(report.to_dict())
    report_page(report)
