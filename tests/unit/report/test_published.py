"""What the README says of published results, by the files themselves."""

import csv
import dataclasses
import json
import re
import tarfile
from collections import defaultdict

import numpy as np
import pytest
from scipy import stats

from acnet.files import read_json
from acnet.params.campaign import Campaign
from acnet.params.run import read_run
from acnet.params.scales import scale_names


def seed_of(record):
    """The seed that a record, seed{n}.tar.xz, is of."""
    return int(record.name.split(".")[0].removeprefix("seed"))


def published(folder):
    """(run, seed) of every run that the report or a record in a published folder is of."""
    lines = (folder / "README.md").read_text().splitlines() if (folder / "README.md").exists() else []
    rows = [line.strip("| ").split(" | ") for line in lines if re.match(r"\| [\w-]+ \| \d+ \| ", line)]
    records = folder.glob("runs/*/seed*.tar.xz")
    named = {(file.parent.name, seed_of(file)) for file in records}
    return {(row[0], int(row[1])) for row in rows} | named


def test_no_record_is_of_other_parameters_than_those_of_today(root, tmp_path):
    records = sorted((root / "reports/published").glob("*/runs/*/seed*.tar.xz"))
    for file in records:
        scale, name, seed = file.parts[-4], file.parent.name, seed_of(file)
        with tarfile.open(file) as tar:
            (tmp_path / "params.yaml").write_bytes(tar.extractfile("params.yaml").read())
        recorded, expected = read_run(tmp_path / "params.yaml"), Campaign(root / "params", scale).resolve(name, seed)
        if expected.init.kind == "url" and recorded.init.kind == "file":  # that file is not on this machine
            expected = dataclasses.replace(expected, init=recorded.init)
        assert recorded.digest() == expected.digest(), file
    assert records


def row(root, scale):
    """The scale's line of the README's table."""
    found, campaign = published(root / "reports/published" / scale), Campaign(root / "params", scale)
    seeds = defaultdict(set)
    for run, seed in found:
        seeds[run].add(seed)
    numbers = sorted(set(map(len, seeds.values())))
    each = f"{numbers[0]} to {numbers[-1]}" if len(numbers) > 1 else str(numbers[0])
    datasets = [name for name in campaign.datasets if name in {campaign.dataset_of(run) for run in seeds}]
    return f"| [{scale}](reports/published/{scale}/) | {', '.join(datasets)} | {len(seeds)} | {each} | {len(found)} |"


def test_the_readme_says_what_has_been_measured(root):
    section = (root / "README.md").read_text().split("## What has been measured\n")[1].split("\n## ")[0]
    folders = [name for name in scale_names(root / "params") if (root / "reports/published" / name).is_dir()]
    shown = [line for line in section.splitlines() if line.startswith("| [")]
    assert "\n".join(shown) == "\n".join(row(root, scale) for scale in folders)


@pytest.fixture
def evidence(root):
    return (root / "reports/published/evidence.md").read_text()


@pytest.mark.parametrize(
    ("heading", "scale", "least"),
    [
        ("on the synthetic dataset", "instrument", {"C01", "C04", "C05", "C09", "C10", "C11", "C12", "C14"}),
        ("on CamVid", "camvid-narrow", {"C01", "C04", "C05", "C09", "C10", "C11", "C12", "C14"}),
        ("on MSRC-21", "msrc21", {"C01", "C04", "C05"}),
    ],
)
def test_evidence_is_that_of_the_published_claims(root, evidence, heading, scale, least):
    section = evidence.split(f"## The paper's claims {heading}\n")[1].split("\n## ")[0]
    shown = re.findall(r"^\| (C\d+\w?): .+ \| (\w+) \| (.+) \|$", section, re.MULTILINE)
    claims = published_claims(root, scale)
    assert least <= {name for name, *_ in shown}
    for name, verdict, numbers in shown:
        expected, steps = measured(claims[name])
        assert verdict == expected, name
        expected = [number for step in steps for number in (step["ours"], *step["interval"])]
        assert numbers_in(numbers) == pytest.approx(expected, abs=0.051), name


def test_the_summary_of_the_findings_is_that_of_the_published_claims(root):
    text = (root / "reports/published/README.md").read_text()
    shown = re.findall(r"^\| (C\d+): .+ \| (.*) \| (.*) \| (.*) \| (.*) \|$", text, re.MULTILINE)
    scales = [published_claims(root, scale) for scale in ("instrument", "camvid-narrow", "msrc21")]
    primary = [name for name, claim in scales[0].items() if claim["primary"]]
    assert [name for name, *_ in shown if name in primary] == primary
    for name, paper, *cells in shown:
        in_points = scales[0][name]["check"] != "gate_contrasts"
        theirs = [step["paper"] for step in scales[0][name]["steps"] if step["paper"] is not None]
        assert numbers_in(paper) == pytest.approx(theirs if in_points else [], abs=0.051), name
        for cell, claims in zip(cells, scales, strict=True):
            verdict, steps = measured(claims[name])
            assert cell.split(": ")[-1] == ("" if verdict == "not measured" else verdict), name
            expected = [step["ours"] for step in steps] if in_points else []
            assert numbers_in(cell) == pytest.approx(expected, abs=0.051), name


