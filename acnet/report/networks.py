"""The parameters and FLOPs of each network, which tables show beside its numbers."""

import dataclasses
from collections.abc import Iterable, Mapping

from acnet.params.campaign import Campaign


@dataclasses.dataclass(frozen=True)
class Size:
    """Trainable parameters, and FLOPs of a forward pass for one image at the training crop, without auxiliary head."""

    parameters: int
    flops: int


Sizes = Mapping[str, Size]


def network_sizes(campaign: Campaign, names: Iterable[str]) -> Sizes:
    """The size of each run's network, counted without computing it (a tenth of a second each)."""
    from acnet.plan.measure import parameters_and_flops

    return {name: Size(*parameters_and_flops(campaign.resolve(name, campaign.scale.seeds[0]))) for name in names}
