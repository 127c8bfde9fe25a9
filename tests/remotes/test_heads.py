"""Our heads and mmsegmentation's with the same weights: outputs and gradients."""

import importlib

import pytest
import torch

from acnet.model.heads import build_head
from acnet.params.config import NetworkConfig
from tests.unit.model.variants import randomise

CHANNELS = [8, 12, 20, 32]
WIDTH, CLASSES = 8, 5
SIZES = [(67, 91), (34, 46), (17, 23), (17, 23)]
LAST = {"in_channels": 32, "in_index": 3}
ALL = {"in_channels": CHANNELS, "in_index": [0, 1, 2, 3]}
HEADS = {  # our name: theirs, its arguments, our options
    "fcn_d6": ("FCNHead", {**LAST, "dilation": 6}, {"rate": 6, "concatenate": True}),
    "pspnet": ("PSPHead", LAST, {"pools": [1, 2, 3, 6]}),
    "deeplabv3": ("ASPPHead", {**LAST, "dilations": (1, 6, 12, 18)}, {"rates": [6, 12, 18], "fusion_kernel": 3}),
    "deeplabv3plus": (
        "DepthwiseSeparableASPPHead",
        {**LAST, "dilations": (1, 6, 12, 18), "c1_in_channels": 8, "c1_channels": 6},
        {"rates": [6, 12, 18], "fusion_kernel": 3, "low_channels": 6},
    ),
    "ccnet": ("CCHead", LAST, {"recurrence": 2, "key_share": 8}),
    "danet": ("DAHead", {**LAST, "pam_channels": 4}, {"key_share": 2, "branch_weight": 1.0}),
    "encnet": ("EncHead", {**ALL, "num_codes": 6}, {"codewords": 6, "presence_weight": 0.2}),
    "upernet": ("UPerHead", ALL, {"pools": [1, 2, 3, 6]}),
}
# The order of our parts in that of theirs, where it differs: theirs -> ours.
ORDER = {
    "ccnet": ["convs.0", "cca.gamma", "cca", "convs.1", "conv_cat"],
    "danet": ["pam_in", "pam.gamma", "pam.", "pam_out", "cam_in", "cam.", "cam_out", "pam_conv_seg", "cam_conv_seg"],
    "encnet": ["bottleneck", "enc_module", "se_layer"],
}


def same_weights(name, theirs):
    """Our head with the weights of theirs, whose tensors are in the same order but for `conv_seg` and ORDER."""
    config = NetworkConfig(
        backbone="resnet18", base_width=8, block_channels=[8, 8], reduction=WIDTH, dropout=0.0, head=name,
        head_options=HEADS[name][2],
    )  # fmt: skip
    ours = build_head(config, CHANNELS, CLASSES)
    state = theirs.state_dict()
    parts = [*ORDER.get(name, [""]), "conv_seg"]
    found = [key for part in parts for key in state if key.startswith(part) and (part or "conv_seg" not in key)]
    keys = list(dict.fromkeys(found))
    assert sorted(keys) == sorted(state)
    values = [state[key] for key in keys]
    mine = ours.state_dict()
    assert [value.numel() for value in values] == [value.numel() for value in mine.values()]
    ours.load_state_dict({key: value.view_as(mine[key]) for key, value in zip(mine, values, strict=True)})
    return ours


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", HEADS)
def test_outputs_and_gradients_are_mmsegmentations(name, training, mmsegmentation):
    torch.manual_seed(0)
    kind, arguments, _ = HEADS[name]
    made = getattr(importlib.import_module("mmseg.models.decode_heads"), kind)
    theirs = made(
        channels=WIDTH, num_classes=CLASSES, dropout_ratio=0, align_corners=True, norm_cfg={"type": "BN"}, **arguments
    )
    randomise(theirs)
    for key, parameter in theirs.named_parameters():
        if "gamma" in key:
            parameter.data.fill_(0.7)
    ours = same_weights(name, theirs)
    for part in zip(results(theirs.train(training), False), results(ours.train(training), True), strict=True):
        torch.testing.assert_close(*part, rtol=1e-5, atol=1e-5)


def results(head, ours):
    """Every output of the head, the gradients of their squares by the layers, and the norms of those by its weights."""
    generator = torch.Generator().manual_seed(1)
    layers = [
        torch.randn(2, c, *size, generator=generator).requires_grad_() for c, size in zip(CHANNELS, SIZES, strict=True)
    ]
    if ours:
        scores, extra = head(layers, torch.empty(2, 3, 4 * SIZES[0][0], 4 * SIZES[0][1]))
        outputs = [scores, *(one.scores for one in extra)]
    else:
        outputs = head(layers)
        outputs = list(outputs) if isinstance(outputs, tuple) else [outputs]
        outputs = outputs if head.training else outputs[:1]
    loss = sum(output.square().mean() for output in outputs)
    gradients = torch.autograd.grad(loss, [*layers, *head.parameters()], allow_unused=True)
    by_layers = [torch.zeros(()) if g is None else g for g in gradients[:4]]
    norms = sorted(float(g.double().norm()) for g in gradients[4:] if g is not None)
    return [*outputs, *by_layers, torch.tensor(norms)]
