import dataclasses
import difflib
import functools
import os
import re
import sys
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from acnet.data.source import own_folder, refuse_other_source
from acnet.errors import AcnetError
from acnet.files import canonical, read_json
from acnet.params.campaign import Campaign
from acnet.params.claims import load_claims
from acnet.params.gated import PROTOCOL as GATES_BY, adaptive_runs
from acnet.params.measures import load_measures
from acnet.params.resources import check_spread, load_resources, uncovered
from acnet.params.run import read_run
from acnet.params.scales import misspelt
from acnet.params.strict import known
from acnet.params.tables import check_names, load_tables
from acnet.watch.workflow_lock import claim

# The rules find the command `acnet` whether or not this environment is activated.
os.environ.update(PATH=os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()]))

PARAMS = Path("params")

# Where outputs go to a storage (Kubernetes), commands run in the folder of its copies, so that what they leave beside an
# output is found by the next one.
HERE = Path()
if workflow.storage_settings.default_storage_provider:
    HERE = Path(workflow.modifier.modify_path("here").flags["storage_object"].local_path()).absolute().parent
    shell.prefix(f"mkdir -p {HERE} && cd {HERE} && (test -e params || ln -s {PARAMS.resolve()} .) && ")
# The storage in a bucket does not know a folder again that it has looked for in vain.
RAW = "data/raw/{dataset}" if HERE == Path() else "data/raw/{dataset}.generated"

SCALE = config["scale"]
RUN = "results/{scale}/{run}/seed{seed}"

CAMPAIGN_NAME = config["campaign"] or SCALE
NAMED = [name for name in str(config["runs"]).split(",") if name]


def refuse_for_dvc(given, in_file):
    """AcnetError for what workflow/config.yaml tells `dvc exp run`, but who starts Snakemake tells Snakemake itself."""
    typed = {
        "target": "snakemake --cores all {}",
        "row": "acnet place {}",
        "cores": "snakemake --cores {}",
        # A profile says itself how many cores.
        "options": "snakemake {}" if "profile" in str(given["options"]) else "snakemake --cores all {}",
    }
    for key in [key for key in typed if given[key] != in_file[key]]:
        instead = typed[key].format(given[key])
        raise AcnetError(f"--config {key}={given[key]}: only `dvc exp run` reads it; type `{instead}` instead")


try:
    # Everything that is asked is settled here, so that a mistake in params/ is one line before anything starts.
    in_file = yaml.safe_load(Path("workflow/config.yaml").read_text())
    known(config, in_file, "--config")
    refuse_for_dvc(config, in_file)
    CAMPAIGN = Campaign(PARAMS, SCALE)
    TABLES = load_tables(PARAMS)
    MEASURES = load_measures(PARAMS)
    NEEDS = load_resources(PARAMS, SCALE)
    check_names(TABLES, CAMPAIGN.runs, CAMPAIGN.protocols)
    load_claims(PARAMS, TABLES, CAMPAIGN.runs)
    SHOWN = CAMPAIGN.shown(TABLES)
    NEEDED = TABLES.trained(SHOWN)
    GATED = adaptive_runs(CAMPAIGN, TABLES, [*NEEDED, *(run for run in NAMED if run not in NEEDED)])
    GATED_NEEDED = [run for run in GATED if run in NEEDED]
    for run in {*NEEDED, *NAMED}:
        for protocol in CAMPAIGN.protocols:
            CAMPAIGN.protocol(protocol, run)
    names = [name for name, run in CAMPAIGN.runs.items() if run.dataset in CAMPAIGN.scale.plays]
    playable = {name: CAMPAIGN.resolve(name, CAMPAIGN.scale.seeds[0]) for name in names}
    check_spread(NEEDS, playable, SCALE, f"{PARAMS}/resources.yaml")
except AcnetError as error:
    raise WorkflowError(str(error)) from None

# Known before the rules are read, unlike Snakemake's own list of targets.
ASKED = [word for word in sys.argv[1:] if re.fullmatch(r"all|runs|report|publish_report|(table|figure)\d+", word)]
for word in sys.argv[1:]:
    # Snakemake itself would only say that no rule makes it.
    meant = re.fullmatch(r"(table|figure)\d+", word) or difflib.get_close_matches(word, SHOWN, cutoff=0.8)
    if meant and word not in SHOWN:
        raise WorkflowError(f"target '{word}': scale '{SCALE}' has {', '.join(SHOWN)}{misspelt(word, SHOWN)}")

# `report` draws the runs at hand, whatever has changed since: no rule that could make one is even read.
DRAW_ONLY = bool(ASKED) and set(ASKED) <= {"report", "publish_report"}
if not DRAW_ONLY and {"report", "publish_report"} & set(ASKED):
    raise WorkflowError("report draws the runs at hand: ask for it alone, once the other targets are done")

SEEDS = CAMPAIGN.scale.seeds
GENERATED = [name for name, dataset in CAMPAIGN.datasets.items() if dataset.generate]
FETCHABLE = [name for name, dataset in CAMPAIGN.datasets.items() if dataset.archives]


