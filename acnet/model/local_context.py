"""Local Context Module (Sec. 3.3): pixels unlike the whole scene take more of the low-level feature."""

import torch
from torch import Tensor, nn

from acnet.model.layers import conv_bn_relu


class LocalContextModule(nn.Module):
    """Fuses the gated low-level feature B with the upsampled feature E, `reuse` times (Eqs. 4-5).

    Args:
        low_channels: channels of the low-level feature (ResNet layer1 or layer2).
        high_channels: channels of E.
        out_channels: channels of F, the result of each fusion.
        local_channels: channels of B. Eq. 5 says C, which a concatenation cannot keep.
        reuse: n of LCM(n), how often the same feature is fused; each time has its own weights.
        gated: False fuses the low-level feature as it is; with `reuse` 1 that is the paper's "LC".
    """

    def __init__(
        self,
        low_channels: int,
        high_channels: int,
        out_channels: int,
        *,
        local_channels: int = 64,
        reuse: int = 3,
        gated: bool = True,
    ):
        super().__init__()
        self.gated = gated
        self.refine = conv_bn_relu(low_channels, local_channels, 3)
        inputs = [high_channels] + [out_channels] * (reuse - 1)
        self.fusions = nn.ModuleList(conv_bn_relu(local_channels + c, out_channels, 3) for c in inputs)
        self.beta = nn.Parameter(torch.ones(()))

    def forward(self, low: Tensor, high: Tensor, gate: Tensor | None = None) -> Tensor:
        """Low-level feature (N, low, h, w), E (N, high, h, w), up(W_g) (N, 1, h, w) -> F (N, out, h, w).

        `gate` is the global gate, already upsampled; without gating it is not used.
        """
        local = self.refine(low)
        weight = self.beta * (1 - gate) if self.gated else self.beta  # Eq. 4
        local = weight.to(local.dtype) * local
        for fusion in self.fusions:
            high = fusion(torch.cat([local, high], dim=1))  # Eq. 5 and the convolution after it
        return high
