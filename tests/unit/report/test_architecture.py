"""Figures 2 and 3 show the network that is built: its widths, resolutions, and what each part is made from."""

import dataclasses

import pytest

pytest.importorskip("matplotlib", reason="matplotlib draws the figures; pip install matplotlib")

from test_figures import texts

from acnet.params.campaign import Campaign
from acnet.report.architecture import block_figure, boxes, network_figure
from acnet.report.figures import write_figure


@pytest.fixture
def run(root):
    """A function that gives a run of mini, `changes` being of its network."""
    campaign = Campaign(root / "params", "mini")

    def run(name, **changes):
        made = campaign.resolve(name, 0)
        return dataclasses.replace(made, model=dataclasses.replace(made.model, **changes))

    return run


def sources(found, name):
    (box,) = [box for box in found if box.name == name]
    return set(box.sources)


def test_a_changed_width_and_stride_show_in_both_figures(run):
    for draw in (network_figure, block_figure):
        before, after = (
            texts(draw(run("acb3", block_channels=widths, output_stride=stride, delta=delta)))
            for widths, stride, delta in (([56, 32], 16, 5.0), ([24, 12], 8, 7.0))
        )
        assert {"56 × 8 × 8", "32 × 16 × 16", "64 × 4 × 4", "α, gate with δ 5"} <= set(before)
        assert {"24 × 8 × 8", "12 × 16 × 16", "64 × 8 × 8", "α, gate with δ 7"} <= set(after)
        assert not {"56 × 8 × 8", "32 × 16 × 16", "64 × 4 × 4", "α, gate with δ 5"} & set(after)


def test_arrows_follow_the_features(run):
    found = boxes(run("acb3", auxiliary=True))
    assert sources(found, "blocks.0.local_context") == {"backbone.layer2", "blocks.0.global_context"}
    assert sources(found, "blocks.1.local_context") == {"backbone.layer1", "blocks.1.global_context"}
    assert sources(found, "classifier") == {"blocks.2.global_context"}
    assert sources(found, "auxiliary") == {"backbone.layer3"}
    assert sources(boxes(run("fcn_s16")), "classifier") == {"reduction"}


def test_the_inside_of_a_block_is_that_of_its_modules(run):
    block = "blocks.0.{}".format
    gated, free = (boxes(run(name), detail=True) for name in ("gcm_lcm2", "gcm_lc"))
    assert sources(gated, block("global_context.control")) == {"reduction", block("global_context.convolution")}
    both = {block("local_context.refine"), block("global_context.control")}
    assert sources(gated, block("local_context.fusions.1")) == both | {block("local_context.fusions.0")}
    assert sources(free, block("local_context.fusions.0")) == {
        block("local_context.refine"), block("global_context"),
    }  # fmt: skip
    last = boxes(run("gcm_lc", global_conv="conv_then_pool"), detail=True)
    assert sources(last, block("global_context.pool")) == {block("global_context.convolution")}
    assert sources(last, block("global_context.convolution")) == {"reduction"}


def test_they_are_drawn_without_any_result_and_stand_on_the_page(campaign):
    made = campaign(tables=[], figures=["figure2"])
    made.roots["results_root"] = made.roots["results_root"] / "nowhere"
    assert [path.name for path in write_figure("figure2", made.report)] == ["figure2.png", "figure2.pdf"]
    section = made.page().split('<section id="figure2"')[1].split("</section>")[0]
    assert "data:image/png" in section and "Runs: ACNet acb3." in section
