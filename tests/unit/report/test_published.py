"""What the README says of published results, by the files themselves."""

import io
import json
import re
import statistics
import tarfile
from collections import Counter, defaultdict

import pytest

from acnet.params.campaign import Campaign
from acnet.params.run import read_run
from acnet.params.scales import scale_names
from acnet.progress import some
from acnet.report.seeds import t_interval


def published(folder):
    """(run, seed, commit) of every run that the report or a record in a published folder is of."""
    lines = (folder / "README.md").read_text().splitlines() if (folder / "README.md").exists() else []
    rows = [line.strip("| ").split(" | ") for line in lines if re.match(r"\| [\w-]+ \| \d+ \| ", line)]
    found = {(row[0], int(row[1]), row[6][:10]) for row in rows}
    for file in folder.glob("runs/*/seed*.tar.xz"):
        with tarfile.open(file) as tar:
            made = json.load(io.TextIOWrapper(tar.extractfile("provenance.json")))
        found.add((file.parent.name, int(file.name.split(".")[0].removeprefix("seed")), (made["commit"] or "")[:10]))
    return found


def test_no_record_is_of_other_parameters_than_those_of_today(root, tmp_path):
    records = sorted((root / "reports/published").glob("*/runs/*/seed*.tar.xz"))
    for file in records:
        scale, name, seed = file.parts[-4], file.parent.name, int(file.name.split(".")[0].removeprefix("seed"))
        with tarfile.open(file) as tar:
            (tmp_path / "params.yaml").write_bytes(tar.extractfile("params.yaml").read())
        expected = Campaign(root / "params", scale).resolve(name, seed)
        assert read_run(tmp_path / "params.yaml").digest() == expected.digest(), file
    assert records


def row(root, scale):
    """The scale's line of the README's table."""
    found, campaign = published(root / "reports/published" / scale), Campaign(root / "params", scale)
    seeds = defaultdict(set)
    for run, seed, _ in found:
        seeds[run].add(seed)
    counts = Counter(map(len, seeds.values())).most_common()
    datasets = [name for name in campaign.datasets if name in {campaign.dataset_of(run) for run in seeds}]
    measured = ", ".join(f"{runs} × {number}" for number, runs in counts)
    commits = some(sorted({commit for *_, commit in found if commit}))
    return f"| [{scale}](reports/published/{scale}/) | {', '.join(datasets)} | {measured} | {commits} |"


def test_the_readme_says_what_has_been_measured(root):
    section = (root / "README.md").read_text().split("## What has been measured\n")[1].split("\n## ")[0]
    folders = [name for name in scale_names(root / "params") if (root / "reports/published" / name).is_dir()]
    shown = [line for line in section.splitlines() if line.startswith("| [")]
    assert "\n".join(shown) == "\n".join(row(root, scale) for scale in folders)


DIFFERENCES = {
    "GC − FCN, stride 16": ("gc_s16", "fcn_s16"),
    "GCM − GC, stride 16": ("gcm_d5_s16", "gc_s16"),
    "GCM − GC, stride 8": ("gcm_d5_s8", "gc_s8"),
    "GC, p with BN and ReLU − with a bare convolution": ("gc_s16", "gc_conv1x1_s16"),
    "GCM, p with BN and ReLU − with a bare convolution": ("gcm_d5_s16", "gcm_conv1x1_s16"),
    "GCM+LC − GCM": ("gcm_lc", "gcm_d5_s16"),
    "GCM+LCM(1) − GCM+LC": ("gcm_lcm1", "gcm_lc"),
    "GCM+LCM(3) − GCM+LC with three fusions": ("acb1", "lc3"),
    "GCM+LCM(3) − the same with a constant gate": ("acb1", "lcm3_constant"),
    "ACNet − ACNet without gates": ("acb3", "acb3_ungated"),
    "ACNet − its decoder without global context": ("acb3", "decoder"),
}


def test_what_has_been_found_is_what_the_records_say(root):
    def scores(run):
        found = {}
        for file in (root / "reports/published/instrument/runs" / run).glob("*.tar.xz"):
            with tarfile.open(file) as tar:
                found[file.name] = 100 * json.load(tar.extractfile("metrics/single_val.json"))["miou"]
        return found

    section = (root / "reports/published/README.md").read_text().split("## What has been found so far\n")[1]
    shown = re.findall(r"^\| (.+ − .+) \| (.+) \((.+) to (.+)\) \| (\d+) \|$", section.split("\n## ")[0], re.MULTILINE)
    assert [row[0] for row in shown] == list(DIFFERENCES)
    for label, *numbers, seeds in shown:
        ours, theirs = map(scores, DIFFERENCES[label])
        found = [ours[seed] - theirs[seed] for seed in ours.keys() & theirs.keys()]
        expected = [statistics.fmean(found), *t_interval(found, 0.95)]
        assert [float(text.replace("−", "-")) for text in numbers] == pytest.approx(expected, abs=0.051), label
        assert int(seeds) == len(found)


@pytest.mark.parametrize("page", ["README.md", "reports/published/README.md"])
def test_links_to_published_files_lead_somewhere(root, page):
    links = re.findall(r"\]\(([^)#:]+)[^):]*\)", (root / page).read_text())
    assert links and not [link for link in links if not (root / page).parent.joinpath(link).exists()]
