import dataclasses
import difflib
import functools
import gc
import itertools
import os
import re
import sys
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError

# This checkout's code, here and in the jobs, whichever one the environment has installed.
sys.path.insert(0, workflow.basedir)
os.environ.update(PYTHONPATH=os.pathsep.join(filter(None, [workflow.basedir, os.getenv("PYTHONPATH")])))

from acnet.errors import AcnetError
from acnet.files import canonical
from acnet.params.campaign import Campaign
from acnet.params.claims import load_claims
from acnet.params.measures import load_measures, load_rule
from acnet.params.resources import check_spread, load_resources
from acnet.params.scales import no_target
from acnet.params.schema import among, mapping
from acnet.params.tables import check_names
from acnet.provenance import source_hash
from acnet.status import is_restored

# The rules find the command `acnet` whether or not this environment is activated.
os.environ.update(PATH=os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()]))

# Snakemake's graph of a thousand runs is millions of objects that live to the end: a tenth of a dry run's time was spent
# on looking for garbage among them, and its memory stays the same without.
gc.disable()

# Snakemake ignores a profile that it does not find, and would run a campaign for a cluster here.
OPTION = "--workflow-profile"
asked_for = [after for word, after in itertools.pairwise(sys.argv) if word == OPTION]
for asked in asked_for + [word.partition("=")[2] for word in sys.argv if word.startswith(f"{OPTION}=")]:
    if asked != "none" and not Path(asked).is_dir():
        known = ", ".join(sorted(folder.name for folder in Path("workflow/profiles").iterdir()))
        raise WorkflowError(f"--workflow-profile {asked}: no such folder; workflow/profiles has {known}")

PARAMS = Path("params")

# Where outputs go to a storage (Kubernetes), commands run in the folder of its copies, so that what they leave beside an
# output is found by the next one. Snakemake documents no way to ask for that folder: `storage` only maps files to jobs.
HERE = Path()
if workflow.storage_settings.default_storage_provider:
    HERE = Path(workflow.modifier.modify_path("here").flags["storage_object"].local_path()).absolute().parent
    shell.prefix(f"mkdir -p {HERE} && cd {HERE} && (test -e params || ln -s {PARAMS.resolve()} .) && ")

SCALE = str(config["scale"])  # which may be called 2024
RUN = "results/{scale}/{run}/seed{seed}"

CAMPAIGN_NAME = config["campaign"] or SCALE
NAMED = [name for name in str(config["runs"]).split(",") if name]
ASKED_SEEDS = [seed for seed in str(config["seeds"]).split(",") if seed]


def refuse_for_dvc(given, in_file):
    """AcnetError for a --config value that only `dvc exp run` reads, naming the command to type instead."""
    # A profile says itself how many cores.
    options = "snakemake {}" if "profile" in str(given["options"]) else "snakemake --cores all {}"
    typed = {"target": "snakemake --cores all {}", "row": "acnet place {}", "cores": "snakemake --cores {}"}
    for key, words in {**typed, "options": options}.items():
        if given[key] != in_file[key]:
            instead = words.format(given[key])
            raise AcnetError(f"--config {key}={given[key]}: only `dvc exp run` reads it; type `{instead}` instead")


def check_words(given, words):
    """AcnetError for a --config value that Snakemake parses as another type, such as scale=2024_05 as 202405."""
    for key in ("scale", "campaign"):
        typed = [word for word in words if str(word).startswith(f"{key}=")]
        if typed and not isinstance(given[key], str) and f"{key}={given[key]}" not in typed:
            raise AcnetError(
                f"--config {typed[-1]}: Snakemake reads this name as the number {given[key]}; choose another name"
            )
    if given["with_data"] not in ("true", "false", True, False):
        raise AcnetError(f"--config with_data={given['with_data']}: expected true or false")


