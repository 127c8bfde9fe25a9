"""The heads of other systems: sizes, gradients, precision, and what each adds, against plain formulas."""

import inspect
import math

import pytest
import torch
from torch.nn import functional
from torchvision.models.segmentation.deeplabv3 import ASPP

from acnet.errors import AcnetError
from acnet.evaluate.trained_network import fold_batch_norm
from acnet.model import count_parameters
from acnet.model.heads import PAGES, ccl, ccnet, danet, deeplabv3, encnet, gcu, psanet, refinenet
from acnet.plan.measure import flops_per_image, parameters_and_flops
from acnet.train.loss import total_loss
from acnet.train.step import TrainingStep
from tests.tiny import tiny_run

from .variants import HEADS, batch, randomise, small, with_head

CLASSES = 5  # of `small` and `batch`
EXTRAS = {"danet": [4, 4], "encnet": [2], "bisenet": [4, 4]}  # dimensions of the further outputs


def loss_of(network, images, labels):
    torch.manual_seed(7)  # the same dropout each time
    return total_loss(network(images, native=True), labels, tiny_run(batch=3).train, True, labels.numel())["total"]


def test_every_page_is_in_the_list_with_the_parameters_that_it_takes():
    assert sorted(HEADS) == PAGES
    for name, options in HEADS.items():
        page = inspect.getmodule(type(with_head(name).head))
        taken = inspect.signature(page.Head).parameters
        assert list(taken) == ["config", "channels", "classes", *options], name
        assert all(f"\n{word}: " in page.__doc__ for word in ("Read", "Faithful", "Not")), name
        assert len(inspect.getsource(page).splitlines()) < 120, name


@pytest.mark.parametrize("name", HEADS)
def test_odd_sizes_give_scores_of_the_images_size_and_further_outputs_in_training_only(name):
    network, images = with_head(name), torch.randn(2, 3, 97, 131)
    output = network.eval()(images)
    assert set(output) == {"logits", "gates"} and output["gates"] == []
    assert output["logits"].shape == (2, CLASSES, 97, 131)
    extra = network.train()(images).get("extra", [])
    assert [one.scores.ndim for one in extra] == EXTRAS.get(name, [])
    assert all(one.scores.shape[2:] in ((97, 131), ()) for one in extra)


@pytest.mark.parametrize("name", HEADS)
def test_gradient_reaches_every_parameter_and_one_step_lowers_the_loss_as_it_promises(name):
    network, promise = with_head(name).double(), 1e-8
    inputs = batch(torch.double)
    loss = loss_of(network, *inputs)
    loss.backward()
    assert [key for key, p in network.named_parameters() if not (p.grad.any() and p.grad.isfinite().all())] == []
    steepness = sum(p.grad.square().sum() for p in network.parameters())
    torch.optim.SGD(network.parameters(), lr=promise / steepness.item()).step()
    assert (loss - loss_of(network, *inputs)).item() == pytest.approx(promise, rel=0.05)


@pytest.mark.parametrize("name", HEADS)
def test_bfloat16_gives_scores_near_those_of_float32_and_finite_gradients(name):
    network, (images, labels) = with_head(name, dropout=0.0), batch()
    with torch.no_grad():
        exact = network(images, native=True)["logits"]
    with torch.autocast("cpu", torch.bfloat16):
        output = network(images, native=True)
    assert output["logits"].dtype == torch.float32
    assert functional.cosine_similarity(output["logits"].flatten(), exact.flatten(), dim=0) > 0.99
    total_loss(output, labels, tiny_run(batch=3).train, True, labels.numel())["total"].backward()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())


@pytest.mark.parametrize("name", HEADS)
def test_a_step_in_micro_batches_adds_the_losses_of_further_outputs_to_the_main_one(name):
    torch.manual_seed(0)
    train = tiny_run(batch=4, accumulate=2).train
    step = TrainingStep(small("fcn", head=name, head_options=HEADS[name]), train, torch.device("cpu"))
    total, main, auxiliary, _ = step(*batch(images=4), seed=1).tolist()
    assert total > main + 0.1 if name in EXTRAS else total == pytest.approx(main)
    assert math.isnan(auxiliary)


@pytest.mark.parametrize("name", HEADS)
def test_folding_batch_norm_and_channels_last_change_nothing(name):
    network, images = with_head(name).eval(), torch.randn(2, 3, 65, 49)
    with torch.no_grad():
        plain = network(images)["logits"]
        folded = fold_batch_norm(network.to(memory_format=torch.channels_last))
        other = folded(images.contiguous(memory_format=torch.channels_last))["logits"]
    torch.testing.assert_close(plain, other, rtol=1e-3, atol=1e-4)


