"""The page as Chromium lays it out on a desk and on a phone: nothing overflows, and every column can be reached."""

import html
import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("matplotlib", reason="matplotlib draws the figures; pip install matplotlib")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# Sent back as the title; `doc` is the page in a frame of the asked width.
MEASURE = """
const box = name => { const node = doc.querySelector(name + " .scroll"); return node; };
const wide = box("#table5"), photo = box("#figure4");
const before = {table: wide.classList.contains("more"), photo: photo.classList.contains("more")};
wide.scrollLeft = 1e6;
const sticky = wide.querySelector("tbody th").getBoundingClientRect();
const cells = [...wide.querySelectorAll("thead tr:last-child th")].slice(1).map(cell => cell.getBoundingClientRect());
doc.querySelectorAll("details").forEach(node => { node.open = true; });
const root = doc.documentElement, runs = [...doc.querySelectorAll("#curves path")];
const all = doc.querySelector("#curves [data-all='1']");
all.click();
const outside = [...doc.querySelectorAll("main *")].filter(node => !node.closest(".scroll, nav, svg, pre")
  && node.getBoundingClientRect().right > root.clientWidth + 1).map(node => node.outerHTML.slice(0, 80));
const last = {
  page: [root.scrollWidth, root.clientWidth], outside, before,
  last: cells[cells.length - 1].right - wide.getBoundingClientRect().right,
  room: wide.getBoundingClientRect().right - sticky.right, column: Math.max(...cells.map(cell => cell.width)),
  photo: photo.querySelector("img").getBoundingClientRect().width,
  drawn: runs.length, after: doc.querySelectorAll("#curves path").length,
  dashed: [...doc.querySelectorAll("#curves path[stroke-dasharray='5 3']")].map(node => node.dataset.run),
  saved: [...doc.querySelectorAll("figure .files a")].map(link => [link.download, link.href.split(/[,;]/, 1)[0]]),
};
"""


def laid_out(page, width, tmp_path):
    """What MEASURE finds in the page at this width, the 15 pixels of a desk's scroll bar aside."""
    frame = f'<iframe style="border: 0; width: {width + 15}px; height: 900px" srcdoc="{html.escape(page)}"></iframe>'
    # The page marks what scrolls once it is drawn, which a busy machine may take its time for.
    script = (
        "const measure = tries => { try { const doc = document.querySelector('iframe').contentDocument;"
        "if (tries && !doc.querySelector('.more')) { setTimeout(measure, 100, tries - 1); return; }"
        f"{MEASURE} document.title = JSON.stringify(last); }} catch (error) "
        "{ document.title = JSON.stringify({error: String(error)}); } };"
        "addEventListener('load', () => setTimeout(measure, 300, 30));"
    )
    file = tmp_path / "frame.html"
    file.write_text(f"<!doctype html><meta charset=utf-8><script>{script}</script><body style='margin: 0'>{frame}")
    words = ["--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000", "--window-size=1500,1000"]
    command = [CHROMIUM, *words, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", file.as_uri()]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    return json.loads(html.unescape(re.search(r"<title>(.*?)</title>", said, re.DOTALL)[1]))


@pytest.fixture
def page(campaign):
    """A page with the widest table, photographs, curves, and one run with a validation curve."""
    made = campaign(tables=["table1", "table5"], figures=["figure4"])
    (made.results / "gc_s16/seed0/validation.csv").write_text(
        "step,epoch,loss,miou,pixacc\n10,1,2.5,0.1,0.5\n20,2,1.5,0.2,0.6\n"
    )
    (made.reports / "figures").mkdir(parents=True)
    Image.fromarray(np.zeros((600, 1400, 3), np.uint8)).save(made.reports / "figures/figure4.png")
    (made.reports / "figures/figure4.pdf").write_bytes(b"%PDF-1.4")
    return made.page()


@pytest.mark.skipif(not CHROMIUM, reason="Chromium lays out the page; apt install chromium")
@pytest.mark.parametrize("width", [1400, 390])
def test_the_page_fits_the_screen_and_what_is_wider_says_that_it_scrolls(page, width, tmp_path):
    found = laid_out(page, width, tmp_path)
    assert "error" not in found, found
    assert found["page"] == [width, width] and found["outside"] == []
    # The last column is reached by scrolling, and beside the fixed first column there is room to read one.
    assert found["last"] <= 1 and found["room"] > 2 * found["column"]
    assert found["before"] == {"table": width == 390, "photo": width == 390}
    assert found["photo"] > 700
    # Any runs are laid over each other; the one with a validation curve is dashed, too.
    assert found["drawn"] == 4 + 1 and found["after"] > 8 and found["dashed"] == ["gc_s16"]
    assert found["saved"] == [
        ["figure4.png", "data:image/png"],
        ["figure4.pdf", "data:application/pdf"],
    ]
