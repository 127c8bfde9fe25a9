"""Every kind of mistake in every file of params/ is one line that names file and key."""

import pytest

from acnet.errors import AcnetError
from acnet.params.campaign import Campaign
from acnet.params.claims import load_claims
from acnet.params.tables import check_names, load_tables

# file, what is replaced, by what, what the line says after the file's name
MISTAKES = {
    # an unknown key, with the nearest valid one
    "model, key": ("model.yaml", "delta:  ", "detla:  ", "unknown key 'detla'; did you mean 'delta'?"),
    "model, key of a value": ("model.yaml", "{value: 512,", "{valu: 512,", "reduction: unknown key 'valu'; did you mean"),
    "recipe, section": ("recipe.yaml", "\nstrategies:", "\nstrategy:", "unknown key 'strategy'; did you mean 'strategies'?"),
    "recipe, common": ("recipe.yaml", "  momentum: ", "  momentun: ", "common: unknown key 'momentun'; did you mean 'momentum'?"),
    "recipe, dataset": ("recipe.yaml", "fine_tuning:\n  cityscapes:", "fine_tuning:\n  cityscape:", "fine_tuning: unknown key 'cityscape'; did you mean 'cityscapes'?"),
    "recipe, in a dataset": ("recipe.yaml", "{value: 180, origin: lineage}\n  ade", "{value: 180, origin: lineage}\n    bach: {value: 1}\n  ade", "datasets.cityscapes: unknown key 'bach'; did you mean 'batch'?"),
    "recipe, in a role": ("recipe.yaml", "    auxiliary: ", "    auxilary: ", "roles.r101: unknown key 'auxilary'; did you mean 'auxiliary'?"),
    "recipe, role of a dataset": ("recipe.yaml", "      crop:        {value: [576", "      cropp:        {value: [576", "datasets.ade20k.r101: unknown key 'cropp'; did you mean 'crop'?"),
    "recipe, strategy": ("recipe.yaml", "  random_scale:\n", "  random_scales:\n", "strategies: unknown key 'random_scales'; did you mean 'random_scale'?"),
    "protocols, key": ("protocols.yaml", "    mirror: ", "    miror: ", "single.common: unknown key 'miror'; did you mean 'mirror'?"),
    "protocols, dataset": ("protocols.yaml", "  cityscapes:", "  cityscape:", "single: unknown key 'cityscape'; did you mean 'cityscapes'?"),
    "runs, key": ("runs.yaml", "output_stride: 8", "output_strid: 8", "fcn_s8: unknown key 'output_strid'; did you mean 'output_stride'?"),
    "runs, dataset": ("runs.yaml", "gc_s16:      {dataset: cityscapes", "gc_s16:      {dataset: cityscape", "gc_s16.dataset: unknown name 'cityscape'; did you mean 'cityscapes'?"),
    "runs, role": ("runs.yaml", "role: r101}", "role: r110}", "r101_acb3.role: unknown name 'r110'; did you mean 'r101'?"),
    "runs, strategy": ("runs.yaml", "[multi_grid]", "[multigrid]", "r101_mg.strategies: unknown name 'multigrid'; did you mean 'multi_grid'?"),
    "runs, source": ("runs.yaml", "fine_tune: r101_ohem", "fine_tune: r101_ohm", "r101_ohem_trainval.fine_tune: unknown name 'r101_ohm'; did you mean 'r101_ohem'?"),
    "datasets, key": ("datasets.yaml", "  reader: ade20k", "  readr: ade20k", "ade20k: unknown key 'readr'; did you mean 'reader'?"),
    "datasets, reader": ("datasets.yaml", "reader: camvid", "reader: camvit", "camvid.reader: 'camvit' is not valid; did you mean 'camvid'?"),
    "datasets, split": ("datasets.yaml", "  evaluate: val", "  evaluate: vall", "cityscapes.evaluate: unknown name 'vall'; did you mean 'val'?"),
    "datasets, generate": ("datasets.yaml", "{seed: 1,", "{sed: 1,", "mini_cityscapes.generate: unknown key 'sed'; did you mean 'seed'?"),
    "scale, key": ("scales/mini.yaml", "comparable:", "comparabel:", "unknown key 'comparabel'; did you mean 'comparable'?"),
    "scale, dataset played": ("scales/mini.yaml", "  ade20k: mini_ade20k", "  ade20: mini_ade20k", "plays: unknown name 'ade20'; did you mean 'ade20k'?"),
    "scale, player": ("scales/mini.yaml", ": mini_ade20k", ": mini_ade20", "plays.ade20k: unknown name 'mini_ade20'; did you mean 'mini_ade20k'?"),
    "scale, override": ("scales/mini.yaml", "  base_width: ", "  basewidth: ", "common: unknown key 'basewidth'; did you mean 'base_width'?"),
    "scale, dataset": ("scales/mini.yaml", "  pascal_context: {", "  pascalcontext: {", "datasets: unknown key 'pascalcontext'; did you mean 'pascal_context'?"),
    "scale, role": ("scales/mini.yaml", "  r50: {", "  r5: {", "roles: unknown key 'r5'; did you mean 'r50'?"),
    "scale, protocol": ("scales/mini.yaml", "  single_flip: {", "  singel_flip: {", "protocols: unknown key 'singel_flip'; did you mean 'single_flip'?"),
    "scale, protocol's key": ("scales/mini.yaml", "window: 64,", "windw: 64,", "protocols.single: unknown key 'windw'; did you mean 'window'?"),
    "scale, table": ("scales/mini.yaml", "table8]", "tabel8]", "tables: unknown name 'tabel8'; did you mean 'table8'?"),
    "tables, key": ("tables.yaml", "    backbone: ", "    backbon: ", "tables.table1: unknown key 'backbon'; did you mean 'backbone'?"),
    "claims, key": ("claims.yaml", "statement:", "statemnt:", "unknown key 'statemnt'; did you mean 'statement'?"),
    # a wrong type
    "model, type": ("model.yaml", "{value: 512,", "{value: wide,", "reduction: expected a whole number, got 'wide'"),
    "model, true for a number": ("model.yaml", "{value: 5.0,", "{value: true,", "delta: expected a number, got True"),
    "model, no mapping": ("model.yaml", "{value: 512, origin: paper,", "[512", "not valid YAML"),
    "model, plain value": ("model.yaml", '{value: 0.1, origin: lineage, note: "Dropout2d before the 1x1 classifier"}', "0.1", "dropout: expected a mapping, got 0.1"),
    "recipe, type": ("recipe.yaml", "{value: 0.9, origin: paper, note: \"4.2\"}", "{value: high, origin: paper}", "common.momentum: expected a number, got 'high'"),
    "recipe, type no run meets": ("recipe.yaml", "{value: 110,", "{value: 110.5,", "datasets.cocostuff10k.epochs: expected a whole number, got 110.5"),
    "recipe, section of no mapping": ("recipe.yaml", "roles:\n  r50:\n    backbone:  {value: resnet50, origin: paper}", "roles:\n  r50: 3", "roles.r50: expected a mapping, got 3"),
    "protocols, type": ("protocols.yaml", "{value: [1.0],", "{value: 1.0,", "single.common.scales: expected a list, got 1.0"),
    "protocols, window": ("protocols.yaml", "{value: crop,", "{value: corp,", "single.common.window: 'corp' is not valid; expected 'crop' or 'whole' or a whole number or a list"),
    "runs, type": ("runs.yaml", "delta: 2.0", "delta: two", "gcm_d2_s16.delta: expected a number, got 'two'"),
    "runs, no mapping": ("runs.yaml", "stuff_r101_acnet:   {dataset: cocostuff10k, role: r101}", "stuff_r101_acnet: yes", "stuff_r101_acnet: expected a mapping, got True"),
    "runs, strategies": ("runs.yaml", "[multi_grid]", "multi_grid", "r101_mg.strategies: expected a list, got 'multi_grid'"),
    "runs, two sources": ("runs.yaml", "fine_tune: r101_ohem", "fine_tune: [r101_ohem]", "r101_ohem_trainval.fine_tune: expected a text, got ['r101_ohem']"),
    "datasets, type": ("datasets.yaml", "val: 500", "val: many", "cityscapes.splits.val: expected a whole number, got 'many'"),
    "scale, type": ("scales/mini.yaml", "seeds: [0]", "seeds: 0", ".seeds: expected a list, got 0"),
    "scale, override's type": ("scales/mini.yaml", "  batch: 8", "  batch: eight", "common.batch: expected a whole number, got 'eight'"),
    "tables, type": ("tables.yaml", "digits: ", "digits: x", "digits"),
    # out of range
    "model, range": ("model.yaml", "{value: 5.0,", "{value: 0,", "delta: 0.0 is out of range; expected at least 0.001"),
    "model, not a number": ("model.yaml", "{value: 5.0,", "{value: .nan,", "delta: expected a finite number, got nan"),
    "model, literal": ("model.yaml", "{value: 16,", "{value: 32,", "output_stride: 32 is not valid; known: [8, 16]"),
    "model, literal of another type": ("model.yaml", "{value: 16,", "{value: 16.0,", "output_stride: 16.0 is not valid; known: [8, 16]"),
    "model, count": ("model.yaml", "{value: [448, 256],", "{value: [448],", "block_channels: expected 2 numbers, got [448]"),
    "model, origin": ("model.yaml", "{value: 512, origin: paper", "{value: 512, origin: papers", "reduction.origin: 'papers' is not valid; did you mean 'paper'?"),
    "recipe, range": ("recipe.yaml", "{value: 0.005,", "{value: -0.005,", "datasets.cityscapes.learning_rate: -0.005 is out of range; expected at least 0"),
    "recipe, infinite": ("recipe.yaml", "{value: 10.0,", "{value: .inf,", "common.new_layers_factor: expected a finite number, got inf"),
    "recipe, falling": ("recipe.yaml", "[0.5, 2.2]", "[2.2, 0.5]", "strategies.random_scale.scale_range: [2.2, 0.5] runs downwards"),
    "recipe, count": ("recipe.yaml", "[768, 768]", "[768]", "datasets.cityscapes.crop: expected 2 numbers, got [768]"),
    "protocols, empty": ("protocols.yaml", "{value: [1.0],", "{value: [],", "single.common.scales: expected at least one item, got []"),
    "protocols, range": ("protocols.yaml", "{value: 0.5,", "{value: 0,", "multi_flip.cityscapes.stride: 0.0 is out of range; expected 0.05 to 1"),
    "runs, range": ("runs.yaml", "blocks: 2}", "blocks: 4}", "acb2.blocks: 4 is out of range; expected 1 to 3"),
    "runs, what goes together": ("runs.yaml", "acb3:        {dataset: cityscapes, role: r50, blocks: 3}", "acb3: {dataset: cityscapes, role: r50, global_context: gc}", "acb3.local_context: lcm takes its gate from global_context: gcm; set that, or lc"),
    "runs, blocks without local context": ("runs.yaml", "acb3:        {dataset: cityscapes, role: r50, blocks: 3}", "acb3: {dataset: cityscapes, role: r50, local_context: none}", "acb3.blocks: 3 needs local_context lc or lcm"),
    "runs, third block without a module": ("runs.yaml", "acb3:        {dataset: cityscapes, role: r50, blocks: 3}", "acb3: {dataset: cityscapes, role: r50, local_context: lc, global_context: none}", "acb3.blocks: the third block is a global context module only"),
    "runs, fine-tuned twice": ("runs.yaml", "ade_r101_acnet: {dataset: ade20k, role: r101}", "ade_r101_acnet: {dataset: ade20k, role: r101, fine_tune: ade_acnet}", "ade_r101_acnet_trainval.fine_tune: 'ade_r101_acnet' is itself fine-tuned"),
    "runs, fine-tuned from another dataset": ("runs.yaml", "fine_tune: ade_r101_acnet", "fine_tune: stuff_r101_acnet", "ade_r101_acnet_trainval.fine_tune: 'stuff_r101_acnet' is trained on cocostuff10k, not on ade20k"),
    "runs, name": ("runs.yaml", "fcn_lc:  ", "fcn/lc:  ", "'fcn/lc' cannot be a name; use letters, digits, _ and -"),
    "runs, number as a name": ("runs.yaml", "fcn_lc:  ", "12:  ", "12 cannot be a name"),
    "datasets, range": ("datasets.yaml", "classes: 19", "classes: 1", "cityscapes.classes: 1 is out of range; expected 2 to 255"),
    "datasets, no images": ("datasets.yaml", "val: 500", "val: 0", "cityscapes.splits: 0 is out of range; expected at least 1"),
    "datasets, no folder": ("datasets.yaml", "folders: [data/raw/ade20k]", "folders: []", "ade20k.folders: expected at least one item"),
    "datasets, size": ("datasets.yaml", "size: [64, 128]", "size: [64]", "mini_cityscapes.generate.size: expected 2 numbers, got [64]"),
    "scale, range": ("scales/mini.yaml", "seeds: [0]", "seeds: [-1]", ".seeds: -1 is out of range; expected 0 to 4294967295"),
    "scale, no seed": ("scales/mini.yaml", "seeds: [0]", "seeds: []", ".seeds: expected at least one item, got []"),
    "scale, seed twice": ("scales/mini.yaml", "seeds: [0]", "seeds: [1, 1]", ".seeds: [1, 1] names a seed twice"),
    "scale, override's range": ("scales/mini.yaml", "  epochs: 50", "  epochs: 0", "common.epochs: 0 is out of range; expected at least 1"),
    "scale, weights": ("scales/mini.yaml", "pretrained: false", "weights: {resnet19: {file: a, sha256: b, name: c}}", "weights: unknown key 'resnet19'; did you mean 'resnet18'?"),
    # a missing key
    "model, missing": ("model.yaml", "delta:   ", "# delta: ", "key 'delta' is missing"),
    "model, value missing": ("model.yaml", "{value: 512, origin: paper,", "{origin: paper,", "reduction: key 'value' is missing"),
    "model, origin missing": ("model.yaml", "{value: 512, origin: paper,", "{value: 512,", "reduction: key 'origin' is missing"),
    "recipe, missing": ("recipe.yaml", "  momentum:", "  # momentum:", "key 'momentum' is missing: neither common nor datasets.cityscapes sets it, nor does run 'fcn_s16'"),
    "recipe, section missing": ("recipe.yaml", "fine_tuning:\n", "# fine_tuning:\n", "key 'fine_tuning' is missing"),
    "protocols, missing": ("protocols.yaml", "    batch: ", "    # batch: ", "single.common: key 'batch' is missing"),
    "runs, missing": ("runs.yaml", "acb3:        {dataset: cityscapes, role: r50, ", "acb3:        {dataset: cityscapes, ", "acb3: key 'role' is missing"),
    "datasets, missing": ("datasets.yaml", "  train: train\n", "", "cityscapes: key 'train' is missing"),
    "scale, missing": ("scales/mini.yaml", "noise: 3.0\n", "", "key 'noise' is missing"),
    "tables, missing": ("tables.yaml", "    protocol: single\n", "", "tables.table1: key 'protocol' is missing"),
    "claims, missing": ("claims.yaml", "    check: greater\n", "", "key 'check' is missing"),
}  # fmt: skip
FILES = (
    "model.yaml", "recipe.yaml", "protocols.yaml", "runs.yaml", "datasets.yaml", "scales/mini.yaml", "tables.yaml",
    "claims.yaml",
)  # fmt: skip


