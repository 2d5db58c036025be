"""Predictions and gold tags in, a report out: seqeval for spans, accuracy for tags, Q3, Q8 and SOV for proteins.

Importing this package imports neither seqeval nor torch nor datasets; seqeval loads when spans are scored.
All scores are fractions from 0 to 1; only the printed tables show percent.
"""

from bilstm_tagger.evaluation.report import Report, fast_metric, score

__all__ = ["Report", "fast_metric", "score"]
