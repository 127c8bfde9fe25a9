"""The judgement of Cityscapes' own evaluation tool, the one its server runs."""

from pathlib import Path

import pytest


def official(raw: Path, predictions: Path) -> dict[str, float]:
    """The tool's scores of val's classes for a folder of predictions, which it finds itself; NaN for absent ones."""
    evaluation = pytest.importorskip("cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling")
    truths = sorted((raw / "gtFine/val").glob("*/*_gtFine_labelIds.png"))
    args = evaluation.args
    args.predictionPath, args.predictionWalk = str(predictions), None
    args.quiet, args.JSONOutput, args.evalPixelAccuracy = True, False, False
    found = [evaluation.getPrediction(args, str(path)) for path in truths]
    return evaluation.evaluateImgLists(found, [str(path) for path in truths], args)["classScores"]
