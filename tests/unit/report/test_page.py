"""The page and what is published."""

import base64
import dataclasses
import html
import json
import re
import shutil
from html.parser import HTMLParser

import pytest
from fabricated import change, write_gates

pytest.importorskip("matplotlib", reason="matplotlib draws the figures; pip install matplotlib")

from acnet.cli import main
from acnet.errors import AcnetError
from acnet.files import read_json, sha256, write_json, write_text
from acnet.params.campaign import Campaign as ParamsCampaign
from acnet.provenance import source_hash
from acnet.report.cell_origin import Roots, trace
from acnet.report.publish import publish
from acnet.report.tables import write_table


class Page(HTMLParser):
    """Every tag with its attributes, and whether tags are balanced."""

    IGNORE = ("meta", "link", "img", "br", "wbr", "input")

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in self.IGNORE:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> at {self.getpos()}"


def report(made) -> None:
    """A whole report, its figures being a few bytes each."""
    for name in made.scale.tables:
        write_table(name, made.report)
    for stem in [*made.scale.figures, "forest", "curves", "factors"]:
        for suffix in ("png", "pdf"):
            write_text(made.reports / "figures" / f"{stem}.{suffix}", stem)
    made.page()


def test_the_page_needs_nothing_beside_it(campaign):
    made = campaign(tables=["table4", "table6"], figures=["figure1"])
    report(made)
    page = Page((made.reports / "index.html").read_text())
    assert page.open == []
    for tag, attributes in page.tags:
        for name in ("src", "href", "action", "data"):
            if name in attributes:
                assert attributes[name].startswith(("#", "data:")), (tag, attributes[name][:80])
    assert sum(tag == "img" for tag, _ in page.tags) == 3  # figure1, the primary claims, alpha and beta
    assert all(attributes.get("alt") for tag, attributes in page.tags if tag == "img")


def test_every_cell_of_ours_leads_to_its_run(campaign):
    made = campaign(skip=["acb2"], figures=[])
    text = made.page()
    page = Page(text)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [
        attributes["href"][1:] for tag, attributes in page.tags if tag == "a" and attributes["href"].startswith("#")
    ]
    assert set(links) <= set(ids)
    cells = re.findall(r'<td class="(?:ours|missing)"><a href="#run-(\w+)" title="([^"]+)">([^<]+)</a>', text)
    assert len(cells) == 10 + 6 + 8 + 20 + 6 + 1 + 1 + 1
    assert all("commit 0123456789" in title for run, title, _ in cells if run != "acb2")
    assert [value for run, _, value in cells if run == "acb2"] == ["not run"]


def test_a_run_tells_where_its_numbers_come_from(campaign):
    made = campaign(tables=["table1"], figures=[])
    text = made.page()
    section = text[text.index('id="run-gc_s16"') : text.index('id="run-gc_s8"')]
    for fact in (
        "0123456789abcdef",
        "2024-05-01 10:00:00 UTC",
        "1 min 15 s",
        "cpu",
        '<dt>model.delta</dt><dd><b>5.0</b> <span class="quiet">paper: Eq. 2 and Table 1</span>',
        "Table 1, Res-50+GC (mIoU at 1/16)",
    ):
        assert fact in section
    assert "does not include Table 2, Table 3," in text and "Figure 1, Figure 2, Figure 3, Figure 4, Figure 5." in text


def test_a_run_tells_its_scores_and_the_time_of_all_its_seeds(campaign):
    made = campaign(tables=["table1"], figures=[], seeds=[0, 1])
    change(made.results, "gc_s16", miou=0.7, pixacc=0.9)
    text = made.page()
    summary = text[text.index('<span class="name">gc_s16</span>') :]
    assert "<span>2 min 31 s</span>" in summary[: summary.index("</summary>")]  # twice 75.3 s
    section = text[text.index('id="run-gc_s16"') : text.index('id="run-gc_s8"')]
    assert '<th scope="row">single</th><td>70.00</td><td>90.00</td>' in section
    assert "10 of 10 networks trained, with seeds 0, 1." in text
    made.scale = dataclasses.replace(made.scale, seeds=[0, 1, 2, 3])  # as `more_seeds` of runs not trained yet
    assert "trained, with seeds 0, 1." in made.page()


def test_metrics_of_a_protocol_that_is_no_more_show_their_own_settings(campaign):
    made = campaign(tables=["table1"], figures=[])
    folder = made.results / "gc_s16/seed0/metrics"
    write_json(folder / "mine.json", read_json(folder / "single.json") | {"protocol": {"name": "mine", "flip": True}})
    assert '<th scope="row">mine</th>' in (text := made.page())
    assert 'class="text origin">flip True<br>' in text