wildcard_constraints:
    scale=SCALE,
    run="|".join(CAMPAIGN.runs),
    seed=r"\d+",
    protocol="|".join(CAMPAIGN.protocols),
    dataset="|".join(CAMPAIGN.datasets),


def of_runs(pattern, runs):
    """The files of `pattern` for every seed of the given runs."""
    return [f"{RUN}/{pattern}".format(scale=SCALE, run=run, seed=seed) for run in runs for seed in SEEDS]


def metrics_of(sources):
    """The metrics files of (run, protocol) pairs, and the counts of every image behind them, for every seed."""
    kinds = ("json", "images.npz")
    return [file for run, name in sources for kind in kinds for file in of_runs(f"metrics/{name}.{kind}", [run])]


def run_of(wildcards):
    """The run of these wildcards, its parameters complete."""
    return CAMPAIGN.resolve(wildcards.run, int(wildcards.seed))


def stated(wildcards):
    """What makes a run another run, as a text; under --touch by the params.yaml at hand, which made what lies there."""
    file = HERE / f"{RUN}/params.yaml".format(scale=wildcards.scale, run=wildcards.run, seed=wildcards.seed)
    if workflow.touch and file.exists():
        return canonical(read_run(file).identity())
    return canonical(run_of(wildcards).identity())


def manifest(wildcards):
    """What says that a run's dataset is prepared."""
    return f"data/{run_of(wildcards).dataset}/manifest.json"


def source_of(wildcards):
    """A generated folder, or downloads where no folder is at hand; nothing for a folder that nobody here makes."""
    dataset, store = CAMPAIGN.datasets[wildcards.dataset], HERE / "data" / wildcards.dataset
    if dataset.generate:
        return RAW.format(dataset=wildcards.dataset)
    try:
        if workflow.is_main_process:
            refuse_other_source(wildcards.dataset, dataset, store, HERE)
        if (store / "manifest.json").exists() and read_json(store / "manifest.json")["source"]["kind"] == "folder":
            return []  # what it was prepared from may be gone
        extracted = HERE / dataset.folders[0] / "extracted.json"
        if extracted.parent.name not in FETCHABLE or (own_folder(dataset, HERE) and not extracted.exists()):
            return []
    except AcnetError as error:
        sys.exit(f"acnet: {error}")  # one line; of any other exception here Snakemake shows a traceback
    return f"{dataset.folders[0]}/extracted.json"


def at_hand(files):
    """All of `files`, or where nothing is made, those that exist."""
    return [file for file in files if not DRAW_ONLY or (HERE / file).exists()]


def example_runs():
    """Every run whose example predictions this scale's figures show."""
    return sorted({run for name in CAMPAIGN.scale.figures for run in TABLES.figures[name].example_runs()})


def named_runs():
    """Checkpoints and metrics of the runs in `--config runs=a,b`, by every protocol that a table asks of them."""
    if not NAMED:
        raise WorkflowError("target runs: name some of runs.yaml, such as --config runs=fcn_s16,acb3")
    asked = {source for entry in TABLES.tables.values() for source in entry.sources() if source[0] in NAMED}
    shown = [name for name in NAMED if name in example_runs()]
    return of_runs("checkpoint.pt", NAMED) + metrics_of(sorted(asked)) + of_runs("examples.npz", shown)


def submissions():
    """The zips for the test servers."""
    shown = [TABLES.tables[name] for name in CAMPAIGN.scale.tables]
    return sorted(
        file
        for table in shown
        for row in table.rows
        if row.server
        for file in of_runs(f"submission/test_{table.protocol}.zip", [row.server])
    )


def limit(wildcards, resources):
    """Tells a training on a cluster the minutes it has, less those in which its job starts; nothing on this machine."""
    # `jobs` is what a cluster's profile sets; of the executor that it names, a dry run knows nothing.
    if workflow.is_main_process and workflow.resource_settings.nodes and (workflow.dryrun or not workflow.local_exec):
        say_if_retries_fall_short(resources.runtime, workflow.execution_settings.retries)
    return f"ACNET_TIME_LIMIT={max(resources.runtime - 2, resources.runtime / 2):g} " if workflow.remote_exec else ""


@functools.cache
def say_if_retries_fall_short(runtime, retries):
    """Once, at the start or in a dry run: that so many minutes and retries do not cover the scale's longest training."""
    if message := uncovered(NEEDS.longest, runtime, retries):
        logger.warning(f"scale '{SCALE}': {message}")


def spread(wildcards):
    """The GPUs and nodes of a training."""
    return NEEDS.spread_of(wildcards.run, CAMPAIGN.scale.gpus)


def on_each_node(wildcards):
    """The processes of a training on one node."""
    return spread(wildcards).processes // spread(wildcards).nodes


