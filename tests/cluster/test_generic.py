"""The profile for other schedulers, with a pretended PBS."""

import os
import subprocess
import sys
import time

from acnet.params.resources import load_resources
from tests.cluster.conftest import EVERY_SECOND, METRICS, RUN
from tests.conftest import ROOT


def test_a_job_that_is_deleted_goes_on_and_measures_the_same(reference, unstarted, tmp_path):
    commands = tmp_path / "bin"
    commands.mkdir()
    for name in ("qsub", "qstat", "qdel"):
        # Copied, so that the jobs' folder lies beside it.
        text = (ROOT / "tests/cluster/pbs.py").read_text()
        (commands / name).write_text(f"#!{sys.executable}\n{text}")
        (commands / name).chmod(0o755)
    project = unstarted.folder
    environment = {**os.environ, "PYTHONPATH": str(project), "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}"}
    profile = ("--workflow-profile", "workflow/profiles/generic", *EVERY_SECOND)
    command = [sys.executable, "-m", "snakemake", *profile, METRICS]
    with open(tmp_path / "output.txt", "w") as output:
        snakemake = subprocess.Popen(command, cwd=project, env=environment, stdout=output, stderr=subprocess.STDOUT)
    end = time.monotonic() + 120
    while not any((project / RUN / "resume").glob("state*.pt")):
        assert time.monotonic() < end and snakemake.poll() is None, (tmp_path / "output.txt").read_text()
        time.sleep(0.1)
    subprocess.run([commands / "qdel", "1.pbs"], check=True)
    assert snakemake.wait(300) == 0, (tmp_path / "output.txt").read_text()
    assert (project / METRICS).read_bytes() == (reference.folder / METRICS).read_bytes()
    assert "resuming at step" in (project / "logs/train/mini/fcn_s16/seed0.log").read_text()

    jobs = commands / "pbs-jobs"
    need = load_resources(ROOT / "params", "mini").train
    asked = f"select=1:ncpus=1:mem={need.mem_mb}mb:ngpus=1,walltime=0:{need.runtime}:0"
    assert asked in (jobs / "1.pbs/asked").read_text()
    assert f"mem={need.memory(2)}mb" in (jobs / "2.pbs/asked").read_text()
    assert len(list(jobs.iterdir())) == 3  # training, training, measurement
