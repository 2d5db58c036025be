"""What the doctor says: findings with a code, a severity, places and proposed repairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from bilstm_tagger.data.repairs.oddities import visible
from bilstm_tagger.data.repairs.repair import Repair

__all__ = ["CATALOG", "MAX_EXAMPLES", "MAX_REPAIRS", "SEVERITIES", "Finding", "Kind", "Place", "Tally", "counted"]

Severity = Literal["error", "warning", "note"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""The worst first. An error stops reading or training; a warning is a likely mistake; a note is worth knowing."""

MAX_EXAMPLES = 20
MAX_REPAIRS = 1000


class Kind(NamedTuple):
    """One kind of finding.

    Attributes:
        severity: How bad it is, unless the finding itself says otherwise.
        title: What it is, in a few words.
        advice: How it is mended, or what to do about it.
    """

    severity: Severity
    title: str
    advice: str


# The codes are stable: scripts select by them. docs/doctor.md explains each.
CATALOG: Mapping[str, Kind] = {
    "D001": Kind("error", "cannot be read", "Mend this place; reading stops here"),
    "D101": Kind("error", "not UTF-8", "Convert the file: iconv -f ENCODING -t UTF-8 OLD > NEW"),
    "D102": Kind("note", "byte order mark", "Left out on reading; convert writes files without it"),
    "D103": Kind("note", "CRLF line ends", "Read as line ends; convert writes LF"),
    "D104": Kind("warning", "mixed line ends", "CR before LF is left out on reading; convert writes LF"),
    "D105": Kind("warning", "NUL bytes", "Delete them; a file full of them is UTF-16 or binary"),
    "D106": Kind("warning", "carriage returns without line feeds", "Write LF instead, or delete them"),
    "D201": Kind("warning", "separator lines with blanks", "Read as empty lines; convert writes empty lines"),
    "D202": Kind("warning", "DOCSTART without an empty line after it", "Read as a boundary; convert adds the line"),
    "D203": Kind("note", "# as a token", "Check that each line with it is read as what it is"),
    "D204": Kind("error", "wrong number of columns", "Give each line as many columns as the others have"),
    "D205": Kind("warning", "empty columns at the end of a line", "Left out on reading; convert leaves them out"),
    "D206": Kind("warning", "empty tokens", "Read as U+FFFD, so that tags keep their place; convert writes that"),
    "D207": Kind("warning", "columns look swapped", "Set data.token_column and data.tag_column"),
    "D301": Kind(
        "warning", "ill-formed tags", "Repaired on reading as conlleval reads them; convert --repair writes it"
    ),
    "D302": Kind("warning", "parts in different schemes", "All are read as IOB2; set data.scheme if one is misread"),
    "D303": Kind("note", "scheme is not certain", "Set data.scheme if it is another one"),
    "D304": Kind("note", "tokens without a tag", "They are neither trained on nor scored"),
    "D305": Kind("warning", "spans that do not fit the tokens", "data.align and data.overlap say what is done"),
    "D306": Kind(
        "warning",
        "tags in another spelling",
        'Read in the usual spelling; convert --repair writes it. Set data.scheme = "IO" if they are labels',
    ),
    "D401": Kind("note", "rare labels", "Too few to learn or to score: join them with others, or find more"),
    "D402": Kind("error", "labels that training never saw", "Training stops at them: correct them, or add data"),
    "D403": Kind(
        "warning", "labels spelt in several ways", "They are different labels to a model: choose one spelling"
    ),
    "D404": Kind("warning", "nothing to learn", "Check data.tag_column"),
    "D501": Kind("warning", "very long sequences", "Look for a missing empty line; very long ones slow training down"),
    "D502": Kind("warning", "sequences of one token", "Look for empty lines after each token"),
    "D601": Kind("warning", "duplicates inside a part", "data.deduplicate = true leaves them out of training"),
    "D602": Kind(
        "warning", "the same sequences in two parts", "Take them out of training; scores are too good with them"
    ),
    "D603": Kind("warning", "nearly the same sequences in two parts", "Look at them: perhaps split by document"),
    "D604": Kind("warning", "the same tokens with different tags", "Decide which annotation is right"),
    "D701": Kind(
        "warning",
        "control or invisible characters in tokens",
        "convert --repair takes them out of words; a token of nothing else is to be deleted",
    ),
    "D702": Kind("warning", "replacement characters (U+FFFD)", "Text was lost in an earlier conversion: go back to it"),
    "D703": Kind(
        "warning", "HTML in tokens", "convert --repair writes entities as characters; take elements out yourself"
    ),
    "D704": Kind("warning", "text decoded wrongly (mojibake)", "convert --repair decodes it rightly"),
    "D705": Kind("note", "white space inside tokens", "Column formats separated by blanks cannot hold them"),
    "D706": Kind("note", "web addresses glued to words", "Separate them, if the tokenizer of your texts does"),
    "D707": Kind("note", "very long tokens", "Look for missing blanks"),
    "D708": Kind(
        "note", "tokens not in Unicode's NFC form", "convert --repair writes NFC: one spelling of each character"
    ),
    "D709": Kind("warning", "HTML entities cut into tokens", "Decode HTML before cutting text into tokens"),
    "D711": Kind("note", "words without a pretrained vector", "Other vectors, or characters, may help"),
    "D712": Kind("note", "words that training never saw", "Characters and pretrained vectors help with them"),
    "D713": Kind("note", "span texts that training never saw", "Expect scores on new names to be lower"),
    "D801": Kind("warning", "chains of unknown residues", "Leave them out: X says nothing"),
    "D802": Kind("note", "unusual residues", "B J O U X Z are read; they are too rare to be learned"),
    "D803": Kind("note", "chains of unusual length", "Fragments and very long chains behave differently"),
    "D804": Kind("warning", "chains without any label", "Leave them out; they are neither trained on nor scored"),
    "D805": Kind(
        "warning", "similar chains in two parts", "Leave them out of training (data.exclude) for a fair score"
    ),
}


