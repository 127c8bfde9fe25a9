rule generate:
    """Make a mini dataset in its official layout and label encoding."""
    output:
        directory(RAW) if HERE == Path() else touch(RAW),
    log:
        "logs/generate/{dataset}.log",
    wildcard_constraints:
        dataset="|".join(GENERATED),
    conda:
        "../envs/acnet.yaml"
    resources:
        **needed(NEEDS.generate),
    params:
        how=lambda wildcards: canonical(CAMPAIGN.datasets[wildcards.dataset].facts()),
    shell:
        "acnet data generate {wildcards.dataset} 2> {log}"


rule fetch:
    """Find or download a dataset's archives. They are no outputs, since a failed job's outputs are deleted."""
    output:
        "data/archives/{dataset}/fetched.json",
    log:
        "logs/fetch/{dataset}.log",
    wildcard_constraints:
        dataset="|".join(FETCHABLE),
    localrule: True
    conda:
        "../envs/acnet.yaml"
    shell:
        "acnet data fetch {wildcards.dataset} 2> {log}"


rule extract:
    """Unpack the archives into the folder that is prepared."""
    input:
        "data/archives/{dataset}/fetched.json",
    output:
        "data/raw/{dataset}/extracted.json",
    log:
        "logs/extract/{dataset}.log",
    wildcard_constraints:
        dataset="|".join(FETCHABLE),
    conda:
        "../envs/acnet.yaml"
    resources:
        **needed(NEEDS.prepare),
    shell:
        "acnet data extract {wildcards.dataset} 2> {log}"


rule prepare:
    """Read a dataset once into the form that training reads fast."""
    input:
        source_of,
    output:
        "data/{dataset}/manifest.json",
    log:
        "logs/prepare/{dataset}.log",
    conda:
        "../envs/acnet.yaml"
    # At most the cores that Snakemake was given. A generated dataset is done before processes have started.
    threads: lambda wildcards: 1 if wildcards.dataset in GENERATED else NEEDS.prepare.threads
    resources:
        **needed(NEEDS.prepare),
    params:
        how=lambda wildcards: canonical(CAMPAIGN.datasets[wildcards.dataset].facts()),
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
