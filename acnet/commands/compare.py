"""acnet compare: two runs, class by class and image by image."""

import argparse
import sys

from acnet.commands.options import campaign, command, folder_to_write, scale_option, seed_asked, whole
from acnet.errors import AcnetError
from acnet.params.run import read_run, run_folder


def add(commands) -> None:
    """Add the command to the parser."""
    compare = command(
        commands, "compare", _compare, "compare two runs class by class, and list the images that change most"
    )
    compare.add_argument("first", help="a run; differences are second minus first")
    compare.add_argument("second", help="another run of the same dataset")
    scale_option(compare)
    compare.add_argument("--protocol", default="single", help="an entry of protocols.yaml (single)")
    compare.add_argument("--seed", type=whole(0), help="seed of both runs (the scale's first)")
    compare.add_argument("--images", type=whole(1), default=8, help="number of images to list (8)")
    compare.add_argument(
        "--out",
        type=folder_to_write,
        metavar="FOLDER",
        help="also write the comparison and a picture of each of those images here",
    )


def _compare(parsed: argparse.Namespace) -> None:
    from acnet.files import write_text
    from acnet.report.compare import as_text, compare
    from acnet.report.results import Results
    from acnet.report.scale import scale_info

    settings = campaign(parsed)
    protocols = [settings.protocol(parsed.protocol, run) for run in (parsed.first, parsed.second)]
    first, second = (settings.dataset_of(run) for run in (parsed.first, parsed.second))
    if first != second:
        raise AcnetError(f"{parsed.first} is of {first}, {parsed.second} of {second}; compare runs of one dataset")
    results = Results(scale_info(settings), parsed.results_root)
    seed = seed_asked(parsed, settings)
    for run in (parsed.first, parsed.second):
        folder = run_folder(parsed.results_root, parsed.scale, run, seed)
        # A restored run may have its metrics alone: enough for the numbers, not for the pictures.
        if parsed.out or not (folder / "metrics").is_dir():
            settings.trained_folder(parsed.results_root, run, seed)
    found = compare(parsed.first, parsed.second, parsed.protocol, seed, results)
    text = as_text(found, parsed.images)
    print(text, end="")
    if parsed.out is None:
        return
    from acnet.evaluate.comparison_images import write_comparisons

    write_text(parsed.out / "compare.md", text)
    runs = []
    for run, protocol in zip(found.runs, protocols, strict=True):
        folder = run_folder(parsed.results_root, parsed.scale, run, seed)
        runs.append((read_run(folder / "params.yaml").scored_on(protocol.split), folder / "checkpoint.pt", protocol))
    shown = [change.index for change in found.changes[: parsed.images]]
    paths = write_comparisons(runs, parsed.data_root, shown, parsed.out)
    print(f"acnet: {parsed.out}: compare.md and {len(paths)} picture{'s' * (len(paths) > 1)} written", file=sys.stderr)
