"""Convolutions whose norm was folded into them, as convolutions with a norm."""

import numpy as np

# ConvNorm's epsilon.
EPSILON = 1e-3


def unfolded(kernel: np.ndarray, bias: np.ndarray) -> list[np.ndarray]:
    """Kernel and bias as a convolution with a norm, which gives the same.

    The kernel gets the size of a fresh one (He et al. 2015) and gamma what is left: an optimizer's
    steps are of one size for all weights, and folded kernels, some a hundred times smaller than
    others, would be trained to pieces by them.

    Args:
        kernel: (h, w, in, out), or depthwise (h, w, C, 1).
        bias: (out,) or (C,).

    Returns:
        Kernel, gamma, beta, moving mean (zeros) and moving variance (so that its root is one).
    """
    depthwise = kernel.shape[3] == 1 and kernel.shape[2] == len(bias)
    axes = (0, 1, 3) if depthwise else (0, 1, 2)
    inputs = np.prod([kernel.shape[axis] for axis in axes])
    gamma = np.sqrt(np.mean(np.square(kernel), axis=axes) * inputs / 2)  # (out,)
    gamma = np.where(gamma > 0, gamma, 1.0).astype(np.float32)  # a channel may be all zeros
    kernel = kernel / (gamma[:, None] if depthwise else gamma)
    zeros = np.zeros_like(bias)
    return [kernel, gamma, bias, zeros, zeros + np.float32(1 - EPSILON)]
