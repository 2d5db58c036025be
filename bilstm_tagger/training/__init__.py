"""From a configuration to a trained model folder."""

from bilstm_tagger.training.run import TrainingResult, train

__all__ = ["TrainingResult", "train"]
