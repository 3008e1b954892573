"""A data set on one page: classes, sizes of boxes beside the anchors, photos with findings."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from maskdet.base_config import BaseConfig
from maskdet.data.anchors import boxes_in_network_pixels
from maskdet.data.check.report import CheckReport
from maskdet.errors import DataError, UsageError
from maskdet.images import read_image, save_picture

_SIZE = (1200, 860)
_INK, _PALE, _BAR = (30, 30, 30), (170, 170, 170), (70, 120, 190)


def draw_report(
    report: CheckReport, path: str | os.PathLike[str], config: BaseConfig | None = None
) -> None:
    """Draw the page.

    Args:
        config: its input size and its anchors are drawn; without one, the usual size and no
            anchors.

    Raises:
        UsageError: if nothing of the data set could be read.
    """
    if report.dataset is None:
        raise UsageError("There is nothing to draw, since no image could be read.")
    page = Image.new("RGB", _SIZE, "white")
    pen = ImageDraw.Draw(page)
    pen.text((20, 12), f"{Path(report.name).name}: {report.counts['images']} images", fill=_INK)
    _classes(pen, report, (20, 40, 580, 340))
    _sizes(pen, report, config, (640, 40, 1180, 340))
    _worst(page, pen, report)
    save_picture(path, page)


def _classes(pen: Any, report: CheckReport, box: tuple[int, int, int, int]) -> None:
    listed = list(report.counts["objects by class"].items())[:14]
    pen.text(box[:2], "objects by class", fill=_INK)
    largest = max((count for _, count in listed), default=1)
    for row, (name, count) in enumerate(listed):
        y = box[1] + 22 + 19 * row
        width = int((box[2] - box[0] - 220) * count / largest)
        pen.text((box[0], y), str(name)[:22], fill=_INK)
        pen.rectangle((box[0] + 150, y, box[0] + 150 + width, y + 13), fill=_BAR)
        pen.text((box[0] + 156 + width, y), str(count), fill=_INK)


def _sizes(
    pen: Any, report: CheckReport, config: BaseConfig | None, box: tuple[int, int, int, int]
) -> None:
    """Heights over widths in network pixels, with the anchors as circles; logarithmic."""
    left, top, right, bottom = box
    assert report.dataset is not None
    title = "boxes in network pixels" + (f" ({type(config).__name__})" if config else "")
    config = config or BaseConfig()
    sides = boxes_in_network_pixels(report.dataset, config)
    side = float(max(config.IMAGE_SHAPE[:2]))
    anchors = config.anchor_shapes()
    pen.text((left, top), title if anchors is None else f"{title}, o anchors", fill=_INK)
    top += 22
    pen.rectangle((left, top, right, bottom), outline=_PALE)

    def at(height: float, width: float) -> tuple[float, float]:
        shares = [np.log(max(v, 2.0) / 2) / np.log(side / 2) for v in (height, width)]
        return left + (right - left) * shares[1], bottom - (bottom - top) * shares[0]

    for height, width in sides[:5000]:
        x, y = at(height, width)
        pen.point((x, y), fill=_BAR)
        pen.point((x + 1, y), fill=_BAR)
    if anchors is None:
        return
    for scale in anchors.scales:
        for ratio in anchors.ratios:
            x, y = at(scale / np.sqrt(ratio), scale * np.sqrt(ratio))
            pen.ellipse((x - 4, y - 4, x + 4, y + 4), outline=(200, 60, 40))


def _worst(page: Image.Image, pen: Any, report: CheckReport) -> None:
    """Photos that findings speak of, six of different kinds first."""
    photos: list[tuple[str, str]] = []
    kinds: set[str] = set()
    for fresh in (True, False):
        for finding in report.findings:
            if finding.images and (finding.kind not in kinds) == fresh:
                kinds.add(finding.kind)
                photo = (finding.kind, finding.images[-1])
                if photo not in photos:
                    photos.append(photo)
    column = 0
    for kind, path in photos:
        if column == 6:
            break
        try:
            picture = Image.fromarray(read_image(path))
        except (DataError, OSError):
            continue
        picture.thumbnail((370, 200))
        x, y = 20 + 390 * (column % 3), 380 + 240 * (column // 3)
        page.paste(picture, (x, y))
        pen.text((x, y + 204), f"{kind}: {Path(path).name}"[:60], fill=_INK)
        column += 1