def test_the_backward_pass_of_further_outputs_is_counted():
    off = {"auxiliary": False, "global_context": "none", "local_context": "none"}
    flops = [
        flops_per_image(tiny_run(classes=classes, head="danet", head_options=HEADS["danet"], **off))
        for classes in (11, 12)
    ]
    # Another class: of three classifiers, forward and twice as much backward, from 8 channels at 2x2.
    assert flops[1] - flops[0] == 3 * 3 * 2 * 8 * 4


def test_the_backward_pass_of_a_depthwise_convolution_costs_twice_the_forward_pass():
    off = {"auxiliary": False, "global_context": "none", "local_context": "none"}
    run = tiny_run(head="deeplabv3plus", head_options=HEADS["deeplabv3plus"], **off)
    height, width = run.train.crop
    first = 2 * 3 * 49 * run.model.base_width * (height // 2) * (width // 2)  # the images need no gradient
    assert flops_per_image(run) == 3 * parameters_and_flops(run)[1] - first


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"head": "pspnt"}, "model.head: unknown name 'pspnt'; did you mean 'pspnet'?"),
        ({"head_options": {"pools": [1]}}, "model.head_options: there is no head"),
        ({"head": "pspnet", "blocks": 2, "local_context": "lc"}, "model.local_context: head pspnet replaces ACNet's"),
    ],
)
def test_impossible_heads_are_refused_by_key(changes, message):
    with pytest.raises(AcnetError) as error:
        small("fcn", **changes)
    assert str(error.value).startswith(message)


def wide(name, **changes):
    """The head of that name on ResNet-50 at its real width, for Cityscapes, on the meta device."""
    with torch.device("meta"):
        changes = {"backbone": "resnet50", "base_width": 64, "reduction": 512, "classes": 19, **changes}
        return small("fcn", head=name, head_options={**HEADS[name]}, **changes).head


@pytest.mark.parametrize(
    ("name", "millions"),
    [
        # 9 * 2048 * 512, 9 * 512 * 512, 9 * 2560 * 512, then 1x1 to 19 classes
        ("fcn_d6", (9 * 512 * (2048 + 512 + 2560) + 3 * 1024 + 512 * 19 + 19) / 1e6),
        # four 1x1 of 2048 to 512, a 3x3 of 4096 to 512
        ("pspnet", (4 * 2048 * 512 + 9 * 4096 * 512 + 5 * 1024 + 512 * 19 + 19) / 1e6),
        # 3x3, criss-cross 512 to 64, 64 and 512, 3x3, 3x3 of 2560
        ("ccnet", (9 * 512 * (2048 + 512 + 2560) + 512 * 640 + 641 + 3 * 1024 + 512 * 19 + 19) / 1e6),
    ],
)
def test_heads_have_the_parameters_that_their_papers_widths_give(name, millions):
    assert count_parameters(wide(name)) / 1e6 == pytest.approx(millions, abs=1e-6)


def test_aspp_is_torchvisions():
    torch.manual_seed(0)
    theirs = randomise(ASPP(12, [6, 12, 18], 8)).eval()
    ours = deeplabv3.ASPP(12, 8, [6, 12, 18], 1, deeplabv3._dilated).eval()
    plain, *dilated, pooling = theirs.convs
    pairs = [(ours.plain, plain), *zip(ours.dilated, dilated, strict=True), (ours.pooling, pooling)]
    for mine, other in [*pairs, (ours.fusion, theirs.project)]:
        mine.load_state_dict(dict(zip(mine.state_dict(), other.state_dict().values(), strict=True)))
    fused = ours.fusion[0].weight.data  # theirs has the pooling last
    fused.copy_(torch.cat([fused[:, 32:], fused[:, :32]], dim=1))
    x = torch.randn(2, 12, 17, 23)
    for part in zip(result_and_gradient(ours, x), result_and_gradient(theirs, x), strict=True):
        torch.testing.assert_close(*part, rtol=1e-5, atol=1e-5)


def result_and_gradient(module, x):
    x = x.clone().requires_grad_()
    result = module(x)
    return result, torch.autograd.grad(result.square().sum(), x)[0]


