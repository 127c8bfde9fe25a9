rule resolve:
    """Write one run's complete parameters; they alone decide whether it is trained again."""
    output:
        f"{RUN}/params.yaml",
    log:
        "logs/resolve/{scale}/{run}/seed{seed}.log",
    localrule: True
    conda:
        "../envs/acnet.yaml"
    params:
        values=run_identity,
    shell:
        "acnet resolve --scale {wildcards.scale} --run {wildcards.run} --seed {wildcards.seed} 2> {log}"


rule train:
    """Train one network. Its resume folder is no output, since outputs are deleted before a retry."""
    input:
        params=f"{RUN}/params.yaml",
        data=manifest,
        initial=initial,
    output:
        checkpoint=f"{RUN}/checkpoint.pt",
        history=report(f"{RUN}/history.csv", category="Training", labels={"run": "{run}", "seed": "{seed}"}),
        provenance=f"{RUN}/provenance.json",
    log:
        "logs/train/{scale}/{run}/seed{seed}.log",
    conda:
        "../envs/acnet.yaml"
    threads: TRAIN_THREADS
    resources:
        **needed(NEEDS.train, **SPREAD),
    params:
        limit=limit,  # takes resources, so Snakemake does not compare it: a campaign may go to a cluster and back
        spread=processes,
    shell:
        "{params.limit}acnet train --params {input.params}{params.spread} 2> {log}"
