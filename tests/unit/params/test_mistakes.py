"""Every kind of mistake in every file of params/ is one line that names file and key."""

from pathlib import Path

import pytest
import yaml

from acnet.errors import AcnetError
from acnet.params.campaign import Campaign
from acnet.params.claims import load_claims
from acnet.params.tables import check_names

MISTAKES = yaml.safe_load((Path(__file__).parent / "mistakes.yaml").read_text())
FILES = (
    "model.yaml", "recipe.yaml", "protocols.yaml", "runs.yaml", "datasets.yaml", "scales/mini.yaml", "tables.yaml",
    "claims.yaml", "heads.yaml",
)  # fmt: skip


def load_everything(params):
    """What the pipeline's start reads, at scale mini."""
    campaign = Campaign(params, "mini")
    tables = campaign.tables
    check_names(tables, campaign.runs, campaign.protocols)
    campaign.shown()
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
    assert {file for file, *_ in MISTAKES} == set(FILES)


@pytest.mark.parametrize(("file", "old", "new", "says"), MISTAKES)
def test_a_mistake_is_one_line_with_file_and_key(params, edit, file, old, new, says):
    edit(file, old, new)
    line = line_of(params)
    assert line.startswith(f"{params / file}: ") and says in line, line


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
    assert line_of(params) == f"{params / file}: not found"


@pytest.mark.parametrize("file", FILES)
def test_a_file_in_another_encoding_is_named(params, file):
    (params / file).write_bytes((params / file).read_bytes() + "# caf\xe9\n".encode("latin-1"))
    assert line_of(params) == f"{params / file}: not a text file in UTF-8; save it as one"


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.getcwd []", "!!python/name:os.system ~"])
def test_yaml_runs_no_code(params, edit, tag):
    edit("runs.yaml", "delta: 2.0", f"delta: {tag}")
    assert "not valid YAML (could not determine a constructor" in line_of(params)


@pytest.mark.parametrize(
    ("written", "meant"),
    [("1e-2", 0.01), ("1E-2", 0.01), (".5e-1", 0.05), ("1.e-2", 0.01), ("+1e-2", 0.01), ("1e0", 1.0), ("'1e-2'", 0.01)],
)
def test_a_number_may_have_an_exponent(params, edit, written, meant):
    edit("scales/mini.yaml", "learning_rate: 0.1", f"learning_rate: {written}")
    value = Campaign(params, "mini").resolve("acb3", 0).train.learning_rate
    assert type(value) is float and value == meant


@pytest.mark.parametrize("written", ["1e", "e2", "1_0e2", "nan", "'0.1'", "0,1", "1e-2 s"])
def test_no_other_text_is_a_number(params, edit, written):
    edit("scales/mini.yaml", "learning_rate: 0.1", f"learning_rate: {written}")
    assert "common.learning_rate: expected a number, got '" in line_of(params)
