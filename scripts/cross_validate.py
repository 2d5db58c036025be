"""Cross-validates a configuration: its training part is cut into folds, and each is tagged by a model of the others.

Usage: python scripts/cross_validate.py configs/protein-profiles.toml --folds 5 --output runs/folds

Sequences are never cut. The epoch of each model is chosen on a share of its own training part (data.dev_fraction), so
that the fold it is scored on has no say in it. Prints the score of each fold, their mean and standard deviation, and
the scores of all folds' predictions together.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

import datasets
import numpy as np

from bilstm_tagger import Config, TaggedSequence, Tagger, TaggerError, train
from bilstm_tagger.config import DataConfig
from bilstm_tagger.errors import ConfigError
from bilstm_tagger.evaluation import score
from bilstm_tagger.training.parts import load_part

# What rows that were read once no longer need; the rest of the data section stays with the models.
READ = {"dev", "test", "format", "token_column", "tag_column", "separator", "scheme", "labels", "mask", "exclude"}
READ |= {"deduplicate", "profiles"}


def main() -> None:
    """Reads the arguments, trains and tags fold by fold, prints the scores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path, help="a TOML file; configs/ has examples")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--set", action="append", default=[], dest="overrides", metavar="SECTION.KEY=VALUE")
    parser.add_argument("--output", type=Path, help="folder for the models of the folds, fold-1 and so on")
    arguments = parser.parse_args()

    config = Config.load(arguments.config, arguments.overrides)
    if config.data.train is None:
        raise ConfigError("the key 'data.train' is missing", hint="Its sequences are cut into folds")
    datasets.disable_progress_bars()
    rows = load_part(config, "train")
    if not 2 <= arguments.folds <= len(rows):
        raise ConfigError("wrong number of folds", received=arguments.folds, accepted=f"2 to {len(rows)}")
    fold_of = np.random.default_rng(config.seed).permutation(len(rows)) % arguments.folds

    scores: list[float] = []
    gold: list[list[str | None]] = []
    predicted: list[TaggedSequence] = []
    output = arguments.output or Path(config.output or "runs/folds")
    for fold in range(arguments.folds):
        test = rows.select(np.flatnonzero(fold_of == fold))
        docs = tag_fold(config, rows.select(np.flatnonzero(fold_of != fold)), test, output / f"fold-{fold + 1}")
        report = score(list(test["tags"]), docs, task=config.task_definition)
        scores.append(report.metric(config.task_definition.metric))
        print(f"fold {fold + 1} of {arguments.folds}: {config.task_definition.metric} {scores[-1]:.4f}", flush=True)
        gold += list(test["tags"])
        predicted += docs

    print(f"mean of folds {statistics.mean(scores):.4f}, standard deviation {statistics.stdev(scores):.4f}")
    print(score(gold, predicted, task=config.task_definition).to_text())


def tag_fold(config: Config, rows: datasets.Dataset, test: datasets.Dataset, folder: Path) -> list[TaggedSequence]:
    """Trains on ``rows`` and tags ``test``."""
    with tempfile.TemporaryDirectory() as saved:
        rows.save_to_disk(saved)
        kept = config.data.model_dump(exclude=READ)
        data = DataConfig(**kept | {"train": saved})
        result = train(config.model_copy(update={"data": data}), output=folder)
    tagger = Tagger.from_pretrained(result.folder)
    return tagger.tag_batch(test.remove_columns("tags"), probabilities=config.task_definition.metric == "q8")


if __name__ == "__main__":
    try:
        main()
    except (TaggerError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
