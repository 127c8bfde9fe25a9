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
        options="--data" if config["with_data"] else "",
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
