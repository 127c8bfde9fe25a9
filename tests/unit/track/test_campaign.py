"""What of a campaign leaves the house."""

import dataclasses

import pytest

from acnet.params.campaign import Campaign
from acnet.track.campaign import files_of
from acnet.track.publish import without_password

RUN = "results/camvid/acb3/seed0"
OWN = {"checkpoint.pt", "metrics/single.json", "provenance.json"}


@pytest.fixture
def at_hand(root, tmp_path):
    """A function from a scale and whether data goes along to the files that would be published."""

    def find(scale, with_data=False, **changes):
        campaign = Campaign(root / "params", scale)
        campaign.scale = dataclasses.replace(campaign.scale, **changes)
        dataset = campaign.scale.stands_in["cityscapes"]
        run = f"results/{scale}/acb3/seed0"
        for name in (
            *(f"{run}/{name}" for name in (*OWN, "examples.npz", "resume/state.pt")),
            *(f"data/{dataset}/{name}" for name in ("manifest.json", "val.images.bin", "val.labels.bin")),
            *(f"reports/{scale}/{name}" for name in ("index.html", "figures/figure4.png", "tables/table1.csv")),
            f"data/raw/{dataset}/photo.png",
        ):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text("x")
        return {str(path) for path in files_of(campaign, tmp_path, with_data)}

    return find


def test_no_pixel_of_a_real_dataset_is_published_unless_asked(at_hand):
    numbers = {f"{RUN}/{name}" for name in OWN} | {"data/camvid/manifest.json", "reports/camvid/tables/table1.csv"}
    assert at_hand("camvid", figures=["figure4"]) == numbers
    pixels = {f"{RUN}/examples.npz", "data/camvid/val.images.bin", "data/camvid/val.labels.bin"}
    pixels |= {"reports/camvid/index.html", "reports/camvid/figures/figure4.png"}
    assert at_hand("camvid", with_data=True, figures=["figure4"]) == numbers | pixels


def test_of_a_generated_dataset_the_pictures_go_and_the_store_stays(at_hand):
    found = at_hand("mini")
    assert {"results/mini/acb3/seed0/examples.npz", "reports/mini/index.html"} <= found
    assert not any(name.endswith((".bin", ".png")) and name.startswith("data") for name in found)
    assert not any("resume" in name for name in found)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:secret@host.example/x.git", "https://host.example/x.git"),
        ("https://token@host.example/x.git", "https://host.example/x.git"),
        ("ssh://git:secret@host.example:22/x.git", "ssh://git@host.example:22/x.git"),
        ("git@host.example:me/x.git", "git@host.example:me/x.git"),
        ("../x.git", "../x.git"),
        ("s3://bucket/acnet", "s3://bucket/acnet"),
    ],
)
def test_no_password_of_a_remote_is_printed(url, shown):
    assert without_password(url) == shown


def test_a_copy_of_a_run_under_another_name_stays_here(at_hand, tmp_path):
    copy = tmp_path / "results/camvid/acb3/seed0_old"
    copy.mkdir(parents=True)
    (copy / "checkpoint.pt").write_text("x")
    assert not any("seed0_old" in file for file in at_hand("camvid"))