def test_encoding_is_the_softly_assigned_sum_of_residuals():
    torch.manual_seed(0)
    layer = encnet.Encoding(6, 4).double()
    x = torch.randn(2, 6, 3, 5, dtype=torch.double)
    expected = torch.zeros(2, 4, 6, dtype=torch.double)
    for image in range(2):
        for pixel in x[image].flatten(1).T:
            residuals = pixel - layer.codewords
            weights = torch.softmax(layer.scale * residuals.square().sum(1), dim=0)
            expected[image] += weights[:, None] * residuals
    torch.testing.assert_close(layer(x), expected)


def test_criss_cross_attention_sees_row_and_column_once_and_twice_sees_everything():
    torch.manual_seed(0)
    layer = ccnet.CrissCrossAttention(8, 4).double()
    layer.gamma.data.fill_(1.0)
    x = torch.randn(1, 8, 5, 7, dtype=torch.double, requires_grad=True)
    query, key, value = layer.query(x)[0], layer.key(x)[0], layer.value(x)[0]
    places = [(2, column) for column in range(7)] + [(row, 3) for row in range(5) if row != 2]
    energy = torch.stack([query[:, 2, 3] @ key[:, i, j] for i, j in places])
    context = sum(w * value[:, i, j] for w, (i, j) in zip(torch.softmax(energy, 0), places, strict=True))
    once = layer(x)
    torch.testing.assert_close(once[0, :, 2, 3], x[0, :, 2, 3] + context)
    seen = torch.autograd.grad(once[0, :, 2, 3].sum(), x)[0].abs().sum((0, 1)) > 0
    assert seen.sum() == 11
    assert (torch.autograd.grad(layer(layer(x))[0, :, 2, 3].sum(), x)[0].abs().sum((0, 1)) > 0).all()


def test_channel_attention_prefers_the_least_alike():
    layer = danet.ChannelAttention()
    layer.gamma.data.fill_(1.0)
    x = torch.zeros(1, 2, 1, 2)
    x[0, 0, 0, 0], x[0, 1, 0, 1] = 3.0, 2.0  # energies 9 and 0 for the first channel, 0 and 4 for the second
    own = torch.softmax(torch.tensor([0.0, 9.0]), 0)
    torch.testing.assert_close(layer(x)[0, 0, 0], torch.stack([3 + 3 * own[0], 2 * own[1]]))


def test_duc_and_dupsampling_put_a_cells_scores_at_its_pixels():
    for name, layer in (("duc", "classifier.1"), ("dupsampling", "transform")):
        network = with_head(name).eval()
        last = network.head.get_submodule(layer)
        last.weight.data.zero_()
        number = torch.arange(CLASSES * 256.0)
        last.register_forward_hook(lambda _, inputs, output, number=number: output * 0 + number[:, None, None])
        scores = network(torch.randn(1, 3, 40, 33), native=True)["logits"]
        assert scores.shape == (1, CLASSES, 40, 33), name
        scale = scores[0, 0, 0, 1] or 1
        assert (scores[0, 2, 17, 30] / scale).item() == pytest.approx(2 * 256 + 1 * 16 + 14, rel=1e-5), name


def test_parsenet_normalises_each_pixel_to_the_scale():
    network = with_head("parsenet").eval()
    seen = []
    network.head.classifier.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    network(torch.randn(1, 3, 65, 65))
    both = seen[0].unflatten(1, (2, 16)).norm(dim=2)
    torch.testing.assert_close(both, torch.full_like(both, HEADS["parsenet"]["scale"]))


def test_denseaspp_grows_by_an_eighth_with_every_rate():
    head = wide("denseaspp")
    assert [layer[2].in_channels for layer in head.dense] == [512, 576, 640, 704, 768]
    assert [layer[5].dilation[0] for layer in head.dense] == [3, 6, 12, 18, 24]
    assert {layer[2].out_channels for layer in head.dense} == {256}
    assert head.classifier[1].in_channels == 832