class Place(NamedTuple):
    """Where something was found.

    Attributes:
        path: The file or data set.
        line: The 1-based line, or the row of a data set.
        text: What stands there.
    """

    path: str
    line: int | None
    text: str

    def __str__(self) -> str:
        where = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{where}: {self.text}" if self.text else where


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was found in one part.

    Attributes:
        code: Stable name, such as ``D301``.
        severity: ``error``, ``warning`` or ``note``.
        part: ``train``, ``dev``, ``test``; both names for what concerns two; empty for a single source.
        message: What was found, in one sentence.
        advice: How it is mended.
        count: How many times.
        places: Where, ``MAX_EXAMPLES`` at most.
        repairs: What ``convert --repair`` would change, ``MAX_REPAIRS`` at most.
    """

    code: str
    severity: Severity
    part: str
    message: str
    advice: str
    count: int = 1
    places: tuple[Place, ...] = ()
    repairs: tuple[Repair, ...] = field(default=(), repr=False)

    @classmethod
    def of(
        cls,
        code: str,
        message: str,
        *,
        part: str = "",
        tally: Tally | None = None,
        severity: Severity | None = None,
        count: int | None = None,
    ) -> Finding:
        """Makes a finding of the catalogue's kind; ``tally`` brings its count, places and repairs."""
        kind = CATALOG[code]
        tally = Tally() if tally is None else tally
        return cls(
            code=code,
            severity=severity or kind.severity,
            part=part,
            message=message,
            advice=kind.advice,
            count=(tally.count or 1) if count is None else count,
            places=tuple(tally.places),
            repairs=tuple(tally.repairs),
        )

    @property
    def title(self) -> str:
        """What kind of thing was found."""
        return CATALOG[self.code].title

    def to_dict(self) -> dict[str, Any]:
        """Returns the finding as a JSON-ready dictionary."""
        return {
            "code": self.code,
            "severity": self.severity,
            "part": self.part,
            "title": self.title,
            "message": self.message,
            "advice": self.advice,
            "count": self.count,
            "places": [place._asdict() for place in self.places],
            "repairs": [repair.to_dict() for repair in self.repairs],
        }


def counted(count: int, one: str, many: str) -> str:
    """Returns ``1 line is`` or ``1,234 lines are``."""
    return f"1 {one}" if count == 1 else f"{count:,} {many}"


class Tally:
    """Counts something, and keeps the first places and repairs: memory that does not grow with the count."""

    def __init__(self) -> None:
        self.count = 0
        self.places: list[Place] = []
        self.repairs: list[Repair] = []

    @property
    def full(self) -> bool:
        """Whether further places, and repairs if it has any, are only counted."""
        return len(self.places) >= MAX_EXAMPLES and len(self.repairs) in (0, MAX_REPAIRS)

    def add(self, path: str, line: int | None, text: str, count: int = 1) -> None:
        """Counts one place (``count`` of them)."""
        self.count += count
        if len(self.places) < MAX_EXAMPLES:
            self.places.append(Place(path, line, text))

    def propose(self, repair: Repair, *, count: int = 1) -> None:
        """Counts one place that can be mended."""
        self.add(repair.path, repair.line, f"{visible(repair.old)} -> {visible(repair.new)}", count)
        if len(self.repairs) < MAX_REPAIRS:
            self.repairs.append(repair)

    def merge(self, other: Tally) -> None:
        """Adds what another tally holds."""
        self.count += other.count
        self.places += other.places[: MAX_EXAMPLES - len(self.places)]
        self.repairs += other.repairs[: MAX_REPAIRS - len(self.repairs)]
