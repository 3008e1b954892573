"""Guards: `mrcnn.visualize` has matterport's functions under their signatures."""

import inspect

import matplotlib.pyplot as plt
import numpy as np
import pytest

from maskdet.errors import UsageError
from maskdet.mrcnn import visualize

SIGNATURES = """
apply_mask(image, mask, color, alpha=0.5)
display_differences(image, gt_box, gt_class_id, gt_mask, pred_box, pred_class_id, pred_score, \
pred_mask, class_names, title='', ax=None, show_mask=True, show_box=True, iou_threshold=0.5, \
score_threshold=0.5)
display_images(images, titles=None, cols=4, cmap=None, norm=None, interpolation=None)
display_instances(image, boxes, masks, class_ids, class_names, scores=None, title='', \
figsize=(16, 16), ax=None, show_mask=True, show_bbox=True, colors=None, captions=None)
display_table(table)
display_top_masks(image, mask, class_ids, class_names, limit=4)
display_weight_stats(model)
draw_box(image, box, color)
draw_boxes(image, boxes=None, refined_boxes=None, masks=None, captions=None, visibilities=None, \
title='', ax=None)
draw_rois(image, rois, refined_rois, mask, class_ids, class_names, limit=10)
plot_overlaps(gt_class_ids, pred_class_ids, pred_scores, overlaps, class_names, threshold=0.5)
plot_precision_recall(AP, precisions, recalls)
random_colors(N, bright=True)
"""

NAMES = ["BG", "cat", "dog"]
PHOTO = np.full((40, 60, 3), 100, np.uint8)
CAT, DOG, FAR = [4, 4, 14, 24], [20, 30, 36, 50], [1, 40, 9, 58]
GREEN, RED = (0, 1, 0), (1, 0, 0)


def plain(function):
    signature = inspect.signature(function)
    parameters = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in signature.parameters.values()
    ]
    return signature.replace(parameters=parameters, return_annotation=inspect.Signature.empty)


def test_names_and_signatures_are_matterports():
    written = [name + str(plain(getattr(visualize, name))) for name in visualize.__all__]
    assert written == SIGNATURES.strip().splitlines()


@pytest.fixture
def axes():
    yield plt.subplots()[1]
    plt.close("all")


def fill(boxes):
    masks = np.zeros((40, 60, len(boxes)), bool)
    for i, (y1, x1, y2, x2) in enumerate(boxes):
        masks[y1:y2, x1:x2, i] = True
    return masks


def drawn_boxes(axes, color):
    return [
        [patch.get_y(), patch.get_x(), patch.get_y() + patch.get_height()]
        for patch in axes.patches
        if patch.get_edgecolor()[:3] == color
    ]


def captions(axes):
    return [text.get_text() for text in axes.texts]


@pytest.mark.parametrize("masks", [True, False], ids=["masks", "boxes alone"])
def test_differences_pair_detections_in_any_order(axes, masks):
    gt, pred = np.array([CAT, DOG, [0, 0, 0, 0]]), np.array([FAR, [20, 30, 28, 50], CAT])
    given = [PHOTO, gt, np.array([1, 2, 0]), fill(gt) if masks else None]
    given += [pred, np.array([1, 2, 1]), np.array([0.6, 0.7, 0.9]), fill(pred) if masks else None]
    assert visualize.display_differences(*given, NAMES, ax=axes) is None
    assert captions(axes) == ["", "", "0.90 / 1.00", "0.70 / 0.50", "0.60 / 0.00"]
    assert drawn_boxes(axes, GREEN) == [CAT[:3], DOG[:3]]
    assert drawn_boxes(axes, RED) == [CAT[:3], [20, 30, 28], FAR[:3]]
    assert "GT=green" in axes.get_title()
    picture = np.asarray(axes.images[0].get_array())
    if masks:
        assert picture[34, 40].tolist() == [50, 177, 50]  # annotated, not found
        assert picture[5, 50].tolist() == [177, 50, 50]  # found, not annotated
        assert picture[22, 40].tolist() == [152, 88, 25]  # both, red over green
    else:
        assert (picture == PHOTO).all()


def test_equal_scores_keep_their_captions(axes):
    gt, pred = np.array([CAT, DOG]), np.array([CAT, FAR])
    ids, scores = np.array([1, 1]), np.array([0.5, 0.5])
    visualize.display_differences(
        PHOTO, gt, ids, fill(gt), pred, ids, scores, fill(pred), NAMES, ax=axes
    )
    placed = {text.get_position(): text.get_text() for text in axes.texts[2:]}
    assert placed == {(4, 12): "0.50 / 1.00", (40, 9): "0.50 / 0.00"}


@pytest.mark.parametrize(
    "objects, found, expected",
    [
        ([], [CAT], ["0.50 / 0.00"]),
        ([CAT], [], [""]),
        ([], [], []),
    ],
    ids=["no objects", "no detections", "neither"],
)
def test_differences_with_nothing_on_a_side(axes, capsys, objects, found, expected):
    gt, pred = (np.array(boxes, int).reshape(-1, 4) for boxes in (objects, found))
    ones = [np.ones(len(boxes), int) for boxes in (gt, pred)]
    visualize.display_differences(
        *(PHOTO, gt, ones[0], fill(gt), pred, ones[1], ones[1] / 2, fill(pred), NAMES),
        title="mine",
        ax=axes,
        show_mask=False,
        show_box=False,
    )
    assert captions(axes) == expected and axes.get_title() == "mine"
    assert not axes.patches and (np.asarray(axes.images[0].get_array()) == PHOTO).all()
    assert ("No instances" in capsys.readouterr().out) == (not expected)


def test_the_iou_threshold_decides_what_is_found(axes):
    gt, pred, one = np.array([DOG]), np.array([[20, 30, 28, 50]]), np.array([1])
    given = [PHOTO, gt, one, fill(gt), pred, one, one, fill(pred), NAMES]
    visualize.display_differences(*given, ax=axes, iou_threshold=0.6)
    assert captions(axes) == ["", "1.00 / 0.50"]
    with pytest.raises(UsageError, match="0 gt_mask and 1 boxes"):
        visualize.display_differences(*given[:3], fill([]), *given[4:], ax=axes)
