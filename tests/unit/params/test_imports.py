"""Imports are light: the pipeline's start needs neither torch nor pandas, an evaluation no compiler."""

import subprocess
import sys

import pytest

from acnet.params import schema
from acnet.params.tables import load_tables

HEAVY = ("torch", "pandas", "numpy", "scipy", "matplotlib", "snakemake", "PIL", "dvc")
PARTS = ("campaign", "claims", "datasets", "run", "tables", "weights")
READ = (
    "from acnet.params.campaign import Campaign\n"
    "from acnet.params.tables import load_tables\n"
    "campaign = Campaign('params', 'mini')\n"
    "load_tables('params'), [campaign.resolve(run, 0) for run in campaign.runs]\n"
)


@pytest.mark.parametrize(
    "code",
    ["".join(f"import acnet.params.{part}\n" for part in PARTS), READ, "import acnet.cli"],
    ids=["import", "read", "cli"],
)
def test_params_are_read_without_heavy_packages(root, code):
    assert imported(root, code, HEAVY) == "[]"


@pytest.mark.parametrize("command", ["evaluate", "train"])
def test_commands_do_not_import_the_compiler(root, command):
    """It takes 150 MB and a second, in every job."""
    assert imported(root, f"import acnet.commands.{command}", ("torch._dynamo", "sympy")) == "[]"


def imported(root, code: str, modules: tuple[str, ...]) -> str:
    ask = f"import sys\n{code}\nprint([m for m in {modules!r} if m in sys.modules])"
    return subprocess.run(
        [sys.executable, "-c", ask], cwd=root, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_a_file_is_parsed_once_until_it_is_edited(params, edit, monkeypatch):
    parsed = []
    monkeypatch.setattr(schema, "read_yaml", lambda path, read=schema.read_yaml: parsed.append(path) or read(path))
    assert load_tables(params) == load_tables(params)
    edit("tables.yaml", "digits: 1", "digits: 3")
    assert load_tables(params) == load_tables(params)
    assert len(parsed) == 2
