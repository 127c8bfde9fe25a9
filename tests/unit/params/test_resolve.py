"""What the 28 runs and the controls are, at scale paper and at the smaller ones, and which edit changes which run."""

import dataclasses

import pytest

from acnet.errors import AcnetError
from acnet.params.campaign import Campaign

# A column is a parameter; gc, lc: global and local context; os: output stride; mg: multi-grid; lr: learning rate;
# base: short side before random scaling; from: the run whose weights it starts from. A dot repeats the line above.
PAPER = """
run                     backbone  gc   lc   blocks reuse delta os mg     aux lr     batch crop base epochs scale   ohem from
fcn_s16                 resnet50  none none 1      3     5     16 -      no  0.005  8     768  -    180    1.0-1.0 no   -
gc_s16                  .         gc   .    .      .     .     .  .      .   .      .     .    .    .      .       .    .
gcm_d2_s16              .         gcm  .    .      .     2     .  .      .   .      .     .    .    .      .       .    .
gcm_d5_s16              .         .    .    .      .     5     .  .      .   .      .     .    .    .      .       .    .
gcm_d10_s16             .         .    .    .      .     10    .  .      .   .      .     .    .    .      .       .    .
fcn_s8                  .         none .    .      .     5     8  .      .   .      .     .    .    .      .       .    .
gc_s8                   .         gc   .    .      .     .     .  .      .   .      .     .    .    .      .       .    .
gcm_d2_s8               .         gcm  .    .      .     2     .  .      .   .      .     .    .    .      .       .    .
gcm_d5_s8               .         .    .    .      .     5     .  .      .   .      .     .    .    .      .       .    .
gcm_d10_s8              .         .    .    .      .     10    .  .      .   .      .     .    .    .      .       .    .
gcm_lc                  .         .    lc   .      1     5     16 .      .   .      .     .    .    .      .       .    .
gcm_lcm1                .         .    lcm  .      1     .     .  .      .   .      .     .    .    .      .       .    .
gcm_lcm2                .         .    .    .      2     .     .  .      .   .      .     .    .    .      .       .    .
acb1                    .         .    .    .      3     .     .  .      .   .      .     .    .    .      .       .    .
acb2                    .         .    .    2      .     .     .  .      .   .      .     .    .    .      .       .    .
acb3                    .         .    .    3      .     .     .  .      .   .      .     .    .    .      .       .    .
r101_acb3               resnet101 .    .    .      .     .     .  .      yes .      .     .    .    .      .       .    .
r101_mg                 .         .    .    .      .     .     .  4-8-16 .   .      .     .    .    .      .       .    .
r101_da                 .         .    .    .      .     .     .  .      .   .      .     .    .    240    0.5-2.2 .    .
r101_ohem               .         .    .    .      .     .     .  .      .   .      .     .    .    .      .       yes  .
r101_ohem_trainval      .         .    .    .      .     .     .  .      .   0.0005 .     .    .    20     .       .    r101_ohem
ade_fcn                 resnet50  none none 1      3     5     16 -      no  0.005  16    480  520  120    0.5-2.0 no   -
ade_acnet               .         gcm  lcm  3      .     .     .  .      .   .      .     .    .    .      .       .    .
ade_r101_acnet          resnet101 .    .    .      .     .     .  .      yes .      .     576  640  180    .       .    .
ade_r101_acnet_trainval .         .    .    .      .     .     .  .      .   0.001  .     .    .    20     .       .    ade_r101_acnet
context_r101_acnet      resnet101 gcm  lcm  3      3     5     16 -      yes 0.001  16    480  520  80     0.5-2.0 no   -
stuff_r101_acnet        .         .    .    .      .     .     .  .      .   .      .     .    .    110    .       .    .
fcn_lc                  resnet50  none lc   1      1     5     16 -      no  0.005  8     768  -    180    1.0-1.0 no   -
"""  # noqa: E501
EVERYWHERE = {
    "model.base_width": 64,
    "model.stem": "7x7",
    "model.dilation": "uniform",
    "model.reduction": 512,
    "model.global_conv": "conv_bn_relu",
    "model.distance": "euclidean",
    "model.local_channels": 64,
    "model.block_channels": [448, 256],
    "model.dropout": 0.1,
    "model.align_corners": True,
    "model.auxiliary_channels": 256,
    "train.momentum": 0.9,
    "train.weight_decay": 0.0001,
    "train.decay_norm": True,
    "train.decay_scalars": True,
    "train.new_layers_factor": 10.0,
    "train.power": 0.9,
    "train.flip": 0.5,
    "train.auxiliary_weight": 0.4,
    "train.ohem_threshold": 0.7,
    "train.ohem_keep": 0.085,
}
DATA = {
    "cityscapes": ("cityscapes", 19, "train", "val"),
    "ade": ("ade20k", 150, "train", "val"),
    "context": ("pascal_context", 59, "train", "val"),
    "stuff": ("cocostuff10k", 171, "train", "test"),
}


