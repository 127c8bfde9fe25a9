"""Reference reproduction of "Adaptive Context Network for Scene Parsing" (ACNet, ICCV 2019)."""

__version__ = "0.1.0"


def load(path):
    """The trained network of a checkpoint.pt, a run's folder or an exported .safetensors file: a module in eval mode.

    `load(path)(images)` takes images (N, 3, H, W), normalised as by `acnet.data.transforms.normalise`, and gives a dict
    with "logits" (N, classes, H, W) and "gates", as `acnet.model.Network` does.
    """
    from acnet.export import load_network

    return load_network(path)