def test_of_several_differences_the_page_shows_the_smallest(campaign):
    made = campaign(tables=["table1"], figures=[])
    for run, miou in {"gc_s16": 0.7, "fcn_s16": 0.6, "gc_s8": 0.7, "fcn_s8": 0.68}.items():
        change(made.results, run, miou=miou)
    text = made.page()
    row = text[text.index('<tr id="C04">') : text.index('<tr id="C04b">')]
    assert 'data-label="ours">min +2.00</td>' in row and 'data-label="paper">min +1.94</td>' in row


def test_a_click_on_a_cell_leads_to_all_that_trace_says(campaign, root, tmp_path):
    made = campaign(tables=["table1"], figures=[])
    manifest = tmp_path / "data" / "mini_cityscapes" / "manifest.json"
    write_text(manifest, "{}")
    text = made.page(data_root=tmp_path / "data")
    section = html.unescape(text[text.index('id="run-gc_s16"') : text.index('id="run-gc_s8"')])
    roots = Roots(tmp_path / "data", made.results.parent, tmp_path / "logs")
    accounts = trace(ParamsCampaign(root / "params", "mini"), "table1", "gc", "os16", roots, lambda *_: [])
    told = [line[2:].split("  ", 1)[1].strip() for line in accounts.splitlines() if line.startswith("  ")]
    assert len(told) > 20
    assert sha256(manifest) in section
    shown = re.sub(r"</?[a-z][^>]*>", "", section)
    for value in told[1:]:
        first, _, origin = value.removeprefix("single: ").partition("  # ")
        assert first in shown and origin in shown, value


def test_whether_a_run_failed_is_read_where_the_option_says_that_logs_are(campaign, tmp_path):
    made = campaign(tables=["table1"], figures=[])
    shutil.rmtree(made.results / "gc_s8")
    write_text(tmp_path / "elsewhere/train/mini/gc_s8/seed0.log", "no space left")
    made.claims()
    named = {"params": made.roots["params_root"], "results": made.roots["results_root"], "logs": tmp_path / "elsewhere"}
    options = [f"--{name}-root={folder}" for name, folder in {**named, "reports": made.roots["out_root"]}.items()]
    assert main([*options, "report", "page"]) == 0
    assert "gc_s8 · failed" in (made.reports / "index.html").read_text()


def test_stale_runs_are_marked_in_every_cell_and_where_they_are_told(campaign, root):
    made = campaign(tables=["table1"], figures=[])
    for folder in made.results.glob("*/seed0"):
        resolved = ParamsCampaign(root / "params", "mini").resolve(folder.parent.name, 0)
        today = {"source_hash": source_hash(), "params_hash": resolved.digest()}
        if folder.parent.name == "gc_s16":
            today["source_hash"] = "another"
        provenance = json.loads((folder / "provenance.json").read_text())
        write_json(folder / "provenance.json", {**provenance, **today})
    text = made.page()
    assert re.findall(r'href="#run-(\w+)"[^>]*>[\d.]+</a><sup class="stale" title="([^"]+)">', text) == [
        ("gc_s16", "code changed since")
    ]
    assert "since 1 of these networks was trained" in text
    assert text.count("<dd>yes: code has changed since</dd>") == 1
    assert text.count('measured<span class="stale">, stale</span>') == 2


def test_the_page_opens_with_banner_and_verdicts(campaign):
    made = campaign(tables=["table1"], figures=[], banner="Only <a> test.")
    text = made.page()
    assert "Only &lt;a&gt; test." in text
    assert "ResNet-18 stands in for ResNet-50" in text
    made.scale = dataclasses.replace(made.scale, roles={"ResNet-50": "resnet50"})
    assert " stands in " not in made.page()
    assert text.count('<td class="verdict') == 55
    assert text.index("<aside") < text.index('id="claims"') < text.index('id="table1"') < text.index('id="runs"')


def test_each_table_says_what_of_it_is_ours_and_names_the_second_protocol_in_words(campaign):
    made = campaign(
        tables=["table1", "table5"],
        figures=[],
        titles={"single": "single scale", "single_flip": "single scale, flipped"},
    )
    text = made.page()
    first, second = text[text.index('<section id="table1"') :].split('<section id="table5"')
    assert "Every row has a run of ours beside" in first and "Shaded" not in first
    assert "Shaded rows have a run of ours" in second and 'class="results mixed"' in second
    assert 'class="results"' in first  # nothing of it is shaded
    assert first.count('<th scope="col" class="beside"><span>ours, flipped</span>') == 2
    assert (
        "Our protocol: single, single scale; for the column “ours, flipped”: single_flip; backbone ResNet-50" in first
    )


def test_tables_of_any_width_scroll_inside_their_own_box(campaign):
    made = campaign(tables=["table1", "table4"], figures=[])
    text = made.page()
    for table in re.finditer(r"<table(?! class=\"claims\")", text):
        assert re.search(r'<div class="scroll"[^>]*>\s*$', text[: table.start()])


def test_a_page_of_nothing_says_so(campaign):
    made = campaign()
    made.roots["results_root"] = made.roots["results_root"] / "nowhere"
    text = made.page()
    assert "0 of 28 networks trained" in text and text.count("not drawn yet") == 3


