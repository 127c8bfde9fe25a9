"""Reading params/ is light: the pipeline's start and the report need neither torch nor pandas."""

import subprocess
import sys

import pytest

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
