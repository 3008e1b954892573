"""TFLite Metadata (identifier M001), written table by table.

The format is that of TensorFlow Lite's metadata_schema.fbs; clients such as MediaPipe read names,
labels and the meaning of each output from it. The numbers beside the fields are their slots there.
"""

from collections.abc import Callable, Sequence
from typing import Any

from maskdet.runtime.model_file import LABELS
from maskdet.tasks.task import FileOutput

NAME = "TFLITE_METADATA"
IDENTIFIER = b"M001"
_RGB, _GREY, _OTHER_COLOURS = 1, 2, 0
_FEATURE, _IMAGE, _BOX = 1, 2, 3  # members of the union ContentProperties
_BOUNDARIES, _RATIO = 1, 0
_AXIS_LABELS, _VALUE_LABELS = 2, 3
_NORMALIZATION = 1

Field = tuple[int, str, Any]


class _Writer:
    """Tables of a flatbuffer, innermost first."""

    def __init__(self) -> None:
        import flatbuffers

        self.builder = flatbuffers.Builder(1024)

    def text(self, value: str) -> int:
        return int(self.builder.CreateString(value))

    def table(self, slots: int, *fields: Field) -> int:
        """A table; fields are (slot, kind, value) with kind "offset", "uint8", "int32"."""
        builder = self.builder
        builder.StartObject(slots)
        for slot, kind, value in fields:
            if kind == "offset":
                builder.PrependUOffsetTRelativeSlot(slot, value, 0)
            elif kind == "uint8":
                builder.PrependUint8Slot(slot, value, 0)
            else:
                builder.PrependInt32Slot(slot, value, 0)
        return int(builder.EndObject())

    def vector(self, values: Sequence[Any], prepend: Callable[[Any], None]) -> int:
        self.builder.StartVector(4, len(values), 4)
        for value in reversed(values):
            prepend(value)
        return int(self.builder.EndVector())

    def offsets(self, values: Sequence[int]) -> int:
        return self.vector(values, self.builder.PrependUOffsetTRelative)

    def floats(self, values: Sequence[float]) -> int:
        return self.vector(values, self.builder.PrependFloat32)


def metadata(
    name: str,
    description: str,
    inputs: Sequence[str],
    outputs: Sequence[FileOutput],
    channels: int,
    is_float: bool,
) -> bytes:
    """The metadata of a network.

    Args:
        name: of the model, for people.
        description: of what it does.
        inputs: names of the file's inputs; the first is the image.
        outputs: of the file, in their order.
        channels: of the image.
        is_float: whether the image is given as floats 0..255 instead of bytes.
    """
    writer = _Writer()
    first, *others = [
        _input(writer, name, number == 0, channels, is_float) for number, name in enumerate(inputs)
    ]
    ends = [_output(writer, output) for output in outputs]
    groups: list[Field] = []
    if any(output.grouped for output in outputs):
        group_name = writer.text("detection_result")
        grouped = [writer.text(output.name) for output in outputs if output.grouped]
        group = writer.table(2, (0, "offset", group_name), (1, "offset", writer.offsets(grouped)))
        groups.append((8, "offset", writer.offsets([group])))
    graph = writer.table(
        10,
        (2, "offset", writer.offsets([first, *others])),
        (3, "offset", writer.offsets(ends)),
        *groups,
    )
    texts = [writer.text(text) for text in (name, description, "1.0.0")]
    model = writer.table(
        8,
        (0, "offset", texts[0]),
        (1, "offset", texts[1]),
        (3, "offset", writer.offsets([graph])),
        (7, "offset", texts[2]),
    )
    writer.builder.Finish(model, file_identifier=IDENTIFIER)
    return bytes(writer.builder.Output())


def _tensor(writer: _Writer, name: str, description: str, *fields: Field) -> int:
    texts = writer.text(name), writer.text(description)
    return writer.table(7, (0, "offset", texts[0]), (1, "offset", texts[1]), *fields)


def _content(writer: _Writer, kind: int, properties: int, dimensions: int | None = None) -> int:
    fields: list[Field] = [(0, "uint8", kind), (1, "offset", properties)]
    if dimensions is not None:
        # Which axes the content lies on: the last of (1, N, 4).
        limits = writer.table(2, (0, "int32", dimensions), (1, "int32", dimensions))
        fields.append((2, "offset", limits))
    return writer.table(3, *fields)


def _input(writer: _Writer, name: str, is_image: bool, channels: int, is_float: bool) -> int:
    if not is_image:
        properties = writer.table(0)
        content = _content(writer, _FEATURE, properties)
        description = "The part of the image that is no padding: y1, x1, y2, x2, normalised"
        return _tensor(writer, name, description, (3, "offset", content))
    colours = {3: _RGB, 1: _GREY}.get(channels, _OTHER_COLOURS)
    properties = writer.table(2, (0, "uint8", colours))
    fields: list[Field] = [(3, "offset", _content(writer, _IMAGE, properties))]
    if is_float:
        mean, std = writer.floats([0.0]), writer.floats([1.0])
        options = writer.table(2, (0, "offset", mean), (1, "offset", std))
        unit = writer.table(2, (0, "uint8", _NORMALIZATION), (1, "offset", options))
        fields.append((4, "offset", writer.offsets([unit])))
    largest, smallest = writer.floats([255.0]), writer.floats([0.0])
    fields.append((5, "offset", writer.table(2, (0, "offset", largest), (1, "offset", smallest))))
    return _tensor(writer, name, "The image, 0..255", *fields)


def _output(writer: _Writer, output: FileOutput) -> int:
    if output.meaning == "boxes":
        order = writer.vector([1, 0, 3, 2], writer.builder.PrependUint32)
        properties = writer.table(
            3, (0, "offset", order), (1, "uint8", _BOUNDARIES), (2, "uint8", _RATIO)
        )
        content = _content(writer, _BOX, properties, dimensions=2)
        return _tensor(writer, output.name, output.description, (3, "offset", content))
    content = _content(writer, _FEATURE, writer.table(0))
    fields: list[Field] = [(3, "offset", content)]
    kinds = {"class numbers": _VALUE_LABELS, "class scores": _AXIS_LABELS}
    if output.meaning in kinds:
        texts = writer.text(LABELS), writer.text("Class names")
        labels = writer.table(
            5,
            (0, "offset", texts[0]),
            (1, "offset", texts[1]),
            (2, "uint8", kinds[output.meaning]),
        )
        fields.append((6, "offset", writer.offsets([labels])))
    return _tensor(writer, output.name, output.description, *fields)
