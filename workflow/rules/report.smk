TABLE_FILES = [f"reports/{{scale}}/tables/{{table}}.{kind}" for kind in ("csv", "md", "tex")]


rule table:
    """One table, as CSV, Markdown and LaTeX."""
    input:
        lambda wildcards: at_hand(metrics_of(TABLES.tables[wildcards.table].sources())),
        server=lambda wildcards: server_scores([wildcards.table]),
    output:
        report(
            TABLE_FILES[0],
            caption="../report/table.rst",
            category="Tables",
            labels={"table": "{table}"},
        ),
        TABLE_FILES[1:],
    log:
        "logs/report/{scale}/{table}.log",
    wildcard_constraints:
        table="|".join(TABLES.tables),
    localrule: True
    conda:
        "../envs/acnet.yaml"
    params:
        entry=lambda wildcards: canonical(dataclasses.asdict(TABLES.tables[wildcards.table])),
        scale=scale_facts(),
    shell:
        "acnet report table {wildcards.table} --scale {wildcards.scale} 2> {log}"


rule figure:
    """One figure, as PNG and PDF."""
    input:
        lambda wildcards: at_hand(metrics_of(TABLES.figures[wildcards.figure].sources())),
        lambda wildcards: at_hand(of_runs("examples.npz", TABLES.figures[wildcards.figure].example_runs())),
    output:
        report(
            "reports/{scale}/figures/{figure}.png",
            caption="../report/figure.rst",
            category="Figures",
            labels={"figure": "{figure}"},
        ),
        "reports/{scale}/figures/{figure}.pdf",
    log:
        "logs/report/{scale}/{figure}.log",
    wildcard_constraints:
        figure="|".join(TABLES.figures),
    localrule: True
    conda:
        "../envs/acnet.yaml"
    params:
        entry=lambda wildcards: figure_facts(wildcards.figure),
        scale=scale_facts(),
    shell:
        "acnet report figure {wildcards.figure} --scale {wildcards.scale} 2> {log}"


rule cost:
    """The scores of a table's networks over their FLOPs, as PNG and PDF."""
    input:
        lambda wildcards: at_hand(metrics_of(TABLES.tables[wildcards.table].sources())),
    output:
        report(
            "reports/{scale}/figures/{table}_cost.png",
            caption="../report/cost.rst",
            category="Figures",
            labels={"figure": "{table}, cost"},
        ),
        "reports/{scale}/figures/{table}_cost.pdf",
    log:
        "logs/report/{scale}/{table}_cost.log",
    wildcard_constraints:
        table="|".join(COMPARED),
    localrule: True
    conda:
        "../envs/acnet.yaml"
    params:
        entry=lambda wildcards: canonical(dataclasses.asdict(TABLES.tables[wildcards.table])),
        scale=scale_facts(),
    shell:
        "acnet report cost {wildcards.table} --scale {wildcards.scale} 2> {log}"


rule curves:
    """Loss, alpha and beta of every run over its training."""
    input:
        lambda wildcards: at_hand(of_runs("history.csv", NEEDED)),
    output:
        report(f"reports/{SCALE}/figures/curves.png", caption="../report/curves.rst", category="Training"),
        report(f"reports/{SCALE}/figures/factors.png", category="Training"),
        f"reports/{SCALE}/figures/curves.pdf",
        f"reports/{SCALE}/figures/factors.pdf",
    log:
        f"logs/report/{SCALE}/curves.log",
    localrule: True
    conda:
        "../envs/acnet.yaml"
    params:
        scale=scale_facts(),
    shell:
        f"acnet report curves --scale {SCALE} 2> {{log}}"


rule gates_figure:
    """Where the gates are large, as PNG and PDF."""
    input:
        lambda wildcards: at_hand(of_runs("gates.json", GATED_NEEDED)),
        local("params/claims.yaml"),
    output:
        report(f"reports/{SCALE}/figures/gates.png", category="Figures", labels={"figure": "gates"}),
        report(f"reports/{SCALE}/figures/gates_runs.png", category="Figures", labels={"figure": "gates of all runs"}),
        f"reports/{SCALE}/figures/gates.pdf",
        f"reports/{SCALE}/figures/gates_runs.pdf",
        f"reports/{SCALE}/gates.csv",
    log:
        f"logs/report/{SCALE}/gates.log",
    localrule: True
    conda:
        "../envs/acnet.yaml"
    params:
        scale=scale_facts(),
    shell:
        f"acnet report gates --scale {SCALE} 2> {{log}}"