@pytest.mark.parametrize("mask", [3, 7])  # less than the map, and all of it
@pytest.mark.parametrize("collect", [True, False])
def test_point_wise_attention_collects_to_or_distributes_from_each_pixel_by_its_own_map(mask, collect):
    torch.manual_seed(0)
    branch = psanet.Attention(4, 4, mask, collect).double().eval()
    features = torch.randn(1, 4, 7, 5, dtype=torch.double)
    x = functional.interpolate(branch.reduction(features), (4, 3), mode="bilinear", align_corners=True)
    maps = branch.maps(x)[0].unflatten(0, (mask, mask))
    pixels = [(i, j) for i in range(4) for j in range(3)]
    expected = torch.zeros(4, 4, 3, dtype=torch.double)
    for target in pixels:
        energy = torch.full((len(pixels),), -torch.inf, dtype=torch.double)
        for number, source in enumerate(pixels):
            owner, other = (target, source) if collect else (source, target)
            place = [b - a + mask // 2 for a, b in zip(owner, other, strict=True)]
            if all(0 <= one < mask for one in place):
                energy[number] = maps[place[0], place[1], owner[0], owner[1]]
        weights = torch.softmax(energy, dim=0)
        expected[:, *target] = sum(w * x[0, :, i, j] for w, (i, j) in zip(weights, pixels, strict=True))
    torch.testing.assert_close(branch(features)[0], expected)


def test_a_contrasted_block_is_zero_where_local_and_context_agree():
    torch.manual_seed(0)
    block = ccl.ContrastedBlock(4, 1).eval()
    block.context.load_state_dict(block.local.state_dict())
    assert not block(torch.randn(1, 4, 6, 6)).any()
    block = ccl.ContrastedBlock(4, 5).eval()
    x = torch.randn(1, 4, 13, 13, requires_grad=True)
    (gradient,) = torch.autograd.grad(block(x)[0, :, 6, 6].sum(), x)
    assert gradient[0].abs().sum(0).nonzero()[:, 0].unique().tolist() == [1, 5, 6, 7, 11]


def test_the_gates_of_the_chain_weigh_its_scores_and_add_up_to_their_number():
    head = with_head("ccl").eval().head
    layers = [None, None, None, torch.randn(1, 64, 5, 7)]
    for one in head.classifiers:
        one[1].weight.data.zero_()
        one[1].bias.data.fill_(1.0)
    torch.testing.assert_close(head(layers, None)[0], torch.full((1, CLASSES, 5, 7), 6.0))
    head.gates.weight.data.zero_()
    head.gates.bias.data = torch.tensor([0.0, 100.0, 0.0, 0.0, 0.0, 0.0])
    head.classifiers[1][1].bias.data.fill_(2.0)
    torch.testing.assert_close(head(layers, None)[0], torch.full((1, CLASSES, 5, 7), 12.0))


def test_chained_pooling_adds_every_stage_of_the_chain():
    torch.manual_seed(0)
    chain, x = refinenet.ChainedPooling(3, 2).eval(), torch.randn(1, 3, 9, 8)
    first = chain.stages[0][1](functional.max_pool2d(functional.pad(x.relu(), (2,) * 4, value=-torch.inf), 5, 1))
    second = chain.stages[1][1](functional.max_pool2d(functional.pad(first, (2,) * 4, value=-torch.inf), 5, 1))
    torch.testing.assert_close(chain(x), x.relu() + first + second)


def test_graph_unit_assigns_by_scaled_distances_and_normalises_mean_residuals():
    torch.manual_seed(0)
    unit = gcu.GraphUnit(6, 3, 4).double()
    unit.deviations.data.normal_()
    features = torch.randn(1, 6, 3, 5, dtype=torch.double)
    x, s = features[0].flatten(1).T, torch.sigmoid(unit.deviations)
    scaled = (x[:, None] - unit.centres) / s  # (pixels, vertices, channels)
    assignment = torch.softmax(-scaled.square().sum(2) / 2, dim=1)
    z = (assignment[..., None] * scaled).sum(0) / assignment.sum(0)[:, None]
    z = z / z.norm(dim=1, keepdim=True)
    expected = assignment @ torch.relu(z @ z.T @ z @ unit.weight.weight.T)
    torch.testing.assert_close(unit(features)[0].flatten(1).T, expected)


def test_a_learned_gate_of_zero_shuts_the_low_level_feature_out():
    head = with_head("learned_gate").eval().head
    layers = [torch.randn(1, 8, 9, 9), None, None, torch.randn(1, 64, 3, 3)]
    other = [torch.randn(1, 8, 9, 9), *layers[1:]]
    assert (head(layers, None)[0] - head(other, None)[0]).abs().max() > 1e-3
    head.gate[0].weight.data.zero_()
    head.gate[0].bias.data.fill_(-1000.0)
    torch.testing.assert_close(head(layers, None)[0], head(other, None)[0])


def test_ducs_gain_changes_no_score_at_the_start_and_multiplies_what_the_classifier_learns():
    gradients, scores = [], []
    for gain in (False, True):
        network = small("fcn", head="duc", head_options={"gain": gain}, dropout=0.0)
        found = network(batch()[0], native=True)["logits"]
        found.square().sum().backward()
        gradients.append(network.head.classifier[1].weight.grad)
        scores.append(found)
    torch.testing.assert_close(*scores)
    torch.testing.assert_close(gradients[1], 16 * gradients[0])
