"""Linear chains in NumPy: the arithmetic of a CRF, without torch.

On batches of the usual size an operation's call costs more than its arithmetic, and NumPy's calls cost a third of
torch's (measured: docs/performance.md). So ``nn`` comes here on a CPU; its own torch code serves other devices, large
batches and scores that need logarithms.
"""

from bilstm_tagger.chain.paths import best_paths, halves, trace
from bilstm_tagger.chain.posterior import Posterior, best_posterior, path_posterior
from bilstm_tagger.chain.sums import RESCALE_EVERY, SAFE_RANGE, SMALLEST_NORM, Messages, messages, transition_factors

__all__ = [
    "RESCALE_EVERY",
    "SAFE_RANGE",
    "SMALLEST_NORM",
    "Messages",
    "Posterior",
    "best_paths",
    "best_posterior",
    "halves",
    "messages",
    "path_posterior",
    "trace",
    "transition_factors",
]
