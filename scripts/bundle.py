"""Puts a trained model among those that come with the package. For maintainers.

Usage: python scripts/bundle.py runs/protein-ss3-whole protein-ss3

Paths of the machine that it was trained on are cut down to file names. SOURCE.txt, which says what it was trained on
and under which licences, is written by hand.
"""

import argparse
from pathlib import Path
from typing import Any

from bilstm_tagger import Config, Tagger

MODELS = Path(__file__).resolve().parents[1] / "bilstm_tagger" / "inference" / "models"
PATHS = {
    "data": ("train", "dev", "test", "labels", "mask", "exclude", "profiles"),
    "distill": ("teacher", "unlabelled"),
    "training": ("start",),
}


def file_name(value: Any) -> Any:
    """Returns the last part of a path, or of each of several; what is no path stays."""
    if isinstance(value, list):
        return [file_name(item) for item in value]
    return Path(value).name if isinstance(value, str) and ":" not in value else value


def main() -> None:
    """Reads the arguments, and writes the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="the folder of a trained model")
    parser.add_argument("name", help="what Tagger.from_pretrained is to know it by")
    arguments = parser.parse_args()

    tagger = Tagger.from_pretrained(arguments.run)
    values = tagger.config.to_dict()
    for section, keys in PATHS.items():
        for key in keys:
            values[section][key] = file_name(values[section][key])
    values["output"] = None
    tagger.model.config = Config.from_dict(values)
    tagger.save_pretrained(MODELS / arguments.name)
    print(f"{MODELS / arguments.name}: now write its SOURCE.txt")


if __name__ == "__main__":
    main()
