"""What `acnet` says by itself: the first things to do, the grouped commands, the nearest command, the tally."""

import json
import shlex
import subprocess

import pytest

from acnet.cli import parser


def test_without_arguments_it_tells_three_things_to_do_anywhere(acnet, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = acnet("")
    assert done.status == 0 and not done.lines
    named = [line.strip().split("   ")[0] for line in done.said if line.startswith("  ")]
    assert named == ["make reproduce", "acnet status", "acnet trace table3 r50_acb3"]
    for command in named[1:]:
        assert parser().parse_args(shlex.split(command)[1:]).in_project


def test_help_lists_every_command_once_below_a_heading_with_an_example_that_parses(acnet):
    said = acnet("--help").said
    commands = said[said.index("commands:") :]
    names = [line.split()[0] for line in commands if line.startswith("    ") and line[4] != " "]
    assert names[:6] == ["data", "fetch-weights", "resolve", "train", "status", "evaluate"]
    assert len(names) == len(set(names)) and {"plan", "publish", "submit", "report"} < set(names)
    examples = [line.partition(": acnet ")[2] for line in commands if ": acnet " in line]
    assert len(examples) == 7
    (training,) = (place for place, line in enumerate(commands) if line.split()[:1] == ["resolve"])
    assert commands[training - 1].startswith("  training: acnet train --params ")
    for example in examples:
        parser().parse_args(shlex.split(example))


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("trian", "train"),
        ("data chekc camvid", "check"),
        ("report claim", "claims"),
        ("evalaute --params x", "evaluate"),
    ],
)
def test_a_misspelt_command_names_the_nearest_one(acnet, words, meant):
    (line,) = acnet(words).lines
    assert f"; did you mean '{meant}'?; see acnet" in line


def test_a_command_like_no_other_lists_those_there_are(acnet):
    assert "invalid choice: 'xyz'; known: archive, benchmark, compare, " in acnet("xyz").lines[0]


def test_the_tally_counts_runs_by_state_and_claims_by_verdict(here, acnet):
    pytest.importorskip("pandas", reason="the report is made with it")
    assert acnet("report tally").lines == [
        "acnet: reports/mini/claims.json: not found; `acnet report claims --scale mini` writes it"
    ]
    assert acnet("report cells").status == acnet("report claims").status == 0
    runs, statements, *_, constructed, page = acnet("report tally").said
    assert runs == "runs                    28: 2 done, 26 waiting"
    count = json.loads((here / "reports/mini/claims.json").read_text())["counts"]["statements"]["not measured"]
    assert count > 30 and statements == f"claims, statements      {count}: {count} not measured"
    assert constructed.startswith("claims, by construction 4: ")
    assert page == "page                    reports/mini/index.html"


def test_reproduce_ends_with_the_tally_of_its_scale(root):
    command = ["make", "--no-print-directory", "--dry-run", "reproduce", "SCALE=camvid"]
    said = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout.splitlines()
    assert said[-1] == ".venv/bin/python -m acnet report tally --scale camvid"