def expected():
    header, *lines = [line.split() for line in PAPER.strip().splitlines()]
    rows, above = {}, []
    for line in lines:
        above = [known if word == "." else word for word, known in zip(line, above or line, strict=True)]
        rows[line[0]] = dict(zip(header[1:], above[1:], strict=True))
    return rows


def row(run):
    model, train = run.model, run.train
    join = {True: "yes", False: "no"}
    return {
        "backbone": model.backbone,
        "gc": model.global_context,
        "lc": model.local_context,
        "blocks": str(model.blocks),
        "reuse": str(model.reuse),
        "delta": f"{model.delta:g}",
        "os": str(model.output_stride),
        "mg": "-".join(map(str, model.multi_grid)) if model.multi_grid else "-",
        "aux": join[model.auxiliary],
        "lr": f"{train.learning_rate:g}",
        "batch": str(train.batch),
        "crop": "-".join(map(str, sorted(set(train.crop)))),
        "base": str(train.base_size or "-"),
        "epochs": str(train.epochs),
        "scale": "-".join(map(str, train.scale_range)),
        "ohem": join[train.ohem],
        "from": run.init.run or "-",
    }


def flat(run):
    return {f"{part}.{key}": value for part in ("model", "train") for key, value in run.values()[part].items()}


@pytest.fixture(scope="module")
def scales(paper):
    """All scales of the project by name."""
    return {name: Campaign(paper.params, name) for name in ("mini", "camvid", "camvid-gpu")} | {"paper": paper}


CONTROLS = {  # what each differs in from which run
    "gc_conv1x1_s16": ("gc_s16", {"model.global_conv": "conv1x1"}),
    "gcm_conv1x1_s16": ("gcm_d5_s16", {"model.global_conv": "conv1x1"}),
    "gc_conv_then_pool_s16": ("gc_s16", {"model.global_conv": "conv_then_pool"}),
    "gcm_conv_then_pool_s16": ("gcm_d5_s16", {"model.global_conv": "conv_then_pool"}),
    "gcm_scaled": ("gcm_d5_s16", {"model.distance": "scaled"}),
    "lc3": ("gcm_lc", {"model.reuse": 3}),
    "lcm3_constant": ("acb1", {"model.gate": "constant"}),
    "lcm3_shuffled": ("acb1", {"model.gate": "shuffled"}),
    "acb3_ungated": ("acb3", {"model.global_context": "gc", "model.local_context": "lc"}),
    "decoder": ("acb2", {"model.global_context": "none", "model.local_context": "lc"}),
    "acb3_gcm_in_block3": ("acb3", {"model.local_context": "lc", "model.global_blocks": [3]}),
    "fcn_parameters": ("fcn_s16", {"model.reduction": 1059}),
    "fcn_flops": ("fcn_s16", {"model.reduction": 2151, "model.after_context": "conv_bn_relu"}),
    "acb3_auxiliary": ("acb3", {"model.auxiliary": True}),
    "r101_no_auxiliary": ("r101_acb3", {"model.auxiliary": False}),
    "r101_mg_2_4_8": ("r101_mg", {"model.multi_grid": [2, 4, 8]}),
    "r101_mg_240_epochs": ("r101_mg", {"train.epochs": 240}),
}


def test_there_are_28_runs_in_the_table_and_all_others_are_controls_or_other_systems(paper):
    assert set(expected()) | set(CONTROLS) | set(paper.heads) == set(paper.runs) and len(expected()) == 28


def test_the_other_systems_differ_from_the_fcn_in_their_head_alone(scales):
    for campaign in scales.values():
        fcn = flat(campaign.resolve("fcn_s16", 0))
        for name, layer in campaign.heads.items():
            options = {key: entry.value for key, entry in layer.items()}
            own = flat(campaign.resolve(name, 0))
            found = {key: value for key, value in own.items() if value != fcn[key]}
            assert found == {"model.head": name, "model.head_options": options}


