"""Guards: matterport's pictures and tables show the objects they are given, on any backend."""

import re
import sys
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from maskdet.errors import UsageError
from maskdet.mrcnn import proposal_pictures as proposals
from maskdet.visualize import canvas, inspection, instances

NAMES = ["BG", "cat", "dog"]
RED, GREEN = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)
PHOTO = np.full((40, 60, 3), 100, np.uint8)
NONE = np.zeros((0, 4), np.int32)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture
def axes():
    return plt.subplots()[1]


def block(*boxes):
    """Masks (40, 60, N), each filling its box."""
    masks = np.zeros((40, 60, len(boxes)), bool)
    for i, (y1, x1, y2, x2) in enumerate(boxes):
        masks[y1:y2, x1:x2, i] = True
    return masks


def drawn(axes):
    """The pixels shown by the axes' only image."""
    (image,) = axes.images
    return np.asarray(image.get_array())


def corners(patch):
    """A rectangle's y1, x1, y2, x2."""
    x, y = patch.get_xy()
    return (y, x, y + patch.get_height(), x + patch.get_width())


def texts(axes):
    return [text.get_text() for text in axes.texts]


def outlines(axes):
    """The contours' extents (least x, least y, greatest x, greatest y)."""
    return [
        tuple(path.get_extents().extents.tolist())
        for contours in axes.collections
        for path in contours.get_paths()
    ]


# Colours and masks


def test_colours_lie_around_the_hue_circle_in_random_order():
    colours = instances.random_colors(6)
    primary = {(1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 1, 1), (0, 0, 1), (1, 0, 1)}
    assert {tuple(round(part) for part in colour) for colour in colours} == primary
    assert instances.random_colors(1, bright=False) == [(0.7, 0, 0)]
    assert instances.random_colors(0) == []


def test_a_mask_tints_the_image_itself():
    image = PHOTO.copy()
    mask = block((10, 10, 20, 20))[..., 0]
    assert instances.apply_mask(image, mask, (1, 0, 0.5), alpha=0.25) is image
    assert (image[mask] == [138, 75, 106]).all()  # 0.75 * 100 + 0.25 * 255 * (1, 0, 0.5)
    assert (image[~mask] == 100).all()


# display_instances


def test_instances_have_box_mask_outline_and_name(axes):
    boxes = np.array([[5, 10, 15, 30], [20, 30, 35, 50]])
    masks = block(*boxes)
    given = {"scores": [0.5, 0.25], "title": "two", "ax": axes, "colors": [RED, GREEN]}
    assert instances.display_instances(PHOTO, boxes, masks, [1, 2], NAMES, **given) is None
    assert [corners(patch) for patch in axes.patches] == [(5, 10, 15, 30), (20, 30, 35, 50)]
    assert [patch.get_edgecolor()[:3] for patch in axes.patches] == [RED, GREEN]
    assert texts(axes) == ["cat 0.500", "dog 0.250"]
    assert axes.texts[0].get_position() == (10, 13)
    assert axes.get_title() == "two"
    assert outlines(axes) == [(9.5, 4.5, 29.5, 14.5), (29.5, 19.5, 49.5, 34.5)]
    picture = drawn(axes)
    assert (picture[masks[..., 0]] == [177, 50, 50]).all()
    assert (picture[masks[..., 1]] == [50, 177, 50]).all()
    assert (picture[~masks.any(-1)] == 100).all() and (PHOTO == 100).all()
    assert axes.get_xlim() == (-10, 70) and axes.get_ylim() == (50, -10)


def test_outlines_close_at_the_border_and_go_around_holes(axes):
    mask = block((0, 0, 40, 60))
    mask[10:20, 10:20] = False
    instances.display_instances(PHOTO, np.array([[0, 0, 40, 60]]), mask, [1], NAMES, ax=axes)
    (contours,) = axes.collections
    parts = contours.get_paths()[0].to_polygons(closed_only=True)
    assert sorted(part.min() for part in parts) == [-0.5, 9.5]


