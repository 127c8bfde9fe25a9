rule report:
    """Everything drawn from the runs at hand, with what is missing marked; trains nothing."""
    input:
        drawn(DRAWN),
        f"reports/{SCALE}/index.html",
    localrule: True


rule runs:
    """Train and measure the networks named by `--config runs=a,b`."""
    input:
        lambda wildcards: named_runs(),
    localrule: True


for target in TARGETS:

    rule:
        name:
            target
        input:
            lambda wildcards, target=target: wanted([target]),
        localrule: True
