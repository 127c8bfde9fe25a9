"""The FCNs that are as large and as costly as ACNet really are, at every scale."""

from pathlib import Path

import pytest
import torch

from acnet.model import build_network, count_parameters
from acnet.params.campaign import Campaign
from acnet.params.scales import scale_names
from acnet.plan.measure import flops_per_image

PARAMS = Path(__file__).resolve().parents[3] / "params"
CAMPAIGNS = [Campaign(PARAMS, name) for name in scale_names(PARAMS)]
CITIES = [campaign for campaign in CAMPAIGNS if "cityscapes" in campaign.scale.stands_in]


def parameters(run):
    with torch.device("meta"):
        return count_parameters(build_network(run.model, run.classes))


@pytest.mark.parametrize("campaign", CITIES, ids=lambda campaign: campaign.scale_name)
@pytest.mark.parametrize(("control", "measure"), [("fcn_parameters", parameters), ("fcn_flops", flops_per_image)])
def test_a_plain_fcn_matches_acnet_within_two_percent(campaign, control, measure):
    acnet, fcn = (measure(campaign.resolve(run, 0)) for run in ("acb3", control))
    where = f"params/scales/{campaign.scale_name}.yaml: runs.{control}.reduction"
    assert fcn == pytest.approx(acnet, rel=0.02), f"{where}: {fcn / acnet:.3f} times acb3; choose another width"