def load_everything(params):
    """What the pipeline's start reads, at scale mini."""
    campaign = Campaign(params, "mini")
    tables = load_tables(params)
    check_names(tables, campaign.runs, campaign.protocols)
    campaign.shown(tables)
    load_claims(params, tables)
    for run in campaign.runs:
        for protocol in campaign.protocols:
            campaign.protocol(protocol, run)


def line_of(params):
    with pytest.raises(AcnetError) as error:
        load_everything(params)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_the_files_themselves_hold_no_mistake(params):
    load_everything(params)


def test_every_file_has_its_mistakes_here():
    assert {file for file, *_ in MISTAKES.values()} == set(FILES)


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_a_mistake_is_one_line_with_file_and_key(params, edit, mistake):
    file, old, new, said = MISTAKES[mistake]
    line = line_of(edit(file, old, new).parents[1 if "/" in file else 0])
    assert line.startswith(f"{params / file}"), line
    assert said in line


@pytest.mark.parametrize("file", FILES)
def test_a_key_written_twice_is_refused(params, file):
    path = params / file
    first = next(line for line in path.read_text().splitlines() if line and line[0].isalpha())
    path.write_text(f"{path.read_text()}\n{first}\n")
    key = first.split(":")[0]
    assert line_of(params) == f"{path}: line {len(path.read_text().splitlines())}: key '{key}' is written twice"


