"""The whole network: integer arrays in, emissions and tag sequences out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from bilstm_tagger.nn.attention import SelfAttention
from bilstm_tagger.nn.char_lm import LmEmbedding
from bilstm_tagger.nn.crf import CRF
from bilstm_tagger.nn.dropout import Dropout
from bilstm_tagger.nn.embeddings import UNKNOWN, CharCnn, CharLstm, WordEmbedding, uniform_embedding
from bilstm_tagger.nn.encoder import RecurrentEncoder, WindowConvolution

__all__ = ["Batch", "BiLstmCrf", "NetworkSizes"]


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Sequences as arrays. What is said of a word form is said once for each distinct form of the batch.

    Attributes:
        forms: ``(seq_len, batch_size)`` int64, each token's row in the tables below; 0 is padding.
        lengths: ``(batch_size,)`` int64, at least 1 each.
        words: ``(num_forms,)`` int64, row in the word embedding.
        chars: ``(num_forms, word_len)`` int64, character ids, 0 for padding; None without characters.
        shapes: ``(num_forms,)`` int64; None without shapes.
        dense: ``(seq_len, batch_size, dense_size)`` float32; None without dense columns.
        tags: ``(seq_len, batch_size)`` int64, negative for unknown; None when tagging.
        singletons: ``(num_forms,)`` bool, forms that training saw once; None when tagging.
        form_vectors: ``(num_forms, features)`` computed before by ``BiLstmCrf.form_vectors``; instead of words,
            chars and shapes when tagging.
        lm_states: ``(seq_len, batch_size, 2 * lm_hidden)`` float16, computed before by ``LmEmbedding.states``;
            None computes them from the four below, which are its arguments.
        lm_ahead: ``(num_chars, batch_size)`` int64; None without a language model.
        lm_back: ``(num_chars, batch_size)`` int64.
        lm_ahead_at: ``(seq_len, batch_size)`` int64.
        lm_back_at: ``(seq_len, batch_size)`` int64.
        teacher: ``(seq_len, batch_size, num_tags)`` float32, emissions of the models that this one learns from; None
            without any.
    """

    forms: Tensor
    lengths: Tensor
    words: Tensor | None = None
    chars: Tensor | None = None
    shapes: Tensor | None = None
    dense: Tensor | None = None
    tags: Tensor | None = None
    singletons: Tensor | None = None
    form_vectors: Tensor | None = None
    lm_states: Tensor | None = None
    lm_ahead: Tensor | None = None
    lm_back: Tensor | None = None
    lm_ahead_at: Tensor | None = None
    lm_back_at: Tensor | None = None
    teacher: Tensor | None = None

    def to(self, device: torch.device) -> Batch:
        """Returns the batch on another device."""
        moved = {
            name: value.to(device, non_blocking=True) if isinstance(value, Tensor) else value
            for name, value in vars(self).items()
        }
        return Batch(**moved)


@dataclass(frozen=True, kw_only=True)
class NetworkSizes:
    """Numbers that fix the shapes of all weights; those of the vocabulary, and those of the configuration.

    ``constraints`` says whether the CRF gets the scheme's legal transitions. A size of 0 (``word_size``,
    ``shape_size``, ``dense_size``, ``convolution``, ``lm_hidden``, ``attention_heads``) leaves that part
    out.
    """

    num_tags: int
    word_rows: int
    word_size: int
    frozen_rows: int = 0
    fine_tune: bool = True
    char_kind: Literal["cnn", "lstm", "none"] = "none"
    num_chars: int = 0
    char_size: int = 30
    char_output: int = 50
    char_kernel: int = 3
    char_dropout: float = 0.0
    num_shapes: int = 0
    shape_size: int = 0
    dense_size: int = 0
    encoder: Literal["lstm", "gru", "rnn"] = "lstm"
    hidden_size: int = 100
    layers: int = 1
    input_dropout: float = 0.0
    output_dropout: float = 0.0
    layer_dropout: float = 0.0
    word_dropout: float = 0.0
    locked: bool = False
    unknown_singletons: float = 0.0
    attention_heads: int = 0
    convolution: int = 0
    convolution_size: int = 64
    constraints: bool = True
    lm_chars: int = 0
    lm_char_size: int = 0
    lm_hidden: int = 0
    lm_fine_tune: bool = False
    lm_projection: int = 0
    lm_dropout: float = 0.0


