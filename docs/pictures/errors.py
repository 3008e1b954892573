"""errors.jpg: each kind of error on one made scene."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from docs.pictures.demo import write_shrunk
from docs.pictures.workshop import Workshop
from maskdet import Dataset, Detections
from maskdet.data.scenes import write_scenes
from maskdet.images import save_picture

#: Of those that `write_scenes` makes: one thing, with room beside it.
SCENES = 12
SCORE = 0.9
#: Of the surest detection and of a second one.
COLOURS = ("gold", "deepskyblue")


def simple_photo(dataset: Dataset) -> int:
    """The first photo with one thing that takes a third of its width at most and has as much room
    at its right."""
    for image_id in dataset.image_ids:
        boxes, _ = dataset.load_boxes(image_id)
        if len(boxes) == 1:
            _, left, _, right = boxes[0]
            width = dataset.image_shape(image_id)[1]
            if right - left < width / 3 and right + 1.2 * (right - left) < width:
                return int(image_id)
    raise LookupError(f"none of {dataset.num_images} scenes has one thing with room beside it")


def examples(dataset: Dataset, image_id: int) -> dict[str, Detections]:
    """Detections of a photo with one thing, by the word that an evaluation's table has for them."""
    (box,), (class_id,) = dataset.load_boxes(image_id)
    height, width = box[2] - box[0], box[3] - box[1]
    names = tuple(dataset.class_names)
    other = next(number for number in range(1, len(names)) if number != class_id)

    def shifted(share: float) -> np.ndarray:
        """The box moved to the right by a share of its width."""
        return box + np.float32([0, share * width, 0, share * width])

    inner = box + np.float32([0.5 * height, 0.02 * width, -0.05 * height, -0.5 * width])
    rows = {
        "right": [(box, class_id)],
        "missed": [],
        "background": [(box, class_id), (shifted(1.15), class_id)],
        "place": [(shifted(0.45), class_id)],
        "confused": [(box, other)],
        "both": [(shifted(0.45), other)],
        "double": [(box, class_id), (shifted(0.12), class_id)],
        "part": [(box, class_id), (inner, class_id)],
    }
    return {
        kind: Detections(
            boxes=np.float32([detection for detection, _ in row]).reshape(-1, 4),
            class_ids=np.array([number for _, number in row], dtype=int),
            scores=np.float32([SCORE - 0.1 * place for place in range(len(row))]),
            class_names=names,
            image_shape=dataset.image_shape(image_id),
        )
        for kind, row in rows.items()
    }


def draw(workshop: Workshop, path: Path) -> None:
    """A panel for each kind: dashed what is there, drawn through what was found."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    folder = workshop.folder / "errors"
    write_scenes(folder, SCENES, progress=False)
    dataset = Dataset.load(folder)
    image_id = simple_photo(dataset)
    image = dataset.load_image(image_id)
    (truth,), _ = dataset.load_boxes(image_id)
    figure = Figure(figsize=(12, 6.4), layout="constrained")
    panels = figure.subplots(2, 4).ravel()
    for axes, (kind, detections) in zip(panels, examples(dataset, image_id).items(), strict=True):
        axes.imshow(image)
        axes.set_axis_off()
        axes.set_title(kind, fontsize=15)
        shown = [(truth, "white", "--", ""), *_found(detections)]
        for (top, left, bottom, right), colour, line, name in shown:
            axes.add_patch(
                Rectangle(
                    (left, top), right - left, bottom - top, fill=False, ec=colour, ls=line, lw=2.5
                )
            )
            # Names above the first box and below the second, so that both can be read.
            place = bottom + 18 if colour == COLOURS[1] else top - 4
            axes.text(left, place, name, color=colour, fontsize=11, weight="bold")
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=150)
    with Image.open(drawn) as picture:
        large = workshop.folder / "errors.png"
        save_picture(large, picture.convert("RGB"))
    write_shrunk(large, path)


def _found(detections: Detections) -> list[tuple[np.ndarray, str, str, str]]:
    """Box, colour, line and name of each detection."""
    return [
        (box, colour, "-", name)
        for box, colour, name in zip(detections.boxes, COLOURS, detections.names, strict=False)
    ]
