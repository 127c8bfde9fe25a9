"""A trained run's submission, on the prepared images that the evaluation's tests use."""

import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from acnet.data import classes
from acnet.data.store import Store
from acnet.errors import AcnetError
from acnet.evaluate.trained_network import load_predictor
from acnet.params.protocols import Protocol
from acnet.submit import submit as module
from acnet.submit.submit import SERVERS, Server, submit
from tests.tiny import changed

SINGLE = Protocol(name="single", scales=[1.0])


@pytest.fixture
def server(monkeypatch):
    """A test server for the classes of the prepared images."""
    server = Server("_pred.png", "http://127.0.0.1", counted=True, score="--miou")
    monkeypatch.setitem(SERVERS, "camvid", server)


def submitted(run, **changes):
    return submit(changed(run.config, **changes), run.checkpoint, SINGLE, run.data, "val")


def test_a_run_is_predicted_coded_and_zipped(run, server):
    out = submitted(run)
    assert out == run.checkpoint.parent / "submission/val_single.zip"
    store, predictor = Store(run.data / run.config.dataset, "val"), load_predictor(run.config, run.checkpoint)
    ids = classes.load(run.config.reader).raw_ids
    with zipfile.ZipFile(out) as archive:
        assert len(archive.namelist()) == len(store)
        for i, name in enumerate(store.names):
            with archive.open(f"{name}_pred.png") as handle:
                assert (np.array(Image.open(handle)) == ids[predictor.label_map(store.image(i), SINGLE, name)]).all()


def test_an_interrupted_submission_resumes_and_an_old_one_does_not(run, server, monkeypatch):
    out = submitted(run)
    first, folder = out.read_bytes(), out.with_suffix("")
    (folder / "street_1_pred.png").unlink()
    written = []
    original = module._write
    monkeypatch.setattr(module, "_write", lambda file, *a: (written.append(file.name), original(file, *a)))
    submitted(run)
    assert written == ["street_1_pred.png"]
    assert out.read_bytes() == first
    mark = json.loads((folder / "made_from.json").read_text())
    (folder / "made_from.json").write_text(json.dumps({**mark, "checkpoint": "another"}))
    written.clear()
    submitted(run)
    assert len(written) == len(mark["images"])


def test_a_dataset_without_a_server_is_refused(run):
    with pytest.raises(AcnetError, match="camvid: has no test server; those with one: cityscapes, ade20k"):
        submitted(run, reader="camvid")
