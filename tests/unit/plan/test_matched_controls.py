"""The FCNs that are as large and as costly as ACNet really are, at every scale."""

from pathlib import Path

import pytest

from acnet.params.campaign import Campaign
from acnet.params.scales import scale_names
from acnet.plan.measure import parameters_and_flops

PARAMS = Path(__file__).resolve().parents[3] / "params"
CAMPAIGNS = [Campaign(PARAMS, name) for name in scale_names(PARAMS)]
CITIES = [campaign for campaign in CAMPAIGNS if "cityscapes" in campaign.scale.stands_in]


@pytest.mark.parametrize("campaign", CITIES, ids=lambda campaign: campaign.scale_name)
def test_plain_fcns_match_acnet_in_parameters_and_in_flops_within_two_percent(campaign):
    acnet, *fcns = (parameters_and_flops(campaign.resolve(run, 0)) for run in ("acb3", "fcn_parameters", "fcn_flops"))
    ratios = [fcn[i] / acnet[i] for i, fcn in enumerate(fcns)]
    assert ratios == pytest.approx([1, 1], abs=0.02), "choose other widths under `runs` of the scale"