rule cells:
    """The cells of every table in one file, from which claims and page are made."""
    input:
        lambda wildcards: at_hand(metrics_of(TABLES.sources(DRAWN_TABLES))),
        server=lambda wildcards: server_scores(DRAWN_TABLES),
    output:
        f"reports/{SCALE}/cells.csv",
    log:
        f"logs/report/{SCALE}/cells.log",
    localrule: True
    conda:
        "../envs/acnet.yaml"
    params:
        tables=canonical({name: dataclasses.asdict(table) for name, table in TABLES.tables.items()}),
        requested=REQUESTED,
        scale=scale_facts(),
    shell:
        f"acnet report cells --scale {SCALE} 2> {{log}}"


rule claims:
    """The verdict on each of the paper's claims: by the cells and, for their differences, the counts of every image."""
    input:
        f"reports/{SCALE}/cells.csv",
        lambda wildcards: at_hand(metrics_of(TABLES.sources(DRAWN))),
        lambda wildcards: at_hand(of_runs("provenance.json", NEEDED)),
        lambda wildcards: at_hand(of_runs("gates.json", GATED_NEEDED)),
        local("params/claims.yaml"),
    output:
        report(f"reports/{SCALE}/claims.json", caption="../report/claims.rst", category="Claims"),
    log:
        f"logs/report/{SCALE}/claims.log",
    localrule: True
    conda:
        "../envs/acnet.yaml"
    params:
        scale=scale_facts(),
    shell:
        f"acnet report claims --scale {SCALE} 2> {{log}}"


rule forest:
    """The primary claims, the paper's differences beside ours, as PNG and PDF."""
    input:
        f"reports/{SCALE}/claims.json",
    output:
        report(f"reports/{SCALE}/figures/forest.png", category="Claims", labels={"figure": "primary claims"}),
        f"reports/{SCALE}/figures/forest.pdf",
    log:
        f"logs/report/{SCALE}/forest.log",
    localrule: True
    conda:
        "../envs/acnet.yaml"
    shell:
        f"acnet report forest --scale {SCALE} 2> {{log}}"


rule page:
    """The page with everything on it."""
    input:
        [f"reports/{SCALE}/{file}" for file in ("cells.csv", "claims.json", "gates.csv")],
        drawn(
            [
                *CAMPAIGN.scale.figures,
                *(f"{name}_cost" for name in DRAWN_TABLES if name in COMPARED),
                "forest",
                "curves",
                "factors",
                "gates",
                "gates_runs",
            ]
        ),
        lambda wildcards: at_hand(metrics_of(TABLES.sources(DRAWN), ["json"])),
        lambda wildcards: at_hand(of_runs("provenance.json", NEEDED)),
    output:
        report(f"reports/{SCALE}/index.html", caption="../report/page.rst", category="Page"),
    log:
        f"logs/report/{SCALE}/page.log",
    localrule: True
    conda:
        "../envs/acnet.yaml"
    params:
        scale=scale_facts(),
        # The page says which runs are of other code or parameters.
        code=lambda wildcards: source_hash(),
        runs=lambda wildcards: [CAMPAIGN.resolve(run, CAMPAIGN.scale.seeds[0]).digest() for run in NEEDED],
    shell:
        f"acnet report page --scale {SCALE} 2> {{log}}"


rule publish_report:
    """Copy what may go into git to reports/published: tables, claims and charts; images of generated data only."""
    input:
        drawn(DRAWN),
        f"reports/{SCALE}/index.html",
    log:
        f"logs/report/{SCALE}/publish.log",
    localrule: True
    conda:
        "../envs/acnet.yaml"
    shell:
        f"acnet report publish --scale {SCALE} 2> {{log}}"
