"""Reading params/ is light: the pipeline's start and the report need neither torch nor pandas."""

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
    ask = f"import sys\n{code}\nprint([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", ask], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_file_is_parsed_once_until_it_is_edited(params, edit, monkeypatch):
    parsed = []
    monkeypatch.setattr(schema, "read_yaml", lambda path, read=schema.read_yaml: parsed.append(path) or read(path))
    assert load_tables(params) == load_tables(params)
    edit("tables.yaml", "digits: 1", "digits: 3")
    assert load_tables(params) == load_tables(params)
    assert len(parsed) == 2
