"""Tags text files, a sentence a line, and prints one JSON object a line. A script to copy and change.

Usage: python scripts/tag.py runs/ner-wnut17 sentences.txt > tagged.jsonl
"""

import argparse
import fileinput
import json
import os
import sys

from bilstm_tagger import Tagger, TaggerError


def main() -> None:
    """Reads the arguments and tags the lines as they come, in bounded memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="the model's folder")
    parser.add_argument("inputs", nargs="*", help="text files; standard input by default")
    arguments = parser.parse_args()

    tagger = Tagger.from_pretrained(arguments.model)
    with fileinput.input(arguments.inputs, encoding="utf-8") as lines:
        for sequence in tagger.stream(line.rstrip("\n") for line in lines):
            print(json.dumps({"text": sequence.text, "entities": sequence.to_entities()}, ensure_ascii=False))


if __name__ == "__main__":
    try:
        main()
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads has enough, head for example.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (TaggerError, OSError, UnicodeDecodeError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