@pytest.mark.parametrize(
    "switch, patches, tinted, lines",
    [
        ({}, 1, True, 1),
        ({"show_mask": False}, 1, False, 0),
        ({"show_bbox": False}, 0, True, 1),
        ({"show_mask": False, "show_bbox": False}, 0, False, 0),
    ],
    ids=["both", "box", "mask", "name only"],
)
def test_masks_and_boxes_can_be_left_out(axes, switch, patches, tinted, lines):
    box = [[5, 10, 15, 30]]
    instances.display_instances(PHOTO, box, block(*box), [1], NAMES, ax=axes, **switch)
    assert len(axes.patches) == patches and len(axes.collections) == lines
    assert (drawn(axes) != 100).any() == tinted
    assert texts(axes) == ["cat"]


def test_masks_may_be_none_and_captions_replace_names(axes):
    box = np.array([[5, 10, 15, 30]])
    instances.display_instances(PHOTO, box, None, [1], NAMES, ax=axes, captions=["tom"])
    assert texts(axes) == ["tom"] and len(axes.patches) == 1
    assert (drawn(axes) == PHOTO).all()


def test_a_box_of_zeros_is_skipped_with_its_mask(axes):
    boxes = np.array([[0, 0, 0, 0], [5, 10, 15, 30]])
    masks = block((30, 40, 35, 45), boxes[1])
    instances.display_instances(PHOTO, boxes, masks, [1, 2], NAMES, ax=axes)
    assert texts(axes) == ["dog"] and len(axes.patches) == 1
    assert (drawn(axes)[30:35, 40:45] == 100).all()


def test_without_objects_the_photo_is_drawn_and_a_line_printed(axes, capsys):
    empty = np.zeros((40, 60, 0), bool)
    instances.display_instances(PHOTO, NONE, empty, np.zeros(0, int), NAMES, ax=axes)
    assert capsys.readouterr().out == "\n*** No instances to display *** \n\n"
    assert (drawn(axes) == PHOTO).all() and not axes.patches and not axes.texts


@pytest.mark.parametrize("channels", [1, 2, 4], ids=["grey", "two", "four"])
def test_images_of_other_channels_show(axes, channels):
    photo = np.arange(channels, dtype=np.uint8) + np.full((40, 60, channels), 7, np.uint8)
    instances.display_instances(photo, [[5, 10, 15, 30]], None, [1], NAMES, ax=axes)
    assert drawn(axes)[0, 0].tolist() == ([7, 8, 9] if channels == 4 else [7, 7, 7])


@pytest.mark.parametrize(
    "masks, ids, scores, named",
    [
        (block((1, 1, 2, 2)), [1, 1], None, "masks"),
        (None, [1], None, "class_ids"),
        (None, [1, 1], [0.5], "scores"),
    ],
    ids=["masks", "class ids", "scores"],
)
def test_numbers_that_differ_are_named(axes, masks, ids, scores, named):
    boxes = [[1, 1, 5, 5], [1, 1, 6, 6]]
    with pytest.raises(UsageError, match=f"1 {named} and 2 boxes"):
        instances.display_instances(PHOTO, boxes, masks, ids, NAMES, scores, ax=axes)


def test_a_batch_is_not_an_image(axes):
    with pytest.raises(UsageError, match="not a batch"):
        instances.display_instances(PHOTO[None], NONE, None, [], NAMES, ax=axes)


@pytest.mark.parametrize("backend, calls", [("agg", 0), ("TkAgg", 1), ("inline", 1), ("PDF", 0)])
def test_pictures_are_shown_only_where_that_is_possible(monkeypatch, backend, calls):
    shown = []
    monkeypatch.setenv("DISPLAY", ":0")  # without one matplotlib itself stays silent
    monkeypatch.setattr(plt, "get_backend", lambda: backend)
    monkeypatch.setattr(plt, "show", lambda: shown.append(1))
    instances.display_instances(PHOTO, [[5, 10, 15, 30]], None, [1], NAMES, figsize=(3, 2))
    assert len(shown) == calls
    assert plt.gcf().get_size_inches().tolist() == [3, 2]  # still open, for savefig
    instances.display_instances(PHOTO, [[5, 10, 15, 30]], None, [1], NAMES, ax=plt.gca())
    assert len(shown) == calls


