from acnet.jobs.results import forget
from acnet.workflow_lock import hold, note_machine

# Held until this process ends; jobs that Snakemake starts for itself read this file too.
HELD = hold() if workflow.is_main_process else None


if DRAW_ONLY and workflow.is_main_process:
    again = f"`snakemake --cores all --config scale={SCALE}` would train these runs again"
    say_absent(NEEDED, f"The report is drawn without them; {again}")


onstart:
    note_machine()
    targets = set(workflow.dag_settings.targets) or {"all"}
    if targets <= {"all", "runs", *TARGETS}:
        named = set(NAMED) if "runs" in targets else set()
        shown = {*(SHOWN if "all" in targets else []), *(targets & {*TARGETS})}
        asked = set(TABLES.trained(shown)) | named
        absent = say_absent([run for run in CAMPAIGN.runs if run in asked], "These runs are trained again now")
        for folder in absent:
            forget(folder)


rule record:
    """Make every finished run a DVC experiment of the current commit, a row of `dvc exp show`; trains nothing."""
    input:
        after_all,
    log:
        f"logs/record/{SCALE}.log",
    localrule: True
    conda:
        "../envs/acnet.yaml"
    shell:
        f"acnet record --scale {SCALE} 2> >(tee {{log}} >&2)"


rule publish:
    """Push what is at hand of this scale to a DVC remote, as the campaign named by `--config campaign=NAME`."""
    input:
        after_all,
    log:
        f"logs/publish/{SCALE}.log",
    localrule: True
    conda:
        "../envs/acnet.yaml"
    params:
        options="--data" if config["with_data"] in ("true", True) else "",
    shell:
        f"acnet publish {CAMPAIGN_NAME} --scale {SCALE} {{params.options}} 2> >(tee {{log}} >&2)"


rule restore:
    """Bring the campaign named by `--config campaign=NAME` back: all, `only=metrics`, or only what `only=table3` needs."""
    log:
        f"logs/restore/{CAMPAIGN_NAME}.log",
    localrule: True
    conda:
        "../envs/acnet.yaml"
    params:
        only=f"--only {config['only']}" if config["only"] else "",
    shell:
        f"acnet restore {CAMPAIGN_NAME} {{params.only}} 2> >(tee {{log}} >&2)"
