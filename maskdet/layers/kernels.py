"""The few operations whose best form depends on where a network runs.

One interface, two makers: ``native`` uses TensorFlow's own kernels, ``portable`` is
written in ``keras.ops`` alone and runs on every backend. Layers ask :func:`get_kernels`.
"""

from typing import Any, Protocol

import keras
from keras import ops

from maskdet.errors import ConfigError


class Kernels(Protocol):
    """What a maker offers. Boxes are (batch, boxes, 4) as y1, x1, y2, x2 in any one unit."""

    def non_max_suppression(
        self, boxes: Any, scores: Any, threshold: float, count: int
    ) -> tuple[Any, Any]:
        """Greedy suppression by score, image by image.

        Args:
            boxes: (B, N, 4).
            scores: (B, N); boxes with a score of -inf never stay.
            threshold: a box goes if its IoU with a better one is larger.
            count: rows of the result.

        Returns:
            indices (B, count) int32 into N, best first, and valid (B, count) bool; invalid rows
            hold index 0.
        """
        ...

    def roi_align(self, rois: Any, level: Any, maps: list[Any], pool: tuple[int, int]) -> Any:
        """Bilinear crops, one sample a bin, the outermost samples on the RoI's corners.

        RoI Align (He et al. 2017, section 3) as matterport simplified it to ``crop_and_resize``.

        Args:
            rois: (B, N, 4) normalised, 0 the centre of the first cell and 1 of the last.
            level: (B, N) int32, index of the map that each RoI is cut from.
            maps: feature maps (B, H, W, C).
            pool: samples along height and width.

        Returns:
            (B, N, *pool, C).
        """
        ...

    def trim_rows(self, rows: Any, valid: Any) -> Any:
        """rows (B, N, D) cut to the largest number of valid rows in the batch, where the backend
        lets shapes depend on values; otherwise unchanged."""
        ...


class NativeKernels:
    """TensorFlow's own operations."""

    def non_max_suppression(
        self, boxes: Any, scores: Any, threshold: float, count: int
    ) -> tuple[Any, Any]:
        import tensorflow as tf

        def one_image(inputs: Any) -> tuple[Any, Any]:
            image_boxes, image_scores = inputs  # (N, 4), (N,)
            result = tf.raw_ops.NonMaxSuppressionV5(
                boxes=image_boxes,
                scores=image_scores,
                max_output_size=count,
                iou_threshold=threshold,
                score_threshold=-1e30,
                soft_nms_sigma=0.0,
                pad_to_max_output_size=True,
            )
            return result.selected_indices, tf.range(count) < result.valid_outputs

        indices, valid = tf.map_fn(
            one_image,
            (tf.cast(boxes, tf.float32), tf.cast(scores, tf.float32)),
            fn_output_signature=(
                tf.TensorSpec((count,), tf.int32),
                tf.TensorSpec((count,), tf.bool),
            ),
        )
        return indices, valid

    def roi_align(self, rois: Any, level: Any, maps: list[Any], pool: tuple[int, int]) -> Any:
        import tensorflow as tf

        batch, count = tf.shape(rois)[0], tf.shape(rois)[1]
        boxes = tf.reshape(rois, (-1, 4))  # (B * N, 4)
        image = tf.repeat(tf.range(batch), count)  # (B * N,)
        level = tf.reshape(level, (-1,))  # (B * N,)
        positions, crops = [], []
        for number, feature in enumerate(maps):
            rows = tf.cast(tf.where(level == number)[:, 0], tf.int32)  # (R,)
            cut = tf.image.crop_and_resize(
                tf.cast(feature, tf.float32), tf.gather(boxes, rows), tf.gather(image, rows), pool
            )  # (R, *pool, C)
            positions.append(rows)
            crops.append(tf.cast(cut, feature.dtype))
        channels = maps[0].shape[3]
        joined = tf.dynamic_stitch(positions, crops)  # (B * N, *pool, C)
        return tf.reshape(joined, (batch, count, *pool, channels))

    def trim_rows(self, rows: Any, valid: Any) -> Any:
        import tensorflow as tf

        longest = tf.reduce_max(tf.reduce_sum(tf.cast(valid, tf.int32), axis=1))
        # One row at least: of an empty batch oneDNN's convolutions make maps with as many channels
        # as they read, and the next layer fails.
        return rows[:, : tf.maximum(longest, 1)]