def test_showing_under_agg_does_not_warn(monkeypatch, tmp_path):
    monkeypatch.setenv("DISPLAY", ":0")
    instances.display_instances(PHOTO, [[5, 10, 15, 30]], None, [1], NAMES, figsize=(3, 2))
    plt.savefig(tmp_path / "picture.png")
    assert (plt.imread(tmp_path / "picture.png").std(axis=(0, 1))[:3] > 0.1).all()


# display_images, display_top_masks


def test_images_stand_in_rows_under_their_titles():
    images = [np.full((8, 9, 3), 10 * i, np.uint8) for i in range(4)] + [np.full((4, 4), 300.0)]
    assert instances.display_images(images, titles=list("abcde"), cols=2, cmap="Blues") is None
    cells = plt.gcf().axes
    assert [cell.get_title() for cell in cells] == list("abcde")
    assert [int(drawn(cell).max()) for cell in cells] == [0, 10, 20, 30, 255]
    assert cells[0].get_subplotspec().get_gridspec().get_geometry() == (3, 2)
    assert cells[4].images[0].get_cmap().name == "Blues"


def test_no_images_make_an_empty_figure():
    instances.display_images([])
    assert plt.gcf().axes == []


def test_top_masks_number_the_objects_of_the_largest_classes():
    masks = block((0, 0, 5, 5), (10, 0, 30, 30), (10, 40, 15, 45), (35, 0, 36, 1))
    names = [*NAMES, "ant"]
    assert instances.display_top_masks(PHOTO, masks, [1, 2, 2, 3], names, limit=2) is None
    cells = plt.gcf().axes
    assert [cell.get_title() for cell in cells] == ["H x W=40x60", "dog", "cat"]
    assert (drawn(cells[0]) == PHOTO).all()
    dogs = drawn(cells[1])
    assert (dogs[10:30, :30] == 1).all() and (dogs[10:15, 40:45] == 2).all()
    assert (dogs > 0).sum() == 600 + 25
    assert (drawn(cells[2]) > 0).sum() == 25


def test_top_masks_fill_up_with_empty_pictures():
    instances.display_top_masks(PHOTO, np.zeros((40, 60, 0), bool), np.zeros(0, int), NAMES)
    cells = plt.gcf().axes
    assert [cell.get_title() for cell in cells[1:]] == ["-"] * 4
    assert not any(drawn(cell).any() for cell in cells[1:])
    with pytest.raises(UsageError, match="1 masks and 2 class ids"):
        instances.display_top_masks(PHOTO, block((0, 0, 5, 5)), [1, 2], NAMES)


# draw_box, draw_boxes, draw_rois


def test_a_painted_box_is_three_pixels_wide_and_open_inside():
    image = np.zeros((20, 30, 3), np.uint8)
    assert proposals.draw_box(image, np.array([4, 6, 14, 25]), [9, 8, 7]) is image
    painted = image[..., 0] == 9
    expected = np.zeros((20, 30), bool)
    expected[3:16, 5:27] = True
    expected[6:13, 8:24] = False
    assert (painted == expected).all() and (image[expected] == [9, 8, 7]).all()


def test_a_painted_box_is_cut_at_the_border():
    image = np.zeros((20, 30, 3), np.uint8)
    proposals.draw_box(image, [-5, -9, 10, 10], [1, 1, 1])
    assert image[..., 0].any(1).nonzero()[0].tolist() == list(range(12))
    assert not image[:9, :9].any()


def test_boxes_are_drawn_by_visibility_and_tied_to_their_refinement(axes):
    boxes = np.array([[5, 10, 15, 30], [6, 11, 16, 31], [7, 12, 17, 32]])
    given = {"captions": ["a", "b", "c"], "visibilities": [0, 1, 2], "title": "t", "ax": axes}
    assert proposals.draw_boxes(PHOTO, boxes, boxes + 2.0, **given) is None
    faint, dotted, refined, solid, refined_too = axes.patches
    styles = [patch.get_linestyle() for patch in (faint, dotted, refined, solid)]
    assert styles == ["dotted", "dotted", "solid", "solid"]
    assert faint.get_edgecolor() == (0.5, 0.5, 0.5, 0.5)
    assert dotted.get_edgecolor() == refined.get_edgecolor() != solid.get_edgecolor()
    assert corners(refined) == (8, 13, 18, 33) and corners(refined_too) == (9, 14, 19, 34)
    assert [line.get_xydata().tolist() for line in axes.lines] == [
        [[11, 6], [13, 8]],
        [[12, 7], [14, 9]],
    ]
    assert texts(axes) == ["a", "b", "c"]
    assert [text.get_position() for text in axes.texts] == [(10, 5), (13, 8), (14, 9)]
    assert axes.get_title() == "t" and axes.get_ylim() == (44, -4)


