"""A character language model as a folder: ``lm.json`` and ``lm.safetensors``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file

import bilstm_tagger
from bilstm_tagger.errors import ModelError, shorten
from bilstm_tagger.features.char_states import Alphabet
from bilstm_tagger.inference.model import replace_all, write_weights
from bilstm_tagger.nn.char_lm import CharLanguageModel

__all__ = ["LM_FORMAT_VERSION", "LanguageModel"]

LM_FORMAT_VERSION = 1
_CONFIG, _WEIGHTS = "lm.json", "lm.safetensors"


@dataclass(frozen=True)
class LanguageModel:
    """A pretrained character language model.

    Attributes:
        alphabet: Its characters, and how its text was cut into tokens.
        network: Its weights.
        facts: What it was trained on and how good it is, for people.
    """

    alphabet: Alphabet
    network: CharLanguageModel
    facts: Mapping[str, Any] = field(default_factory=dict)

    def save(self, folder: str | Path) -> None:
        """Writes the folder; both files appear together."""
        reader = self.network.ahead
        config = {
            "format_version": LM_FORMAT_VERSION,
            "library_version": bilstm_tagger.__version__,
            "unit": self.alphabet.unit,
            "size": reader.embedding.embedding_dim,
            "hidden_size": reader.hidden_size,
            "chars": list(self.alphabet.chars),
            "facts": dict(self.facts),
        }
        text = json.dumps(config, indent=2, ensure_ascii=False) + "\n"
        writers = {
            _CONFIG: lambda path: path.write_text(text, encoding="utf-8"),
            _WEIGHTS: lambda path: write_weights(self.network, path),
        }
        replace_all(Path(folder), writers)

    @classmethod
    def load(cls, folder: str | Path) -> LanguageModel:
        """Reads a folder that ``save`` or ``bilstm-tagger pretrain-lm`` wrote.

        Raises:
            ModelError: It is no such folder, damaged, or of a format version that this release cannot read.
        """
        folder = Path(folder)
        if not (folder / _CONFIG).is_file() or not (folder / _WEIGHTS).is_file():
            raise ModelError(
                f"there is no character language model in {folder}",
                accepted=f"a folder with {_CONFIG} and {_WEIGHTS}",
                hint="Make one with: bilstm-tagger pretrain-lm TEXT --output FOLDER",
            )
        try:
            config = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
            version = config["format_version"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(f"cannot read {folder / _CONFIG}: {type(error).__name__}: {error}") from None
        if version != LM_FORMAT_VERSION:
            raise ModelError(
                f"{folder} holds a language model of another format version",
                received=version,
                accepted=str(LM_FORMAT_VERSION),
            )
        try:
            alphabet = Alphabet(config["chars"], unit=config["unit"])
            network = CharLanguageModel(len(alphabet), size=config["size"], hidden_size=config["hidden_size"])
            network.load_state_dict(load_file(folder / _WEIGHTS), assign=True)
            return cls(alphabet, network.eval(), config["facts"])
        except (KeyError, TypeError, ValueError, RuntimeError, OSError, SafetensorError) as error:
            reason = shorten(" ".join(str(error).split()), 200)[1:-1]
            raise ModelError(f"{folder} is damaged: {type(error).__name__}: {reason}") from None
