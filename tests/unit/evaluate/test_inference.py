import copy
import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from acnet.errors import AcnetError
from acnet.evaluate.inference import Predictor
from acnet.params.protocols import Protocol

CPU = torch.device("cpu")


def predict(network, image, protocol, classes):
    """Class scores (classes, H, W) float32."""
    strips = Predictor(network, classes, CPU, source="checkpoint.pt").strips(image, protocol, "town_1")
    return torch.cat(list(strips)).transpose(0, 1)


def bilinear(length, size):
    """The (size, length) matrix that samples `length` points at `size` places, corners on corners."""
    matrix = np.zeros((size, length))
    for i in range(size):
        place = i * (length - 1) / (size - 1) if size > 1 else 0.0
        low = min(int(place), length - 1)
        high = min(low + 1, length - 1)
        matrix[i, low] += 1 - (place - low)
        matrix[i, high] += place - low
    return matrix


def reference(network, image, protocol, classes):
    """Scores in float64, one window at a time, every map padded to the full size."""
    network = copy.deepcopy(network).double()
    height, width = image.shape[:2]
    fused = np.zeros((classes, height, width))
    for scale in protocol.scales:
        side = {"short": min, "long": max}[protocol.base_side](height, width)
        factor = scale * (protocol.base_size / side if protocol.base_size else 1)
        h, w = (max(1, round(side * factor)) for side in (height, width))
        small = np.array(Image.fromarray(image).resize((w, h), Image.Resampling.BILINEAR), np.float64)
        pixels = ((small / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]).transpose(2, 0, 1)
        wh, ww = protocol.window or (h, w)
        padded = np.zeros((3, max(h, wh), max(w, ww)))
        padded[:, :h, :w] = pixels
        total, count = np.zeros((classes, *padded.shape[1:])), np.zeros(padded.shape[1:])
        top = 0
        while True:
            top = min(top, padded.shape[1] - wh)
            left = 0
            while True:
                left = min(left, padded.shape[2] - ww)
                crop = padded[:, top : top + wh, left : left + ww]
                with torch.no_grad():
                    logits = network(torch.from_numpy(crop[None].copy()))["logits"][0].numpy()
                    if protocol.flip:
                        flipped = network(torch.from_numpy(crop[None, :, :, ::-1].copy()))["logits"][0].numpy()
                        logits = (logits + flipped[:, :, ::-1]) / 2
                total[:, top : top + wh, left : left + ww] += logits
                count[top : top + wh, left : left + ww] += 1
                if left + ww == padded.shape[2]:
                    break
                left += round(ww * protocol.stride)
            if top + wh == padded.shape[1]:
                break
            top += round(wh * protocol.stride)
        scores = (total / count)[:, :h, :w]
        scores = bilinear(h, height) @ scores @ bilinear(w, width).T
        if len(protocol.scales) > 1 and protocol.fusion == "softmax":
            scores = np.exp(scores) / np.exp(scores).sum(0)
        fused += scores
    return fused / len(protocol.scales)


def softmax(scores):
    return np.exp(scores - scores.max(0)) / np.exp(scores - scores.max(0)).sum(0)


MULTI = Protocol(
    name="multi_flip", scales=[0.5, 0.75, 1.0, 1.25, 1.75], flip=True, window=[24, 32], stride=2 / 3, batch=3
)


@pytest.mark.parametrize("size", [(45, 61), (20, 300), (1, 1), (33, 9)])
@pytest.mark.parametrize(
    "protocol",
    [
        MULTI,
        dataclasses.replace(MULTI, base_size=40),
        dataclasses.replace(MULTI, name="of_logits", fusion="logits"),
        Protocol(name="whole", scales=[0.5, 1.0, 1.5], flip=True, batch=4),
        Protocol(name="single", scales=[1.0], window=[24, 32], stride=1 / 2),
        Protocol(name="long", scales=[0.5, 1.0], base_size=40, base_side="long", window=[24, 32], stride=2 / 3),
        Protocol(name="base", scales=[1.0], base_size=26, window=[24, 24], stride=2 / 3, flip=True, batch=2),
        Protocol(name="plain", scales=[1.0]),
    ],
    ids=lambda p: p.name + (f"_{p.base_size}" if p.base_size else ""),
)
def test_scores_equal_a_slow_float64_reference(small, photograph, protocol, size):
    classes = 19
    network, image = small(classes), photograph(*size)
    scores = predict(network, image, protocol, classes).numpy()
    expected = reference(network, image, protocol, classes)
    assert scores.shape == expected.shape
    if len(protocol.scales) == 1 or protocol.fusion == "logits":
        scores, expected = softmax(scores), softmax(expected)
    assert np.abs(scores - expected).max() < 1e-4
    first, second = np.sort(expected, axis=0)[[-1, -2]]
    clear = first - second > 1e-4
    assert clear.mean() > 0.9
    assert (scores.argmax(0) == expected.argmax(0))[clear].all()


