"""The public face of a trained model."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bilstm_tagger.config import Config
from bilstm_tagger.data import load_rows
from bilstm_tagger.errors import ConfigError, InputError
from bilstm_tagger.evaluation import Report, score
from bilstm_tagger.inference.engine import Engine
from bilstm_tagger.inference.ensemble import check_members, load_models, make_scorer, save_ensemble
from bilstm_tagger.inference.find import find_folder
from bilstm_tagger.inference.inputs import Prepared, join_words, prepare
from bilstm_tagger.inference.model import Model
from bilstm_tagger.inference.processes import in_processes
from bilstm_tagger.tasks import Task
from bilstm_tagger.types import TaggedSequence

if TYPE_CHECKING:
    from collections.abc import Callable

    from datasets import Dataset

__all__ = ["Tagger"]


class Tagger:
    """Tags text or proteins with a trained model, or with several at once.

    One input gives one result, whatever its length; results come in the order of the inputs.

    Args:
        model: The model in memory; ``from_pretrained`` reads one from a folder. Several make an ensemble: each tag
            sequence gets the geometric mean of its probabilities, as :func:`inference.scorer.mixed_crf` explains.
        threads: Processor threads that tag batches at the same time; 0 takes torch's number. The results do not
            depend on it.

    Raises:
        ModelError: Models that cannot tag together.

    Example:
        >>> tagger = Tagger.from_pretrained("runs/quickstart")
        >>> [span.label for span in tagger.tag("Angela Merkel visited Oslo.").spans]
        ['person', 'location']
    """

    def __init__(self, model: Model | Sequence[Model], *, threads: int = 0) -> None:
        self.models = (model,) if isinstance(model, Model) else tuple(model)
        check_members(self.models)
        # What all members share is the first one's.
        self.model = self.models[0]
        self._engine = Engine(
            make_scorer(self.models),
            self.model.vocabulary,
            self.task,
            decoding=self.config.decoding,
            threads=threads,
        )

    def __reduce__(self) -> tuple[type[Tagger], tuple[tuple[Model, ...]]]:
        return Tagger, (self.models,)

    @classmethod
    def from_pretrained(
        cls, name: str | Path | Sequence[str | Path], *, device: str = "cpu", threads: int = 0
    ) -> Tagger:
        """Loads a model.

        Args:
            name: A model folder or the name of a bundled model, which are read without any network; or a hub id
                ``owner/name``. A list of them makes an ensemble.
            device: ``cpu``, ``cuda``, or another that torch knows.
            threads: As in the class.

        Raises:
            ModelError: There is no such model, or its folder is incomplete, torn or of another format version.
        """
        names = [name] if isinstance(name, str | Path) else name
        folders = map(find_folder, names)
        return cls([model for folder in folders for model in load_models(folder, device=device)], threads=threads)

    @property
    def task(self) -> Task:
        """What kind of tagging this is."""
        return self.model.config.task_definition

    @property
    def config(self) -> Config:
        """The configuration of the training run."""
        return self.model.config

    @property
    def tags(self) -> tuple[str, ...]:
        """The model's tags: the names of the columns of ``TaggedSequence.probabilities``."""
        return self.model.vocabulary.tags

    @property
    def labels(self) -> list[str]:
        """Labels of the spans that the model finds, or its tags for a task without spans."""
        return list(self._engine.grammar.labels) if self._engine.spans else list(self.tags)

    def tag(self, item: str | Sequence[str] | dict[str, Any], *, probabilities: bool | None = None) -> TaggedSequence:
        """Tags one input.

        Args:
            item: A string, a list of words, or a row ``{"tokens": [...]}`` or ``{"text": "..."}`` that may also
                have ``id`` and ``dense``.
            probabilities: Whether to keep the marginals of all tags; by default for proteins only.

        Raises:
            InputError: Something else, or a protein sequence with a letter that is no residue.
        """
        return self.tag_batch([item], probabilities=probabilities)[0]

    def tag_batch(
        self,
        items: Iterable[str | Sequence[str] | dict[str, Any]] | Dataset,
        *,
        probabilities: bool | None = None,
        batch_tokens: int = 4096,
        advance: Callable[[int], None] | None = None,
    ) -> list[TaggedSequence]:
        """Tags many inputs: a list in, a list of the same length and order out.

        Args:
            items: Anything that gives inputs of ``tag``, or a ``datasets.Dataset`` of rows.
            probabilities: As in ``tag``.
            batch_tokens: Padded tokens that go through the network together; bounds the memory.
            advance: Called with the number of finished inputs, for progress bars.

        Raises:
            InputError: As in ``tag``, naming the input.
        """
        if isinstance(items, str | Mapping):
            raise InputError("tag_batch takes several inputs", received=items, hint="For one input use tag")
        keep = self.task.kind == "residues" if probabilities is None else probabilities
        return self._engine.tag(
            list(self._prepared(items)), batch_tokens=batch_tokens, probabilities=keep, advance=advance
        )

    def _prepared(self, items: Iterable[Any]) -> Iterator[Prepared]:
        computed = self.model.vocabulary.computed
        size = self.model.network.sizes.dense_size - computed.size
        splitter = self.model.splitter
        for index, item in enumerate(items):
            try:
                yield prepare(item, splitter, dense_size=size, computed=computed)
            except InputError as error:
                if index == 0:
                    raise
                raise InputError(f"input {index}: {error}") from None

    def tag_words(self, sentences: Iterable[Sequence[str]], *, batch_tokens: int = 4096) -> list[list[str]]:
        """Returns the tags of sentences of words, and nothing else: no scores, spans or offsets. The fastest way.

        Args:
            sentences: Lists of words.
            batch_tokens: As in ``tag_batch``.

        Raises:
            InputError: Something that is no list of words.
        """
        if self.task.kind == "residues" or self.model.network.sizes.dense_size:
            return [doc.tags for doc in self.tag_batch(sentences, batch_tokens=batch_tokens)]
        if isinstance(sentences, str | Mapping):
            raise InputError("tag_words takes several lists of words", received=sentences, hint="For text use tag")
        words = [_words(index, sentence) for index, sentence in enumerate(sentences)]
        return self._engine.tag_words(words, batch_tokens=batch_tokens)

    def stream(
        self,
        items: Iterable[str | Sequence[str] | dict[str, Any]],
        *,
        probabilities: bool | None = None,
        chunk: int = 1024,
        batch_tokens: int = 4096,
        processes: int = 1,
    ) -> Iterator[TaggedSequence]:
        """Tags any iterable, also an endless one, in bounded memory and in order.

        With several processes, the calling script needs an ``if __name__ == "__main__"``, as for ``multiprocessing``.

        Args:
            items: Gives inputs of ``tag``.
            probabilities: As in ``tag``.
            chunk: Inputs read ahead, to be batched by length.
            batch_tokens: As in ``tag_batch``.
            processes: How many tag at the same time, on one copy of the weights. Each reads two chunks ahead.

        Raises:
            ConfigError: Several processes for a model that is not on a CPU.
            TaggerError: A process ended before its work was done.
        """
        iterator = iter(items)
        chunks = iter(lambda: list(islice(iterator, chunk)), [])
        options: dict[str, Any] = {"probabilities": probabilities, "batch_tokens": batch_tokens}
        if processes <= 1:
            for part in chunks:
                yield from self.tag_batch(part, **options)
            return
        if (device := self.model.network.projection.weight.device).type != "cpu":
            raise ConfigError(f"several processes tag on a CPU only, and this model is on '{device}'")
        for tagged in in_processes(self, chunks, processes=processes, options=options):
            yield from tagged

    def evaluate(
        self,
        source: str | Path | Dataset,
        *,
        split: str = "test",
        batch_tokens: int = 4096,
        advance: Callable[[int], None] | None = None,
        **reader: Any,
    ) -> Report:
        """Tags a labelled source and compares.

        Args:
            source: A file, a glob, ``builtin:NAME/SPLIT``, a hub data set id, or rows.
            split: For sources that have several parts.
            batch_tokens: As in ``tag_batch``.
            advance: Called with the number of finished sequences, for progress bars.
            **reader: Options of ``load_rows`` such as ``format`` or ``tag_column``; the columns are by default those
                that the model was trained on.
        """
        rows = self.load_gold(source, split=split, **reader)
        # Gold tags are compared as text: one that the model does not know is a mistake of the model's, no error.
        gold = list(rows["tags"])
        began = time.perf_counter()
        # Sums of eight states need them all; else the probability of the predicted tag is enough.
        docs = self.tag_batch(
            rows.remove_columns("tags"),
            probabilities=self.task.metric == "q8",
            batch_tokens=batch_tokens,
            advance=advance,
        )
        seconds = time.perf_counter() - began
        states = reader.get("states", self.config.data.states)
        return score(gold, docs, task=self.task, states=states, seconds=seconds)

    def load_gold(self, source: str | Path | Dataset, *, split: str = "test", **reader: Any) -> Dataset:
        """Returns a labelled source as ``evaluate`` reads it: its rows, with the columns that the model was trained on.

        Args:
            source: As for ``evaluate``.
            split: For sources that have several parts.
            **reader: Options of ``load_rows``.
        """
        for key in ("token_column", "tag_column", "states", "profile_kinds"):
            reader.setdefault(key, getattr(self.config.data, key))
        return load_rows(source, task=self.task, split=split, **reader)

    def save_pretrained(self, folder: str | Path) -> None:
        """Writes a folder of JSON and safetensors, an ensemble's members into folders of their own.

        Each file appears whole or not at all.
        """
        if len(self.models) == 1:
            self.model.save(folder)
        else:
            save_ensemble(self.models, Path(folder))

    def push_to_hub(self, repository: str, *, private: bool = False, token: str | None = None) -> str:
        """Uploads the model to a hub.

        Args:
            repository: ``owner/name``; made where missing.
            private: Whether a new repository is private.
            token: Access token; by default the one of the hub's login.

        Returns:
            The address of the upload.
        """
        from tempfile import TemporaryDirectory

        from huggingface_hub import HfApi

        api = HfApi(token=token)
        api.create_repo(repository, private=private, exist_ok=True)
        with TemporaryDirectory() as folder:
            self.save_pretrained(folder)
            return str(api.upload_folder(repo_id=repository, folder_path=folder))

    def __repr__(self) -> str:
        return f"Tagger(task={self.task.name!r}, labels={self.labels!r})"


def _words(index: int, sentence: Any) -> list[str]:
    if isinstance(sentence, str | Mapping) or not isinstance(sentence, Sequence):
        raise InputError(f"sentence {index} is no list of words", received=sentence, hint="For text use tag")
    words = list(sentence)
    join_words(words)  # checks them
    return words
