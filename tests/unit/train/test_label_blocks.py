"""The compression of label blocks that DUpsampling starts from."""

import torch

from acnet.model import build_network
from acnet.train.label_blocks import compression, fit_to_labels
from tests.tiny import tiny_run

TWO = torch.tensor([[0, 0, 1, 1, 0, 1], [0, 0, 1, 1, 0, 1], [1, 1, 0, 0, 9, 9]])  # the third row fills no block
BLOCKS = torch.tensor([[1, 1, 1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1, 1], [1, 0, 1, 0, 0, 1, 0, 1]]).float()


def test_blocks_in_as_many_directions_as_there_are_codes_are_reconstructed():
    labels = TWO[None].repeat(4, 1, 1)
    codes = compression(labels, side=2, classes=2, codes=3)
    torch.testing.assert_close(codes @ codes.T, torch.eye(3))
    torch.testing.assert_close(BLOCKS @ codes.T @ codes, BLOCKS, atol=1e-6, rtol=0)


def test_the_error_is_that_of_the_largest_singular_values():
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 3, (6, 8, 8), generator=generator)
    blocks = torch.nn.functional.one_hot(labels.view(6, 4, 2, 4, 2).transpose(2, 3).reshape(-1, 4), 3)
    blocks = blocks.transpose(1, 2).flatten(1).double()
    codes = compression(labels, side=2, classes=3, codes=5).double()
    error = (blocks - blocks @ codes.T @ codes).square().sum()
    torch.testing.assert_close(error, torch.linalg.svdvals(blocks)[5:].square().sum(), rtol=1e-5, atol=1e-5)


def test_ignored_pixels_are_no_part_of_a_block():
    ignored = torch.where(torch.arange(6) % 2 == 0, TWO, 255)[None].repeat(4, 1, 1)
    codes = compression(ignored, side=2, classes=2, codes=2)
    assert codes[:, [1, 3, 5, 7]].abs().max() < 1e-6 and codes.abs().max() > 0.5


def test_a_dupsampling_head_starts_from_its_training_crops_and_another_network_is_left_alone():
    labels = torch.randint(0, 11, (64, 32, 32), generator=torch.Generator().manual_seed(0))
    samples = [(None, label, "") for label in labels]
    off = {"global_context": "none", "local_context": "none", "auxiliary": False}
    options = {"codes": 6, "crops": 4}
    run = tiny_run(head="dupsampling", head_options=options, **off)
    network = build_network(run.model, run.classes)
    fit_to_labels(network, samples)
    weight = network.head.transform.weight[:, :, 0, 0]
    torch.testing.assert_close(weight, 16 * compression(labels[:4], 16, 11, 6).T)
    plain = build_network(tiny_run(**off).model, 11)
    before = {key: value.clone() for key, value in plain.state_dict().items()}
    fit_to_labels(plain, samples)
    assert all(torch.equal(before[key], value) for key, value in plain.state_dict().items())
