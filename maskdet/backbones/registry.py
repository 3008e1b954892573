"""Backbones by name: how to build each, how its stages are called, how its pixels are scaled."""

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from maskdet.backbones.efficientnet_lite import efficientnet_lite, efficientnet_lite_top
from maskdet.backbones.inception_v2 import inception_v2
from maskdet.backbones.mobilenet import mobilenet_v2
from maskdet.backbones.mobilenet_v1 import mobilenet_v1
from maskdet.backbones.resnet import resnet
from maskdet.backbones.yolox import yolox_nano
from maskdet.errors import ConfigError
from maskdet.pixels import Pixels

#: Strides of C1 .. C5.
STRIDES = (2, 4, 8, 16, 32)
#: Name of the dense layer by which a trunk's ImageNet weights tell their own classes apart.
TOP_LOGITS = "stage5_top_logits"
#: matterport's, for all of its networks.
MATTERPORT_PIXELS = Pixels((123.7, 116.8, 103.9), 1.0)
_NAMED_STAGES = ("stage1_.*", "stage2_.*", "stage3_.*", "stage4_.*", "stage5_.*")
_RESNET_STAGES = (
    r"conv1|bn_conv1",
    r"(res2.*)|(bn2.*)",
    r"(res3.*)|(bn3.*)",
    r"(res4.*)|(bn4.*)",
    r"(res5.*)|(bn5.*)",
)


@dataclass(frozen=True)
class Backbone:
    """What the rest of the library may know of a backbone.

    Attributes:
        name: as in the registry, or the name of the caller's function.
        builder: ``(input_tensor, train_bn=...) -> [C1, C2, C3, C4, C5]``.
        stage_patterns: regular expressions of the names of stage 1 .. 5's layers.
        mean_pixel: (R, G, B) taken from each pixel 0..255 first.
        pixel_std: what the difference is divided by then.
        imagenet: what :func:`maskdet.pretrained.imagenet.load_imagenet` calls its weights, or a
            function that gives arrays by layer name; None if there are none.
        neck: whether C3 .. C5 have been through a pyramid of its own.
        coco: what the catalogue calls weights of a detector with this backbone; None without.
        strides: pixels between neighbouring cells of C1 .. C5.
        pixels_known: False for a caller's function, which may want any scaling.
        pair_builder: ``(input_tensor, train_bn=...)`` -> the maps of stride 16 and 32 that
            detectors without a pyramid were published with; None where these are C4 and C5.
        top_builder: ``(c5, train_bn=...)`` -> the map that its ImageNet classifier pools; None
            where that is C5.
        known_classes: how many classes its ImageNet weights tell apart, with a dense layer
            TOP_LOGITS on that map's mean; 0 where they hold no such layer.
    """

    name: str
    builder: Callable[..., list[Any]]
    stage_patterns: tuple[str, str, str, str, str]
    mean_pixel: tuple[float, ...]
    pixel_std: float
    imagenet: str | Callable[[], dict[str, list[np.ndarray]]] | None = None
    neck: bool = False
    coco: str | None = None
    strides: tuple[int, ...] = STRIDES
    pixels_known: bool = True
    pair_builder: Callable[..., list[Any]] | None = None
    top_builder: Callable[..., Any] | None = None
    known_classes: int = 0

    @property
    def pixels(self) -> Pixels:
        """How pixels 0..255 are scaled for it."""
        return Pixels(tuple(float(value) for value in self.mean_pixel), float(self.pixel_std))

    def build(self, input_tensor: Any, train_bn: bool | None = False) -> list[Any]:
        """Features ``[C1, C2, C3, C4, C5]`` of images (B, H, W, 3); C1 may be None.

        Args:
            input_tensor: scaled as ``pixels`` says.
            train_bn: False freezes the statistics of batch norms; None lets training move them.
        """
        return list(self.builder(input_tensor, train_bn=train_bn))

    def build_pair(self, input_tensor: Any, train_bn: bool | None = False) -> list[Any]:
        """The maps of stride 16 and 32 for a detector without a pyramid; see :meth:`build`."""
        if self.pair_builder is None:
            return self.build(input_tensor, train_bn)[3:5]
        return list(self.pair_builder(input_tensor, train_bn=train_bn))

    def build_top(self, input_tensor: Any, train_bn: bool | None = False) -> Any:
        """The map (B, H, W, C) of stride 32 that a classifier pools; see :meth:`build`."""
        c5 = self.build(input_tensor, train_bn)[4]
        return c5 if self.top_builder is None else self.top_builder(c5, train_bn=train_bn)

    def stage_pattern(self, stage: int) -> str:
        """Regular expression (for ``re.fullmatch``) of the layers that make C``stage``, 1 .. 5.

        Raises:
            ConfigError: for another number.
        """
        if not 1 <= stage <= 5:
            raise ConfigError(f"A backbone has stages 1 to 5. Received: {stage!r}.")
        return self.stage_patterns[stage - 1]

    def stages(self, heads: str) -> dict[str, str]:
        """The words for ``layers=`` of a network with this backbone: heads, 3+, 4+, 5+, all.

        Args:
            heads: regular expression of the names of the layers that the backbone has not.
        """
        words = {"heads": heads}
        for first in (3, 4, 5):
            upper = "|".join(f"({self.stage_pattern(stage)})" for stage in range(first, 6))
            words[f"{first}+"] = f"{upper}|{heads}"
        words["all"] = ".*"
        return words

    def load_imagenet(self, network: Any) -> list[str]:
        """Give the backbone's layers inside ``network`` their ImageNet weights.

        Returns:
            Names of the layers that were set.

        Raises:
            WeightsError: if the weights cannot be had here, or the layers do not fit them.
        """
        # Imported here, as below: who trains from a checkpoint needs none of it.
        from maskdet.pretrained.imagenet import load_imagenet

        return load_imagenet(network, self.imagenet, self.name)

    def load_coco(self, network: Any, prefix: str = "") -> list[str]:
        """Give the layers of backbone and head inside ``network`` weights of a COCO detector.

        Args:
            prefix: what the network puts before the names of the head's layers.

        Returns, raises:
            As :func:`maskdet.pretrained.coco.load_coco`.
        """
        from maskdet.pretrained.coco import load_coco

        known = [name for name, backbone in _BACKBONES.items() if backbone.coco]
        return load_coco(network, self.coco, self.name, prefix, known)

    def has_coco_here(self) -> bool:
        """Whether weights of a COCO detector with it are on this machine."""
        from maskdet.pretrained.coco import coco_here

        return self.coco is not None and coco_here(self.coco)

    def load_pretrained(self, network: Any, name: str, prefix: str = "") -> list[str]:
        """:meth:`load_imagenet` or :meth:`load_coco` by the name, "imagenet" or "coco"."""
        return self.load_coco(network, prefix) if name == "coco" else self.load_imagenet(network)


