"""Trains a tagger from a configuration file. A script to copy and change.

Usage: python scripts/train.py configs/ner-wnut17.toml --set training.epochs=5 --output runs/mine

On several processors, cards or machines:

    torchrun --nproc-per-node 2 scripts/train.py configs/ner-wnut17.toml
    accelerate launch --multi_gpu --num_processes 2 scripts/train.py configs/ner-wnut17.toml
"""

import argparse
import sys
from pathlib import Path

from bilstm_tagger import Config, TaggerError, train


def main() -> None:
    """Reads the arguments, trains, says where the model is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path, help="a TOML file; configs/ has examples")
    parser.add_argument("--set", action="append", default=[], dest="overrides", metavar="SECTION.KEY=VALUE")
    parser.add_argument("--output", type=Path, help="folder of the model")
    parser.add_argument("--resume", action="store_true", help="go on with the unfinished run, or say why not")
    arguments = parser.parse_args()

    config = Config.load(arguments.config, arguments.overrides)
    result = train(config, output=arguments.output, resume=arguments.resume)
    if result.rank:
        return  # one of several processes: the first says how it went
    if result.interrupted:
        print(f"interrupted in epoch {result.epochs + 1}; the same command goes on")
        sys.exit(130)

    print(f"best dev {result.metric} {result.best_score:.4f} in epoch {result.best_epoch}, {result.seconds:.0f} s")
    if result.test_report is not None:
        print(result.test_report.to_text())
    print(f"model: {result.folder}")


if __name__ == "__main__":
    try:
        main()
    except (TaggerError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
