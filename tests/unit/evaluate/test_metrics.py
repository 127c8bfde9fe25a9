import json
import math

import numpy as np
import pytest
from PIL import Image

from acnet.evaluate.counts import confusion
from acnet.evaluate.metrics import summary


def test_three_classes_by_hand():
    # Class c is neither labelled nor predicted; 4 + 1 pixels are a, 3 + 2 are b.
    matrix = np.array([[4, 1, 0], [2, 3, 0], [0, 0, 0]])
    result = summary(matrix, ["a", "b", "c"], "cityscapes")
    assert result["class_iou"] == {"a": 4 / 7, "b": 3 / 6, "c": None}
    assert result["miou"] == pytest.approx((4 / 7 + 1 / 2) / 2, abs=1e-15)
    assert result["miou_absent_zero"] == pytest.approx((4 / 7 + 1 / 2) / 3, abs=1e-15)
    assert (result["classes"], result["classes_counted"], result["pixels"]) == (3, 2, 10)
    assert result["pixacc"] == 0.7
    assert result["mean_accuracy"] == pytest.approx((4 / 5 + 3 / 5) / 2, abs=1e-15)
    assert result["fwiou"] == pytest.approx(0.5 * 4 / 7 + 0.5 * 3 / 6, abs=1e-15)
    assert result["class_pixels"] == {"a": 5, "b": 5, "c": 0}
    assert "final_score" not in result and "miou60" not in result


def test_a_class_predicted_but_never_labelled_counts_as_zero():
    result = summary(np.array([[6, 2], [0, 0]]), ["a", "b"], "camvid")
    assert result["class_iou"] == {"a": 0.75, "b": 0.0}
    assert result["miou"] == 0.375
    assert result["mean_accuracy"] == 0.75


def test_the_constant_predictor_is_the_best_single_class():
    rng = np.random.default_rng(0)
    label = rng.choice(6, 500, p=[0.5, 0.1, 0.2, 0.15, 0.05, 0.0]).astype(np.uint8)
    names = list("abcdef")
    by_trial = max(
        summary(confusion(label, np.full_like(label, c), 6), names, "camvid")["miou"] for c in range(len(names))
    )
    result = summary(confusion(label, rng.integers(0, 6, 500).astype(np.uint8), 6), names, "camvid")
    assert result["constant_miou"] == by_trial


def test_a_protocol_may_count_absent_classes_as_zero():
    matrix = np.array([[4, 1, 0], [2, 3, 0], [0, 0, 0]])
    result = summary(matrix, ["a", "b", "c"], "pascal_context", "zero")
    assert result["miou"] == result["miou_absent_zero"] == pytest.approx((4 / 7 + 1 / 2) / 3, abs=1e-15)
    assert result["miou60"] == pytest.approx(result["miou"] * 59 / 60, abs=1e-15)


def test_scores_of_the_datasets_own_tools():
    matrix = np.array([[4, 1, 0], [2, 3, 0], [0, 0, 0]])
    ade = summary(matrix, ["a", "b", "c"], "ade20k")
    assert ade["final_score"] == pytest.approx(((4 / 7 + 1 / 2) / 3 + 0.7) / 2, abs=1e-15)
    assert ade["final_score_ignore"] == pytest.approx(((4 / 7 + 1 / 2) / 2 + 0.7) / 2, abs=1e-15)
    context = summary(matrix, ["a", "b", "c"], "pascal_context")
    assert context["miou60"] == pytest.approx((4 / 7 + 1 / 2) / 2 * 59 / 60, abs=1e-15)
    assert summary(matrix, ["a", "b", "c"], "pascal_context60")["miou60"] == context["miou"]


@pytest.mark.parametrize("reader", ["cityscapes", "ade20k", "pascal_context"])
def test_nothing_labelled_gives_nulls_and_never_nan(reader):
    result = summary(np.zeros((2, 2), np.int64), ["a", "b"], reader)
    assert (result["pixels"], result["classes_counted"]) == (0, 0)
    for key in ("miou", "miou_absent_zero", "pixacc", "mean_accuracy", "fwiou", "constant_miou"):
        assert result[key] is None
    json.dumps(result, allow_nan=False)