def _lite(variant: str) -> Backbone:
    return Backbone(
        name=f"efficientnet_{variant}",
        builder=partial(efficientnet_lite, variant=variant),
        stage_patterns=_NAMED_STAGES,
        mean_pixel=(127.0, 127.0, 127.0),
        pixel_std=128.0,
        imagenet=f"efficientnet_{variant}",
        top_builder=efficientnet_lite_top,
        known_classes=1000,
    )


def _short_lite(variant: str) -> Backbone:
    whole = _lite(variant)
    return replace(
        whole,
        name=f"{whole.name}_short",
        builder=partial(efficientnet_lite, variant=variant, last_row=False),
        top_builder=None,
        known_classes=0,
    )


def _named(kind: str, alpha: float) -> str:
    return kind if alpha == 1 else f"{kind}_{alpha:g}"


def _mobilenet(alpha: float) -> Backbone:
    return Backbone(
        name=_named("mobilenet_v2", alpha),
        builder=partial(mobilenet_v2, alpha=alpha),
        stage_patterns=_NAMED_STAGES,
        mean_pixel=(127.5, 127.5, 127.5),
        pixel_std=127.5,
        pair_builder=partial(mobilenet_v2, alpha=alpha, pair=True),
    )


def _published_mobilenet(alpha: float) -> Backbone:
    plain = _mobilenet(alpha)
    return replace(plain, imagenet=plain.name)


def _first_mobilenet(alpha: float) -> Backbone:
    return Backbone(
        name=_named("mobilenet_v1", alpha),
        builder=partial(mobilenet_v1, alpha=alpha),
        stage_patterns=_NAMED_STAGES,
        mean_pixel=(127.5, 127.5, 127.5),
        pixel_std=127.5,
    )


def _inception(alpha: float) -> Backbone:
    return Backbone(
        name=_named("inception_v2", alpha),
        builder=partial(inception_v2, alpha=alpha),
        stage_patterns=_NAMED_STAGES,
        mean_pixel=(127.5, 127.5, 127.5),
        pixel_std=127.5,
        pair_builder=partial(inception_v2, alpha=alpha, pair=True),
    )


def _resnet(architecture: str) -> Backbone:
    return Backbone(
        name=architecture,
        builder=partial(resnet, architecture=architecture),
        stage_patterns=_RESNET_STAGES,
        mean_pixel=MATTERPORT_PIXELS.mean,
        pixel_std=MATTERPORT_PIXELS.std,
        imagenet=architecture,
        strides=(4, 4, 8, 16, 32),
    )


