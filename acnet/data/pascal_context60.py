"""PASCAL Context with the background as a class of its own: a true 60-way task (an option; the default is 59)."""

import numpy as np

from acnet.data import pascal_context
from acnet.data.pair import Pair

SPLITS, UNLABELLED, listing = pascal_context.SPLITS, pascal_context.UNLABELLED, pascal_context.listing


def read_label(pair: Pair) -> np.ndarray:
    """The label as train ids uint8 (H, W): 0 for everything outside the 59 classes, then these."""
    return pascal_context.read_label(pair) + np.uint8(1)  # void 255 wraps to 0
