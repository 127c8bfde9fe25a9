rule evaluate:
    """Measure one trained network with one protocol."""
    input:
        params=f"{RUN}/params.yaml",
        checkpoint=f"{RUN}/checkpoint.pt",
        data=manifest,
    output:
        f"{RUN}/metrics/{{protocol}}.json",
        f"{RUN}/metrics/{{protocol}}.images.npz",
    log:
        "logs/evaluate/{scale}/{run}/seed{seed}/{protocol}.log",
    wildcard_constraints:
        # Those that rule gates measures are passed over here, where Snakemake would only make and discard a job.
        run=rf"(?!({'|'.join(GATED) or '-'})/seed\d+/metrics/{GATES_PROTOCOL}\.)({'|'.join(CAMPAIGN.runs)})",
    conda:
        "../envs/acnet.yaml"
    threads: THREADS
    resources:
        **needed(NEEDS.evaluate, gpu=CAMPAIGN.scale.gpus),
    params:
        protocol=lambda wildcards: measured_by(wildcards, wildcards.protocol),
        measures=canonical(dataclasses.asdict(MEASURES)),
        options="--protocol {protocol}",
    shell:
        "acnet evaluate --params {input.params} {params.options} 2> {log}"


# One process measures both: loading the network costs more than the gates of a small split.
use rule evaluate as gates with:
    output:
        f"{RUN}/metrics/{GATES_PROTOCOL}.json",
        f"{RUN}/metrics/{GATES_PROTOCOL}.images.npz",
        f"{RUN}/gates.json",
    log:
        "logs/gates/{scale}/{run}/seed{seed}.log",
    wildcard_constraints:
        run="|".join(GATED) or "(?!)",
    params:
        protocol=lambda wildcards: measured_by(wildcards, GATES_PROTOCOL),
        measures=canonical(dataclasses.asdict(MEASURES)),
        options=f"--protocol {GATES_PROTOCOL} --gates",


rule examples:
    """Predictions and gates of a few images, for the figures."""
    input:
        params=f"{RUN}/params.yaml",
        checkpoint=f"{RUN}/checkpoint.pt",
        data=manifest,
    output:
        f"{RUN}/examples.npz",
    log:
        "logs/examples/{scale}/{run}/seed{seed}.log",
    conda:
        "../envs/acnet.yaml"
    threads: THREADS
    resources:
        **needed(NEEDS.examples, gpu=CAMPAIGN.scale.gpus),
    params:
        protocol=lambda wildcards: protocol_values("single", wildcards.run),
        images=max(figure.examples or 0 for figure in TABLES.figures.values()),
    shell:
        "acnet examples --params {input.params} --protocol single --count {params.images} 2> {log}"
