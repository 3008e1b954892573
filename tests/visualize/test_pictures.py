"""Guards: pictures show what they should, leave their input alone and need no screen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from maskdet.visualize import plots
from maskdet.visualize.draw import MASK_OPACITY, draw_instances, palette


def test_drawing_marks_the_box_and_the_mask_and_leaves_the_photo_alone():
    photo = np.full((120, 160, 3), 100, np.uint8)
    mask = np.zeros((120, 160, 1), bool)
    mask[60:80, 50:90] = True
    drawn = draw_instances(photo, [[40, 40, 100, 110]], [1], ["BG", "cat"], [0.5], mask)
    assert (photo == 100).all()
    colour = np.array(palette(1)[0])
    assert (drawn[70, 40] == colour).all()  # the box's left edge
    assert (drawn[60, 60] == colour).all()  # the mask's outline
    assert (drawn[70, 70] == (0.58 * 100 + 0.42 * colour).astype(np.uint8)).all()
    assert (drawn[90, 70] == 100).all() and (drawn[110, 150] == 100).all()
    assert (drawn[25:40, 40:60] != 100).any()  # the label above the box


def tinted_whole(photo, mask, colour):
    """A mask's tint by its definition, over the whole photo."""
    drawn = photo.copy()
    mixed = (1 - MASK_OPACITY) * photo[mask] + MASK_OPACITY * np.array(colour)
    drawn[mask] = mixed.astype(np.uint8)
    inner = np.pad(mask, 1, mode="edge")  # what lies beyond the photo is as its last pixel
    inner = inner[1:-1, 1:-1] & inner[2:, 1:-1] & inner[:-2, 1:-1] & inner[1:-1, 2:]
    inner &= np.pad(mask, 1, mode="edge")[1:-1, :-2]
    drawn[mask & ~inner] = colour
    return drawn


@given(
    mask=arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))),
    seed=st.integers(0, 99),
)
def test_a_mask_is_tinted_inside_and_rimmed_wherever_it_lies(mask, seed):
    """Masks of any shape, at the photo's border too, keep every bit of their look."""
    photo = np.random.default_rng(seed).integers(0, 256, (*mask.shape, 3), dtype=np.uint8)
    colour = palette(seed + 1)[seed]
    outside = [[-90, -90, -80, -80]]  # so that no frame is seen
    drawn = draw_instances(photo, outside, masks=mask[..., None], colors=[colour])
    np.testing.assert_array_equal(drawn, tinted_whole(photo, mask, colour))


def test_nothing_to_draw_gives_the_photo():
    photo = np.random.default_rng(0).integers(0, 255, (30, 40, 3), dtype=np.uint8)
    assert (draw_instances(photo, np.zeros((0, 4)), [], ["BG"], []) == photo).all()


def test_boxes_at_the_border_and_tiny_photos_draw():
    photo = np.zeros((8, 8, 3), np.uint8)
    assert draw_instances(photo, [[0, 0, 8, 8]], [1], ["BG", "x" * 50], [1.0]).shape == (8, 8, 3)


def test_neighbouring_colours_differ():
    colours = np.array(palette(12), int)
    assert np.abs(np.diff(colours, axis=0)).sum(1).min() > 60


@pytest.mark.parametrize(
    "draw",
    [
        lambda path: plots.plot_history({"loss": [3, 2], "val_loss": [3, 3], "a": [1, 0]}, path),
        lambda path: plots.plot_history({"loss": [3]}, path),
        lambda path: plots.plot_precision_recall({"cat": ([0, 1], [1, 0.5], 0.75)}, path),
        lambda path: plots.plot_precision_recall({}, path),
        lambda path: plots.gallery([np.zeros((9, 9, 3), np.uint8)] * 5, path, list("abcde")),
    ],
    ids=["history", "one epoch", "precision and recall", "no curves", "gallery"],
)
def test_plots_are_written_whole_without_a_screen(tmp_path, draw):
    draw(tmp_path / "plot.png")
    with Image.open(tmp_path / "plot.png") as picture:
        assert min(picture.size) > 100
    assert [path.name for path in tmp_path.iterdir()] == ["plot.png"]


def test_titles_stay_over_their_own_pictures():
    names = ["photo_1", "test/images/image1_323_png.rf.206458fb1470f9d590eb6241e2f5c1c0"]
    figure = plots.gallery([np.zeros((9, 9, 3), np.uint8)] * 2, titles=names)
    short, long = (axes.get_title() for axes in figure.axes)
    assert short == "photo_1"
    assert len(long) <= 40 and long.startswith("test/images/") and long.endswith("5c1c0")