def test_class_iou_equals_cityscapesscripts(tmp_path):
    official = pytest.importorskip("cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling")
    from cityscapesscripts.helpers.labels import id2label, trainId2label

    rng = np.random.default_rng(1)
    scored = [trainId2label[i].id for i in range(19)]
    to_train = np.full(256, 255, np.uint8)
    to_train[scored] = np.arange(19)
    # Class 18 is in no label and class 17 nowhere at all; ignored ids are in the labels.
    true_ids = [i for i in id2label if i >= 0 and i not in (scored[17], scored[18])]
    pairs, total = [], np.zeros((19, 19), np.int64)
    for number in range(3):
        label = rng.choice(true_ids, (40, 60)).astype(np.uint8)
        guess = rng.choice([i for i in scored if i != scored[17]], (40, 60))
        guess = np.where((rng.random(label.shape) < 0.6) & (to_train[label] != 255), label, guess).astype(np.uint8)
        files = tmp_path / f"{number}_pred.png", tmp_path / f"{number}_gt.png"
        Image.fromarray(guess).save(files[0])
        Image.fromarray(label).save(files[1])
        pairs.append([str(file) for file in files])
        total += confusion(to_train[label], to_train[guess], 19)
    args = official.args
    args.quiet, args.JSONOutput, args.evalInstLevelScore, args.evalPixelAccuracy = True, False, False, False
    theirs = official.evaluateImgLists([p for p, _ in pairs], [t for _, t in pairs], args)
    names = [trainId2label[i].name for i in range(19)]
    ours = summary(total, names, "cityscapes")
    for name in names:
        if ours["class_iou"][name] is None:
            assert math.isnan(theirs["classScores"][name])
        else:
            assert ours["class_iou"][name] == pytest.approx(theirs["classScores"][name], abs=1e-12)
    assert ours["class_iou"][names[17]] is None
    assert ours["class_iou"][names[18]] == 0
    assert ours["miou"] == pytest.approx(theirs["averageScoreClasses"], abs=1e-12)
    categories = {name: value for name, value in theirs["categoryScores"].items() if name != "void"}
    assert ours["category_iou"] == {name: pytest.approx(value, abs=1e-12) for name, value in categories.items()}
    assert ours["category_miou"] == pytest.approx(theirs["averageScoreCategories"], abs=1e-12)


def sceneparsing(label, guess, classes=150):
    """intersectionAndUnion.m and pixelAccuracy.m of the scene parsing benchmark; 0 is unlabelled."""
    kept = guess * (label > 0)
    intersection = kept * (kept == label)
    areas = [np.histogram(area, bins=classes, range=(1, classes + 1))[0] for area in (intersection, kept, label)]
    return np.array(areas), ((guess == label) & (label > 0)).sum(), (label > 0).sum()


def test_final_score_equals_the_sceneparsing_formula():
    rng = np.random.default_rng(2)
    classes = 150
    present = rng.permutation(classes)[:110]
    areas = np.zeros((3, classes))
    correct = labelled = 0
    total = np.zeros((classes, classes), np.int64)
    for _ in range(4):
        label = np.append(present + 1, 0)[rng.integers(0, 111, (30, 50))]
        guess = np.where(rng.random(label.shape) < 0.5, label, rng.choice(present, label.shape) + 1)
        guess[guess == 0] = 1
        found, right, known = sceneparsing(label, guess)
        areas, correct, labelled = areas + found, correct + right, labelled + known
        total += confusion(((label - 1) % 256).astype(np.uint8), (guess - 1).astype(np.uint8), classes)
    eps = np.spacing(1)
    iou = areas[0] / (eps + areas[1] + areas[2] - areas[0])
    ours = summary(total, [str(i) for i in range(classes)], "ade20k")
    for index in range(classes):
        value = ours["class_iou"][str(index)]
        assert (0 if value is None else value) == pytest.approx(iou[index], abs=1e-12)
    assert ours["classes_counted"] == 110
    assert ours["miou_absent_zero"] == pytest.approx(iou.mean(), abs=1e-12)
    assert ours["pixacc"] == pytest.approx(correct / labelled, abs=1e-12)
    assert ours["final_score"] == pytest.approx((iou.mean() + correct / labelled) / 2, abs=1e-12)