try:
    # All of params/ is read here, so that a mistake in it is one line before anything starts.
    in_file = yaml.safe_load(Path("workflow/config.yaml").read_text())
    mapping(config, "--config", in_file)
    refuse_for_dvc(config, in_file)
    check_words(config, workflow.config_settings.config_args or [])
    CAMPAIGN = Campaign(PARAMS, SCALE)
    TABLES = CAMPAIGN.tables
    MEASURES, RULE = load_measures(PARAMS), load_rule(PARAMS)
    NEEDS = load_resources(PARAMS, SCALE)
    check_names(TABLES, CAMPAIGN.runs, CAMPAIGN.protocols)
    load_claims(PARAMS, TABLES)
    SHOWN, ON_REQUEST = CAMPAIGN.shown(), CAMPAIGN.on_request()
    TARGETS = SHOWN + ON_REQUEST
    COMPARED = [name for name, table in TABLES.tables.items() if table.against]
    GATED = CAMPAIGN.runs_with_gates(dict.fromkeys([*TABLES.trained(TARGETS), *NAMED]))
    for run in {*TABLES.trained(TARGETS), *NAMED}:
        for protocol in CAMPAIGN.protocols:
            CAMPAIGN.protocol(protocol, run)
    for seed in ASKED_SEEDS:
        among(seed, {str(one) for run in NAMED or CAMPAIGN.runs for one in CAMPAIGN.seeds(run)}, "--config seeds")
    RESOLVED = {name: CAMPAIGN.resolve(name, CAMPAIGN.scale.seeds[0]) for name in CAMPAIGN.runs_with_data}
    check_spread(NEEDS, RESOLVED, f"{PARAMS}/resources.yaml: scales.{SCALE}.spread")
except AcnetError as error:
    raise WorkflowError(str(error)) from None

# Snakemake sets workflow.dag_settings.targets only after the rules are read, so the command line is checked here. A
# catch-all rule that raises would end in a traceback.
WORDS = sys.argv[1:]
for word in WORDS:
    meant = (
        word in TABLES.tables
        or re.fullmatch(r"(table|figure)\d+", word)
        or difflib.get_close_matches(word, TARGETS, cutoff=0.8)
    )
    if meant and word not in {*TARGETS, "table", "figure"}:  # these two are rules, for --forcerun and --until
        raise WorkflowError(no_target(word, SCALE, TARGETS))

# A value for a target that is not asked for would be ignored, and all networks trained in place of a few.
for key, target in {"runs": "runs", "only": "restore", "with_data": "publish"}.items():
    if workflow.is_main_process and config[key] != in_file[key] and target not in WORDS:
        raise WorkflowError(f"--config {key}={config[key]}: is for the target {target}; add it to the command")

# `report` draws the runs at hand, whatever has changed since: no rule that could make one is even read.
DRAWING = {"report", "publish_report"} & set(WORDS)
DRAW_ONLY = bool(DRAWING) and not {"all", "runs", *TARGETS} & set(WORDS)
if DRAWING and not DRAW_ONLY:
    raise WorkflowError(
        f"{' and '.join(sorted(DRAWING))}: uses finished runs only; run it alone, after the other targets"
    )

# What the page is drawn from: tables on request too, where they are asked for along with it or only drawn from what is here.
REQUESTED = CAMPAIGN.requested(HERE / "results")
DRAWN = SHOWN + (REQUESTED if DRAW_ONLY else [name for name in ON_REQUEST if name in WORDS])
DRAWN_TABLES = [name for name in DRAWN if name in TABLES.tables]
NEEDED = TABLES.trained(DRAWN)
GATED_NEEDED = [run for run in GATED if run in NEEDED]

GENERATED = [name for name, dataset in CAMPAIGN.datasets.items() if dataset.generate]
FETCHABLE = [name for name, dataset in CAMPAIGN.datasets.items() if dataset.archives]


wildcard_constraints:
    scale=SCALE,
    run="|".join(CAMPAIGN.runs),
    seed=r"\d+",
    protocol="|".join(CAMPAIGN.protocols),
    dataset="|".join(CAMPAIGN.datasets),


@functools.cache
def seeds_of(run):
    """The seeds of a run that are asked for, without those of restored records, which are not trained again."""
    asked = [seed for seed in CAMPAIGN.seeds(run) if not ASKED_SEEDS or str(seed) in ASKED_SEEDS]
    return [seed for seed in asked if not is_restored(CAMPAIGN, run, seed, HERE / "results")]


def of_runs(pattern, runs):
    """The files of `pattern` for every seed of the given runs: when only drawing, of all seeds."""
    seeds = CAMPAIGN.seeds if DRAW_ONLY else seeds_of
    return [f"{RUN}/{pattern}".format(scale=SCALE, run=run, seed=seed) for run in runs for seed in seeds(run)]


def metrics_of(sources, kinds=("json", "images.npz")):
    """The metrics files of (run, protocol) pairs, and the counts of every image behind them, for every seed."""
    return [file for run, name in sources for kind in kinds for file in of_runs(f"metrics/{name}.{kind}", [run])]


def run_of(wildcards):
    """The run of these wildcards, its parameters complete."""
    return CAMPAIGN.resolve(wildcards.run, int(wildcards.seed))


def manifest(wildcards):
    """What says that a run's dataset is prepared."""
    return f"data/{run_of(wildcards).dataset}/manifest.json"
