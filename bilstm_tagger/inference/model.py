"""A model in memory and as a folder.

A folder holds ``config.json`` (with ``format_version``), ``tokenizer.json`` and ``tokenizer_config.json`` (load
with ``transformers.AutoTokenizer``), ``vocab.json``, ``model.safetensors``, ``metrics.json`` and ``README.md``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

import bilstm_tagger
from bilstm_tagger.config import Config
from bilstm_tagger.errors import ConfigError, ModelError, shorten, suggest
from bilstm_tagger.features.char_states import Alphabet
from bilstm_tagger.features.gazetteer import Gazetteer
from bilstm_tagger.features.residues import ResidueColumns
from bilstm_tagger.features.splitting import Splitter, build_tokenizer, tokenizer_config
from bilstm_tagger.features.vocabulary import PADDING_TOKEN, UNKNOWN_TOKEN, Vocabulary
from bilstm_tagger.inference.bundled import bundled_names
from bilstm_tagger.inference.card import model_card
from bilstm_tagger.nn import BiLstmCrf, NetworkSizes
from bilstm_tagger.schemes import Scheme, legal_transitions
from bilstm_tagger.split_rules import Kind

__all__ = ["FORMAT_VERSION", "Model", "build_network", "replace_all", "write_weights"]

FORMAT_VERSION = 1
_DAMAGE = (KeyError, TypeError, AttributeError, ValueError, RuntimeError, OSError, SafetensorError, ConfigError)
_FILES = ("config.json", "tokenizer.json", "vocab.json", "model.safetensors")


@dataclass
class Model:
    """All that tagging needs.

    Attributes:
        config: The configuration of the training run.
        vocabulary: Words, characters, shapes, tags.
        network: The weights.
        tokenizer: How raw input is cut: ``words``, ``characters``, ``whitespace``, ``residues``.
        metrics: Scores of the best epoch, for ``metrics.json``.
        splitter: Does that; by default made from ``tokenizer``.
    """

    config: Config
    vocabulary: Vocabulary
    network: BiLstmCrf
    tokenizer: Kind
    metrics: dict[str, Any] = field(default_factory=dict)
    splitter: Splitter = field(default=None, repr=False)  # type: ignore[assignment]  # set below

    def __post_init__(self) -> None:
        if self.splitter is None:
            self.splitter = Splitter(build_tokenizer(self.tokenizer, {PADDING_TOKEN: 0, UNKNOWN_TOKEN: 1}))

    def save(self, folder: str | Path) -> None:
        """Writes the folder: all files under temporary names, then all renamed, so that no two models ever mix."""
        tokenizer = build_tokenizer(self.tokenizer, self.vocabulary.words, unknown=UNKNOWN_TOKEN, padding=PADDING_TOKEN)
        writers = {name: _writer(text) for name, text in self._texts().items()}
        writers["tokenizer.json"] = _writer(tokenizer.to_str())
        writers["model.safetensors"] = self._write_weights
        replace_all(Path(folder), writers)

    def save_weights(self, folder: str | Path) -> None:
        """Writes only what changes from epoch to epoch: the weights, the metrics and the card."""
        writers = {name: _writer(text) for name, text in self._texts().items() if name in ("metrics.json", "README.md")}
        writers["model.safetensors"] = self._write_weights
        replace_all(Path(folder), writers)

    def _write_weights(self, path: Path) -> None:
        write_weights(self.network, path)

    def _texts(self) -> dict[str, str]:
        vocabulary = self.vocabulary
        config = {
            "format_version": FORMAT_VERSION,
            "library": "bilstm-tagger",
            "library_version": bilstm_tagger.__version__,
            "task": self.config.task,
            "tokenizer": self.tokenizer,
            "tags": list(vocabulary.tags),
            "scheme": str(vocabulary.scheme),
            "trained_words": vocabulary.trained_words,
            "digits_to_zero": vocabulary.digits_to_zero,
            "word_length": vocabulary.word_length,
            "sizes": asdict(self.network.sizes),
            "training": self.config.to_dict(),
        }
        vocab: dict[str, Any] = {"chars": list(vocabulary.chars), "shapes": list(vocabulary.shapes)}
        if vocabulary.alphabet is not None:
            vocab["lm"] = {"unit": vocabulary.alphabet.unit, "chars": list(vocabulary.alphabet.chars)}
        if vocabulary.gazetteer.size:
            vocab["gazetteer"] = vocabulary.gazetteer.to_dict()
        return {
            "config.json": json.dumps(config, indent=2, ensure_ascii=False) + "\n",
            "vocab.json": json.dumps(vocab, ensure_ascii=False) + "\n",
            "tokenizer_config.json": json.dumps(tokenizer_config(), indent=2) + "\n",
            "metrics.json": json.dumps(self.metrics, indent=2, ensure_ascii=False) + "\n",
            "README.md": model_card(self.config, vocabulary, self.metrics),
        }

    @classmethod
    def load(cls, folder: str | Path, *, device: str | torch.device = "cpu") -> Model:
        """Reads a folder. Never touches the network.

        Raises:
            ModelError: The folder is missing, incomplete, torn, or of another format version.
            ConfigError: The device cannot be used.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise ModelError(
                f"no such model folder: {folder}",
                accepted=f"a folder, or a bundled model: {', '.join(bundled_names())}",
                hint=suggest(folder.name, bundled_names()) or "Train one with: bilstm-tagger train CONFIG.toml",
            )
        missing = [name for name in _FILES if not (folder / name).is_file()]
        if missing:
            raise ModelError(
                f"{folder} is not a complete model folder: {', '.join(missing)} missing", accepted=", ".join(_FILES)
            )
        config = _read_json(folder / "config.json")
        version = config.get("format_version")
        if version != FORMAT_VERSION:
            writer = config.get("library_version", "(unknown)")
            raise ModelError(
                f"{folder} has another format version",
                received=version,
                accepted=str(FORMAT_VERSION),
                hint=f"It was written by bilstm-tagger {writer}: install a release that reads it",
            )
        try:
            tokenizer = _read_json(folder / "tokenizer.json")
            vocabulary = _vocabulary(config, _read_json(folder / "vocab.json"), tokenizer["model"]["vocab"])
            sizes = NetworkSizes(**config["sizes"])
            _check_sizes(sizes, vocabulary)
            settings = Config.from_dict(config["training"], origin="config.json")
            kind: Kind = config["tokenizer"]
            splitter = Splitter(tokenizer)
            network = build_network(sizes, vocabulary)
            network.load_state_dict(load_file(folder / "model.safetensors"), assign=True)
        except _DAMAGE as error:
            # torch lists all weights that do not fit, a line each; the first says enough.
            reason = shorten(" ".join(str(error).split()), 200)[1:-1]
            raise ModelError(f"{folder} is damaged: {type(error).__name__}: {reason}") from None
        metrics = _read_json(folder / "metrics.json") if (folder / "metrics.json").is_file() else {}
        try:
            network = network.to(device).eval()
        except (RuntimeError, AssertionError) as error:
            raise ConfigError(
                f"this device cannot be used ({str(error).splitlines()[0]})", received=str(device), accepted="cpu, cuda"
            ) from None
        return cls(settings, vocabulary, network, kind, metrics, splitter)


