# What rules read, and the values whose change makes them run again. Snakemake documents only the paths of `workflow`;
# workflow.touch and workflow.dag_settings.targets are undocumented, but nothing else tells --touch and the targets.
from acnet.data.source import own_folder, refuse_other_source
from acnet.fetch.extract import is_extracted
from acnet.files import read_json
from acnet.jobs.status_files import RESTORED
from acnet.params.campaign import GATES_PROTOCOL
from acnet.params.run import read_run

# The storage in a bucket does not know a folder again that it has looked for in vain.
RAW = "data/raw/{dataset}" if HERE == Path() else "data/raw/{dataset}.generated"


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
        folder = HERE / dataset.folders[0]
        if folder.name not in FETCHABLE or (own_folder(dataset, HERE) and not is_extracted(folder)):
            return []
    except AcnetError as error:
        sys.exit(f"acnet: {error}")  # one line; of any other exception here Snakemake shows a traceback
    return f"{dataset.folders[0]}/extracted.json"


def run_identity(wildcards):
    """What makes a run another run, as a text; under --touch by the params.yaml at hand, which made what lies there."""
    file = HERE / f"{RUN}/params.yaml".format(scale=wildcards.scale, run=wildcards.run, seed=wildcards.seed)
    run = read_run(file) if workflow.touch and file.exists() else run_of(wildcards)
    return canonical(run.identity())


def initial(wildcards):
    """The file a run's first weights come from, if another rule makes it."""
    init = run_of(wildcards).init
    if init.kind == "run":
        return f"{RUN}/checkpoint.pt".format(scale=wildcards.scale, run=init.run, seed=wildcards.seed)
    return init.file if init.kind == "url" else []


@functools.cache
def protocol_values(protocol, run):
    """A protocol with its values for a run, as text."""
    return canonical(CAMPAIGN.protocol(protocol, run).identity())


def measured_by(wildcards, protocol):
    """What a run is measured by; under --touch what the metrics at hand say of it, as in `run_identity`."""
    file = HERE / f"{RUN}/metrics/{protocol}.json".format(**dict(wildcards.items()))
    if workflow.touch and file.exists():
        return canonical(read_json(file)["protocol"])
    return protocol_values(protocol, wildcards.run)


def example_runs(names):
    """Every run whose example predictions the figures among `names` show."""
    return sorted({run for name in names if name in TABLES.figures for run in TABLES.figures[name].example_runs()})


def server_scores(tables):
    """The test servers' scores at hand for these tables."""
    files = [f"results/{SCALE}/server/{table}.yaml" for table in tables]
    return [file for file in files if (HERE / file).exists()]


def drawn(names):
    """The first file of each of these tables and figures, and of the figure that belongs to a table with `against`."""
    files = [f"tables/{name}.csv" if name in TABLES.tables else f"figures/{name}.png" for name in names]
    files += [f"figures/{name}_cost.png" for name in names if name in COMPARED]
    return [f"reports/{SCALE}/{file}" for file in files]


def wanted(names):
    """All that the given tables and figures need; checkpoints and metrics too, so that a lost one is noticed."""
    trained, examples = of_runs("checkpoint.pt", TABLES.trained(names)), of_runs("examples.npz", example_runs(names))
    return sorted({*drawn(names), *trained, *metrics_of(TABLES.sources(names)), *examples})


def at_hand(files):
    """All of `files`, or where nothing is made, those that exist."""
    return [file for file in files if not DRAW_ONLY or (HERE / file).exists()]


@functools.cache
def scale_facts():
    """What the report says of a scale; a change redraws."""
    scale = CAMPAIGN.scale
    facts = [scale.title, scale.banner, scale.comparable, scale.roles, CAMPAIGN.titles]
    rules = [dataclasses.asdict(MEASURES), dataclasses.asdict(RULE)]
    datasets = [CAMPAIGN.datasets[name] for name in scale.stands_in.values()]
    shown = [(dataset.title, dataset.blocks, dataset.class_groups) for dataset in datasets]
    # No job makes what was restored from records, so it is no input.
    restored = sorted(file.parent.as_posix() for file in (HERE / f"results/{SCALE}").glob(f"*/seed*/{RESTORED}"))
    return canonical([*facts, scale.seeds, scale.more_seeds, *rules, shown, restored])


def figure_facts(name):
    """What a figure shows beside results; a change redraws."""
    figure = TABLES.figures[name]
    built = figure.runs.values() if figure.built else []
    return canonical(
        [dataclasses.asdict(figure), *(CAMPAIGN.resolve(run, CAMPAIGN.scale.seeds[0]).identity() for run in built)]
    )


def named_runs():
    """Checkpoints and metrics of the runs in `--config runs=a,b`, by every protocol that a table asks of them.

    By GATES_PROTOCOL where none does, and not by one that scores a split that their dataset does not have.
    """
    if not NAMED:
        raise WorkflowError("target runs: name some of runs.yaml, such as --config runs=fcn_s16,acb3")
    asked = {source for entry in TABLES.tables.values() for source in entry.sources() if source[0] in NAMED}
    asked |= {(run, GATES_PROTOCOL) for run in set(NAMED).difference(TABLES.trained(TABLES.tables))}
    asked = {(run, name) for run, name in asked if CAMPAIGN.has_split(run, name)}
    shown = [name for name in NAMED if name in example_runs(SHOWN)]
    return of_runs("checkpoint.pt", NAMED) + metrics_of(sorted(asked)) + of_runs("examples.npz", shown)


def submissions():
    """The zips for the test servers."""
    tables = [TABLES.tables[name] for name in CAMPAIGN.scale.tables]
    zips = [of_runs(f"submission/test_{table.protocol}.zip", table.fine_tuned()) for table in tables]
    return sorted(file for files in zips for file in files)


def after_all(wildcards):
    """What `record` and `publish` wait for when asked for along with other targets; alone they take what is at hand."""
    alone = set(workflow.dag_settings.targets) <= {"record", "publish"}
    return [] if alone else [f"reports/{SCALE}/index.html", *at_hand(wanted(SHOWN))]


def say_absent(runs, consequence):
    """Name the training runs among `runs` that ended, here or elsewhere, whose checkpoint is not here, and what follows.

    Returns their folders.
    """
    seeds = [f"{run}/seed{seed}" for run in runs for seed in seeds_of(run)]
    ended = [name for name in seeds if Path(f"results/{SCALE}/{name}/provenance.json").exists()]
    if names := [name for name in ended if not Path(f"results/{SCALE}/{name}/checkpoint.pt").exists()]:
        print(
            f"Missing checkpoints ({len(names)}): {', '.join(names)}. {consequence}; "
            f"`snakemake --cores 1 restore --config campaign={CAMPAIGN_NAME}` restores them if they were published.",
            file=sys.stderr,
        )
    return [HERE / "results" / SCALE / name for name in names]
