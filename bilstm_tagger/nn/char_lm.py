"""The character language model: an LSTM in each direction, and its states as an embedding of tokens.

Akbik, Blythe & Vollgraf 2018, "Contextual String Embeddings for Sequence Labeling".
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bilstm_tagger.nn.dropout import Dropout

__all__ = ["CharLanguageModel", "CharReader", "LmEmbedding", "State"]

State = tuple[Tensor, Tensor]

# Numbers in the states that are held at once: bounds the memory for texts of any length.
_MOST_STATES = 1 << 23


class CharReader(nn.Module):
    """Reads characters in one direction.

    Args:
        num_chars: Padding and unknown included.
        size: Width of a character's vector.
        hidden_size: Units.
        predicts: Whether there is an output layer, for the next character's logits.

    Shape: ids ``(num_steps, batch_size)`` to ``(num_steps, batch_size, hidden_size)``.
    """

    def __init__(self, num_chars: int, *, size: int, hidden_size: int, predicts: bool) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.embedding = nn.Embedding(num_chars, size)
        self.lstm = nn.LSTM(size, hidden_size)
        if predicts:
            self.output = nn.Linear(hidden_size, num_chars)
        for name, parameter in self.lstm.named_parameters():
            blocks = torch.chunk(parameter.data, 4)  # the four gates
            for block in blocks:
                if name.startswith("weight_ih"):
                    nn.init.xavier_uniform_(block)
                elif name.startswith("weight_hh"):
                    nn.init.orthogonal_(block)
                else:
                    nn.init.zeros_(block)
            if name.startswith("bias_ih"):
                nn.init.ones_(blocks[1])

    def initial_state(self, batch_size: int) -> State:
        """Returns zeros, ``(1, batch_size, hidden_size)`` twice."""
        zeros = self.embedding.weight.new_zeros(1, batch_size, self.hidden_size)
        return zeros, zeros

    def forward(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        states, state = self.lstm(self.embedding(ids), state)
        return states, state

    def states_at(self, ids: Tensor, places: Tensor) -> Tensor:
        """Returns the states at some places of each sequence, ``(seq_len, batch_size, hidden_size)``.

        Args:
            ids: ``(num_steps, batch_size)``.
            places: ``(seq_len, batch_size)``, each less than ``num_steps``.
        """
        batch_size = ids.shape[1]
        columns = torch.arange(batch_size, device=ids.device)
        at_once = max(1, _MOST_STATES // (batch_size * self.hidden_size))
        states, state = self(ids[:at_once], self.initial_state(batch_size))
        found: Tensor
        if len(ids) <= at_once:
            found = states[places, columns]
            return found
        found = states.new_zeros(*places.shape, self.hidden_size)
        for begin in range(0, len(ids), at_once):
            if begin:
                states, state = self(ids[begin : begin + at_once], state)
            rows, inside = ((places >= begin) & (places < begin + len(states))).nonzero(as_tuple=True)
            found[rows, inside] = states[places[rows, inside] - begin, inside]
        return found


class CharLanguageModel(nn.Module):
    """Two readers that share nothing: one from left to right, one from right to left.

    Args:
        num_chars: Padding and unknown included.
        size: Width of a character's vector.
        hidden_size: Units in each direction.
    """

    def __init__(self, num_chars: int, *, size: int, hidden_size: int) -> None:
        super().__init__()
        self.ahead = CharReader(num_chars, size=size, hidden_size=hidden_size, predicts=True)
        self.back = CharReader(num_chars, size=size, hidden_size=hidden_size, predicts=True)


class LmEmbedding(nn.Module):
    """The states of both readers at each token, and what is trained on top of them.

    Args:
        num_chars: Padding and unknown included.
        size: Width of a character's vector.
        hidden_size: Units in each direction.
        fine_tune: Whether the readers are trained with the tagger.
        projection: Width of a trained linear layer; 0 takes the states as they are.
        dropout: Rate on the states.
        locked: Whether that has one mask a sequence.

    Shape: ``(seq_len, batch_size, 2 * hidden_size)`` to ``(seq_len, batch_size, output_size)``.
    """

    def __init__(
        self,
        num_chars: int,
        *,
        size: int,
        hidden_size: int,
        fine_tune: bool,
        projection: int,
        dropout: float,
        locked: bool,
    ) -> None:
        super().__init__()
        self.ahead = CharReader(num_chars, size=size, hidden_size=hidden_size, predicts=False)
        self.back = CharReader(num_chars, size=size, hidden_size=hidden_size, predicts=False)
        self.fine_tune = fine_tune
        self.requires_grad_(fine_tune)
        self.dropout = Dropout(dropout, locked=locked)
        self.projection = nn.Linear(2 * hidden_size, projection) if projection else None
        self.output_size = projection or 2 * hidden_size

    def states(self, ahead: Tensor, back: Tensor, ahead_at: Tensor, back_at: Tensor) -> Tensor:
        """Returns ``(seq_len, batch_size, 2 * hidden_size)``; frozen ones in half precision, as they are cached.

        Args:
            ahead: ``(num_chars, batch_size)`` characters from left to right.
            back: The same from right to left.
            ahead_at: ``(seq_len, batch_size)`` where each token's state stands in ``ahead``.
            back_at: The same in ``back``.
        """
        with torch.set_grad_enabled(self.fine_tune and torch.is_grad_enabled()):
            found = [self.ahead.states_at(ahead, ahead_at), self.back.states_at(back, back_at)]
            joined = torch.cat(found, dim=-1)
        return joined if self.fine_tune else joined.half()

    def forward(self, states: Tensor) -> Tensor:
        values: Tensor = self.dropout(states.to(self.ahead.embedding.weight.dtype))
        return values if self.projection is None else self.projection(values)
