"""The parts of ``scripts/benchmark.py``: one file for each tool that is measured and for each kind of experiment."""