def for_slurm(name):
    """What sbatch is told of a training over several GPUs, so that `acnet train` itself starts one process for each.

    A function from the wildcards to the resource `name`, None for a training on one GPU.
    """

    def ask(wildcards):
        gpus, nodes = spread(wildcards).gpus, spread(wildcards).nodes
        one = {"nodes": 1, "tasks_per_gpu": 0} if gpus > 1 else {}
        each = f"--ntasks-per-node=1 --gpus-per-node={gpus // nodes}"
        several = {"nodes": nodes, "tasks": nodes, "mpi": "srun", "slurm_extra": each} if nodes > 1 else {}
        return {**one, **several}.get(name)

    return ask


# Each function costs a campaign of a thousand runs some tenths of a second: none where no training is spread.
SEVERAL = ("nodes", "tasks", "tasks_per_gpu", "mpi", "slurm_extra") if NEEDS.spread else ()
FOR_SLURM = {name: for_slurm(name) for name in SEVERAL}
GPUS = (lambda wildcards: spread(wildcards).gpus) if NEEDS.spread else CAMPAIGN.scale.gpus


def processes(wildcards, resources):
    """Tells a training how many processes it has, by the GPUs really granted: a laptop may have but one of four."""
    # A cluster that only knows gres is asked for as many by that name, and for no `gpu`.
    granted = spread(wildcards).processes if resources.get("gres") else resources.get("gpu", 0)
    nodes = f" --nodes {resources.nodes}" if resources.get("nodes", 1) > 1 else ""
    return f" --processes {granted}{nodes}" if granted > 1 else ""


def initial(wildcards):
    """The file a run's first weights come from, if another rule makes it."""
    init = run_of(wildcards).init
    if init.kind == "run":
        return f"{RUN}/checkpoint.pt".format(scale=wildcards.scale, run=init.run, seed=wildcards.seed)
    return init.file if init.kind == "url" else []


def protocol_values(wildcards, protocol):
    """A protocol with everything settled for a run."""
    return settled(protocol, wildcards.run)


def measured_by(wildcards, protocol):
    """What a run is measured by; under --touch what the metrics at hand say of it, as in `stated`."""
    file = HERE / f"{RUN}/metrics/{protocol}.json".format(**dict(wildcards.items()))
    if workflow.touch and file.exists():
        return canonical(read_json(file)["protocol"])
    return protocol_values(wildcards, protocol)


@functools.cache
def settled(protocol, run):
    """The same for all seeds of the run."""
    return canonical(CAMPAIGN.protocol(protocol, run).identity())


def scale_facts():
    """What the report says of a scale; a change redraws."""
    scale = CAMPAIGN.scale
    facts = [scale.title, scale.banner, scale.noise, scale.comparable, scale.seeds, scale.roles, CAMPAIGN.titles]
    return canonical([*facts, dataclasses.asdict(MEASURES)])


def drawn(kind):
    """Every file of one kind (csv, png, ...) that this scale's report has."""
    names = CAMPAIGN.scale.tables if kind in ("csv", "md", "tex") else CAMPAIGN.scale.figures
    folder = "tables" if kind in ("csv", "md", "tex") else "figures"
    return [f"reports/{SCALE}/{folder}/{name}.{kind}" for name in names]


def wanted(names):
    """All that the given tables and figures need; checkpoints and metrics too, so that a lost one is noticed."""
    tables = [TABLES.tables[name] for name in names if name in TABLES.tables]
    figures = [TABLES.figures[name] for name in names if name in TABLES.figures]
    sources = [source for entry in tables for source in entry.sources()]
    sources += [source for entry in figures for source in entry.metrics_sources()]
    examples = [run for entry in figures for run in entry.example_runs()]
    files = [f"reports/{SCALE}/tables/{name}.csv" for name in names if name in TABLES.tables]
    files += [f"reports/{SCALE}/figures/{name}.png" for name in names if name in TABLES.figures]
    files += of_runs("checkpoint.pt", TABLES.trained(names))
    return sorted({*files, *metrics_of(sources), *of_runs("examples.npz", examples)})


def after_all(wildcards):
    """What `record` and `publish` wait for when asked for along with other targets; alone they take what is at hand."""
    alone = set(workflow.dag_settings.targets) <= {"record", "publish"}
    return [] if alone else [f"reports/{SCALE}/index.html", *wanted(SHOWN)]


def absent(runs):
    """The trainings among `runs` that have ended, here or elsewhere, and whose checkpoint is not here."""
    seeds = [(run, seed) for run in runs for seed in SEEDS]
    folders = {f"{run}/seed{seed}": Path(RUN.format(scale=SCALE, run=run, seed=seed)) for run, seed in seeds}
    ended = [name for name, folder in folders.items() if (folder / "provenance.json").exists()]
    return [name for name in ended if not (folders[name] / "checkpoint.pt").exists()]


def say_absent(runs, consequence):
    """Name the checkpoints of `runs` that a restore without them left out, and what follows."""
    if names := absent(runs):
        print(
            f"Checkpoints that are not here ({len(names)}): {', '.join(names)}. {consequence}; "
            f"`snakemake --cores 1 restore --config campaign={CAMPAIGN_NAME}` brings them.",
            file=sys.stderr,
        )
