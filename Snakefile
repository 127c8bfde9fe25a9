"""The pipeline: from params/ to the paper's tables and figures.

snakemake --cores all                           everything, at the scale of workflow/config.yaml
snakemake --cores all table3 --config scale=camvid
snakemake -n table3                             what it would do
"""

from snakemake.utils import min_version

min_version("9.27")


configfile: "workflow/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/inputs.smk"
include: "workflow/rules/resources.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/track.smk"
include: "workflow/rules/targets.smk"


if not DRAW_ONLY:

    include: "workflow/rules/data.smk"
    include: "workflow/rules/train.smk"
    include: "workflow/rules/evaluate.smk"
    include: "workflow/rules/submit.smk"


rule all:
    """Every table, figure and claim of the scale."""
    input:
        lambda wildcards: wanted(SHOWN),
        f"reports/{SCALE}/index.html",
    localrule: True
