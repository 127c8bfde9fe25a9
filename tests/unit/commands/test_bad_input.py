"""A mistake is one line on stderr that names the file and the remedy, exit status 2, and nothing on disk."""

import shutil

import pytest
import torch

RUN = "results/mini/acb1/seed0"
IMAGES = "data/raw/mini_cityscapes/leftImg8bit/val/minidorf"


@pytest.fixture(params=["first time", "again"])
def prepared_before(request, here):
    """Whether a whole store of the dataset is there already; it must survive."""
    if request.param == "first time":
        shutil.rmtree(here / "data/mini_cityscapes")
    return request.param == "again"


def first(here, folder, kind):
    return next(iter(sorted((here / folder).glob(f"*_{kind}.png"))))


def test_the_folder_is_sound(here, acnet):
    assert acnet("data prepare mini_cityscapes").status == 0
    assert acnet(f"evaluate --params {RUN}/params.yaml --protocol single").status == 0


@pytest.mark.parametrize("name", ["cityscapes", "ade20k"])
def test_a_missing_dataset_says_where_it_was_looked_for_and_how_to_get_it(here, refused, name):
    line = refused(f"data prepare {name}")
    assert f"looked at $ACNET_{name.upper()} (not set), data/raw/{name}; " in line
    assert f"ACNET_{name.upper()} may name its folder" in line
    assert not (here / "data" / name).exists()


def test_a_dataset_not_generated_yet_says_how(here, refused):
    assert refused("data prepare mini_ade20k").endswith("make it with `acnet data generate mini_ade20k`")


