"""A command in another checkout, and the gates of a run as JSON."""

import json

import pytest

RUN = "results/mini/acb1/seed0"


@pytest.fixture
def project(here):
    """The finished folder with what tells that it is the project's."""
    (here / "Snakefile").touch()
    return here


def test_another_checkout_than_the_one_whose_code_runs_is_refused(project, refused, monkeypatch, root):
    (project / "acnet").mkdir()
    (project / "acnet/cli.py").touch()
    line = refused("status --scale mini")
    assert f"{project} is a checkout of its own, but this environment runs the code of {root}; " in line
    assert f"`export PYTHONPATH={project}`" in line


@pytest.mark.parametrize("words", ["gates --protocol {}", "evaluate --gates --protocol {}"])
@pytest.mark.parametrize("protocol", ["single_constant_gate", "single_val"])
def test_gates_that_the_report_would_take_for_trained_ones_on_its_split_are_refused(here, refused, words, protocol):
    line = refused(f"{words.format(protocol)} --params {RUN}/params.yaml")
    assert f"--protocol {protocol}: scores another split or changes the gates" in line
    assert not (here / RUN / f"metrics/{protocol}.json").exists()


def test_gates_as_json_are_those_of_the_file(here, acnet):
    done = acnet(f"gates --params {RUN}/params.yaml --json")
    assert json.loads("\n".join(done.said)) == json.loads((here / RUN / "gates.json").read_text())
