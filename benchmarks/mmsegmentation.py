"""mmsegmentation's side of the benchmarks: importable with mmcv-lite; its SegTTAModel on our network; its counting.

    pip install mmsegmentation==1.2.2 mmcv-lite==2.1.0 ftfy regex

mmcv-lite has no compiled operators; mmsegmentation imports some that an FCN never calls, so an empty module stands in.
"""

import sys
import types
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


class _Absent(types.ModuleType):
    __file__ = "absent"

    def __getattr__(self, name: str) -> None:
        if name.startswith("__"):
            raise AttributeError(name)


sys.modules.setdefault("mmcv._ext", _Absent("mmcv._ext"))


def installed() -> bool:
    """Whether mmsegmentation can be imported."""
    try:
        import mmseg.models  # noqa: F401
    except ImportError:
        return False
    return True


def intersect_and_union(truth: np.ndarray, prediction: np.ndarray, classes: int) -> tuple[Tensor, ...]:
    """IoUMetric's counts of one image."""
    from mmseg.evaluation.metrics import IoUMetric

    return IoUMetric.intersect_and_union(torch.from_numpy(prediction), torch.from_numpy(truth), classes, 255)


def tta_model(ours: nn.Module, classes: int, crop: int, stride: int) -> nn.Module:
    """SegTTAModel around an EncoderDecoder of ResNet-50 at stride 16 and FCNHead, with the weights of our `ours`."""
    from mmengine.config import ConfigDict
    from mmseg.models import EncoderDecoder, SegTTAModel
    from mmseg.utils import register_all_modules

    register_all_modules()
    norm = {"type": "BN"}
    model = EncoderDecoder(
        backbone={
            "type": "ResNet", "depth": 50, "num_stages": 4, "out_indices": (3,), "strides": (1, 2, 2, 1),
            "dilations": (1, 1, 1, 2), "norm_cfg": norm, "style": "pytorch", "contract_dilation": False,
        },
        decode_head={
            "type": "FCNHead", "in_channels": 2048, "in_index": 0, "channels": 512, "num_convs": 1,
            "concat_input": False, "dropout_ratio": 0.1, "num_classes": classes, "norm_cfg": norm,
            "align_corners": True, "loss_decode": {"type": "CrossEntropyLoss"},
        },
        data_preprocessor={
            "type": "SegDataPreProcessor", "mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375],
        },
        test_cfg=ConfigDict(mode="slide", crop_size=(crop, crop), stride=(stride, stride)),
    )  # fmt: skip
    names = {"reduction.0": "decode_head.convs.0.conv", "reduction.1": "decode_head.convs.0.bn"}
    names["classifier.1"] = "decode_head.conv_seg"
    state = {}
    for key, value in ours.state_dict().items():
        start = next((name for name in names if key.startswith(f"{name}.")), None)
        state[key.replace(start, names[start], 1) if start else key] = value
    model.load_state_dict(state, strict=True)
    return SegTTAModel(model.eval()).eval()


def augmented(images: list[np.ndarray], flips: tuple[bool, ...], size: tuple[int, int]) -> dict[str, list[Any]]:
    """What its pipeline hands to SegTTAModel.test_step: every scaled image (h, w, 3) uint8, plain and flipped."""
    from mmseg.structures import SegDataSample

    inputs, samples = [], []
    for image in images:
        for flipped in flips:
            pixels = torch.from_numpy(np.array(image[:, ::-1] if flipped else image)).permute(2, 0, 1)
            about = {"ori_shape": size, "img_shape": image.shape[:2], "pad_shape": image.shape[:2], "flip": flipped}
            about["flip_direction"] = "horizontal" if flipped else None
            inputs.append([pixels])
            samples.append([SegDataSample(metainfo={**about, "img_path": "street.png"})])
    return {"inputs": inputs, "data_samples": samples}


def label_map(model: nn.Module, augmented: dict[str, list[Any]]) -> np.ndarray:
    """The classes (H, W) that SegTTAModel gives."""
    with torch.no_grad():  # as its runner does
        return model.test_step(augmented)[0].pred_sem_seg.data.numpy().astype(np.uint8)
