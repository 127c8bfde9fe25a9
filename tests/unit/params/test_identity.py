"""Which parameters make a run another run."""

import dataclasses

import pytest

from acnet.params import run as module
from acnet.params.campaign import Campaign
from acnet.params.config import NetworkConfig, TrainingConfig
from acnet.params.run import InitialWeights, read_run, write_run
from acnet.params.schema import limited
from tests.tiny import changed

OTHER = {
    "backbone": "resnet50", "base_width": 32, "stem": "deep", "output_stride": 8, "dilation": "prior",
    "multi_grid": [1, 2, 4], "reduction": 128, "delta": 7.0, "global_conv": "conv1x1", "distance": "scaled",
    "reduction_dilation": 6, "global_blocks": [2], "gate": "constant", "learn_scalars": False,
    "after_context": "conv_bn_relu", "reuse": 2,
    "local_channels": 24, "block_channels": [24, 16], "dropout": 0.2, "align_corners": False,
    "auxiliary_channels": 24,
    "epochs": 7, "batch": 4, "crop": [32, 32], "base_size": 40, "scale_range": [0.5, 1.5], "flip": 0.0,
    "learning_rate": 0.2, "new_layers_factor": 3.0, "momentum": 0.5, "weight_decay": 0.1, "decay_norm": False,
    "decay_scalars": False, "power": 0.5, "auxiliary_weight": 0.1, "ohem_threshold": 0.5, "ohem_keep": 0.3,
    "precision": "bfloat16", "accumulate": 2, "compile": True, "threads": 3, "save_minutes": 1.0,
    "validate_every": 2, "tensorboard": True,
}  # fmt: skip
_AUXILIARY = {"auxiliary_channels", "auxiliary_weight"}
_OHEM = {"ohem_threshold", "ohem_keep"}
_GATE = {"delta", "distance", "gate"}
_GLOBAL = {"global_conv", "global_blocks"}
_LOCAL = {"reuse", "local_channels", "block_channels"}
UNUSED = {
    "fcn_s16": _GATE | _GLOBAL | _LOCAL | {"learn_scalars", "decay_scalars"} | _AUXILIARY | _OHEM,
    "gc_s16": _GATE | _LOCAL | _AUXILIARY | _OHEM,
    "gcm_d5_s16": _LOCAL | _AUXILIARY | _OHEM,
    "fcn_lc": _GATE | _GLOBAL | _AUXILIARY | _OHEM,
    "acb3": _AUXILIARY | _OHEM,
    "r101_da": _OHEM,
    "r101_ohem": set(),
}


@pytest.fixture
def mini(root):
    """The campaign of scale mini."""
    return Campaign(root / "params", "mini")


@pytest.mark.parametrize("name", UNUSED)
def test_only_parameters_that_a_run_uses_change_its_digest(mini, name):
    switches = {"global_context", "local_context", "blocks", "auxiliary", "ohem", "head", "head_options"}
    configs = (NetworkConfig, TrainingConfig)
    assert set(OTHER) | switches == {field.name for config in configs for field in dataclasses.fields(config)}
    run = mini.resolve(name, 0)
    same = {key for key, value in OTHER.items() if changed(run, **{key: value}).digest() == run.digest()}
    assert same == UNUSED[name] | {"save_minutes", "validate_every", "tensorboard"}


def test_of_a_head_its_name_and_its_parameters_make_another_run_and_nothing_of_acnets_blocks_does(mini):
    run, fcn = mini.resolve("encnet", 0), mini.resolve("fcn_s16", 0)
    others = [{"codewords": 16, "presence_weight": 0.2}, {"codewords": 32, "presence_weight": 0.1}]
    found = {changed(run, head_options=options).digest() for options in others}
    assert len(found | {run.digest(), fcn.digest(), changed(run, head="parsenet").digest()}) == 5
    assert set(run.identity()["model"]) - set(fcn.identity()["model"]) == {"head", "head_options"}
    same = {key for key, value in OTHER.items() if changed(run, **{key: value}).digest() == run.digest()}
    assert same == UNUSED["fcn_s16"] | {"save_minutes", "validate_every", "tensorboard"}


def test_a_width_of_a_block_that_a_network_does_not_have_is_not_used(mini):
    one, two = mini.resolve("acb1", 0), mini.resolve("acb2", 0)
    assert changed(one, block_channels=[56, 99]).digest() == one.digest()
    assert changed(one, block_channels=[99, 32]).digest() != one.digest()
    assert changed(two, block_channels=[56, 99]).digest() != two.digest()


def test_the_names_of_classes_make_no_other_run(mini, tmp_path):
    run = mini.resolve("acb3", 0)
    named = dataclasses.replace(run, class_colours={"b": [0, 0, 1], "a": [0, 0, 2]})
    assert named.digest() == run.digest()
    write_run(named, {}, tmp_path / "params.yaml")
    assert list(read_run(tmp_path / "params.yaml").class_colours) == ["b", "a"]


@pytest.mark.parametrize(
    ("key", "value"), [("seed", 1), ("dataset", "mini_camvid"), ("train_splits", ["train", "val"]), ("classes", 20)]
)
def test_seed_and_data_make_another_run(mini, key, value):
    run = mini.resolve("acb3", 0)
    assert changed(run, **{key: value}).digest() != run.digest()


def test_of_the_first_weights_the_content_counts_not_where_it_lies(mini):
    def of(**init) -> str:
        return changed(mini.resolve("acb3", 0), init=InitialWeights(**init)).digest()

    here = {"kind": "file", "file": "a/b.pth", "name": "ImageNet", "sha256": "0676ba61" + 56 * "0"}
    there = {"kind": "url", "url": "https://x/b.pth", "file": "b.pth", "name": "torchvision's", "sha256": "0676ba61"}
    assert of(**here) == of(**there)
    assert len({of(**here), of(**{**here, "sha256": 64 * "1"}), of(kind="none", name="from scratch")}) == 3
    assert of(kind="run", run="a", name="x") != of(kind="run", run="b", name="x")


@pytest.fixture
def grown(monkeypatch):
    """A function from a run to the same with a parameter more, `sharpness`, for which 1.0 is how it was without."""
    added = ("sharpness", float, limited(low=0.0, before=1.0))
    config = dataclasses.make_dataclass("Grown", [added], bases=(NetworkConfig,), frozen=True, kw_only=True)
    run = dataclasses.make_dataclass("Run", [("model", config)], bases=(module.Run,), frozen=True, kw_only=True)
    monkeypatch.setattr(module, "Run", run)

    def grow(run, sharpness):
        return dataclasses.replace(run, model=config(**vars(run.model), sharpness=sharpness))

    return grow


def test_a_parameter_added_at_the_value_of_before_makes_no_other_run(mini, grown):
    run = mini.resolve("acb3", 0)
    assert grown(run, 1.0).digest() == run.digest()
    assert grown(run, 2.0).digest() != run.digest()


def test_a_params_file_written_before_a_parameter_was_added_is_read(mini, grown, tmp_path):
    write_run(mini.resolve("acb3", 0), mini.origins("acb3"), tmp_path / "params.yaml")
    found = read_run(tmp_path / "params.yaml")
    assert found.model.sharpness == 1.0
    assert found.digest() == mini.resolve("acb3", 0).digest()
