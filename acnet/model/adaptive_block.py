"""Adaptive Context Block (Sec. 3.4, Figure 3): global context, upsampling, local context."""

from torch import Tensor, nn

from acnet.model.global_context import GlobalContextModule
from acnet.model.layers import upsample
from acnet.model.local_context import LocalContextModule


class AdaptiveContextBlock(nn.Module):
    """A global context module, then upsampling and a local context module; either may be missing.

    The last block of the paper has a global context module only.
    """

    def __init__(
        self,
        global_context: GlobalContextModule | None,
        local_context: LocalContextModule | None = None,
        align_corners: bool = True,
    ):
        super().__init__()
        self.global_context = global_context
        self.local_context = local_context
        self.align_corners = align_corners

    def forward(self, features: Tensor, low: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Features (N, C, H, W), low-level feature (N, c, h, w) -> refined features and the gate W_g (N, 1, H, W).

        The features come at (h, w) if there is a local context module, else at (H, W). The gate is at its native
        resolution, before up(); None without a global context module.
        """
        gate = None
        if self.global_context is not None:
            features, gate = self.global_context(features)
        if self.local_context is None:
            return features, gate
        size = low.shape[-2:]
        upsampled_gate = upsample(gate, size, self.align_corners) if self.local_context.gated else None
        return self.local_context(low, upsample(features, size, self.align_corners), upsampled_gate), gate