class BiLstmCrf(nn.Module):
    """Embeddings, encoder, CRF.

    Args:
        sizes: The shapes.
        legal: Start ``(num_tags,)``, transition ``(num_tags, num_tags)`` and end ``(num_tags,)`` masks of the
            CRF; None allows everything.
    """

    def __init__(self, sizes: NetworkSizes, *, legal: tuple[Tensor, Tensor, Tensor] | None = None) -> None:
        super().__init__()
        self.sizes = sizes
        self.word: WordEmbedding | None = None
        self.char: CharCnn | CharLstm | None = None
        self.shape: nn.Embedding | None = None
        self.window: WindowConvolution | None = None
        width = sizes.dense_size
        if sizes.word_size:
            self.word = WordEmbedding(sizes.word_rows, sizes.frozen_rows, sizes.word_size, fine_tune=sizes.fine_tune)
            width += sizes.word_size
        if sizes.char_kind != "none":
            options = {"size": sizes.char_size, "output": sizes.char_output, "dropout": sizes.char_dropout}
            self.char = (
                CharCnn(sizes.num_chars, kernel=sizes.char_kernel, **options)  # type: ignore[arg-type]
                if sizes.char_kind == "cnn"
                else CharLstm(sizes.num_chars, **options)  # type: ignore[arg-type]
            )
            width += self.char.output_size
        if sizes.shape_size:
            self.shape = uniform_embedding(sizes.num_shapes, sizes.shape_size)
            width += sizes.shape_size
        self.form_size = width - sizes.dense_size
        self.lm: LmEmbedding | None = None
        if sizes.lm_hidden:
            self.lm = LmEmbedding(
                sizes.lm_chars,
                size=sizes.lm_char_size,
                hidden_size=sizes.lm_hidden,
                fine_tune=sizes.lm_fine_tune,
                projection=sizes.lm_projection,
                dropout=sizes.lm_dropout,
                locked=sizes.locked,
            )
            width += self.lm.output_size
        self.input_dropout = Dropout(sizes.input_dropout, locked=sizes.locked)
        if sizes.convolution:
            self.window = WindowConvolution(width, channels=sizes.convolution_size, width=sizes.convolution)
            width = self.window.output_size
        self.encoder = RecurrentEncoder(
            width,
            hidden_size=sizes.hidden_size,
            layers=sizes.layers,
            kind=sizes.encoder,
            layer_dropout=sizes.layer_dropout,
            locked=sizes.locked,
        )
        self.attention: SelfAttention | None = None
        if sizes.attention_heads:
            self.attention = SelfAttention(
                self.encoder.output_size,
                heads=sizes.attention_heads,
                dropout=sizes.output_dropout,
                locked=sizes.locked,
            )
        self.output_dropout = Dropout(sizes.output_dropout, locked=sizes.locked)
        self.projection = nn.Linear(self.encoder.output_size, sizes.num_tags)
        start, transitions, end = legal if legal is not None else (None, None, None)
        self.crf = CRF(sizes.num_tags, legal_start=start, legal_transitions=transitions, legal_end=end)
        for parameter in self.crf.parameters():
            nn.init.zeros_(parameter)

    def emissions(self, batch: Batch) -> Tensor:
        """Returns ``(seq_len, batch_size, num_tags)`` scores. What stands in the padding is unspecified."""
        parts = []
        if self.form_size:
            table = batch.form_vectors
            if table is None:
                table = self.form_vectors(batch.words, batch.chars, batch.shapes, singletons=batch.singletons)
            parts.append(nn.functional.embedding(batch.forms, table))
        if batch.dense is not None:
            parts.append(batch.dense)
        if self.lm is not None:
            parts.append(self.lm(self.lm_states(batch)))
        values = torch.cat(parts, dim=-1) if len(parts) > 1 else parts[0]
        if self.training and self.sizes.word_dropout:
            kept = torch.rand(values.shape[:2], device=values.device) >= self.sizes.word_dropout
            values = values * kept.unsqueeze(-1)
        values = self.input_dropout(values)
        if self.window is not None:
            values = self.window(values, batch.lengths)
        values = self.encoder(values, batch.lengths)
        if self.attention is not None:
            values = self.attention(values, batch.lengths)
        projected: Tensor = self.projection(self.output_dropout(values))
        return projected

    def lm_states(self, batch: Batch) -> Tensor:
        """Returns the language model's states of each token, ``(seq_len, batch_size, 2 * lm_hidden)``."""
        if batch.lm_states is not None:
            return batch.lm_states
        places = (batch.lm_ahead, batch.lm_back, batch.lm_ahead_at, batch.lm_back_at)
        if self.lm is None or any(value is None for value in places):
            raise ValueError("the batch has nothing for the language model to read")
        return self.lm.states(*places)  # type: ignore[arg-type]  # none of them is None

    def log_likelihood(self, batch: Batch) -> Tensor:
        """Returns the log-likelihood of each sequence's tags, ``(batch_size,)``."""
        if batch.tags is None:
            raise ValueError("the batch has no tags")
        value: Tensor = self.crf(self.emissions(batch), batch.tags, reduction="none", lengths=batch.lengths)
        return value

    def form_vectors(
        self,
        words: Tensor | None,
        chars: Tensor | None = None,
        shapes: Tensor | None = None,
        *,
        singletons: Tensor | None = None,
        char_tables: Tensor | None = None,
    ) -> Tensor:
        """Returns one vector for each distinct word form, ``(num_forms, form_size)``.

        Args:
            words: ``(num_forms,)`` as in ``Batch``, and so the others.
            chars: ``(num_forms, word_len)``.
            shapes: ``(num_forms,)``.
            singletons: ``(num_forms,)``; when training, these are at times replaced by the unknown word.
            char_tables: ``CharCnn.tables``, where it is at hand.
        """
        parts = []
        if self.word is not None and words is not None:
            if self.training and self.sizes.unknown_singletons and singletons is not None:
                dropped = torch.rand(words.shape, device=words.device) < self.sizes.unknown_singletons
                words = words.masked_fill(dropped & singletons, UNKNOWN)
            parts.append(self.word(words))
        if self.char is not None and chars is not None:
            parts.append(self.char(chars) if char_tables is None else self.char(chars, char_tables))
        if self.shape is not None and shapes is not None:
            parts.append(self.shape(shapes))
        if not parts and words is not None:
            return self.projection.weight.new_zeros(len(words), 0)  # a network of dense columns alone
        return torch.cat(parts, dim=-1)
