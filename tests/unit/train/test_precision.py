"""A precision that the processor only emulates is said, with the remedy, where time is lost by it."""

import pytest
import torch

from acnet.device import emulation_warning

CPU = torch.device("cpu")


@pytest.fixture
def processor(monkeypatch):
    """A function that lets torch know a processor by its instruction sets."""

    def known(*instructions: str) -> None:
        found = dict.fromkeys(instructions, True)
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found, raising=False)

    return known


@pytest.mark.parametrize(
    ("instructions", "precision", "slow"),
    [
        (["avx2", "avx512_f"], "bfloat16", True),
        (["avx2", "avx512_f", "avx512_bf16"], "bfloat16", False),
        (["amx_bf16"], "bfloat16", False),
        (["neon", "bf16"], "bfloat16", False),
        (["neon"], "bfloat16", True),
        (["avx512_bf16"], "float16", True),
        (["avx512_fp16"], "float16", False),
        (["avx2"], "float32", False),
        ([], "bfloat16", False),  # an older torch does not tell
    ],
)
def test_it_is_the_processors_instructions_that_count(processor, instructions, precision, slow):
    processor(*instructions)
    assert bool(emulation_warning(CPU, precision, "mini")) == slow


@pytest.mark.parametrize(("native", "slow"), [(True, False), (False, True)])
def test_of_a_gpu_torch_is_asked(monkeypatch, native, slow):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native)
    assert bool(emulation_warning(torch.device("cuda"), "bfloat16", "mini")) == slow
    assert emulation_warning(torch.device("cuda"), "float16", "mini") is None


def test_a_training_says_so_when_it_starts(processor, tiny, capfd):
    processor("avx2")
    tiny.train(precision="bfloat16")
    said = "bfloat16 is slower than float32 here: this CPU only emulates it; set precision: float32 under `common` in"
    assert f"{said} params/scales/mini.yaml" in capfd.readouterr().err
    tiny.train("other")
    assert "slower than float32" not in capfd.readouterr().err
