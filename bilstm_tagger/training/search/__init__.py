"""A search for a better configuration, over keys that are given ranges or choices."""

from bilstm_tagger.training.search.report import SearchResult, TrialRecord
from bilstm_tagger.training.search.run import search
from bilstm_tagger.training.search.space import Choices, Range, Space, parse_vary, read_space

__all__ = ["Choices", "Range", "SearchResult", "Space", "TrialRecord", "parse_vary", "read_space", "search"]
