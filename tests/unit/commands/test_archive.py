"""A campaign as an RO-Crate: read by the library, consistent, and restored elsewhere byte for byte."""

import json
import re
import shutil
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("rocrate", reason="pip install '.[archive]'")

RUN = "results/mini/acb1/seed0"


@pytest.fixture
def measured(here, acnet, root):
    """The finished folder with one measured network, and what is cited."""
    for name in ("CITATION.cff", "LICENSE"):
        shutil.copy(root / name, here / name)
    assert acnet(f"evaluate --params {RUN}/params.yaml --protocol single").status == 0
    return here


@pytest.fixture
def elsewhere(measured, tmp_path, monkeypatch):
    """A function that goes to another folder, which has the parameters alone."""

    def go() -> Path:
        shutil.copytree(measured / "params", tmp_path / "elsewhere/params")
        monkeypatch.chdir(tmp_path / "elsewhere")
        return tmp_path / "elsewhere"

    return go


def test_the_crate_says_who_made_what_from_what_and_under_which_licence(measured, acnet):
    from rocrate.rocrate import ROCrate

    done = acnet("archive --out mine.zip")
    assert done.status == 0 and done.lines[-1].endswith("`acnet restore mine.zip` restores them in another clone")
    crate = ROCrate(measured / "mine.zip")
    assert crate.license == "https://spdx.org/licenses/MIT"
    assert crate.root_dataset["creator"][0]["name"] == "The ACNet reproduction's authors"
    assert crate.root_dataset["citation"].id == "https://arxiv.org/abs/1911.01664"
    (action,) = (one for one in crate.root_dataset["mentions"] if one.id == f"#{RUN}")
    made = json.loads((measured / RUN / "provenance.json").read_text())
    assert action["startTime"] == made["started"] and made["commit"] in action["description"]
    assert action["object"].id == f"{RUN}/params.yaml"
    assert f"{RUN}/metrics/single.json" in {file.id for file in action["result"]}
    with zipfile.ZipFile(measured / "mine.zip") as opened:
        names = set(opened.namelist())
    described = {file.id for file in crate.get_by_type("File")}
    assert {"ro-crate-preview.html", "params/runs.yaml", "LICENSE", f"{RUN}/history.csv"} <= names
    assert names - described <= {"ro-crate-metadata.json", "ro-crate-preview.html"}
    assert not [name for name in names if "checkpoint" in name]


def test_a_person_may_be_an_author_and_licence_and_paper_may_be_absent(measured, acnet):
    from rocrate.rocrate import ROCrate

    Path("CITATION.cff").write_text("title: Mine\nauthors: [{family-names: Doe, given-names: Jane}]\n")
    assert acnet("archive --out mine.zip").status == 0
    (author,) = ROCrate(measured / "mine.zip").root_dataset["creator"]
    assert (author.type, author["name"]) == ("Person", "Jane Doe")


def test_other_folders_than_a_campaigns_own_are_refused(measured, acnet):
    refused = acnet("--results-root elsewhere archive --out mine.zip")
    assert refused.status == 2 and not Path("mine.zip").exists()
    assert "--results-root: a campaign consists of files below results/; link that folder to yours" in refused.lines[-1]


def test_every_reference_within_the_metadata_leads_to_something_described(measured, acnet):
    assert acnet("archive").status == 0
    with zipfile.ZipFile(measured / "acnet-mini.zip") as opened:
        graph = json.loads(opened.read("ro-crate-metadata.json"))["@graph"]
    entities = {entity["@id"]: entity for entity in graph}
    assert len(entities) == len(graph)
    root = entities[entities["ro-crate-metadata.json"]["about"]["@id"]]
    assert root["@type"] == "Dataset" and {"name", "description", "datePublished", "license", "hasPart"} <= set(root)
    referred = set(re.findall(r'"@id": "([^"]+)"', json.dumps([list(entity.values()) for entity in graph])))
    assert {name for name in referred - set(entities) if not name.startswith("https://")} == set()


def test_results_come_back_elsewhere_and_count_as_trained(measured, acnet, elsewhere):
    assert acnet("archive").status == 0
    there = elsewhere()
    done = acnet(f"restore {measured}/acnet-mini.zip")
    assert done.status == 0, done.lines
    for name in ("params.yaml", "history.csv", "metrics/single.json", "metrics/single.images.npz"):
        assert (there / RUN / name).read_bytes() == (measured / RUN / name).read_bytes()
    for _ in range(2):
        assert next(line for line in acnet("status").said if line.startswith("acb1 ")).split()[3] == "done"
        (there / RUN / "restored").unlink()  # as after a call that was killed before its marks
        assert acnet(f"restore {measured}/acnet-mini.zip").status == 0
    (there / RUN / "history.csv").write_text("mine")
    (line,) = acnet(f"restore {measured}/acnet-mini.zip").lines
    assert f"{RUN}/history.csv: here with another content; move it away, or --overwrite" in line
    assert (there / RUN / "history.csv").read_text() == "mine"


def test_checkpoints_come_back_byte_for_byte_from_safetensors(measured, acnet, elsewhere):
    pytest.importorskip("safetensors", reason="pip install '.[export]'")
    assert acnet("archive --checkpoints").status == 0
    there = elsewhere()
    recipe = there / "params/recipe.yaml"
    recipe.write_text(recipe.read_text().replace("validate_every:    {value: 0", "validate_every:    {value: 1"))
    done = acnet(f"restore {measured}/acnet-mini.zip")
    assert done.status == 0
    # What does not change the weights does not make it another run.
    assert not [line for line in done.lines if "trains them again" in line]
    checkpoint = there / RUN / "checkpoint.pt"
    assert checkpoint.read_bytes() == (measured / RUN / "checkpoint.pt").read_bytes()
    checkpoint.unlink()
    assert acnet(f"restore {measured}/acnet-mini.zip").status == 0
    # Were it newer than its metrics, Snakemake would evaluate it again.
    assert checkpoint.stat().st_mtime == (there / RUN / "metrics/single.json").stat().st_mtime


def test_without_its_scale_here_an_archive_says_how_to_get_the_parameters(measured, acnet, elsewhere):
    assert acnet("archive").status == 0
    (elsewhere() / "params/scales/mini.yaml").unlink()
    done = acnet(f"restore {measured}/acnet-mini.zip")
    assert done.status == 2 and f"`unzip -o {measured}/acnet-mini.zip 'params/*'` restores the" in done.lines[-1]


@pytest.mark.parametrize("content", [b"", b"PK no zip", "outside"], ids=str)
def test_what_is_no_archive_is_refused(here, acnet, content):
    if content == "outside":
        with zipfile.ZipFile(here / "mine.zip", "w") as made:
            made.writestr("results/mini/a", "")
            made.writestr("results/../../a", "")
    else:
        (here / "mine.zip").write_bytes(content)
    (line,) = acnet("restore mine.zip").lines
    assert "mine.zip: " in line and not (here.parent / "a").exists()


def test_without_a_finished_run_there_is_nothing_to_archive(here, acnet):
    shutil.rmtree(here / "results")
    assert acnet("archive").lines == ["acnet: results/mini: no finished run to archive; train some first"]
    assert "name a .zip file" in acnet("archive --out mine.tar").lines[0]