def test_boxes_tint_masks_and_skip_zeros(axes):
    boxes = np.array([[0, 0, 0, 0], [5, 10, 15, 30]])
    masks = block((30, 40, 35, 45), boxes[1])
    proposals.draw_boxes(PHOTO, boxes, masks=masks, ax=axes)
    assert ((drawn(axes) != 100).any(-1) == masks[..., 1]).all()
    assert len(axes.patches) == len(axes.collections) == 1


def test_refined_boxes_stand_alone_in_a_new_figure():
    proposals.draw_boxes(PHOTO, refined_boxes=np.array([[5, 10, 15, 30]]))
    (axes,) = plt.gcf().axes
    assert corners(axes.patches[0]) == (5, 10, 15, 30) and len(axes.lines) == 0


def test_no_boxes_draw_the_photo(axes):
    proposals.draw_boxes(PHOTO, NONE, NONE, ax=axes)
    assert (drawn(axes) == PHOTO).all() and len(axes.patches) == 0


@pytest.mark.parametrize(
    "given, message",
    [
        ({}, "both are None"),
        ({"boxes": [[1, 1, 5, 5]], "refined_boxes": NONE}, "0 refined_boxes and 1 boxes"),
        ({"boxes": [[1, 1, 5, 5]], "captions": ["a", "b"]}, "2 captions"),
        ({"boxes": [[1, 1, 5, 5]], "visibilities": [3]}, "0, 1 or 2, but number 0 is 3"),
    ],
    ids=["nothing", "refined", "captions", "visibility"],
)
def test_draw_boxes_names_what_does_not_fit(given, message):
    with pytest.raises(UsageError, match=message):
        proposals.draw_boxes(PHOTO, **given)


def test_rois_show_the_positive_ones_with_mask_and_name(capsys):
    rois = np.array([[5, 10, 15, 30], [20, 30, 35, 50]])
    masks = np.stack([np.zeros((28, 28)), np.ones((28, 28))])
    assert proposals.draw_rois(PHOTO, rois, rois + 2, masks, [0, 2], NAMES) is None
    (axes,) = plt.gcf().axes
    negative, positive, refined = axes.patches
    assert negative.get_edgecolor()[:3] == to_rgb("gray")
    assert negative.get_linestyle() == positive.get_linestyle() == "dashed"
    assert corners(positive) == (20, 30, 35, 50) and corners(refined) == (22, 32, 37, 52)
    assert texts(axes) == ["dog"] and len(axes.lines) == 1
    tinted = (drawn(axes) != 100).any(-1)
    assert (tinted == block((20, 30, 35, 50))[..., 0]).all()
    assert axes.get_title() == "2 ROIs"
    assert "Positive ROIs:  1\nNegative ROIs:  1\nPositive Ratio: 0.50" in capsys.readouterr().out


def test_of_many_rois_some_are_drawn(capsys):
    rois = np.tile([[5, 10, 15, 30]], (12, 1))
    proposals.draw_rois(PHOTO, rois, rois, np.zeros((12, 4, 4)), np.zeros(12), NAMES, limit=5)
    (axes,) = plt.gcf().axes
    assert len(axes.patches) == 5 and axes.get_title() == "Showing 5 random ROIs out of 12"
    assert "Negative ROIs:  12" in capsys.readouterr().out
    proposals.draw_rois(PHOTO, NONE, NONE, np.zeros((0, 4, 4)), [], NAMES)
    assert "Positive Ratio: 0.00" in capsys.readouterr().out


# Tables and curves


