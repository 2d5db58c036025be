"""Predictions to look at: protein chains as ribbons and arrows, text with its spans marked, gold beside prediction.

Pages are HTML that stands alone; chains are also drawn as SVG, and as PNG with matplotlib. Nothing here imports torch.
"""

from bilstm_tagger.drawing.page import write_page
from bilstm_tagger.drawing.picture import write_png, write_svg
from bilstm_tagger.drawing.predictions import Shown, read_predictions

__all__ = ["Shown", "read_predictions", "write_page", "write_png", "write_svg"]
