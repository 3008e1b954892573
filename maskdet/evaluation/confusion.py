"""Which class a detector takes for which, with what it missed and what it saw in nothing."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.evaluation.judging import CONFUSED, CROWD, RIGHT
from maskdet.evaluation.mending import Judged

Array = NDArray[Any]


def confusion_of(judged: Judged, classes: int) -> Array:
    """Objects by their true class and by what was said in their place, boxes at IoU 0.5.

    Each object is counted once: under its class where a detection is right about it, else under
    that of the surest detection in its place, else as missed. Each detection is counted once too
    (those on crowds are not): with its object, or under "nothing there", which so has also what is
    badly placed, double, or in the place of an object that is counted elsewhere.

    Args:
        judged: detections and objects of all images.
        classes: how many there are, without the background.

    Returns:
        int64 (classes + 1, classes + 1): rows are the true classes, the last one nothing there;
        columns are the classes said, the last one missed. The corner of both is 0.
    """
    table = np.zeros((classes + 1, classes + 1), dtype=np.int64)
    said = np.full(len(judged.object_classes), classes)
    alone = judged.kinds != CROWD
    # Right ones first, of the others the surest: what an object is counted under is never lost.
    order = np.lexsort((-judged.scores, judged.kinds != RIGHT))
    for i in order[np.isin(judged.kinds[order], (RIGHT, CONFUSED))]:
        target = judged.targets[i]
        if said[target] == classes:
            said[target] = judged.classes[i] - 1
            alone[i] = False
    np.add.at(table, (judged.object_classes - 1, said), 1)
    np.add.at(table[classes], judged.classes[alone] - 1, 1)
    return table
