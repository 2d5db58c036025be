"""Learning from trained models: their answers beside the labels, and instead of labels where there are none.

Knowledge distillation (Hinton et al. 2015) for tag sequences: the student takes over the teacher's distribution over
whole sequences, not the tags of single tokens. Several teachers answer as one, by the mean of their scores.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bilstm_tagger.config import Config
from bilstm_tagger.errors import ConfigError
from bilstm_tagger.features.encoding import EncodedRows
from bilstm_tagger.inference.decoding import score_rows
from bilstm_tagger.inference.ensemble import check_members, load_models
from bilstm_tagger.inference.find import find_folder
from bilstm_tagger.inference.model import Model
from bilstm_tagger.inference.scorer import mixed_crf
from bilstm_tagger.nn import Batch
from bilstm_tagger.nn.crf import CRF
from bilstm_tagger.nn.cross_entropy import cross_entropy
from bilstm_tagger.training.parts import encode_part

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["Distillation", "Teacher", "load_teacher"]


@dataclass(frozen=True)
class Distillation:
    """The teachers' share of a loss.

    Attributes:
        crf: The teachers' layer; what it scores with rides in each batch.
        weight: How much of the loss is theirs.
    """

    crf: CRF
    weight: float

    def mix(self, loss: Tensor, crf: CRF, emissions: Tensor, batch: Batch) -> Tensor:
        """Returns the loss of the labels and the cross-entropy to the teachers, weighted.

        Args:
            loss: That of the labels, summed over the sequences; without labels it is zero.
            crf: The student's layer.
            emissions: ``(seq_len, batch_size, num_tags)`` the student's.
            batch: With the teachers' emissions.
        """
        if batch.teacher is None:
            raise ValueError("the batch has no answers of a teacher")
        term = cross_entropy(crf, emissions, self.crf, batch.teacher, batch.lengths)
        return (1.0 - self.weight) * loss + self.weight * term


class Teacher:
    """Trained models that another learns from.

    Args:
        models: Of the same tags, in evaluation mode.
    """

    def __init__(self, models: Sequence[Model]) -> None:
        check_members(models)
        self.models = list(models)
        self.crf = mixed_crf([model.network.crf for model in models])

    def check(self, student: Model) -> None:
        """Makes sure that the student can take over the answers.

        Raises:
            ConfigError: It has other tags, or must not give sequences that the teachers may give.
        """
        theirs, own = self.models[0].vocabulary.tags, student.vocabulary.tags
        if theirs != own:
            missing = ", ".join(tag for tag in own if tag not in theirs) or "none"
            further = ", ".join(tag for tag in theirs if tag not in own) or "none"
            raise ConfigError(
                f"'distill.teacher' has other tags than this run (missing: {missing}; further: {further})",
                hint="Train both on the same labels, with the same crf.scheme",
            )
        if student.network.sizes.constraints and not self.models[0].network.sizes.constraints:
            raise ConfigError(
                "'distill.teacher' may give tags that the constraints of this run forbid",
                hint="Set crf.constraints = false, or take teachers with constraints",
            )

    def answer(self, encoded: EncodedRows, rows: Dataset, source: str) -> EncodedRows:
        """Adds the teachers' emissions to rows, computed once.

        Args:
            encoded: The rows as the student reads them.
            rows: The rows.
            source: Their name, for errors.
        """
        unlabelled = rows.remove_columns("tags")
        total: NDArray[np.float32] | None = None
        for model in self.models:
            scores = score_rows(model.network, encode_part(model, unlabelled, source))
            total = scores if total is None else total + scores
        assert total is not None  # there is a model
        return dataclasses.replace(encoded, teacher=total / np.float32(len(self.models)))


def load_teacher(config: Config, device: torch.device) -> Teacher | None:
    """Returns the teachers that the configuration names, on a device; None where it names none.

    Raises:
        ModelError: One cannot be read, or they cannot answer together.
    """
    names = config.distill.teacher or []
    folders = [find_folder(name) for name in ([names] if isinstance(names, str) else names)]
    models = [model for folder in folders for model in load_models(Path(folder), device=device)]
    return Teacher(models) if models else None