def _bounded_resnet(architecture: str) -> Backbone:
    """As the TF Object Detection API's detectors have it: no activation is above 6."""
    plain = _resnet(architecture)
    return replace(
        plain,
        name=f"{architecture}_relu6",
        builder=partial(resnet, architecture=architecture, ceiling=6.0),
    )


def _yolox() -> Backbone:
    return Backbone(
        name="yolox_nano",
        builder=yolox_nano,
        stage_patterns=_NAMED_STAGES,
        mean_pixel=(0.0, 0.0, 0.0),
        pixel_std=128.0,
        neck=True,
        coco="yolox_nano",
    )


_BACKBONES = {
    spec.name: spec
    for spec in (
        _resnet("resnet50"),
        _resnet("resnet101"),
        _bounded_resnet("resnet50"),
        _bounded_resnet("resnet101"),
        _first_mobilenet(1.0),
        # 128 is what the quantised detector on COCO was trained with; half a step from 127.5.
        replace(
            _first_mobilenet(0.75),
            coco="ssd_mobilenet_v1_0.75",
            mean_pixel=(128.0, 128.0, 128.0),
            pixel_std=128.0,
        ),
        _first_mobilenet(0.5),
        _first_mobilenet(0.25),
        _published_mobilenet(1.0),
        _published_mobilenet(0.5),
        _inception(1.0),
        _lite("lite0"),
        _short_lite("lite0"),
        _lite("lite1"),
        _lite("lite2"),
        _yolox(),
    )
}
# These have any width: "inception_v2_0.5" has half of the channels everywhere.
_OF_ANY_WIDTH = {
    "mobilenet_v1": _first_mobilenet,
    "mobilenet_v2": _mobilenet,
    "inception_v2": _inception,
}
_OWN_NAMES = frozenset(_BACKBONES)
_MOST_WIDTH = 4
_WIDTH = re.compile(rf"({'|'.join(_OF_ANY_WIDTH)})_(\d+(?:\.\d+)?)")


def register_backbone(backbone: Backbone) -> Backbone:
    """Make a backbone of your own known, so that BACKBONE may be its name.

    Files of weights hold that name: whoever opens one has imported the module that says this.

    Returns:
        The backbone, as it was given. One that says the same name again takes its place.

    Raises:
        ConfigError: for a name that the library's own backbones have, or one with nothing in it.
    """
    name = backbone.name
    if not name or name in _OWN_NAMES or _WIDTH.fullmatch(name):
        raise ConfigError(
            f"A backbone cannot be registered as {name!r}: "
            + ("maskdet has one of that name" if name else "it needs a name")
            + "; call it otherwise."
        )
    _BACKBONES[name] = backbone
    return backbone


def backbone_names() -> list[str]:
    """Names that :func:`get_backbone` knows."""
    return sorted(_BACKBONES)


def get_backbone(backbone: str | Backbone | Callable[..., Any]) -> Backbone:
    """The backbone of that name, or a caller's own function wrapped as one.

    Args:
        backbone: a name, with a factor of its channels behind it for MobileNets and Inception
            (``"mobilenet_v2_0.35"``), a :class:`Backbone` (returned as it is), or a function
            ``(input_image, stage5, train_bn) -> [C1 .. C5]``.

    Raises:
        ConfigError: for an unknown name; it lists the known ones and the nearest.
    """
    if isinstance(backbone, Backbone):
        return backbone
    if callable(backbone):
        return _wrapped(backbone)
    if isinstance(backbone, str) and backbone in _BACKBONES:
        return _BACKBONES[backbone]
    width = _WIDTH.fullmatch(str(backbone))
    if width and 0 < float(width[2]) <= _MOST_WIDTH:
        scaled = _OF_ANY_WIDTH[width[1]](float(width[2]))
        return _BACKBONES.get(scaled.name, scaled)
    near = difflib.get_close_matches(str(backbone), _BACKBONES, n=1, cutoff=0.5)
    hint = f"; the nearest is '{near[0]}'" if near else ""
    raise ConfigError(
        f"BACKBONE {backbone!r} is unknown{hint}. Known are {', '.join(backbone_names())}."
    )


def _wrapped(function: Callable[..., Any]) -> Backbone:
    def build(input_tensor: Any, train_bn: bool | None = False) -> list[Any]:
        return list(function(input_tensor, stage5=True, train_bn=train_bn))

    return Backbone(
        name=getattr(function, "__name__", type(function).__name__),
        builder=build,
        # Only the caller knows how its layers are called; old networks follow the ResNet.
        stage_patterns=_RESNET_STAGES,
        mean_pixel=MATTERPORT_PIXELS.mean,
        pixel_std=MATTERPORT_PIXELS.std,
        pixels_known=False,
    )
