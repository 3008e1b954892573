"""Promise: a model writes its report in one call, and says what it could not look at."""

import numpy as np
import pytest

from maskdet.errors import DataError, MaskdetWarning, UsageError
from maskdet.models.reporting import evaluated, write_report
from tests.report.conftest import ScenesConfig
from tests.report.reading import Page


def test_results_are_kept_and_the_scores_are_those_of_evaluate(model, scenes):
    results, evaluation, seconds = evaluated(model, scenes, progress=False)
    assert len(results) == 8 and seconds > 0
    again = model.evaluate(scenes, progress=False)
    np.testing.assert_equal(evaluation.to_dict(), again.to_dict())
    assert min(f.scores.min() for f in results if len(f)) >= model.config.DETECTION_MIN_CONFIDENCE


def test_another_lowest_score_holds_without_changing_the_model(model, scenes):
    usual = model.config.DETECTION_MIN_CONFIDENCE
    [few], *_ = evaluated(model, scenes.subset([0]), progress=False, min_score=0.95)
    [many] = model.detections([scenes.load_image(0)])
    best = many.filter(min_score=0.95)
    assert few.names == best.names and 0 < len(few) < len(many)
    # Two graphs of one network round in different orders.
    np.testing.assert_allclose(few.boxes, best.boxes, atol=1e-2)
    np.testing.assert_allclose(few.scores, best.scores, atol=1e-4)
    assert model.config.DETECTION_MIN_CONFIDENCE == usual


def test_a_report_in_one_call(model, scenes, log_dir, tmp_path):
    evaluation = model.report(tmp_path / "report.html", scenes, log_dir, progress=False)
    assert evaluation.images == 8 and evaluation.objects > 8
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = Page(html)
    assert page.open == [] and len(html) < 3e6
    assert "Report on scenes" in page.text and "8 photos, evaluated on" in page.text
    assert "The best AP was 0.420, after epoch 4." in page.text
    assert "mobilenet_v2_0.5" in page.text and "of which the network takes" in page.text
    assert "MASK_HEAD_CHANNELS 16 256" in page.text  # here, and the family's own
    assert page.tags("img") and page.tags("svg")


def test_settings_that_differ_come_first(model, scenes, results, evaluation, tmp_path):
    write_report(tmp_path / "r.html", model, scenes, results, evaluation, title="Mine & yours")
    page = Page((tmp_path / "r.html").read_text(encoding="utf-8"))
    assert "Mine & yours" in page.text
    changed, everything = page.text.split("Those that differ from Config's.")[1].split("All ", 1)
    assert "IMAGE_MAX_DIM 128 1024" in changed and "LEARNING_MOMENTUM" not in changed
    assert "LEARNING_MOMENTUM 0.9" in everything
    assert "there is no log folder of it" in page.text


class Torn:
    """Some photos of a set cannot be read."""

    torn: frozenset[int] = frozenset()

    def load_image(self, image_id):
        if self.image_info[image_id]["id"] in self.torn:
            raise DataError("the photo is torn")
        return super().load_image(image_id)


def torn(dataset, ids):
    kind = type("TornSet", (Torn, type(dataset)), {})
    part = dataset.subset(dataset.image_ids)
    part.__class__ = kind
    part.torn = frozenset(dataset.image_info[i]["id"] for i in ids)
    return part


def test_photos_that_cannot_be_read_are_left_out_and_named(model, scenes, tmp_path):
    with pytest.warns(MaskdetWarning, match="left out"):
        evaluation = model.report(tmp_path / "r.html", torn(scenes, [1, 4]), progress=False)
    assert evaluation.images == 6
    text = Page((tmp_path / "r.html").read_text(encoding="utf-8")).text
    assert "2 photos were left out" in text and "scene_00001" in text and "scene_00004" in text
    assert "6 photos, evaluated" in text


def test_without_any_photo_it_says_what_to_do(model, scenes, evaluation, tmp_path):
    path = tmp_path / "r.html"
    with (
        pytest.warns(MaskdetWarning),
        pytest.raises(UsageError, match="None of the 2 photos.*chec"),
    ):
        model.report(path, torn(scenes.subset([0, 1]), [0, 1]), progress=False)
    with pytest.raises(UsageError, match="no images"):
        model.report(path, scenes.subset([]), progress=False)
    with pytest.raises(UsageError, match="0 results of 0 images.*evaluate a set that has photos"):
        write_report(path, model, scenes.subset([]), [], evaluation)
    assert not path.exists()


def test_a_model_in_training_mode_is_told_so(scenes, tmp_path):
    from maskdet import MaskRCNN

    with pytest.raises(UsageError, match="mode='inference'"):
        MaskRCNN("training", ScenesConfig(), tmp_path).report(tmp_path / "r.html", scenes)
