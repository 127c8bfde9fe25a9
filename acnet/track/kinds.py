"""What `acnet gc` knows to remove."""

KINDS = {
    "aside": "training states that were set aside",
    "halves": "files that a killed process left half-written",
    "runs": "results of runs that runs.yaml does not have now",
    "data": "prepared datasets that datasets.yaml does not have now",
    "logs": "logs of trainings that have ended well, and of other jobs that said their last word a day ago",
    "copies": "what a killed dvc exp run --temp or --queue left",
    "rows": "rows of acnet record on commits that no branch or tag stands at",
    "kept": "old rows that acnet record --keep kept",
    "cache": "files of DVC's cache that no commit, tag, branch or experiment names",
}
# What took hours to make, and may only be out of sight: another branch, or another commit's params/.
NAMED = ("runs", "data", "kept")
USUAL = tuple(kind for kind in KINDS if kind not in NAMED)
