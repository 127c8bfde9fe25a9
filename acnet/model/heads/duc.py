"""DUC: the scores of all pixels of a cell are predicted at once, without interpolation.

Wang et al., "Understanding Convolution for Semantic Segmentation", WACV 2018 (arXiv 1702.08502).
Read: the paper from memory.
Faithful: a convolution to stride^2 times the classes, rearranged to the image's own resolution.
Not: its other half, hybrid dilation of the backbone (`multi_grid` is the nearest here); no ASPP under it; stride 16,
not 8, so that a cell has four times as many pixels; the `gain`.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from acnet.model.layers import Extra, classifier, conv_bn_relu
from acnet.params.config import NetworkConfig


class Head(nn.Module):
    """Reduction, scores of a cell's pixels in its channels, and their rearrangement.

    With `gain` the classifier starts `stride` times smaller and its scores are multiplied by the stride: each of its
    filters sees one in stride^2 pixels, and without the gain learns that much more slowly than in other heads.
    """

    def __init__(self, config: NetworkConfig, channels: Sequence[int], classes: int, *, gain: bool):
        super().__init__()
        stride = config.output_stride
        self.reduction = conv_bn_relu(channels[3], config.reduction, 3)
        self.classifier = classifier(config.reduction, classes * stride**2, config.dropout)
        self.rearrangement = nn.PixelShuffle(stride)
        self.gain = stride if gain else 1
        for parameter in self.classifier.parameters():
            parameter.data.div_(self.gain)

    def forward(self, layers: Sequence[Tensor], images: Tensor) -> tuple[Tensor, list[Extra]]:
        scores = self.rearrangement(self.gain * self.classifier(self.reduction(layers[3])))
        # The last cells reach beyond an image whose sides are no multiple of the stride.
        return scores[..., : images.shape[-2], : images.shape[-1]], []
