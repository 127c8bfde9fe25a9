"""The linear compression of blocks of labels that the transform of acnet.model.heads.dupsampling starts from."""

import numpy as np
import torch
from scipy import sparse
from scipy.sparse.linalg import svds
from torch import Tensor, nn

from acnet.data.classes import IGNORE
from acnet.data.training import TrainingSamples


@torch.no_grad()
def fit_to_labels(network: nn.Module, samples: TrainingSamples) -> None:
    """Start the transform of a DUpsampling head from the labels of the first training crops; no other head has one."""
    head = getattr(network, "head", None)
    if hasattr(head, "transform"):
        labels = torch.stack([samples[number][1] for number in range(head.crops)])
        codes = compression(labels, head.stride, head.classes, head.transform.in_channels)
        # So scaled, a block of one class has a code of about 1.
        head.transform.weight.copy_(head.stride * codes.T[:, :, None, None])


def compression(labels: Tensor, side: int, classes: int, codes: int) -> Tensor:
    """The rows (codes, classes * side^2) whose span is nearest to the one-hot blocks of labels (N, H, W), 255 ignored.

    They are orthonormal and the leading singular vectors of the blocks, most important first, or 0 where there are
    fewer blocks than codes. Entries are in the order of torch's pixel_shuffle: class, row, column.
    """
    rows, columns = (size // side for size in labels.shape[1:])
    blocks = labels[:, : rows * side, : columns * side].reshape(len(labels), rows, side, columns, side)
    blocks = blocks.transpose(2, 3).reshape(-1, side**2).numpy()
    known = blocks != IGNORE
    places = (blocks * side**2 + np.arange(side**2))[known]
    starts = np.concatenate([[0], known.sum(1).cumsum()])
    one_hot = sparse.csr_array((np.ones(len(places)), places, starts), (len(blocks), classes * side**2))
    found = np.zeros((codes, classes * side**2))
    count = min(codes, min(one_hot.shape) - 1)
    found[:count] = svds(one_hot, count, v0=np.ones(min(one_hot.shape)))[2][::-1]  # svds gives the largest last
    return torch.from_numpy(found).float()