@pytest.mark.parametrize(
    ("size", "window", "windows"),
    [
        ((24, 64), [24, 32], [6]),
        ((240, 500), [240, 250], [1] * 6),
        ((100, 200), [100, 200], [2]),
        ((50, 50), None, [2]),
    ],
)
def test_on_a_cpu_the_windows_in_a_forward_pass_depend_on_their_size_alone(photograph, size, window, windows):
    seen = []

    class Watch(nn.Module):
        def forward(self, images, native=False):
            seen.append(len(images))
            return {"logits": images, "gates": []}

    plain, made = Protocol(name="flip", scales=[1.0], flip=True, window=window, stride=2 / 3), []
    for batch in (1, 4, 64):
        made.append(predict(Watch(), photograph(*size), dataclasses.replace(plain, batch=batch), 3))
    assert seen == windows * 3
    assert torch.equal(made[0], made[1]) and torch.equal(made[0], made[2])


def test_windows_that_do_not_fit_the_memory_of_a_gpu_are_halved_once_for_each_size(photograph, monkeypatch):
    seen = []

    class Small(nn.Module):
        def forward(self, images, native=False):
            seen.append(len(images))
            if len(images) > 2:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return {"logits": images, "gates": []}

    protocol = Protocol(name="flip", scales=[1.0], flip=True, window=[24, 32], stride=2 / 3)
    expected = predict(Small(), photograph(24, 32), protocol, 3)
    image = np.tile(photograph(24, 32), (1, 2, 1))
    seen.clear()
    predictor = Predictor(Small(), 3, CPU)
    scores = [torch.cat(list(predictor.strips(image, protocol, "town_1"))) for _ in range(2)]
    assert seen == [6, 3, 1, 1, 1, 1, 1, 1, *[1] * 6]
    assert torch.equal(scores[0], scores[1]) and torch.equal(scores[0].transpose(0, 1)[..., :32], expected)


def test_padding_is_the_mean_colour_and_is_cut_away(small, photograph):
    seen = []

    class Watch(nn.Module):
        def forward(self, images, native=False):
            seen.append(images)
            return {"logits": images, "gates": []}

    scores = predict(Watch(), photograph(5, 9), Protocol(name="padded", scales=[1.0], window=[8, 8], stride=1.0), 3)
    assert scores.shape == (3, 5, 9)
    (images,) = seen
    assert images.shape == (2, 3, 8, 8) and not images[:, :, 5:].any()


@pytest.mark.parametrize(("precision", "near"), [("bfloat16", 0.1), ("tf32", 0.005)])
def test_a_lower_precision_gives_float32_scores_near_those_of_float32(small, photograph, precision, near):
    image = photograph(45, 61)
    exact = predict(small(5), image, MULTI, 5)
    rough = predict(small(5), image, dataclasses.replace(MULTI, precision=precision), 5)
    assert rough.dtype == torch.float32
    assert 0 < (rough - exact).abs().max() < near


def test_another_number_of_classes_is_one_clear_line(small, photograph):
    with pytest.raises(
        AcnetError, match=r"^checkpoint.pt: image town_1: the network scores 6 classes, the dataset has 5$"
    ):
        predict(small(6), photograph(9, 9), MULTI, 5)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), AcnetError),
        (torch.OutOfMemoryError("CUDA out of memory"), AcnetError),
        (MemoryError(), AcnetError),
        (RuntimeError("an illegal memory access was encountered"), RuntimeError),
    ],
    ids=["processor", "device", "python", "another error"],
)
def test_memory_that_runs_out_is_one_clear_line(photograph, error, expected):
    class Greedy(nn.Module):
        def forward(self, images, native=False):
            raise error

    predictor = Predictor(Greedy(), 5, CPU, source="checkpoint.pt")
    for call in (predictor.label_map, predictor.gates):
        with pytest.raises(expected) as caught:
            call(photograph(9, 12), MULTI, "town_1")
        if expected is AcnetError:
            assert str(caught.value).startswith("checkpoint.pt: image town_1: not enough memory for 9x12 pixels, ")


def test_gates_are_of_the_whole_image_at_native_resolution(small, photograph):
    protocol = dataclasses.replace(MULTI, base_size=20, precision="bfloat16")
    (gate,) = Predictor(small(5), 5, CPU).gates(photograph(40, 60), protocol, "town_1")
    assert gate.shape == (10, 15)
    assert gate.dtype == np.float32
