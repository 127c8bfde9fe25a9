"""Half precision and TF32 on a processor without instructions for them."""

import numpy as np
import pytest
import torch
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from acnet.device import set_up_device
from acnet.model.heads import PAGES
from acnet.precision import autocast, slow_precision
from acnet.train import train
from acnet.train.loss import total_loss
from tests.tiny import tiny_run
from tests.unit.model.variants import batch, small, with_head

CPU = torch.device("cpu")
PRODUCTS = ("convolution", "convolution_backward", "mm", "addmm", "bmm", "baddbmm")


class Products(TorchDispatchMode):
    """Collects the dtype of every convolution and matrix product, in forward and backward passes."""

    def __init__(self):
        super().__init__()
        self.dtypes = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function.overloadpacket.__name__ in PRODUCTS:
            self.dtypes.add(args[1].dtype)
        return function(*args, **kwargs or {})


@pytest.fixture
def processor(monkeypatch):
    """A function that lets torch know a processor by its instruction sets."""

    def known(*instructions: str) -> None:
        found = dict.fromkeys(instructions, True)
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found, raising=False)

    return known


@pytest.mark.parametrize(
    ("instructions", "precision", "emulated"),
    [
        (["avx2", "avx512_f"], "bfloat16", True),
        (["avx2", "avx512_f", "avx512_bf16"], "bfloat16", False),
        (["amx_bf16"], "bfloat16", False),
        (["neon", "bf16"], "bfloat16", False),
        (["neon"], "bfloat16", True),
        (["avx512_bf16"], "float16", True),
        (["avx512_fp16"], "float16", False),
        ([], "bfloat16", False),  # an older torch does not tell
    ],
)
def test_without_the_instructions_products_are_in_float32(processor, instructions, precision, emulated):
    processor(*instructions)
    with Products() as products, autocast(CPU, precision):
        functional.linear(torch.ones(2, 3), torch.ones(4, 3))
    assert products.dtypes == {torch.float32 if emulated else getattr(torch, precision)}


def products(images, weight, bias, last):
    """A convolution and matrix products of the kinds that the networks use."""
    features = functional.conv2d(images, weight, bias, stride=2, padding=1).flatten(2)
    energy = features.transpose(1, 2) @ features
    context = torch.einsum("ncp,npq->ncq", features, energy.softmax(2))
    return functional.linear(context.transpose(1, 2), last)


def test_results_and_gradients_are_rounded_as_with_the_instructions(processor):
    """The order of summation differs, and with it the last of bfloat16's eight binary digits in some values."""
    generator = torch.Generator().manual_seed(0)
    inputs = [torch.randn(shape, generator=generator) for shape in [(2, 5, 17, 19), (6, 5, 3, 3), (6,), (3, 6)]]
    found = []
    for instructions in ("avx2", "avx512_bf16"):
        processor(instructions)
        leaves = [one.clone().requires_grad_() for one in inputs]
        with autocast(CPU, "bfloat16"):
            output = products(*leaves)
        assert output.dtype == torch.bfloat16
        output.square().mean().backward()
        found.append([output.float(), *(leaf.grad for leaf in leaves)])
    for emulated, native in zip(*found, strict=True):
        assert emulated.equal(emulated.bfloat16().float())
        assert (emulated - native).norm() < 2**-8 * native.norm()


@pytest.mark.parametrize("name", ["acb3", *PAGES])
def test_no_network_falls_back_to_torchs_emulation(processor, name):
    processor("avx2")
    network = small("acb3") if name == "acb3" else with_head(name)
    images, labels = batch()
    with Products() as products:
        with autocast(CPU, "bfloat16"):
            output = network(images, native=True)
        total_loss(output, labels, tiny_run(batch=3).train, True, labels.numel())["total"].backward()
    assert products.dtypes == {torch.float32}


def test_what_autocast_leaves_in_float32_is_not_rounded(processor):
    processor("avx2")
    one = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    with autocast(CPU, "bfloat16"), torch.autocast("cpu", enabled=False):
        assert (one @ one.T).equal(torch.mm(one, one.T))


def test_on_a_cpu_tf32_rounds_the_operands_of_products_to_ten_digits():
    generator = torch.Generator().manual_seed(0)
    images, weight = torch.randn(1, 3, 7, 9, generator=generator), torch.randn(4, 3, 3, 3, generator=generator)
    bias = torch.randn(4, generator=generator)
    with autocast(CPU, "tf32"):
        found, untouched = functional.conv2d(images, weight, bias), images * images
    rounded = []
    for tensor in (images, weight):
        mantissa, exponent = np.frexp(tensor.double().numpy())
        rounded.append(torch.from_numpy(np.ldexp(np.round(mantissa * 2**11) / 2**11, exponent)))
    torch.testing.assert_close(found.double(), functional.conv2d(*rounded, bias.double()), rtol=1e-6, atol=1e-6)
    assert untouched.equal(images * images)
    assert not found.equal(functional.conv2d(images, weight, bias))


def test_on_a_gpu_tf32_is_allowed_inside_only():
    libraries = torch.backends.cudnn, torch.backends.cuda.matmul
    set_up_device(1)
    with pytest.raises(ZeroDivisionError), autocast(torch.device("cuda"), "tf32"):
        assert all(library.allow_tf32 for library in libraries)
        _ = 1 / 0
    assert not any(library.allow_tf32 for library in libraries)


@pytest.mark.parametrize(("native", "slow"), [(True, False), (False, True)])
def test_a_gpu_that_emulates_bfloat16_is_reported(monkeypatch, native, slow):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native)
    said = slow_precision(torch.device("cuda"), "bfloat16", "mini")
    assert bool(said) == slow
    assert not slow or "set precision: float32 under `common` in params/scales/mini.yaml" in said
    assert slow_precision(torch.device("cuda"), "float16", "mini") is None
    assert slow_precision(CPU, "bfloat16", "mini") is None


def test_a_training_says_so_when_it_starts(monkeypatch, tiny, capfd):
    monkeypatch.setattr(train, "slow_precision", lambda device, precision, scale: f"{precision} is slow, {scale}")
    tiny.train(precision="bfloat16")
    assert "bfloat16 is slow, mini" in capfd.readouterr().err
