"""A sentence's part of a page: spans marked in the running text, or the tag under each word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from bilstm_tagger.drawing.predictions import Shown
from bilstm_tagger.schemes import tags_to_spans
from bilstm_tagger.types import Span, TaggedSequence

__all__ = ["sentence_article", "text_classes", "text_legend"]

HUES = (212, 18, 142, 282, 46, 330, 178, 96, 252, 0)
"""Hues of the labels, the most frequent first; the label is always written too."""

Key = tuple[str, int, int]


def text_classes(shown: Sequence[Shown], *, spans: bool) -> dict[str, str]:
    """Returns the CSS class of each label, by its frequency."""
    counts: Counter[str] = Counter()
    for item in shown:
        counts.update([span.label for span in item.doc.spans] if spans else item.doc.tags)
        if spans and item.gold is not None:
            counts.update(label for label, _, _ in tags_to_spans(item.gold))
    labels = sorted(counts, key=lambda label: (-counts[label], label))
    return {label: f"k{index % len(HUES)}" for index, label in enumerate(labels)}


def text_legend(shown: Sequence[Shown], classes: Mapping[str, str]) -> str:
    """Returns a table of the labels: how many spans, how sure, and how many of them are gold's."""
    found: dict[str, list[tuple[float, bool]]] = {label: [] for label in classes}
    wanted: Counter[str] = Counter()
    gold = any(item.gold is not None for item in shown)
    for item in shown:
        true = _gold_keys(item)
        wanted.update(label for label, _, _ in true or ())
        for span in item.doc.spans:
            found[span.label].append((span.score, true is not None and _key(span) in true))
    heads = ["label", "spans", "mean probability", *(["as gold", "in gold"] if gold else [])]
    rows = []
    for label, spans in found.items():
        mean = f"{sum(score for score, _ in spans) / len(spans):.2f}" if spans else "-"
        cells = [f"{len(spans):,}", mean]
        cells += [f"{sum(right for _, right in spans):,}", f"{wanted[label]:,}"] if gold else []
        name = f'<mark class="{classes[label]}">{escape(label)}</mark>'
        rows.append(f'<tr><th scope="row">{name}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>')
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f'<div class="scroll" tabindex="0">{table}</div>' if rows else ""


def sentence_article(shown: Shown, number: int, classes: Mapping[str, str], *, spans: bool) -> str:
    """Returns the HTML of one sentence; gold has a line of its own where it differs."""
    body, differs = _with_spans(shown, classes) if spans else _with_tags_below(shown)
    note = "" if shown.gold is None else "differs from gold" if differs else "as gold"
    name = f'<h2><bdi>{escape(shown.doc.id or str(number))}</bdi><span class="note">{note}</span></h2>'
    return f'<article id="s{number}"{" class=differing" if differs else ""}>{name}{body}</article>\n'


def _with_spans(shown: Shown, classes: Mapping[str, str]) -> tuple[str, bool]:
    """The text with predicted spans, below it with gold's where they differ; and whether they do."""
    doc, true = shown.doc, _gold_keys(shown)
    # Nobody knows whether a span is right that covers a token without a gold tag.
    known = {_key(span) for span in doc.spans if None not in (shown.gold or [])[span.token_start : span.token_end]}
    if true is None or true == known:
        return _line(doc, doc.spans, classes, {}), False
    gold = [_gold_span(doc, key) for key in sorted(true, key=lambda key: key[1])]
    lines = {
        "predicted": _line(doc, doc.spans, classes, dict.fromkeys(known - true, "not in gold")),
        "gold": _line(doc, gold, classes, dict.fromkeys(true - known, "missed")),
    }
    pairs = [f'<div class="pair"><span class="note">{title}</span>{line}</div>' for title, line in lines.items()]
    return "".join(pairs), True


def _gold_keys(shown: Shown) -> set[Key] | None:
    return None if shown.gold is None else set(tags_to_spans(shown.gold))


def _key(span: Span) -> Key:
    return span.label, span.token_start, span.token_end


def _gold_span(doc: TaggedSequence, key: Key) -> Span:
    label, first, after = key
    start, end = doc.offsets[first][0], doc.offsets[after - 1][1]
    return Span(doc.text[start:end], label, start, end, float("nan"), first, after)


def _line(doc: TaggedSequence, spans: Iterable[Span], classes: Mapping[str, str], notes: Mapping[Key, str]) -> str:
    """The text with its spans marked; ``notes`` says what is wrong with some of them."""
    parts, position = [], 0
    for span in spans:
        note = notes.get(_key(span))
        # A gold span has no probability.
        score = "" if span.score != span.score else f' <span class="p">{span.score:.2f}</span>'
        problem = f' <span class="problem">{note}</span>' if note else ""
        label = f'<bdi class="tag" dir="ltr">{escape(span.label)}{score}{problem}</bdi>'
        kind = classes[span.label] + (" bad" if note else "")
        parts.append(escape(doc.text[position : span.start]))
        parts.append(f'<mark class="{kind}">{escape(doc.text[span.start : span.end])}{label}</mark>')
        position = span.end
    return f'<p dir="auto">{"".join(parts)}{escape(doc.text[position:])}</p>'


def _with_tags_below(shown: Shown) -> tuple[str, bool]:
    """Each word with its tag below and what gold has instead; and whether some tag differs."""
    doc = shown.doc
    gold = shown.gold if shown.gold is not None else [None] * len(doc)
    parts, position, some = [], 0, False
    for (start, end), tag, score, true in zip(doc.offsets, doc.tags, doc.tag_scores, gold, strict=True):
        differs = true is not None and true != tag
        some = some or differs
        told = f"<small>{escape(tag)}</small>" + (f"<small>gold {escape(str(true))}</small>" if differs else "")
        parts.append(escape(doc.text[position:start]))
        parts.append(
            f'<span class="word{" bad" if differs else ""}" title="probability {score:.2f}">'
            f"<span>{escape(doc.text[start:end])}</span>{told}</span>"
        )
        position = end
    return f'<p dir="auto" class="words">{"".join(parts)}{escape(doc.text[position:])}</p>', some
