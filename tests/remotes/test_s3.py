"""A campaign and its rows by way of an S3 server on this machine."""

import urllib.request

import pytest

from .temporary_project import Project, add_origin, clone, use_remote

server = pytest.importorskip("moto.server", reason="moto[s3,server] is not installed")


@pytest.fixture
def bucket():
    """A function that makes a bucket on a fresh server the default DVC remote of a project."""
    running = server.ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    running.start()
    endpoint = "http://{}:{}".format(*running.get_host_and_port())
    urllib.request.urlopen(urllib.request.Request(f"{endpoint}/campaigns", method="PUT"), timeout=10).close()

    def use(project: Project) -> None:
        settings = {"endpointurl": endpoint, "region": "us-east-1", "access_key_id": "k", "secret_access_key": "s"}
        use_remote(project, "s3://campaigns/acnet", **settings)

    yield use
    running.stop()


def test_a_campaign_and_rows_with_their_checkpoints_travel_by_s3(project, bucket, tmp_path, monkeypatch):
    bucket(project)
    add_origin(project)
    project.acnet("publish")
    project.acnet("record")
    project.dvc("exp", "push", "origin")
    other = clone(project, tmp_path / "clone")
    bucket(other)
    other.acnet("restore", "mini")
    assert other.files() == project.files()
    other.dvc("exp", "pull", "origin")
    assert {*other.rows(), "workspace", "HEAD"} == {*project.rows()}
    other.dvc("exp", "apply", "mini-acb3-seed0")
    placed = (other.root / "experiment" / "checkpoint.pt").read_bytes()
    assert placed == (project.folder("acb3") / "checkpoint.pt").read_bytes()

    project.dvc("remote", "modify", "--local", "store", "endpointurl", "http://127.0.0.1:9")
    project.dvc("remote", "modify", "--local", "store", "connect_timeout", "1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")  # no seconds between tries
    done = project.acnet("publish", "another", check=False)
    assert done.returncode == 2
    assert done.stderr.strip().splitlines()[-1].startswith("acnet: DVC remote")
    assert "Traceback" not in done.stderr
    assert project.git("tag") == "campaign/mini"
