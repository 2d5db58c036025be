"""From a configuration to a trained model folder."""

from bilstm_tagger.training.run import TrainingResult, train
from bilstm_tagger.training.seeds import SeedsResult, train_seeds

__all__ = ["SeedsResult", "TrainingResult", "train", "train_seeds"]