def published_claims(root, scale):
    """The claims of a published report by id."""
    return {claim["id"]: claim for claim in read_json(root / f"reports/published/{scale}/claims.json")["claims"]}


def measured(claim):
    """The verdict and the measured steps of a claim; "incomplete" if only some of its steps were measured."""
    steps = [step for step in claim["steps"] if step["ours"] is not None]
    whole = not steps or len(steps) == len(claim["steps"]) or claim["verdict"] == "contradicted"
    return claim["verdict"] if whole else "incomplete", steps


def numbers_in(text):
    """The numbers with one digit behind the point in a text."""
    return [float(number) for number in re.findall(r"[+-]?\d+\.\d", text.replace("−", "-"))]


def test_scores_on_val_of_msrc21_are_those_of_the_records(root, evidence):
    text = evidence.split("## The paper's claims on MSRC-21\n")[1].split("\n## ")[0]
    shown = re.findall(r"^\| .+ \| (\w+) \| (\d+) \| (\d+\.\d) \|(.*)\|$", text, re.MULTILINE)
    found = {run: on_val(root / "reports/published/msrc21/runs" / run) for run, *_ in shown}
    assert len(found) == 5
    for run, seeds, mean, difference in shown:
        scores, base = found[run], found["fcn_s16"]
        assert (int(seeds), float(mean)) == (len(scores), pytest.approx(np.mean(list(scores.values())), abs=0.051)), run
        if run != "fcn_s16":
            expected = mean_and_interval([scores[seed] - base[seed] for seed in scores])
            assert numbers_in(difference) == pytest.approx(expected, abs=0.051), run


def mean_and_interval(differences):
    """The mean over seeds and its 95 % t interval."""
    mean, count = np.mean(differences), len(differences)
    return [mean, *stats.t.interval(0.95, count - 1, mean, stats.sem(differences))]


def on_val(folder):
    """The mIoU on val, in percent, of the records in a folder, by seed."""
    scores = {}
    for file in sorted(folder.glob("seed*.tar.xz")):
        with tarfile.open(file) as tar:
            score = json.load(tar.extractfile("metrics/single_val.json"))["miou"]
        scores[seed_of(file)] = 100 * score
    return scores


@pytest.mark.parametrize(
    "page", ["README.md", *(f"reports/published/{name}.md" for name in ("README", "evidence", "study"))]
)
def test_links_to_published_files_lead_somewhere(root, page):
    links = re.findall(r"\]\(([^)#:]+)[^):]*\)", (root / page).read_text())
    assert links and not [link for link in links if not (root / page).parent.joinpath(link).exists()]


def peers(root, scale):
    """The rows of the published table of other methods."""
    with (root / f"reports/published/{scale}/tables/peers.csv").open() as file:
        return [row for row in csv.DictReader(file) if row["ours"]]


def test_scores_of_other_methods_are_those_of_the_published_table(root, evidence):
    text = evidence.split("**On the synthetic dataset**")[1].split("\n\n")[0]
    scores = {row["method"]: float(row["ours"]) for row in peers(root, "instrument")}
    shown = re.findall(r"(\S+)\s+\((\d+\.\d)[,)]", text)
    names = {"ACNet": "ACNet (Res-50+ACB#3)", "UperNet": "UperNet, a variant"}
    assert len(shown) >= 4
    for name, score in shown:
        assert float(score) == pytest.approx(scores[names.get(name, name)], abs=0.051), name


def test_methods_with_several_seeds_are_compared_with_acnet_as_in_the_published_table(root, evidence):
    text = evidence.split("**On CamVid**")[1].split("\n## ")[0]
    shown = re.findall(r"^\| (.+) \| (\d+\.\d) \|(.*)\| (\d\.\d) \|$", text, re.MULTILINE)
    rows = {row["row"]: row for row in peers(root, "camvid-narrow") if ";" in row["values"]}
    names = {"decoder with a learned gate": "learned_gate", "ACNet's decoder without global context": "decoder"}
    assert sorted(names.get(name, name.split(",")[0].lower()) for name, *_ in shown) == sorted(rows)
    values = {key: np.array(row["values"].split(";"), float) for key, row in rows.items()}
    assert all(row["seeds"].startswith("0;1;2") for row in rows.values())
    for name, score, difference, cost in shown:
        key = names.get(name, name.split(",")[0].lower())
        assert float(score) == pytest.approx(values[key].mean(), abs=0.051), name
        assert float(cost) == pytest.approx(int(rows[key]["flops"]) / int(rows["acnet"]["flops"]), abs=0.051), name
        if key != "acnet":
            mean, low, high = mean_and_interval(values[key][:3] - values["acnet"])
            assert numbers_in(difference) == pytest.approx([mean, low, high], abs=0.051), name
            word = "better" if low > 0 else "worse" if high < 0 else "undecided"
            assert word in difference, name
