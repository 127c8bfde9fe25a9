"""One training over several GPUs and nodes, as params/resources.yaml asks for it: the weights of one process."""

import re

import torch

from tests.cluster.conftest import METRICS, RUN

TRAINED = "results/mini/ade_fcn/seed0"


def spread(project, text: str) -> None:
    project.edit("params/resources.yaml", "\n    longest: 0.2", f"\n    longest: 0.2\n    spread: {text}")


def weights(project) -> dict[str, torch.Tensor]:
    file = project.folder / TRAINED / "checkpoint.pt"
    return torch.load(file, weights_only=True, map_location="cpu")["network"]


def same_to_rounding(project, reference) -> bool:
    found, expected = weights(project), weights(reference)
    apart = sum((found[name].double() - value.double()).square().sum() for name, value in expected.items())
    return float(apart / sum(value.double().square().sum() for value in expected.values())) ** 0.5 < 1e-5


def test_two_processes_on_a_node_take_both_gpus_and_give_the_weights_of_one(project, reference, slurm):
    spread(project, "{ade_fcn: {gpus: 2}}")
    project.finish(project.start(f"{TRAINED}/checkpoint.pt"))
    ((job, gpus, _),) = project.jobs()
    facts = slurm.run("scontrol", "show", "job", job)
    assert gpus == "0,1" and "TresPerJob=gres:gpu:2" in facts and "NumNodes=1" in facts
    assert "CPUs/Task=2" in facts  # the run's thread for each process
    assert same_to_rounding(project, reference) and weights(project).keys() == weights(reference).keys()
    log = (project.folder / "logs/train/mini/ade_fcn/seed0.log").read_text()
    assert log.count("starting from the beginning") == 1
    # How a run was spread is no part of it.
    project.edit("params/resources.yaml", "{ade_fcn: {gpus: 2}}", "{ade_fcn: {gpus: 4}}")
    assert "Nothing to be done" in project.snakemake("-n", f"{TRAINED}/checkpoint.pt").stdout


def test_two_trainings_of_two_processes_at_a_time_on_one_machine(unstarted, reference):
    """Without Slurm: each finds ports of its own."""
    spread(unstarted, "{all: {gpus: 2}}")
    both = [f"results/mini/{run}/seed0/checkpoint.pt" for run in ("ade_fcn", "ade_acnet")]
    unstarted.snakemake("--cores", "4", *both, "--resources", "gpu=4")
    assert same_to_rounding(unstarted, reference)


def test_two_nodes_give_the_weights_of_one_process_and_one_that_died_for_good_gives_its_job_to_the_other(
    on_two_nodes, reference, two_nodes
):
    project = on_two_nodes
    spread(project, "{ade_fcn: {gpus: 2, nodes: 2}}")
    project.finish(project.start(f"{TRAINED}/checkpoint.pt"))
    ((job, _, _),) = project.jobs()
    facts = two_nodes.run("scontrol", "show", "job", job)
    assert "NumNodes=2" in facts and "TresPerNode=gres:gpu:1" in facts
    assert same_to_rounding(project, reference)

    (project.folder / "slow").touch()
    snakemake = project.start(METRICS)
    job = project.training_job()
    place = re.search(r" NodeList=(\S+)", two_nodes.run("scontrol", "show", "job", job))[1]
    two_nodes.kill_node(place)
    (project.folder / "slow").unlink()
    try:
        project.finish(snakemake)
    finally:
        two_nodes.start()
    assert (project.folder / METRICS).read_bytes() == (reference.folder / METRICS).read_bytes()
    assert "resuming at step" in (project.folder / RUN / "provenance.json").read_text()
