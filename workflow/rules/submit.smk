rule submission:
    """Predict a test split in its server's form, checked and zipped. No table asks for it: it is made by name."""
    input:
        checkpoint=f"{RUN}/checkpoint.pt",
        data=manifest,
    output:
        f"{RUN}/submission/test_{{protocol}}.zip",
    log:
        "logs/submission/{scale}/{run}/seed{seed}/{protocol}.log",
    conda:
        "../envs/acnet.yaml"
    threads: THREADS
    resources:
        **needed(NEEDS.evaluate, gpu=CAMPAIGN.scale.gpus),
    params:
        reader=lambda wildcards: run_of(wildcards).reader,
        protocol=lambda wildcards: protocol_values(wildcards.protocol, wildcards.run),
    shell:
        "acnet submit {params.reader} --run {wildcards.run} --scale {wildcards.scale} --seed {wildcards.seed}"
        " --protocol {wildcards.protocol} > {log} 2>&1"


rule submissions:
    """The zips for every test server of this scale's tables, by the protocol of the table."""
    input:
        lambda wildcards: submissions(),
    localrule: True