def test_a_table_is_printed_in_columns(capsys):
    assert inspection.display_table([["name", "n"], ["a longer one", 3], ["x"]]) is None
    assert capsys.readouterr().out == "name          n\na longer one  3\nx\n"
    inspection.display_table([])
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "shell, html", [("ZMQInteractiveShell", True), ("TerminalInteractiveShell", False)]
)
def test_a_notebook_gets_the_table_as_html(monkeypatch, capsys, shell, html):
    shown = []
    display = SimpleNamespace(display=shown.append, HTML=lambda text: text)
    running = SimpleNamespace(get_ipython=type(shell, (), {}), display=display)
    monkeypatch.setitem(sys.modules, "IPython", running)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    inspection.display_table([["a<b", 1]])
    rows = ["<table><tr><td>a&lt;b</td><td>1</td></tr></table>"]
    assert shown == (rows if html else [])
    assert (capsys.readouterr().out == "") == html


def test_weight_stats_mark_what_looks_wrong(capsys):
    def layer(name, **weights):
        return SimpleNamespace(
            name=name,
            weights=[SimpleNamespace(name=key.replace("_in_", "/")) for key in weights],
            get_weights=lambda: [np.array(value, np.float32) for value in weights.values()],
        )

    layers = [
        layer("sound", kernel=[[-1, 3]], bias=[0, 0]),
        layer("dead", kernel=[[2, 2]]),
        layer("high", kernel=[[-2000, 3]]),
        layer("lost", kernel=[[np.nan, 3]], old_in_name=[1], none=np.zeros((0, 2))),
    ]
    model = SimpleNamespace(get_trainable_layers=lambda: layers)
    assert inspection.display_weight_stats(model) is None
    lines = capsys.readouterr().out.splitlines()
    cells = [re.split(r"\s{2,}", line) for line in lines]
    assert cells[0] == ["WEIGHT NAME", "SHAPE", "MIN", "MAX", "STD"]
    assert cells[1] == ["sound/kernel", "(1, 2)", "-1.0000", "+3.0000", "+2.0000"]
    assert [row[0] for row in cells[2:]] == [
        "sound/bias",
        "dead/kernel *** dead?",
        "high/kernel *** Overflow?",
        "lost/kernel *** not finite",
        "old/name",
        "lost/none",
    ]
    assert len({line.index("(") for line in lines[1:]}) == 1


def test_the_precision_recall_curve_is_plotted():
    assert inspection.plot_precision_recall(0.75, [1, 0.5, 0], np.array([0, 0.5, 1])) is None
    (axes,) = plt.gcf().axes
    assert axes.get_title().endswith("0.750")
    assert axes.lines[0].get_xydata().tolist() == [[0, 1], [0.5, 0.5], [1, 0]]


@pytest.mark.parametrize("padded", [False, True], ids=["cut", "padded"])
def test_overlaps_say_match_or_wrong(padded):
    overlaps = np.array([[0.9, 0.0], [0.0, 0.75], [0.5, 0.25]])
    if padded:
        overlaps = np.pad(overlaps, ((0, 1), (0, 2)))
    drawing = inspection.plot_overlaps(
        np.array([1, 2, 0, 0]), np.array([1, 1, 2, 0]), [0.9, 0.8, 0.7, 0], overlaps, NAMES
    )
    assert drawing is None
    (axes,) = plt.gcf().axes
    assert drawn(axes).shape == (3, 2)
    assert texts(axes) == [
        *("0.900\nmatch", "0.000\n", "0.000\n", "0.750\nwrong"),
        *("0.500\n", "0.250\n"),  # at the threshold is not above it
    ]
    assert [text.get_color() for text in axes.texts][:2] == ["white", "grey"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["cat", "dog"]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        *("cat (0.90)", "cat (0.80)", "dog (0.70)")
    ]


def test_overlaps_of_nothing_and_of_something_else():
    inspection.plot_overlaps(np.array([1]), np.array([]), np.array([]), np.zeros((0, 1)), NAMES)
    (axes,) = plt.gcf().axes
    assert not axes.images and axes.get_title() == "No pairs to compare"
    with pytest.raises(UsageError, match=r"here \(1, 1\), but has \(2, 3\)"):
        inspection.plot_overlaps([1], [1], [0.5], np.zeros((2, 3)), NAMES)


def test_values_beyond_a_byte_are_cut():
    assert canvas.as_uint8([[-3.0, 12.9, 700]]).tolist() == [[0, 12, 255]]
