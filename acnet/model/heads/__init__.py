"""The methods that ACNet is compared with, a page for each, as heads on its dilated ResNet.

A page of params/heads.yaml's name holds the class `Head`: it is built from the run's NetworkConfig, the channels of the
backbone's four layers, the number of classes and the parameters that params/heads.yaml gives it. Its forward takes the
four layers and the images, and returns the scores (N, classes, h, w) and a list of `Extra`, empty in evaluation.
Every head is `reduction` wide, 512 as mmsegmentation has them all, whichever width its paper has.
"""

import importlib
from collections.abc import Sequence
from pathlib import Path

from torch import nn

from acnet.params.config import NetworkConfig
from acnet.params.schema import among

PAGES = sorted(file.stem for file in Path(__file__).parent.glob("[a-z]*.py"))


def build_head(config: NetworkConfig, channels: Sequence[int], classes: int) -> nn.Module:
    """The head that `config.head` names; AcnetError for one that is not there."""
    page = importlib.import_module(f"{__name__}.{among(config.head, PAGES, 'model.head')}")
    return page.Head(config, channels, classes, **config.head_options)