@pytest.mark.parametrize("file", FILES)
def test_broken_yaml_is_named_with_its_line(params, file):
    path = params / file
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, "broken: [1, 2"]) + "\n")
    assert line_of(params).startswith(f"{path}: line {len(lines) + 2}: not valid YAML (")


@pytest.mark.parametrize("file", FILES)
def test_an_empty_file_is_no_mapping(params, file):
    (params / file).write_text("# all gone\n")
    line = line_of(params)
    assert line.startswith(str(params / file)) and "expected" in line


@pytest.mark.parametrize("file", [f for f in FILES if not f.startswith("scales")])
def test_a_missing_file_is_named(params, file):
    (params / file).unlink()
    assert line_of(params) == f"{params / file}: not there"


@pytest.mark.parametrize("file", FILES)
def test_a_file_in_another_encoding_is_named(params, file):
    (params / file).write_bytes((params / file).read_bytes() + "# caf\xe9\n".encode("latin-1"))
    assert line_of(params) == f"{params / file}: not a text file in UTF-8; save it as one"


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.getcwd []", "!!python/name:os.system ~"])
def test_yaml_runs_no_code(params, edit, tag):
    edit("runs.yaml", "delta: 2.0", f"delta: {tag}")
    assert "not valid YAML (could not determine a constructor" in line_of(params)


def test_unknown_names_are_answered_with_the_nearest(params):
    with pytest.raises(AcnetError, match=r"scale 'minni': .*/scales/ has no such file; did you mean 'mini'\?"):
        Campaign(params, "minni")
    campaign = Campaign(params, "mini")
    with pytest.raises(AcnetError, match=r"run 'acb4': .*runs\.yaml has no such entry; did you mean 'acb"):
        campaign.resolve("acb4", 0)
    with pytest.raises(
        AcnetError, match=r"protocol 'sinlge': .*protocols\.yaml has no such entry; did you mean 'single'"
    ):
        campaign.protocol("sinlge", "acb3")
