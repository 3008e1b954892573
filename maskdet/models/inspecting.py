"""One picture of what a network makes of an image: its input, its layers, what its family adds."""

import difflib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskdet.backbones.registry import get_backbone
from maskdet.errors import UsageError
from maskdet.geometry.boxes import clip_boxes
from maskdet.geometry.placement import Placement
from maskdet.images import checked_image, resize_image, write_image
from maskdet.trained import Trained
from maskdet.visualize.canvas import as_picture
from maskdet.visualize.insights import boxes_over, feature_mosaic
from maskdet.visualize.sheet import contact_sheet

Array = NDArray[Any]
#: A picture uint8 (H, W, 3) and its title.
Panel = tuple[Array, str]
#: Anchors and proposals drawn, and channels shown of a layer that was asked for.
SHOWN_BOXES = 40
_CHANNELS, _ALL_CHANNELS = 16, 64
_SHEET_SIDE = 360


@dataclass(frozen=True)
class Look:
    """An image on its way through an inference network.

    Attributes:
        trained: the network.
        image: as it was given, (H, W, C).
    """

    trained: Trained
    image: Array

    @cached_property
    def placement(self) -> Placement:
        """Where the image goes on the network's canvas."""
        return self.trained.config.placement_rule(detecting=True)(self.image.shape)

    @cached_property
    def canvas(self) -> Array:
        """The network's input in pixels 0..255, (h, w, C)."""
        return resize_image(self.image, self.placement)

    @property
    def picture(self) -> Array:
        """The canvas for people, uint8 (h, w, 3)."""
        return as_picture(self.canvas)

    @cached_property
    def inputs(self) -> list[Array]:
        """The network's inputs for this one image."""
        family, config = self.trained.family, self.trained.config
        return family.inference_inputs(self.canvas[None], [self.placement], config)

    def arrays(self, tensors: list[Any]) -> list[Array]:
        """Values of some of the network's tensors, without the batch's axis."""
        part = keras.Model(self.trained.network.inputs, tensors)
        # Once: tracing a graph would take longer than going layer by layer.
        values = part([keras.ops.convert_to_tensor(value) for value in self.inputs], training=False)
        listed = values if isinstance(values, list | tuple) else [values]
        return [keras.ops.convert_to_numpy(array)[0] for array in listed]

    def layer_arrays(self, *names: str) -> list[Array]:
        """What layers give."""
        return self.arrays([self.trained.network.get_layer(name).output for name in names])


@dataclass(frozen=True)
class AnchorLook:
    """What a detector says of its anchors (or cells) in an image; boxes in pixels of the canvas.

    Attributes:
        anchors: (A, 4).
        scores: (A,), of the likeliest thing at each.
        moved: (A, 4), by the network's deltas.
        proposals: (P, 4), what is cut out for heads, best first; None where there are no such.
    """

    anchors: Array
    scores: Array
    moved: Array
    proposals: Array | None = None

    def panels(self, look: Look) -> list[Panel]:
        """The best anchors, the same moved, the proposals."""
        canvas = (0, 0, *look.canvas.shape[:2])
        best = np.argsort(-self.scores, kind="stable")[:SHOWN_BOXES]
        rows = [
            (self.anchors[best], f"the {len(best)} best anchors"),
            (clip_boxes(self.moved[best], canvas), "the same moved by their deltas"),
        ]
        if self.proposals is not None:
            few = self.proposals[:SHOWN_BOXES]
            rows.append((few, f"first {len(few)} of {len(self.proposals)} proposals"))
        return [(boxes_over(look.picture, boxes), title) for boxes, title in rows]


def inspection(
    trained: Trained,
    image: ArrayLike,
    own_panels: Callable[[Look], list[Panel]],
    path: str | os.PathLike[str] | None,
    layer: str | None,
) -> Array:
    """What :meth:`maskdet.models.model.Model.inspect` does.

    Args:
        own_panels: what the family adds.
    """
    look = Look(trained, checked_image(image, int(trained.config.IMAGE_CHANNEL_COUNT)))
    if layer is None:
        height, width = look.canvas.shape[:2]
        panels = [(look.picture, f"the network's input, {height} x {width}"), *own_panels(look)]
        names, count, side = stage_ends(trained), _CHANNELS, _SHEET_SIDE
    else:
        panels, names = [], [checked_layer(trained.network, layer)]
        count, side = _ALL_CHANNELS, 2 * _SHEET_SIDE
    for name, maps in zip(names, look.layer_arrays(*names) if names else [], strict=True):
        height, width, channels = maps.shape
        title = f"{name}: {height} x {width}, {channels} channels"
        panels.append((feature_mosaic(maps, count, side), title))
    pictures, titles = zip(*panels, strict=True)
    sheet = contact_sheet(pictures, titles, side=side)
    if path is not None:
        write_image(path, sheet)
    return sheet


def stage_ends(trained: Trained) -> list[str]:
    """The last layer of each of the backbone's stages that gives maps, first to last."""
    backbone = get_backbone(trained.config.BACKBONE)
    last: dict[int, str] = {}
    for layer in trained.network.layers:
        for stage in range(1, 6):
            if re.fullmatch(backbone.stage_pattern(stage), layer.name) and _gives_maps(layer):
                last[stage] = layer.name
    return [last[stage] for stage in sorted(last)]


def checked_layer(network: keras.Model, name: str) -> str:
    """The name, if it is that of a layer with maps.

    Raises:
        UsageError: for another; it names the nearest.
    """
    names = [layer.name for layer in network.layers if _gives_maps(layer)]
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.3) or names[:3]
    raise UsageError(
        f"There is no layer {name!r} that gives feature maps; there are {len(names)}, such as "
        f"{', '.join(near)}."
    )


def _gives_maps(layer: Any) -> bool:
    try:
        shape = getattr(layer.output, "shape", ())
    except AttributeError:  # a layer that the network's graph has not called
        return False
    is_input = isinstance(layer, keras.layers.InputLayer)
    return len(shape) == 4 and not is_input
