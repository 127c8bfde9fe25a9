rule generate:
    """Make a mini dataset in its official layout and coding."""
    output:
        directory("data/raw/{dataset}"),
    log:
        "logs/generate/{dataset}.log",
    wildcard_constraints:
        dataset="|".join(GENERATED),
    conda:
        "../envs/acnet.yaml"
    params:
        how=lambda wildcards: canonical(dataclasses.asdict(CAMPAIGN.datasets[wildcards.dataset])),
    shell:
        "acnet data generate {wildcards.dataset} 2> {log}"


rule prepare:
    """Read a dataset once into the form that training reads fast."""
    input:
        lambda wildcards: f"data/raw/{wildcards.dataset}" if wildcards.dataset in GENERATED else [],
    output:
        "data/{dataset}/manifest.json",
    log:
        "logs/prepare/{dataset}.log",
    conda:
        "../envs/acnet.yaml"
    params:
        how=lambda wildcards: canonical(dataclasses.asdict(CAMPAIGN.datasets[wildcards.dataset])),
    shell:
        "acnet data prepare {wildcards.dataset} --threads {threads} 2> {log}"


rule fetch_weights:
    """Download a published ImageNet backbone; on a cluster this runs where there is a network."""
    output:
        "data/weights/{file}",
    log:
        "logs/weights/{file}.log",
    localrule: True
    conda:
        "../envs/acnet.yaml"
    shell:
        "acnet fetch-weights {wildcards.file} 2> {log}"
