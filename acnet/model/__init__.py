"""ACNet (Fu et al., ICCV 2019): a dilated ResNet and adaptive context blocks. Imports little but torch."""

from acnet.model.adaptive_block import AdaptiveContextBlock
from acnet.model.gate_control import steer_gates
from acnet.model.global_context import GlobalContextModule
from acnet.model.local_context import LocalContextModule
from acnet.model.network import Network, build_network
from acnet.model.parameters import context_scalars, count_parameters
from acnet.model.resnet import ResNet

__all__ = [
    "AdaptiveContextBlock",
    "GlobalContextModule",
    "LocalContextModule",
    "Network",
    "ResNet",
    "build_network",
    "context_scalars",
    "count_parameters",
    "steer_gates",
]