@pytest.mark.parametrize("run", CONTROLS)
def test_a_control_differs_from_its_neighbour_in_what_it_is_named_after(scales, run):
    neighbour, differences = CONTROLS[run]
    for name, campaign in scales.items():
        own, other = (flat(campaign.resolve(one, 0)) for one in (run, neighbour))
        found = {key: value for key, value in own.items() if value != other[key]}
        if name == "paper":
            assert found == differences
        assert set(found) <= set(differences), name  # mini trains all of them as long


def test_a_scale_sets_a_parameter_of_one_run(params, edit):
    edit("scales/mini.yaml", "  fcn_flops: {", "  acb3: {reduction: 24}\n  fcn_flops: {")
    campaign = Campaign(params, "mini")
    assert [campaign.resolve(run, 0).model.reduction for run in ("acb3", "acb2")] == [24, 64]
    assert str(campaign.origins("acb3")["model.reduction"]) == f"scale: {params}/scales/mini.yaml: runs.acb3"


@pytest.mark.parametrize("run", expected())
def test_a_run_is_what_the_paper_says(paper, run):
    values = paper.resolve(run, 0)
    assert row(values) == expected()[run]
    assert {key: flat(values)[key] for key in EVERYWHERE} == EVERYWHERE


@pytest.mark.parametrize("run", expected())
def test_a_run_learns_from_its_datasets_training_split(paper, run):
    values = paper.resolve(run, 3)
    dataset, classes, train, evaluate = DATA.get(run.split("_")[0], DATA["cityscapes"])
    assert (values.dataset, values.classes, values.evaluate_split) == (dataset, classes, evaluate)
    assert values.train_splits == ([train, evaluate] if run.endswith("trainval") else [train])
    assert (values.scale, values.name, values.seed) == ("paper", run, 3)
    backbone = values.model.backbone
    assert values.init.kind == ("run" if run.endswith("trainval") else "url")
    assert run.endswith("trainval") or backbone in values.init.url


def test_a_row_keeps_its_role_whatever_backbone_stands_in(scales):
    paper_names = {
        "mini": ("resnet18", "resnet34"),
        "camvid": ("resnet18", "resnet50"),
        "camvid-gpu": ("resnet18", "resnet50"),
    }
    for scale, (small, large) in paper_names.items():
        for run, asked in expected().items():
            if scales[scale].entry(run).dataset not in scales[scale].scale.stands_in:
                continue
            found = row(scales[scale].resolve(run, 0))
            assert found["backbone"] == (large if asked["backbone"] == "resnet101" else small), (scale, run)
            same = ("gc", "lc", "blocks", "reuse", "delta", "os", "mg", "aux", "ohem", "from", "scale")
            assert {key: found[key] for key in same} == {key: asked[key] for key in same}, (scale, run)


def test_a_scale_refuses_a_run_whose_dataset_nothing_stands_in_for(scales):
    with pytest.raises(AcnetError) as error:
        scales["camvid"].resolve("ade_acnet", 0)
    line = str(error.value)
    assert line.startswith("run 'ade_acnet': scale 'camvid' has no dataset for ade20k; it has: fcn_s16, gc_s16, ")
    assert "stuff_r101_acnet" not in line and "\n" not in line


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        # a later layer wins over all above it
        ("recipe.yaml", "common:\n", "common:\n  epochs: {value: 1, origin: ours}\n", 120),
        ("recipe.yaml", "    epochs:        {value: 120, origin: prior}", "    epochs: {value: 2, origin: ours}", 2),
        ("recipe.yaml", "    r101:\n", "    r50: {epochs: {value: 3, origin: ours}}\n    r101:\n", 3),
        ("recipe.yaml", "  r50:\n    backbone", "  r50:\n    epochs: {value: 4, origin: ours}\n    backbone", 4),
        ("recipe.yaml", "  random_scale:\n", "  random_scale:\n    batch: {value: 5, origin: ours}\n", 240),
        ("scales/paper.yaml", "common:\n", "common:\n  epochs: 6\n", 6),
        ("scales/paper.yaml", "common:\n", "datasets: {ade20k: {epochs: 7}}\ncommon:\n  epochs: 6\n", 7),
        ("scales/paper.yaml", "common:\n", "datasets: {ade20k: {epochs: 7, r50: {epochs: 8}}}\ncommon:\n", 8),
        ("scales/paper.yaml", "common:\n", "datasets: {ade20k: {epochs: 8}}\nroles: {r50: {epochs: 9}}\ncommon:\n", 9),
        (
            "scales/paper.yaml",
            "common:\n",
            "strategies: {random_scale: {epochs: 10}}\nroles: {r50: {epochs: 9}}\ncommon:\n",
            10,
        ),
        ("runs.yaml", "{dataset: ade20k, role: r50}", "{dataset: ade20k, role: r50, epochs: 11}", 11),
    ],
)  # fmt: skip
def test_layers_win_in_the_documented_order(params, edit, file, old, new, said):
    edit(file, old, new)
    if "random_scale" in new:
        edit("runs.yaml", "{dataset: ade20k, role: r50}", "{dataset: ade20k, role: r50, strategies: [random_scale]}")
    assert Campaign(params, "paper").resolve("ade_acnet", 0).train.epochs == said