@pytest.mark.parametrize("damage", ["cut", "text", "empty"])
def test_an_unreadable_image(here, refused, prepared_before, damage):
    image = first(here, IMAGES, "leftImg8bit")
    content = image.read_bytes()
    image.write_bytes({"cut": content[: len(content) // 2], "text": b"no image at all", "empty": b""}[damage])
    line = refused("data prepare mini_cityscapes")
    assert f"{image.relative_to(here)}: cannot be read (" in line and line.endswith(" copy or download it again")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("resolve --run acb4", "run 'acb4': params/runs.yaml has no such entry; did you mean 'acb"),
        ("resolve --run acb3 --scale mimi", "scale 'mimi': params/scales/ has no such file; did you mean 'mini'?"),
        ("resolve --run ade_fcn --scale camvid", "run 'ade_fcn': scale 'camvid' has no dataset for ade20k; it has: "),
        ("data prepare citiscapes", "dataset 'citiscapes': params/datasets.yaml has no such entry; did you mean 'city"),
        ("data generate cityscapes", "dataset 'cityscapes': not a generated one; `acnet data prepare` reads it"),
        ("fetch-weights resnet18.pth", "weights 'resnet18.pth': not published; did you mean 'resnet18-f37072fd.pth'?"),
        (f"evaluate --params {RUN}/params.yaml --protocol singel", "protocol 'singel': params/protocols.yaml has no"),
        ("report table tabel1", "scale mini: it has no tabel1; it has table1, table2, "),
        ("report table table5 --scale camvid", "scale camvid: it has no table5; it has table1, table2, table3"),
        ("--params-root parms resolve --run acb3", "parms: no such folder here; run acnet in the project's folder"),
        ("plan --target tabel3 --calibrate 0", "did you mean 'table3'?"),
        ("plan --tflops 0", "argument --tflops: '0' is not a number above 0"),
        ("predict --run acb4 data", "run 'acb4': params/runs.yaml has no such entry; did you mean 'acb"),
        ("predict --run acb3 data", "run 'acb3': not trained here with seed 0, results/mini/acb3/seed0 has no check"),
        ("predict --run acb1 --seed 4 data", "run 'acb1': no seed 4 at scale 'mini'; its seeds: 0"),
        ("predict --run acb1 nowhere.png", "nowhere.png: not found; name an image or a folder of images"),
        ("compare acb1 acb3", "run 'acb3': not trained here"),
        ("compare acb1 ade_fcn", "acb1 is of mini_cityscapes, ade_fcn of mini_ade20k; compare runs of one dataset"),
        ("trace table3 acb33", "table3: no row 'acb33'; rows of ours: Res-50+ACB#1, "),
        ("train --params results/mini/acb9/seed0/params.yaml", "acb9/seed0/params.yaml: not found; `acnet resolve`"),
        ("trian", "invalid choice: 'trian'"),
        ("data prepare mini_cityscapes --threads 0", "argument --threads: '0' is not a whole number of at least 1;"),
        ("resolve --run acb3 --seed -1", "argument --seed: '-1' is not a whole number of at least 0; see acnet"),
        ("resolve --run acb3 --seed 7", "has seeds [0] at scale 'mini'; in params/scales/mini.yaml, add 7 to `seeds`"),
        (f"examples --params {RUN}/params.yaml --protocol single --count 0", "'0' is not a whole number of at least 1"),
        ("resolve", "acnet resolve: the following arguments are required: --run; see acnet resolve --help"),
    ],
)  # fmt: skip
def test_an_unknown_name(refused, words, said):
    assert said in refused(words)


def test_an_unknown_figure(refused):
    pytest.importorskip("matplotlib", reason="it draws; pip install matplotlib")
    assert "scale mini: it has no figure9; it has table1, " in refused("report figure figure9")


def test_a_command_outside_the_project_says_so(acnet, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for words in ("status", "data check camvid", "predict --run acb3 photo.png", "report page", "stage"):
        (line,) = acnet(words).lines
        assert line.startswith("acnet: params: no such folder here; run acnet in the project's folder, or name it")
    assert acnet("train --params x.yaml").lines == ["acnet: x.yaml: not found; `acnet resolve` writes it"]
    assert not list(tmp_path.iterdir())


def test_a_trained_run_whose_checkpoint_is_elsewhere_can_be_restored(here, refused):
    (here / RUN / "checkpoint.pt").unlink()
    line = refused("predict --run acb1 data/raw")
    assert f"{RUN}/checkpoint.pt: trained, but not here; `snakemake --cores 1 restore --config scale=mini`" in line


def test_a_typo_in_params(here, refused):
    file = here / "params/runs.yaml"
    file.write_text(file.read_text().replace("delta: 2.0", "detla: 2.0", 1))
    expected = "acnet: params/runs.yaml: gcm_d2_s16: unknown key 'detla'; did you mean 'delta'?"
    assert refused("resolve --run acb3") == expected
    assert refused(f"evaluate --params {RUN}/params.yaml --protocol single") == expected
    assert refused("report table table1") == expected


def test_a_checkpoint_of_another_network(here, refused):
    shutil.copy(here / "results/mini/fcn_s16/seed0/checkpoint.pt", here / RUN)
    line = refused(f"evaluate --params {RUN}/params.yaml --protocol single")
    assert f"{RUN}/checkpoint.pt: of another network: " in line
    assert "trained with none, the run's parameters ask for gcm; name this run's own" in line
    assert "of another network" in refused(f"examples --params {RUN}/params.yaml --protocol single")


def test_a_checkpoint_that_its_run_did_not_leave(here, refused):
    file = here / RUN / "checkpoint.pt"
    content = torch.load(file, weights_only=True)
    content["network"]["backbone.conv1.weight"][0, 0, 0, 0] += 2**-20  # as a flipped bit, or another seed
    torch.save(content, file)
    for words in ("evaluate", "examples", "gates"):
        line = refused(f"{words} --params {RUN}/params.yaml --protocol single")
        assert f"{RUN}/checkpoint.pt: its SHA-256 is not the one in provenance.json beside it; restore it" in line


@pytest.mark.parametrize("content", [None, b"", b"no checkpoint", "cut", "code", "no network"], ids=str)
def test_a_missing_or_broken_checkpoint(here, refused, content):
    file = here / RUN / "checkpoint.pt"
    whole = file.read_bytes()
    if content is None:
        file.unlink()
    elif content == "code":
        torch.save({"network": here}, file)  # a path is an object, which a safe load refuses
    elif content == "no network":
        torch.save({"weights": {}}, file)
    else:
        file.write_bytes(whole[: len(whole) // 2] if content == "cut" else content)
    line = refused(f"evaluate --params {RUN}/params.yaml --protocol single")
    assert line.startswith(f"acnet: {RUN}/checkpoint.pt: ") and "train this run" in line


def test_fine_tuning_from_a_run_that_is_not_trained(here, acnet):
    assert acnet("resolve --run r101_ohem_trainval").status == 0
    done = acnet("train --params results/mini/r101_ohem_trainval/seed0/params.yaml")
    assert done.status == 2
    assert done.lines == ["acnet: results/mini/r101_ohem/seed0/checkpoint.pt: not found; train this run first"]
    assert sorted(p.name for p in (here / "results/mini/r101_ohem_trainval/seed0").iterdir()) == ["params.yaml"]


def test_training_and_evaluation_before_the_data_are_prepared(here, refused):
    shutil.rmtree(here / "data/mini_cityscapes")
    (here / RUN / "history.csv").unlink()  # else it is finished
    for words in (f"train --params {RUN}/params.yaml", f"evaluate --params {RUN}/params.yaml --protocol single"):
        assert refused(words).endswith(
            "data/mini_cityscapes/manifest.json: not found; prepare the dataset first (acnet data prepare mini_city"
            "scapes)"
        )


def test_a_store_that_does_not_fit_its_index(here, refused):
    with open(here / "data/mini_cityscapes/val.labels.bin", "ab") as file:
        file.write(b"more")
    line = refused(f"evaluate --params {RUN}/params.yaml --protocol single")
    assert "val.labels.bin: has another size than its index; delete data/mini_cityscapes/manifest.json" in line


def test_a_run_that_another_process_evaluates_too_is_not_called_done(here, refused, monkeypatch):
    monkeypatch.setattr("acnet.evaluate.evaluate.evaluate_run", lambda *_: False)
    assert "another process evaluates this run too; once it has ended" in refused(
        f"evaluate --params {RUN}/params.yaml --protocol single"
    )


def test_a_folder_that_is_a_file(here, refused):
    (here / "taken").write_text("")
    assert "taken" in refused("--data-root taken data prepare mini_cityscapes")
    assert "taken" in refused("--results-root taken resolve --run acb3")
