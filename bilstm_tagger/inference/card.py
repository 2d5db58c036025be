"""The README.md of a model folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bilstm_tagger.config import Config
from bilstm_tagger.features.vocabulary import Vocabulary, span_labels
from bilstm_tagger.schemes import Scheme

__all__ = ["model_card"]


def model_card(config: Config, vocabulary: Vocabulary, metrics: Mapping[str, Any]) -> str:
    """Returns a model card with the metadata block that hubs read."""
    task = config.task_definition
    labels = sorted(vocabulary.tags if vocabulary.scheme is Scheme.NONE else span_labels(vocabulary.tags))
    dev, test = metrics.get("dev"), metrics.get("test")
    lines = [
        "---",
        "library_name: bilstm-tagger",
        "pipeline_tag: token-classification",
        "tags:",
        "- sequence-tagger",
        "- bilstm-crf",
        f"- {config.task}",
        "---",
        "",
        f"# {task.title}: a BiLSTM-CRF tagger",
        "",
        f"Labels: {', '.join(labels)}.",
        "",
        "```python",
        "from bilstm_tagger import Tagger",
        "",
        'tagger = Tagger.from_pretrained("path/to/this/folder")',
        "print(tagger.tag(" + ('"MKTAYIAKQR"' if task.kind == "residues" else '"Some text."') + ").tags)",
        "```",
        "",
        "## Scores",
        "",
        "Measured on the parts named here; nothing is known about other text.",
        "",
        "| part | source | " + (config.training.metric if config.training.metric != "auto" else task.metric) + " |",
        "|---|---|---|",
    ]
    for name, scores in (("dev", dev), ("test", test)):
        if scores:
            source = getattr(config.data, name) or "held out from the training part"
            lines.append(f"| {name} | {source} | {scores['metric']:.4f} |")
    lines += [
        "",
        "## Training",
        "",
        f"{_origin(config)} The configuration:",
        "",
        "```json",
        json.dumps(config.to_dict(), indent=2, ensure_ascii=False),
        "```",
        "",
    ]
    return "\n".join(lines)


def _origin(config: Config) -> str:
    """Returns what the weights come from, in sentences."""
    sentences = [f"Trained on {config.data.train}, seed {config.seed}."]
    if config.training.start is not None:
        sentences.append(f"The weights began as those of {config.training.start}.")
    if config.distill.teacher:
        teachers = [config.distill.teacher] if isinstance(config.distill.teacher, str) else config.distill.teacher
        text = f" and on {config.distill.unlabelled} without tags" if config.distill.unlabelled else ""
        sentences.append(f"Distilled from {', '.join(teachers)}{text}.")
    return " ".join(sentences)
