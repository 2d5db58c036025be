"""Scores a model on data with known tags. A script to copy and change.

Usage: python scripts/evaluate.py runs/ner-wnut17 builtin:wnut17/test --json report.json
"""

import argparse
import json
import os
import sys
from pathlib import Path

from bilstm_tagger import Tagger, TaggerError


def main() -> None:
    """Reads the arguments, tags the data, prints the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="the model's folder")
    parser.add_argument("data", help="a file, a glob, builtin:NAME/SPLIT, or a hub data set")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    arguments = parser.parse_args()

    tagger = Tagger.from_pretrained(arguments.model)
    report = tagger.evaluate(arguments.data)

    print(report.to_text())
    if arguments.json:
        arguments.json.write_text(json.dumps(report.to_dict(), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    try:
        main()
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads has enough, head for example.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (TaggerError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
