"""The section that says how the weights are found."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bilstm_tagger.config.base import Fraction, Positive, Section

__all__ = ["TrainingConfig"]


class TrainingConfig(Section):
    """How the weights are found."""

    start: str | None = Field(
        None, description="a trained model whose weights the run begins with, its words' vectors too; tags may differ"
    )
    optimizer: Literal["sgd", "adam", "adamw", "radam", "nadam", "adagrad", "rmsprop"] = Field(
        "adamw", description="how the weights are updated"
    )
    learning_rate: Annotated[float, Field(gt=0)] = Field(2e-3, description="its largest value")
    momentum: Fraction = Field(0.0, description="for sgd and rmsprop")
    weight_decay: Annotated[float, Field(ge=0)] = Field(
        0.0, description="for all weights but large word tables; adamw, radam and nadam keep it apart from the gradient"
    )
    rates: dict[str, Annotated[float, Field(gt=0)]] = Field(
        {}, description="factors of the learning rate for parts of the network, such as {word = 0.1, encoder = 0.5}"
    )
    freeze: list[str] = Field(
        [], description="parts that are not trained: word, char, shape, lm, window, encoder, projection, crf"
    )
    freeze_epochs: int = Field(0, ge=0, description="epochs after which they are trained after all; 0 is never")
    schedule: Literal["constant", "linear", "cosine", "inverse", "plateau", "one-cycle"] = Field(
        "linear",
        description="after the warm-up; inverse is learning_rate / (1 + decay * epoch), plateau cuts the rate when the"
        " dev score stays, one-cycle rises and falls by cosines (usually with warmup = 0.3)",
    )
    decay: Annotated[float, Field(ge=0)] = Field(0.05, description="for the inverse schedule")
    plateau_factor: Annotated[float, Field(gt=0, lt=1)] = Field(0.5, description="what plateau multiplies the rate by")
    plateau_patience: int = Field(2, ge=0, description="epochs without a better dev score that plateau waits for")
    warmup: Fraction = Field(0.02, description="share of all steps in which the rate rises from 0")
    epochs: Positive = Field(20, description="times that the training part is gone through")
    patience: int = Field(0, ge=0, description="epochs without a better dev score before stopping; 0 never stops")
    batch_tokens: Positive = Field(512, description="tokens in a batch, padding included")
    batch_sequences: Positive = Field(64, description="sequences in a batch, at most")
    accumulate: Positive = Field(1, description="batches whose gradients make one step, as one large batch would")
    clip: Annotated[float, Field(ge=0)] = Field(5.0, description="largest gradient norm; 0 does not clip")
    ema: Fraction = Field(0.0, description="decay of the running mean of the weights; 0 is off")
    swa_start: Fraction = Field(
        0.0, description="share of all steps after which the equal mean of the weights begins; 0 is off"
    )
    precision: Literal["float32", "bf16", "fp16"] = Field(
        "float32", description="what the network computes in when training; the CRF and the weights are float32"
    )
    label_smoothing: Fraction = Field(0.0, description="share of the target spread over all legal tag sequences")
    class_weights: Literal["balanced"] | dict[str, Annotated[float, Field(ge=1e-6, le=1e6)]] | None = Field(
        None, description="balanced, or a table LABEL = weight: with 2, the odds of a wrong tag count twice in the loss"
    )
    reduction: Literal["token", "sequence", "sum"] = Field("token", description="what the loss is a mean over")
    metric: str = Field(
        "auto", description="what the best epoch is chosen by: f1, accuracy, q3, q8; auto asks the task"
    )
    checkpoint_minutes: Annotated[float, Field(ge=0)] = Field(
        1.0, description="minutes between two checkpoints, from which a killed run goes on; 0 writes none by time"
    )
    checkpoint_steps: int = Field(0, ge=0, description="steps between two checkpoints; 0 writes none by steps")
    checkpoint_keep: Positive = Field(2, description="how many of the newest checkpoints are kept")
    trackers: list[str] = Field(
        [], description="tensorboard (extra), wandb, mlflow, or another that accelerate knows: told of each epoch"
    )
    threads: int = Field(0, ge=0, description="processor threads; 0 leaves it to torch")
    device: str = Field("auto", description="auto, cpu, cuda")