def _check_sizes(sizes: NetworkSizes, vocabulary: Vocabulary) -> None:
    """Checks that files which were written together still belong together."""
    expected = {
        "words": (len(vocabulary.words), sizes.word_rows + sizes.frozen_rows),
        "tags": (len(vocabulary.tags), sizes.num_tags),
        "chars": (len(vocabulary.chars) + 2, sizes.num_chars),
        "shapes": (len(vocabulary.shapes) + 2, sizes.num_shapes),
        "characters of the language model": (len(vocabulary.alphabet or ()), sizes.lm_chars),
    }
    for name, (found, known) in expected.items():
        if found != known:
            raise ValueError(f"{found} {name} for weights of {known}")


def build_network(sizes: NetworkSizes, vocabulary: Vocabulary) -> BiLstmCrf:
    """Returns a network with fresh weights, whose CRF knows the scheme's legal transitions."""
    legal = None
    if sizes.constraints:
        start, transitions, end = legal_transitions(vocabulary.tags, vocabulary.scheme)
        legal = (torch.from_numpy(start), torch.from_numpy(transitions), torch.from_numpy(end))
    return BiLstmCrf(sizes, legal=legal)


def _vocabulary(config: Mapping[str, Any], vocab: Mapping[str, Any], words: dict[str, int]) -> Vocabulary:
    return Vocabulary(
        words=words,
        trained_words=config["trained_words"],
        chars={char: index for index, char in enumerate(vocab["chars"], start=2)},
        shapes={shape: index for index, shape in enumerate(vocab["shapes"], start=2)},
        tags=tuple(config["tags"]),
        scheme=Scheme.parse(config["scheme"]),
        digits_to_zero=config["digits_to_zero"],
        word_length=config["word_length"],
        # Folders of earlier releases know nothing of it.
        residue=ResidueColumns(**config["training"].get("residue", {})),
        alphabet=Alphabet(**vocab["lm"]) if "lm" in vocab else None,
        gazetteer=Gazetteer.from_dict(vocab.get("gazetteer", {})),
    )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ModelError(f"cannot read {path}: {error}") from None
    if not isinstance(value, dict):
        raise ModelError(f"{path} does not hold a JSON object")
    return value


def _writer(text: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(text, encoding="utf-8")


def write_weights(network: nn.Module, path: Path) -> None:
    """Writes the weights of a network to a safetensors file that is as readable as other files.

    Raises:
        OSError: It could not be written.
    """
    path.touch()
    mode = path.stat().st_mode
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    try:
        save_file(weights, path, metadata={"format": "pt"})
    except SafetensorError as error:
        # A full disk among others.
        raise OSError(str(error)) from None
    # safetensors makes files that only their owner can read.
    path.chmod(mode)


def replace_all(folder: Path, writers: Mapping[str, Callable[[Path], object]]) -> None:
    """Writes files under temporary names beside their own, flushes them to the disk, and then renames them all.

    Raises:
        OSError: One could not be written; the files of these names are as they were.
    """
    folder.mkdir(parents=True, exist_ok=True)
    temporaries = {name: folder / f".{name}.{os.getpid()}.tmp" for name in writers}
    try:
        for name, write in writers.items():
            try:
                write(temporaries[name])
                with open(temporaries[name], "rb+") as stream:
                    os.fsync(stream.fileno())
            except OSError as error:
                raise OSError(f"{folder / name} cannot be written: {error}") from None
        for name, temporary in temporaries.items():
            os.replace(temporary, folder / name)
    finally:
        for temporary in temporaries.values():
            temporary.unlink(missing_ok=True)
