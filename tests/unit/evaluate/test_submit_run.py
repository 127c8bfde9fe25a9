"""A trained run's submission, on the prepared images that the evaluation's tests use."""

import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from acnet.data import classes
from acnet.errors import AcnetError
from acnet.evaluate.trained import open_trained
from acnet.params.protocols import Protocol
from acnet.submit import forms
from acnet.submit.submit import submit
from tests.tiny import changed

SINGLE = Protocol(
    name="single", scales=[1.0], mirror=False, base_size=None, window=None, stride=0.5, precision="float32", batch=1
)


@pytest.fixture
def server(monkeypatch):
    """A test server for the classes of the prepared images."""
    form = forms.Form("camvid", "_pred.png", "http://127.0.0.1", counted=True, score="--miou")
    monkeypatch.setitem(forms.FORMS, "camvid", form)


def submitted(run, **changes):
    return submit(changed(run.config, **changes), run.checkpoint, SINGLE, run.data, "val")


def test_a_run_is_predicted_coded_and_zipped(run, server):
    out = submitted(run)
    assert out == run.checkpoint.parent / "submission/val_single.zip"
    trained = open_trained(run.config, run.checkpoint, run.data)
    ids = classes.load(run.config.reader).raw_ids
    with zipfile.ZipFile(out) as archive:
        assert len(archive.namelist()) == len(trained.store)
        for i, name in enumerate(trained.store.names):
            with archive.open(f"{name}_pred.png") as handle:
                assert (np.array(Image.open(handle)) == ids[trained.label_map(i, SINGLE)]).all()


def test_a_broken_off_submission_is_continued_and_an_old_one_is_not(run, server, monkeypatch):
    out = submitted(run)
    first, folder = out.read_bytes(), out.with_suffix("")
    (folder / "street_1_pred.png").unlink()
    written = []
    original = forms.Form.write
    monkeypatch.setattr(forms.Form, "write", lambda *a: (written.append(a[1].name), original(*a)))
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
