"""Global Context Module (Sec. 3.2): each pixel takes as much of the global feature as it is like it."""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from acnet.errors import AcnetError
from acnet.model.gate_control import GateControl
from acnet.model.layers import at_least_float32, conv_bn_relu


class GlobalContextModule(nn.Module):
    """Adds the global feature p to every pixel, weighted by the global gate W_g (Eqs. 1-3).

    Args:
        channels: C of the features.
        delta: Eq. 2's delta; the larger, the nearer all gates are to 1.
        gated: False gives the paper's "GC": the gate is 1 everywhere and no distance is taken.
        gate: how the gate is changed before it is used, as in `GateControl`.
        convolution: what follows the pooling, "conv_bn_relu" or the bare "conv1x1" (the paper says "a convolution"); or
            "conv_then_pool", the same convolution, BN and ReLU at every pixel, which the pooling follows.
        distance: "euclidean" as in Eq. 1, or "scaled", divided by sqrt(C).
    """

    def __init__(
        self,
        channels: int,
        delta: float = 5.0,
        *,
        gated: bool = True,
        gate: Literal["distance", "constant", "shuffled"] = "distance",
        convolution: Literal["conv_bn_relu", "conv1x1", "conv_then_pool"] = "conv_bn_relu",
        distance: Literal["euclidean", "scaled"] = "euclidean",
    ):
        super().__init__()
        self.delta = delta
        self.gated = gated
        self.distance_unit = math.sqrt(channels) if distance == "scaled" else 1.0
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.pool_first = convolution != "conv_then_pool"
        if convolution == "conv1x1":
            self.convolution = nn.Sequential(nn.Conv2d(channels, channels, 1))
        else:
            self.convolution = conv_bn_relu(channels, channels, 1)
        self.control = GateControl(gate)
        # Without dimensions, so that it never promotes half precision features to float32.
        self.alpha = nn.Parameter(torch.ones(()))

    def global_feature(self, features: Tensor) -> Tensor:
        """p of Sec. 3.2: (N, C, H, W) -> (N, C, 1, 1).

        Raises AcnetError for one image in training mode, where BN would see a single value per channel.
        """
        if not self.pool_first:
            return self.pool(self.convolution(features))
        norms = [layer for layer in self.convolution if isinstance(layer, nn.BatchNorm2d)]
        if features.shape[0] == 1 and any(norm.training for norm in norms):
            raise AcnetError(
                "model.global_conv: 'conv_bn_relu' normalises 1x1 maps over a micro-batch and cannot train on 1 image; "
                "set train.batch / train.accumulate to 2 or more, or model.global_conv to 'conv1x1' or 'conv_then_pool'"
            )
        return self.convolution(self.pool(features))

    def distance(self, features: Tensor, p: Tensor) -> Tensor:
        """d_i = ||a_i - p||_2 (Eq. 1): (N, C, H, W), (N, C, 1, 1) -> (N, 1, H, W), at least float32.

        Half precision has too few digits for a sum of C squares, so autocast is off here. vector_norm has the
        gradient 0 where a_i = p; the square root of a sum would give NaN.
        """
        kind = features.device.type
        with torch.autocast("cpu" if kind == "meta" else kind, enabled=False):  # there is no autocast on "meta"
            difference = features - at_least_float32(p)
            return torch.linalg.vector_norm(difference, dim=1, keepdim=True) / self.distance_unit

    def gate(self, features: Tensor, p: Tensor) -> Tensor:
        """W_g = exp(-(d - k) / delta) with k = min d over each image (Eq. 2): (N, 1, H, W) in (0, 1]."""
        d = self.distance(features, p)
        k = d.amin(dim=(2, 3), keepdim=True)
        return torch.exp((k - d) / self.delta)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """A (N, C, H, W) -> context C of Eq. 3 (N, C, H, W), gate W_g as it is used (N, 1, H, W)."""
        p = self.global_feature(features)
        if self.gated:
            gate = self.control(self.gate(features, p))
        else:
            gate = at_least_float32(torch.ones_like(features[:, :1]))
        # Eq. 3, c_i = alpha w_i p + a_i, without a full-size product.
        context = torch.addcmul(features, (self.alpha * gate).to(features.dtype), p.to(features.dtype))
        return context, gate
