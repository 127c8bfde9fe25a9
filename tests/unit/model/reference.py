"""The paper's equations in float64 NumPy with plain loops, written from its text and not from acnet.model."""

import math

import numpy as np

Arrays = dict[str, np.ndarray]


def convolution(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None = None) -> np.ndarray:
    """(N, C, H, W) by (K, C, k, k), stride 1, size kept by zeros around it."""
    images, _, height, width = x.shape
    outputs, _, kernel, _ = weight.shape
    margin = kernel // 2
    padded = np.pad(x, ((0, 0), (0, 0), (margin, margin), (margin, margin)))
    y = np.zeros((images, outputs, height, width))
    for n in range(images):
        for row in range(height):
            for column in range(width):
                patch = padded[n, :, row : row + kernel, column : column + kernel]
                for k in range(outputs):
                    y[n, k, row, column] = (patch * weight[k]).sum()
    return y if bias is None else y + bias[None, :, None, None]


def batch_norm(x: np.ndarray, weight, bias, mean, variance) -> np.ndarray:
    """Evaluation mode, eps 1e-5."""
    y = np.empty_like(x)
    for c in range(x.shape[1]):
        y[:, c] = (x[:, c] - mean[c]) / math.sqrt(variance[c] + 1e-5) * weight[c] + bias[c]
    return y


def conv_bn_relu(x: np.ndarray, state: Arrays, prefix: str) -> np.ndarray:
    y = convolution(x, state[f"{prefix}.0.weight"])
    norm = [state[f"{prefix}.1.{name}"] for name in ("weight", "bias", "running_mean", "running_var")]
    return np.maximum(batch_norm(y, *norm), 0)


def upsample(x: np.ndarray, height: int, width: int, align_corners: bool = True) -> np.ndarray:
    """Bilinear interpolation; with align_corners the four corners stay where they are."""

    def place(i: int, old: int, new: int) -> tuple[int, int, float]:
        corners = i * (old - 1) / (new - 1) if new > 1 else 0.0
        centres = max((i + 0.5) * old / new - 0.5, 0.0)
        at = corners if align_corners else centres
        low = min(math.floor(at), old - 1)
        return low, min(low + 1, old - 1), at - low

    y = np.empty((*x.shape[:2], height, width))
    for row in range(height):
        top, bottom, v = place(row, x.shape[2], height)
        for column in range(width):
            left, right, u = place(column, x.shape[3], width)
            upper = (1 - u) * x[:, :, top, left] + u * x[:, :, top, right]
            lower = (1 - u) * x[:, :, bottom, left] + u * x[:, :, bottom, right]
            y[:, :, row, column] = (1 - v) * upper + v * lower
    return y


def global_feature(a: np.ndarray, state: Arrays, prefix: str = "", convolution_kind: str = "conv_bn_relu"):
    """p of Sec. 3.2, (N, C)."""
    pooled = a.sum(axis=(2, 3), keepdims=True) / (a.shape[2] * a.shape[3])
    if convolution_kind == "conv1x1":
        weight, bias = state[f"{prefix}convolution.0.weight"], state[f"{prefix}convolution.0.bias"]
        return convolution(pooled, weight, bias)[:, :, 0, 0]
    return conv_bn_relu(pooled, state, f"{prefix}convolution")[:, :, 0, 0]


def distances(a: np.ndarray, p: np.ndarray, scaled: bool = False) -> np.ndarray:
    """Eq. 1: d_i = ||a_i - p||, (N, H, W)."""
    d = np.empty((a.shape[0], *a.shape[2:]))
    for n in range(a.shape[0]):
        for row in range(a.shape[2]):
            for column in range(a.shape[3]):
                d[n, row, column] = math.sqrt(((a[n, :, row, column] - p[n]) ** 2).sum())
    return d / math.sqrt(a.shape[1]) if scaled else d


def global_gate(d: np.ndarray, delta: float) -> np.ndarray:
    """Eq. 2: w_i = exp(-(d_i - k) / delta), k the least distance of the image."""
    return np.stack([np.exp(-(image - image.min()) / delta) for image in d])


def fuse_global(a: np.ndarray, p: np.ndarray, w: np.ndarray, alpha: float) -> np.ndarray:
    """Eq. 3: c_i = alpha w_i p + a_i."""
    c = np.empty_like(a)
    for n in range(a.shape[0]):
        for row in range(a.shape[2]):
            for column in range(a.shape[3]):
                c[n, :, row, column] = alpha * w[n, row, column] * p[n] + a[n, :, row, column]
    return c


def global_context(a, state, delta, prefix="", gated=True, convolution_kind="conv_bn_relu", scaled=False):
    """The whole GCM, or GC with all weights 1: context (N, C, H, W), gate (N, H, W)."""
    p = global_feature(a, state, prefix, convolution_kind)
    w = global_gate(distances(a, p, scaled), delta) if gated else np.ones((a.shape[0], *a.shape[2:]))
    return fuse_global(a, p, w, float(state[f"{prefix}alpha"])), w


def local_gate(w: np.ndarray, height: int, width: int, align_corners: bool = True) -> np.ndarray:
    """Eq. 4: W_l = 1 - up(W_g)."""
    return 1 - upsample(w[:, None], height, width, align_corners)[:, 0]


def fuse_local(b: np.ndarray, e: np.ndarray, w: np.ndarray, beta: float) -> np.ndarray:
    """Eq. 5: f_i = cat(beta w_i b_i, e_i)."""
    return np.concatenate([beta * w[:, None] * b, e], axis=1)


def local_context(low, e, w, state, times, prefix=""):
    """LCM(times) with local gates w (N, h, w); LC is one time with all w 1."""
    b = conv_bn_relu(low, state, f"{prefix}refine")
    for i in range(times):
        e = conv_bn_relu(fuse_local(b, e, w, float(state[f"{prefix}beta"])), state, f"{prefix}fusions.{i}")
    return e


def adaptive_block(a, low, state, delta, times, align_corners=True):
    """Sec. 3.4: GCM, up(), LCM(times)."""
    c, w = global_context(a, state, delta, "global_context.")
    size = low.shape[2:]
    e = upsample(c, *size, align_corners)
    return local_context(low, e, local_gate(w, *size, align_corners), state, times, "local_context."), w
