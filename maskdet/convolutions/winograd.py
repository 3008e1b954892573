"""3 x 3 convolutions with a third of the multiplications: Winograd's minimal filtering.

Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016), F(4 x 4, 3 x 3): a tile
of 4 x 4 outputs comes from 36 products a pair of channels instead of 144. Tiles, kernels and
outputs are turned by small fixed matrices, and between them stand 36 matrix products. In float32
results differ from a direct convolution's by about 1e-4 of their standard deviation.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

import numpy as np

from maskdet.convolutions.place import on_tensorflow_cpu

#: Outputs of a tile along one side, and inputs that they see.
TILE, WINDOW = 4, 6
#: Fewer channels than these are quicker directly: turning tiles costs as much as it saves.
LEAST_CHANNELS = 128
#: So are fewer tiles: turning a kernel costs as much as some 50 of them save.
LEAST_TILES = 128

# Of the interpolation points 0, 1, -1, 2, -2 and infinity, along one side.
_INPUTS = [
    [4, 0, -5, 0, 1, 0],
    [0, -4, -4, 1, 1, 0],
    [0, 4, -4, -1, 1, 0],
    [0, -2, -1, 2, 1, 0],
    [0, 2, -1, -2, 1, 0],
    [0, 4, 0, -5, 0, 1],
]
_KERNEL = [
    [1 / 4, 0, 0],
    [-1 / 6, -1 / 6, -1 / 6],
    [-1 / 6, 1 / 6, -1 / 6],
    [1 / 24, 1 / 12, 1 / 6],
    [1 / 24, -1 / 12, 1 / 6],
    [0, 0, 1],
]
_OUTPUTS = [
    [1, 1, 1, 1, 1, 0],
    [0, 1, -1, 2, -2, 0],
    [0, 1, 1, 4, 4, 0],
    [0, 1, -1, 8, -8, 1],
]

_wanted: ContextVar[bool] = ContextVar("winograd", default=False)


@contextmanager
def winograd_convolutions() -> Iterator[None]:
    """Layers that are traced inside use :func:`convolve` where it pays.

    Only engines that run a network themselves ask for it: what is exported stays as plain as it
    was built.
    """
    token = _wanted.set(True)
    try:
        yield
    finally:
        _wanted.reset(token)


def pays(shape: tuple[int | None, ...], filters: int) -> bool:
    """Whether a convolution of maps of this shape (B, H, W, C) had better go by tiles here.

    Sides that are not known count as large.
    """
    if not (_wanted.get() and on_tensorflow_cpu()):
        return False
    batch, height, width, channels = shape
    if channels is None or min(channels, filters) < LEAST_CHANNELS:
        return False
    if batch is None and height is not None and width is not None and _tiles(height) < 8:
        return True  # crops of RoIs, of which there are many
    if height is None or width is None:
        return True
    return (batch or 1) * _tiles(height) * _tiles(width) >= LEAST_TILES


def convolve(maps: Any, kernel: Any) -> Any:
    """A convolution of stride 1 with TensorFlow's SAME padding, and its gradients, by tiles.

    Args:
        maps: float32 (B, H, W, C).
        kernel: float32 (3, 3, C, F).

    Returns:
        float32 (B, H, W, F).
    """
    import tensorflow as tf

    @tf.custom_gradient
    def by_tiles(maps: Any, kernel: Any) -> Any:
        tiles = _turned_tiles(maps)  # (36, T, C)
        outputs = _joined(tf.matmul(tiles, _turned_kernel(kernel)), maps)

        def gradients(upstream: Any) -> tuple[Any, Any]:
            reversed_kernel = tf.transpose(tf.reverse(kernel, [0, 1]), (0, 1, 3, 2))
            to_maps = _joined(
                tf.matmul(_turned_tiles(upstream), _turned_kernel(reversed_kernel)), upstream
            )
            products = tf.matmul(tiles, _turned_outputs(upstream), transpose_a=True)  # (36, C, F)
            flat = tf.reshape(products, (WINDOW**2, -1))
            to_kernel = tf.matmul(_matrix("kernel"), flat, transpose_a=True)  # (9, C * F)
            return to_maps, tf.reshape(to_kernel, kernel.shape)

        return outputs, gradients

    return by_tiles(tf.convert_to_tensor(maps), tf.convert_to_tensor(kernel))


@cache
def _matrix(kind: str) -> np.ndarray:
    """What turns a whole tile, laid out as one column: float32 (36, 36), (36, 9) or (16, 36)."""
    side = np.array({"inputs": _INPUTS, "kernel": _KERNEL, "outputs": _OUTPUTS}[kind], np.float64)
    return np.kron(side, side).astype(np.float32)


def _tiles(size: Any) -> Any:
    return -(-size // TILE)


def _sizes(maps: Any) -> list[Any]:
    """B, H, W and C: numbers where they are known, else scalars of the graph."""
    import tensorflow as tf

    dynamic = tf.shape(maps)
    return [dynamic[i] if size is None else size for i, size in enumerate(maps.shape)]


def _phases(maps: Any, before: int, tiles_more: int) -> Any:
    """(B, H, W, C), padded to whole tiles -> (4, 4, B, rows, columns, C): cell (i, j) of each tile.

    Args:
        before: rows and columns of zeros in front.
        tiles_more: further tiles behind, of zeros and of what padding has pushed there.
    """
    import tensorflow as tf

    batch, height, width, channels = _sizes(maps)
    rows, columns = _tiles(height) + tiles_more, _tiles(width) + tiles_more
    below, right = rows * TILE - height - before, columns * TILE - width - before
    maps = tf.pad(maps, [[0, 0], [before, below], [before, right], [0, 0]])
    cells = tf.reshape(maps, (batch, rows, TILE, columns, TILE, channels))
    return tf.transpose(cells, (2, 4, 0, 1, 3, 5))


def _turned_tiles(maps: Any) -> Any:
    """All windows of 6 x 6 cells, four apart, turned: (36, T, C)."""
    import tensorflow as tf

    _, height, width, channels = _sizes(maps)
    phases = _phases(maps, 1, 1)  # (4, 4, B, rows + 1, columns + 1, C)
    rows, columns = _tiles(height), _tiles(width)
    windows = [
        phases[i % TILE, j % TILE, :, i // TILE : i // TILE + rows, j // TILE : j // TILE + columns]
        for i in range(WINDOW)
        for j in range(WINDOW)
    ]  # 36 of (B, rows, columns, C)
    turned = tf.matmul(_matrix("inputs"), tf.reshape(tf.stack(windows), (WINDOW**2, -1)))
    return tf.reshape(turned, (WINDOW**2, -1, channels))


def _turned_kernel(kernel: Any) -> Any:
    """(3, 3, C, F) -> (36, C, F)."""
    import tensorflow as tf

    _, _, channels, filters = kernel.shape
    turned = tf.matmul(_matrix("kernel"), tf.reshape(kernel, (9, -1)))
    return tf.reshape(turned, (WINDOW**2, channels, filters))


def _turned_outputs(maps: Any) -> Any:
    """What a gradient of outputs (B, H, W, F) is to the products: (36, T, F)."""
    import tensorflow as tf

    cells = tf.reshape(_phases(maps, 0, 0), (TILE**2, -1))
    turned = tf.matmul(_matrix("outputs"), cells, transpose_a=True)
    return tf.reshape(turned, (WINDOW**2, -1, maps.shape[3]))


def _joined(products: Any, like: Any) -> Any:
    """Products (36, T, F) as maps (B, H, W, F) of the sides of ``like``."""
    import tensorflow as tf

    batch, height, width, _ = _sizes(like)
    filters = products.shape[2]
    cells = tf.matmul(_matrix("outputs"), tf.reshape(products, (WINDOW**2, -1)))
    rows, columns = _tiles(height), _tiles(width)
    cells = tf.reshape(cells, (TILE, TILE, batch, rows, columns, filters))
    maps = tf.reshape(
        tf.transpose(cells, (2, 3, 0, 4, 1, 5)), (batch, rows * TILE, columns * TILE, filters)
    )
    return maps[:, :height, :width]
