"""The profile for Kubernetes: what it submits, and that a run whose pod is lost goes on in the next one."""

import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from acnet.params.resources import load_resources
from tests.cluster.conftest import EVERY_SECOND, METRICS, RUN
from tests.cluster.pretended_kubernetes import Kubernetes
from tests.cluster.test_profiles import NEEDS, ON_GPU, documented, in_force
from tests.conftest import ROOT

PROFILE = "workflow/profiles/kubernetes"
PINS = ROOT / PROFILE / "requirements.txt"


@pytest.fixture(scope="session")
def plugins(tmp_path_factory) -> str:
    """A folder with what the profile needs beyond the environment; skips where it cannot be had."""
    if importlib.util.find_spec("snakemake_executor_plugin_kubernetes"):
        return ""
    folder = tmp_path_factory.mktemp("plugins")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder, "-r", PINS]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"the plugins cannot be installed: {done.stderr[-200:]}")
    return str(folder)


@pytest.fixture
def bucket(tmp_path):
    """The address of an S3 with an empty bucket `acnet`."""
    server = pytest.importorskip("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    assert requests.put(f"{address}/acnet").ok
    yield address
    server.stop()


@pytest.fixture
def environment(unstarted, plugins, bucket, tmp_path):
    """A project on the volume, with an environment of its own, and the variables that the guide asks for."""
    project = unstarted.folder
    profile = project / PROFILE / "config.yaml"
    profile.write_text(profile.read_text().replace("/acnet", str(project)).replace(f"s3:/{project}", "s3://acnet"))
    (project / ".venv/bin").mkdir(parents=True)
    # Each pod would bring the storage plugin by pip; here it is at hand.
    stub = project / ".venv/bin/pip"
    stub.write_text("#!/bin/sh\n")
    stub.chmod(0o755)
    path = f"{project}/.venv/bin:{Path(sys.executable).parent}:{os.environ['PATH']}"
    (project / ".venv/bin/activate").write_text(f"PATH={path}\n")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("SLURM")},
        "PYTHONPATH": os.pathsep.join(filter(None, [str(project), plugins])),
        "OMP_NUM_THREADS": "1",
        "KUBECONFIG": str(tmp_path / "kubeconfig"),
        "SNAKEMAKE_STORAGE_S3_ENDPOINT_URL": bucket,
        "SNAKEMAKE_STORAGE_S3_ACCESS_KEY": "any",
        "SNAKEMAKE_STORAGE_S3_SECRET_KEY": "any",
    }


@pytest.fixture
def kubernetes(environment):
    cluster = Kubernetes(environment)
    Path(environment["KUBECONFIG"]).write_text(cluster.configuration())
    yield cluster
    cluster.stop()


def test_what_the_documented_command_works_with(unstarted, environment):
    facts = in_force(unstarted, *documented("kubernetes"), environment=environment)
    assert facts["executor"] == "kubernetes" and facts["config"]["scale"] == "paper"
    assert facts["jobs_at_once"] == 100 and facts["cores"] == 1 and facts["limits"].get("gpu") is None
    assert facts["settings"]["namespace"] == "default" and "acnet" in facts["settings"]["persistent_volumes"]
    assert facts["storage"]["default_storage_provider"] == "s3"
    assert facts["storage"]["keep_storage_local"] == "True"
    assert facts["rerun_triggers"] == ["input", "mtime", "params"] and facts["keep_going"] is True
    expected = load_resources(unstarted.folder / "params", "paper")
    jobs = facts["jobs"]
    assert {name for name, job in jobs.items() if not job["local"]} == set(NEEDS)
    for name, entry in NEEDS.items():
        need = getattr(expected, entry)
        assert (jobs[name]["mem_mb"], jobs[name]["disk_mb"]) == (need.mem_mb, need.disk_mb)
        assert (jobs[name]["retries"], jobs[name]["scale"], jobs[name]["gpu_manufacturer"]) == (5, 0, "nvidia")
        assert jobs[name]["gpu"] == (1 if name in ON_GPU else 0)


def test_a_run_whose_pod_is_evicted_goes_on_in_the_next_and_measures_the_same(
    unstarted, environment, kubernetes, reference, tmp_path
):
    project = unstarted.folder
    command = [sys.executable, "-m", "snakemake", METRICS, "--workflow-profile", PROFILE, *EVERY_SECOND]
    with open(tmp_path / "output.txt", "w") as output:
        snakemake = subprocess.Popen(command, cwd=project, env=environment, stdout=output, stderr=subprocess.STDOUT)
    copies = project / "storage/s3/acnet"
    end = time.monotonic() + 200
    while not any((copies / RUN / "resume").glob("state*.pt")):
        assert time.monotonic() < end and snakemake.poll() is None, (
            tmp_path / "output.txt"
        ).read_text() + kubernetes.logs()
        time.sleep(0.1)
    kubernetes.kill(list(kubernetes.jobs)[-1])
    assert snakemake.wait(300) == 0, (tmp_path / "output.txt").read_text() + kubernetes.logs()
    assert (copies / METRICS).read_bytes() == (reference.folder / METRICS).read_bytes()
    assert "resuming at step" in (copies / RUN / "provenance.json").read_text()
    pods = [job["spec"]["template"]["spec"] for job in kubernetes.jobs.values()]
    (training, again) = [pod for pod in pods if "--allowed-rules train " in pod["containers"][0]["args"][1]]
    limits = training["containers"][0]["resources"]["limits"]
    need = load_resources(project / "params", "mini").train
    assert limits["nvidia.com/gpu"] == "1" and limits["memory"] == f"{need.mem_mb}M"
    assert again["containers"][0]["resources"]["limits"]["memory"] == f"{need.memory(2)}M"
    mounts = {mount["name"]: mount["mountPath"] for mount in training["containers"][0]["volumeMounts"]}
    claims = {volume["name"]: volume.get("persistentVolumeClaim") for volume in training["volumes"]}
    assert mounts["acnet"] == str(project) and claims["acnet"]["claimName"] == "acnet"
