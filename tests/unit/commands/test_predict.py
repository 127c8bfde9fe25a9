"""acnet predict by the command itself."""

import numpy as np
import pytest
from PIL import Image

RUN = "results/mini/acb1/seed0/params.yaml"


@pytest.mark.parametrize("generated", [True, False])
def test_a_network_of_generated_or_tiny_images_says_that_it_has_never_seen_photographs(here, acnet, generated):
    datasets = here / "params/datasets.yaml"
    if not generated:  # then its small crops tell
        datasets.write_text("".join(x for x in datasets.open() if "generate: {seed" not in x))
    Image.fromarray(np.zeros((90, 150, 3), np.uint8)).save(here / "photograph.jpg")
    done = acnet(f"predict --params {RUN} data/raw/mini_cityscapes photograph.jpg")
    assert done.status == 0
    (line,) = (line for line in done.lines if "unreliable" in line)
    assert line.startswith("acnet: acb1 at scale mini was trained on generated images or small crops (at most ")
    assert line.endswith(" pixels a side); predictions for 1 larger are unreliable")
    assert not any("unreliable" in line for line in acnet(f"predict --params {RUN} data/raw/mini_cityscapes").lines)
