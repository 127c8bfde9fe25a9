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
    "fcn_d6": ("FCNHead", {**LAST, "dilation": 6}, {"rate": 6}),
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


def test_bisenet_is_mmsegmentations(mmsegmentation):
    from mmseg.models.backbones import BiSeNetV1
    from mmseg.models.decode_heads import FCNHead
    from mmseg.registry import MODELS

    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(2, 3, 131, 99, generator=generator)
    sizes = [(33, 25), (17, 13), (9, 7), (9, 7)]
    layers = [torch.randn(2, c, *size, generator=generator) for c, size in zip(CHANNELS, sizes, strict=True)]

    @MODELS.register_module()
    class GivenLayers(torch.nn.Module):
        def forward(self, _):
            return layers

    norm = {"norm_cfg": {"type": "BN"}}
    common = {"num_convs": 1, "concat_input": False, "num_classes": CLASSES, "dropout_ratio": 0, **norm}
    theirs = BiSeNetV1(
        {"type": "GivenLayers"}, spatial_channels=(4, 4, 4, 8), context_channels=(8, 20, 32), out_channels=16, **norm
    )
    theirs.ffm = type(theirs.ffm)(16, 16, **norm)  # it takes the second width of the context path for its input
    heads = [FCNHead(in_channels=16, channels=16, in_index=0, **common)]
    heads += [FCNHead(in_channels=8, channels=4, in_index=index, **common) for index in (1, 2)]
    [randomise(module.train()) for module in (theirs, *heads)]
    options = {"context_weight": 1.0}
    config = NetworkConfig(
        backbone="resnet18", base_width=8, block_channels=[8, 8], reduction=32, dropout=0.0, head="bisenet",
        head_options=options,
    )  # fmt: skip
    ours = build_head(config, CHANNELS, CLASSES)
    context = theirs.context_path
    pairs = [
        (ours.refinements[0], context.arm16), (ours.refinements[1], context.arm32), (ours.pooling, context.gap_conv),
        (ours.after[0], context.conv_head16), (ours.after[1], context.conv_head32), (ours.spatial, theirs.spatial_path),
        (ours.fusion, theirs.ffm.conv1), (ours.factors, theirs.ffm.conv_atten), (ours.classifier[0], heads[0].convs),
        (ours.classifier[2], heads[0].conv_seg), (ours.classifiers[0][0], heads[1].convs),
        (ours.classifiers[0][2], heads[1].conv_seg), (ours.classifiers[1][0], heads[2].convs),
        (ours.classifiers[1][2], heads[2].conv_seg),
    ]  # fmt: skip
    assert sum(len(mine.state_dict()) for mine, _ in pairs) == len(ours.state_dict())
    for mine, other in pairs:
        mine.load_state_dict(dict(zip(mine.state_dict(), other.state_dict().values(), strict=True)))
    scores, extra = ours(layers, images)
    features = theirs(images)
    expected = [heads[0](features), heads[1](features), heads[2](features)]
    for mine, other in zip([scores, *(one.scores for one in extra)], expected, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-5)


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
