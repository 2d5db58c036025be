"""The data of a run: read once, and handed to each process as JSON lines, so that all sides see the same tokens."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

__all__ = ["Sentences", "load_source", "windows"]


@dataclass(frozen=True)
class Sentences:
    """Tokens, and IOB2 tags of the same shape."""

    tokens: list[list[str]]
    tags: list[list[str]]

    @property
    def num_tokens(self) -> int:
        return sum(map(len, self.tokens))

    def write(self, path: Path) -> Path:
        with path.open("w", encoding="utf-8") as file:
            for index, (tokens, tags) in enumerate(zip(self.tokens, self.tags, strict=True)):
                file.write(json.dumps({"id": str(index), "tokens": tokens, "tags": tags}) + "\n")
        return path

    @classmethod
    def read(cls, path: str | Path) -> Sentences:
        with open(path, encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        return cls([row["tokens"] for row in rows], [row["tags"] for row in rows])

    def repeated(self, num_tokens: int) -> Sentences:
        """Returns whole sentences of about this many tokens; from the start again when they run out."""
        chosen: list[int] = []
        count = 0
        while count < num_tokens:
            index = len(chosen) % len(self.tokens)
            chosen.append(index)
            count += len(self.tokens[index])
        return Sentences([self.tokens[i] for i in chosen], [self.tags[i] for i in chosen])


def load_source(source: str, *, split: str, limit: int | None = None) -> Sentences:
    """Reads a labelled source; rows without tokens are left out, because not every side survives them.

    Args:
        source: Anything that ``load_rows`` reads.
        split: For sources that have several parts.
        limit: Sentences to keep.
    """
    from bilstm_tagger import load_rows

    rows = load_rows(source, task="ner", split=split)
    pairs = ((tokens, tags) for tokens, tags in zip(rows["tokens"], rows["tags"], strict=True) if tokens)
    # Only this package trains on unknown labels.
    known = ((tokens, tags) for tokens, tags in pairs if all(tag is not None for tag in tags))
    tokens, tags = zip(*islice(known, limit), strict=True)
    return Sentences(list(tokens), list(tags))


def windows(sentences: Iterable[list[str]], length: int) -> Iterator[list[str]]:
    """Cuts running text into pieces of exactly ``length`` tokens, so that latencies can be compared."""
    text = (token for sentence in sentences for token in sentence)
    while len(piece := list(islice(text, length))) == length:
        yield piece