def test_downloads_are_the_tables_files(campaign):
    made = campaign(tables=["table1"], figures=[])
    write_table("table1", made.report)
    text = made.page()
    for suffix, data in re.findall(
        r'download="table1.(\w+)" href="data:text/plain;charset=utf-8;base64,([^"]+)"', text
    ):
        assert base64.b64decode(data) == (made.reports / "tables" / f"table1.{suffix}").read_bytes()


def test_gates_stand_on_the_page_and_are_published_where_they_are_measured(campaign):
    made = campaign(generated=False, tables=[], figures=["figure4"])
    report(made)
    for name in ("figures/gates.png", "figures/gates_runs.png", "gates.csv"):
        write_text(made.reports / name, "gates")
    assert 'id="gates"' not in made.page()
    write_gates(made.results / "acb3/seed0")
    page = Page(made.page())
    assert page.open == [] and ("section", {"id": "gates", "aria-labelledby": "gates-title"}) in page.tags
    for name in ("gates.pdf", "gates_runs.pdf"):
        write_text(made.reports / "figures" / name, "gates")
    published = {path.name for path in publish(made.report)}
    assert {"gates.png", "gates_runs.png", "gates.csv"} <= published


def test_no_image_of_a_real_dataset_is_published(campaign):
    made = campaign(generated=False, tables=["table8"], figures=["figure1", "figure4"])
    report(made)
    change(made.results, "gc_s16", miou=0.654321)
    target = made.roots["out_root"] / "published"
    write_text(target / "mini/old.csv", "old")
    write_text(target / "mini/runs/acb3/seed0.tar.xz", "a record, which is not made anew")
    paths = publish(made.report)
    names = {str(path.relative_to(target / "mini")) for path in (target / "mini").rglob("*") if path.is_file()}
    expected = {f"tables/table8.{s}" for s in ("csv", "md", "tex")} | {"claims.json", "README.md"}
    expected |= {f"figures/{stem}.{s}" for stem in ("figure1", "forest", "curves", "factors") for s in ("png", "pdf")}
    assert names == expected | {"runs/acb3/seed0.tar.xz"}
    assert {str(path.relative_to(target / "mini")) for path in paths} == expected
    readme = (target / "mini/README.md").read_text()
    assert "make reproduce SCALE=mini" in readme and "stay local" in readme and "index.html" not in readme
    assert re.search(r"\| gc_s16 \| 0 \| single \| 65.43 \| `\w+` \| float32 \| 0123456789 \| none \|", readme)


def test_generated_images_may_be_published_once_the_report_is_whole(campaign):
    made = campaign(tables=["table8"], figures=["figure5"])
    with pytest.raises(AcnetError, match=r"claims.json: not found; make the report of scale mini first"):
        publish(made.report)
    assert not (made.roots["out_root"] / "published").exists()
    report(made)
    paths = publish(made.report)
    assert {"figure5.png", "index.html"} <= {path.name for path in paths}
    assert "- [The page](index.html)" in paths[-1].read_text()
    before = {path: path.read_bytes() for path in paths}
    (made.reports / "cells.csv").unlink()  # which the page is drawn from
    with pytest.raises(AcnetError, match=r"cells.csv: not found"):
        publish(made.report)
    assert {path: path.read_bytes() for path in paths} == before


def test_a_published_page_states_nothing_that_may_change(campaign):
    made = campaign(tables=["table1"], figures=[])
    report(made)
    publish(made.report)
    here = (made.reports / "index.html").read_text()
    page = (made.roots["out_root"] / "published/mini/index.html").read_text()
    assert "stale" in visible(here) and "not found" in visible(here)
    for word in ("stale", "not found", "restore", "(now ", "†"):
        assert word not in visible(page).lower(), word
    assert "5f2c" in page and "from its commit" in page  # its code, and a command that stays true
    assert ">restore<" not in here  # whether a campaign has it is for `acnet trace` to say


def visible(page: str) -> str:
    return re.sub(r"<style>.*?</style>|<script>.*?</script>|<[^>]*>", "", page, flags=re.DOTALL)


def test_a_published_report_is_not_replaced_by_one_that_lacks_its_runs(campaign):
    made = campaign(generated=False, tables=["table8"], figures=["figure1"])
    report(made)
    readme = publish(made.report)[-1]
    before = readme.read_text()
    shutil.rmtree(made.results / "gc_s16")
    with pytest.raises(
        AcnetError, match=r"README.md: lists scores .* not measured here: gc_s16; move .*mini away first"
    ):
        publish(made.report)
    assert readme.read_text() == before
    shutil.rmtree(readme.parent)
    assert "| gc_s16 |" not in publish(made.report)[-1].read_text()
    shutil.rmtree(made.results)
    with pytest.raises(AcnetError, match="scale 'mini': no run of it is measured here"):
        publish(made.report)
    assert readme.exists()
