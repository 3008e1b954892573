"""The table of families: which class a name in a file means.

Classes are named, not imported, so that what they stand on may ask too.
"""

import importlib
from typing import Any

from maskdet.errors import WeightsError

#: Where the class of each family is. A new family is a new folder and a line here.
FAMILIES = {
    "classifier": "maskdet.models.classifier.classifier:Classifier",
    "mask_rcnn": "maskdet.models.mask_rcnn.mask_rcnn:MaskRCNN",
    "ssd": "maskdet.models.ssd.ssd:SSD",
    "yolox": "maskdet.models.yolox.yolox:YOLOX",
}
#: Published weights that are a whole model, and the families that have such for their default
#: Config, the best first.
PUBLISHED = {"coco": ("yolox", "ssd")}


def family_class(name: str) -> Any:
    """The class of a family, a subclass of :class:`maskdet.models.model.Model`.

    Raises:
        WeightsError: for a name that this maskdet does not know; lists the known ones.
    """
    if name not in FAMILIES:
        raise WeightsError(
            f"There is no family {name!r} in this maskdet; it has {', '.join(sorted(FAMILIES))}. "
            "A newer version may."
        )
    module, _, attribute = FAMILIES[name].partition(":")
    return getattr(importlib.import_module(module), attribute)
