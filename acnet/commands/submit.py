"""acnet submit: to the test servers and back."""

import argparse

from acnet.commands.options import campaign, command, group, seed_asked, share, trained, whole
from acnet.errors import AcnetError
from acnet.params.run import read_run


def add(commands) -> None:
    """Add the commands to the parser."""
    submit = group(commands, "submit", "predict a test split for its server, and record the server's score")
    for reader in ("cityscapes", "ade20k"):
        made = command(submit, reader, _submit, f"create the zip for the test server of {reader}")
        made.set_defaults(reader=reader)
        _submission_options(made, "an entry of runs.yaml that is trained")
        split = "split to predict (default: %(default)s); zips of other splits are only for local trials"
        made.add_argument("--split", default="test", help=split)
    score = command(submit, "score", _score, "record a test server's score for the report")
    _submission_options(score, "the run that was submitted")
    score.add_argument("--miou", type=float, help="mIoU in percent")
    score.add_argument("--final-score", type=float, help="ADE20K's final score in percent")
    iou = {"dest": "classes", "metavar": "NAME=PERCENT", "help": "IoU of a class; may be repeated"}
    score.add_argument("--class", action="append", default=[], **iou)
    score.add_argument("--note", help="where the score can be seen")


def _submission_options(parser: argparse.ArgumentParser, run: str) -> None:
    parser.add_argument("--run", required=True, help=run)
    share(parser, "--scale")
    parser.add_argument("--seed", type=whole(0), help="one of the scale's seeds (default: the first)")
    parser.add_argument("--protocol", default="multi_flip", help="an entry of protocols.yaml (default: %(default)s)")


def _submit(parsed: argparse.Namespace) -> None:
    from acnet.jobs.results import forget
    from acnet.submit.submit import SERVERS, submit

    settings, seed, folder = trained(parsed)
    run = read_run(folder / "params.yaml")
    if run.reader != parsed.reader:
        raise AcnetError(f"run '{parsed.run}': is trained on {run.dataset}, not for the server of {parsed.reader}")
    protocol = settings.protocol(parsed.protocol, parsed.run)
    made = submit(run, folder / "checkpoint.pt", protocol, parsed.data_root, parsed.split)
    forget(folder)
    generated = settings.datasets[run.dataset].generate
    if generated or parsed.split != "test":
        what = "generated images" if generated else f"split {parsed.split}, which the server does not score"
        print(f"{made}: of {what}; do not upload it")
        return
    same = f"--run {parsed.run} --scale {parsed.scale} --seed {seed} --protocol {parsed.protocol}"
    server = SERVERS[parsed.reader]
    print(f"{made}: upload it at {server.address}, then `acnet submit score {same} {server.score} PERCENT`")


def _score(parsed: argparse.Namespace) -> None:
    from acnet.submit.score import record_score

    per_class = {}
    for text in parsed.classes:
        name, _, value = text.rpartition("=")
        try:
            per_class[name] = float(value)
        except ValueError:
            raise AcnetError(f"--class {text}: expected NAME=PERCENT, such as road=98.7") from None
    given = {"miou": parsed.miou, "final_score": parsed.final_score}
    scores = {metric: value for metric, value in given.items() if value is not None}
    settings = campaign(parsed)
    submitted = parsed.run, seed_asked(parsed, settings), parsed.protocol
    path = record_score(settings, parsed.results_root, *submitted, scores, per_class, parsed.note)
    print(f"{path}: written; draw the table again to see it")