def test_fine_tuning_wins_over_strategies_and_the_runs_own_entry_over_all(params, edit):
    edit("runs.yaml", "fine_tune: r101_ohem}", "fine_tune: r101_ohem, learning_rate: 0.3}")
    values = Campaign(params, "paper").resolve("r101_ohem_trainval", 0)
    assert (values.train.epochs, values.train.learning_rate) == (20, 0.3)


@pytest.mark.parametrize("scale", ["camvid", "camvid-gpu"])
def test_fine_tuning_wins_over_what_a_scale_says_of_strategies(params, scale):
    values = Campaign(params, scale).resolve("r101_ohem_trainval", 0)
    assert values.train.epochs == 20


def test_fine_tuning_never_learns_from_a_split_that_the_tables_show_where_another_is_there(params):
    values = Campaign(params, "camvid").resolve("r101_ohem_trainval", 0)
    assert (values.train_splits, values.evaluate_split) == (["train", "val"], "test")


def test_editing_one_run_changes_that_run_and_what_is_fine_tuned_from_it_alone(params, edit):
    before = Campaign(params, "paper")
    edit("runs.yaml", "{dataset: cityscapes, role: r101, strategies: [multi_grid, random_scale, ohem]}",
         "{dataset: cityscapes, role: r101, strategies: [multi_grid, random_scale, ohem], delta: 4.0}")  # fmt: skip
    after = Campaign(params, "paper")
    changed = [run for run in before.runs if before.resolve(run, 0) != after.resolve(run, 0)]
    assert changed == ["r101_ohem", "r101_ohem_trainval"]
    assert after.resolve("r101_ohem_trainval", 0).model.delta == 4.0


def test_a_fine_tuned_run_takes_the_network_of_its_source_but_not_its_training(params, edit):
    edit("runs.yaml", "{dataset: cityscapes, role: r101, strategies: [multi_grid, random_scale, ohem]}",
         "{dataset: cityscapes, role: r101, strategies: [multi_grid, random_scale, ohem], reuse: 2, batch: 4}")  # fmt: skip  # noqa: E501
    values = Campaign(params, "paper").resolve("r101_ohem_trainval", 0)
    assert (values.model.reuse, values.train.batch) == (2, 8)


def test_editing_a_strategy_changes_the_runs_that_use_it(params, edit):
    before = Campaign(params, "paper")
    edit("recipe.yaml", "[4, 8, 16]", "[2, 4, 8]")
    after = Campaign(params, "paper")
    changed = [run for run in before.runs if before.resolve(run, 0) != after.resolve(run, 0)]
    assert changed == ["r101_mg", "r101_da", "r101_ohem", "r101_ohem_trainval", "r101_mg_240_epochs"]


def test_a_run_may_have_more_seeds_than_its_scale(params, edit):
    edit("scales/mini.yaml", "seeds: [0]", "seeds: [0, 1]\nmore_seeds: {gc_s16: [1, 5]}")
    campaign = Campaign(params, "mini")
    assert campaign.seeds("gc_s16") == [0, 1, 5] and campaign.seeds("fcn_s16") == [0, 1]


def test_a_seed_changes_nothing_but_the_seed(paper):
    one, other = paper.resolve("acb3", 0), paper.resolve("acb3", 1)
    assert dataclasses.replace(one, seed=1) == other
