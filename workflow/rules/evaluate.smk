rule evaluate:
    """Measure one trained network with one protocol."""
    input:
        checkpoint=f"{RUN}/checkpoint.pt",
        data=manifest,
    output:
        f"{RUN}/metrics/{{protocol}}.json",
        f"{RUN}/metrics/{{protocol}}.images.npz",
    log:
        "logs/evaluate/{scale}/{run}/seed{seed}/{protocol}.log",
    conda:
        "../envs/acnet.yaml"
    threads: lambda wildcards: run_of(wildcards).train.threads
    resources:
        gpu=CAMPAIGN.scale.gpus,
        runtime=NEEDS.evaluate.runtime,
        mem_mb=lambda wildcards, attempt: NEEDS.evaluate.memory(attempt),
        disk_mb=NEEDS.evaluate.disk_mb,
    params:
        protocol=lambda wildcards: measured_by(wildcards, wildcards.protocol),
        measures=canonical(dataclasses.asdict(MEASURES)),
        run=f"{RUN}/params.yaml",
    shell:
        "acnet evaluate --params {params.run} --protocol {wildcards.protocol} 2> {log}"


rule examples:
    """Predictions and gates of a few images, for the figures."""
    input:
        checkpoint=f"{RUN}/checkpoint.pt",
        data=manifest,
    output:
        f"{RUN}/examples.npz",
    log:
        "logs/examples/{scale}/{run}/seed{seed}.log",
    conda:
        "../envs/acnet.yaml"
    threads: lambda wildcards: run_of(wildcards).train.threads
    resources:
        gpu=CAMPAIGN.scale.gpus,
        runtime=NEEDS.examples.runtime,
        mem_mb=lambda wildcards, attempt: NEEDS.examples.memory(attempt),
        disk_mb=NEEDS.examples.disk_mb,
    params:
        protocol=lambda wildcards: protocol_values(wildcards, "single"),
        run=f"{RUN}/params.yaml",
        images=max(figure.examples or 0 for figure in TABLES.figures.values()),
    shell:
        "acnet examples --params {params.run} --protocol single --count {params.images} 2> {log}"


# One process measures both: loading the network costs more than the gates of a small split.
ruleorder: gates > evaluate


rule gates:
    """Measure one adaptive network at single scale, and where its gates open."""
    input:
        checkpoint=f"{RUN}/checkpoint.pt",
        data=manifest,
    output:
        f"{RUN}/metrics/{GATES_BY}.json",
        f"{RUN}/metrics/{GATES_BY}.images.npz",
        f"{RUN}/gates.json",
    log:
        "logs/gates/{scale}/{run}/seed{seed}.log",
    wildcard_constraints:
        run="|".join(GATED) or "(?!)",
    conda:
        "../envs/acnet.yaml"
    threads: lambda wildcards: run_of(wildcards).train.threads
    resources:
        gpu=CAMPAIGN.scale.gpus,
        runtime=NEEDS.evaluate.runtime,
        mem_mb=lambda wildcards, attempt: NEEDS.evaluate.memory(attempt),
        disk_mb=NEEDS.evaluate.disk_mb,
    params:
        protocol=lambda wildcards: measured_by(wildcards, GATES_BY),
        measures=canonical(dataclasses.asdict(MEASURES)),
        run=f"{RUN}/params.yaml",
        name=GATES_BY,
    shell:
        "acnet evaluate --params {params.run} --protocol {params.name} --gates 2> {log}"