class PortableKernels:
    """keras.ops alone: any backend, static shapes."""

    def non_max_suppression(
        self, boxes: Any, scores: Any, threshold: float, count: int
    ) -> tuple[Any, Any]:
        lowest = -1e30
        y1, x1, y2, x2 = (boxes[..., i] for i in range(4))  # (B, N)
        areas = (y2 - y1) * (x2 - x1)  # (B, N)

        def step(i: Any, state: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
            alive, indices, valid = state  # (B, N), (B, count), (B, count)
            best = ops.argmax(alive, axis=1)[:, None]  # (B, 1)
            has_box = ops.take_along_axis(alive, best, axis=1) > lowest  # (B, 1)
            top, left, bottom, right = (
                ops.take_along_axis(side, best, axis=1) for side in (y1, x1, y2, x2)
            )  # (B, 1)
            height = ops.maximum(ops.minimum(bottom, y2) - ops.maximum(top, y1), 0.0)  # (B, N)
            width = ops.maximum(ops.minimum(right, x2) - ops.maximum(left, x1), 0.0)  # (B, N)
            inter = height * width
            union = areas + (bottom - top) * (right - left) - inter  # (B, N)
            overlaps = inter > threshold * ops.maximum(union, 1e-12)  # (B, N)
            itself = ops.arange(ops.shape(alive)[1])[None] == best  # (B, N)
            alive = ops.where(has_box & (overlaps | itself), -float("inf"), alive)  # (B, N)
            column = ops.arange(count)[None] == i  # (1, count)
            indices = ops.where(column & has_box, ops.cast(best, "int32"), indices)  # (B, count)
            return alive, indices, valid | (column & has_box)

        batch = ops.shape(boxes)[0]
        state = (
            ops.cast(scores, "float32"),
            ops.zeros((batch, count), dtype="int32"),
            ops.zeros((batch, count), dtype="bool"),
        )
        _, indices, valid = ops.fori_loop(0, count, step, state)
        return indices, valid

    def roi_align(self, rois: Any, level: Any, maps: list[Any], pool: tuple[int, int]) -> Any:
        # The pyramid is laid out as one table and read by four gathers: every shape is static.
        batch, count = ops.shape(rois)[0], ops.shape(rois)[1]
        sizes = [(int(feature.shape[1]), int(feature.shape[2])) for feature in maps]
        starts = [sum(h * w for h, w in sizes[:i]) for i in range(len(sizes))]
        cells = sum(h * w for h, w in sizes)
        channels = int(maps[0].shape[3])
        rows = [
            ops.reshape(m, (-1, h * w, channels)) for m, (h, w) in zip(maps, sizes, strict=True)
        ]  # (B, cells of the level, C) each
        table = ops.reshape(ops.concatenate(rows, axis=1), (-1, channels))  # (B * cells, C)
        height, width, start = (
            ops.take(ops.convert_to_tensor(values, dtype="int32"), level, axis=0)
            for values in ([h for h, _ in sizes], [w for _, w in sizes], starts)
        )  # (B, N)
        y_low, y_high, y_part = _samples(rois[..., 0], rois[..., 2], height, pool[0])  # (B, N, P)
        x_low, x_high, x_part = _samples(rois[..., 1], rois[..., 3], width, pool[1])  # (B, N, P)
        first = ops.arange(batch, dtype="int32")[:, None] * cells + start  # (B, N)

        def read(lines: Any, columns: Any) -> Any:
            index = first[..., None, None] + lines[..., :, None] * width[..., None, None]
            return ops.take(table, index + columns[..., None, :], axis=0)  # (B, N, P, P, C)

        x_part = ops.cast(x_part[..., None, :, None], table.dtype)  # (B, N, 1, P, 1)
        y_part = ops.cast(y_part[..., :, None, None], table.dtype)  # (B, N, P, 1, 1)
        top = _mix(read(y_low, x_low), read(y_low, x_high), x_part)
        bottom = _mix(read(y_high, x_low), read(y_high, x_high), x_part)
        crops = _mix(top, bottom, y_part)  # (B, N, P, P, C)
        return ops.reshape(crops, (batch, count, *pool, channels))

    def trim_rows(self, rows: Any, valid: Any) -> Any:
        return rows


def _samples(low: Any, high: Any, size: Any, count: int) -> tuple[Any, Any, Any]:
    """Neighbouring cells (B, N, count) of each sample along one axis, and the share of the second.

    Samples are clamped to the map, where TensorFlow's kernel writes zeros once rounding carries a
    border box past the last cell.
    """
    last = ops.cast(size, "float32") - 1.0  # (B, N)
    if count == 1:
        points = (0.5 * (low + high) * last)[..., None]
    else:
        steps = ops.arange(count, dtype="float32")
        points = (low * last)[..., None] + steps * ((high - low) * last / (count - 1))[..., None]
    points = ops.clip(points, 0.0, last[..., None])  # (B, N, count)
    below = ops.floor(points)
    above = ops.minimum(below + 1.0, last[..., None])
    return ops.cast(below, "int32"), ops.cast(above, "int32"), points - below


def _mix(first: Any, second: Any, share: Any) -> Any:
    return first + (second - first) * share


def get_kernels(maker: str = "auto") -> Kernels:
    """The operations of a maker: "native", "portable", or "auto" for the best one here.

    Raises:
        ConfigError: for another word.
    """
    if maker == "auto":
        maker = "native" if keras.backend.backend() == "tensorflow" else "portable"
    makers: dict[str, type[NativeKernels] | type[PortableKernels]] = {
        "native": NativeKernels,
        "portable": PortableKernels,
    }
    if maker not in makers:
        raise ConfigError(f"There are no kernels called {maker!r}; use one of {sorted(makers)}.")
    return makers[maker]()
