"""What users hold: a network with matterport's methods, each of them one call into an engine."""

import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from maskdet.backbones.scaling import pixel_mismatch
from maskdet.base_config import BaseConfig
from maskdet.data.augment import Augmentation
from maskdet.data.dataset import Dataset
from maskdet.data.requirements import check_names
from maskdet.errors import MaskdetWarning, UsageError
from maskdet.exporters.export import ExportReport, export
from maskdet.exporters.formats import writer_of
from maskdet.exporters.photos import photos_given
from maskdet.exporters.request import ExportRequest
from maskdet.family import BEST_PRETRAINED, PRETRAINED, Family
from maskdet.inference.detect import Prepare, detect
from maskdet.models.inspecting import Look, Panel, inspection
from maskdet.models.loading import (
    as_it_was_after_errors,
    load_by_name,
    load_published,
    take_fallback_of,
    with_file_facts,
)
from maskdet.models.origin import check_family, check_origin, check_reader, resumption_of
from maskdet.models.profiled_model import ProfiledModel
from maskdet.models.recipe_run import run_recipe
from maskdet.models.stage_run import run_stage
from maskdet.models.weight_files import read_facts, write_weights
from maskdet.models.written import built
from maskdet.pretrained.assign import LoadReport, load_into
from maskdet.trained import Facts, Trained
from maskdet.training import checkpoints
from maskdet.training.loaders import augmentation_of
from maskdet.training.recipes import DEFAULT_RECIPE, check_stage_arguments
from maskdet.training.settling import settled
from maskdet.training.train import Resumption
from maskdet.training.watch import BEST_FILE


class Model(ProfiledModel):
    """Base of ``MaskRCNN`` and its siblings.

    Args:
        mode: "training" or "inference".
        config: an instance of a subclass of the family's Config.
        model_dir: where log folders with checkpoints go.

    Attributes scripts read: ``mode``, ``config``, ``model_dir``, ``epoch`` (done so far),
    ``log_dir``, ``checkpoint_path``, ``class_names``, ``keras_model`` (``network`` is what the
    engines use, the same model here). ``trained`` is all that the engines get.

    Raises:
        UsageError: for another mode.
        ConfigError: if settings contradict each other, or are those of another family.
    """

    family: Family
    config: Any

    def __init__(
        self, mode: str, config: BaseConfig, model_dir: str | os.PathLike[str] = "logs"
    ) -> None:
        if mode not in ("training", "inference"):
            raise UsageError(f"mode is {mode!r}; use 'training' or 'inference'.")
        check_family(config, self.family, type(self).__name__)
        config.validate()
        if mode == "training":
            augmentation_of(config)  # a wrong name is said before a network is built
        mismatch = pixel_mismatch(config)
        if mismatch:
            warnings.warn(mismatch, MaskdetWarning, stacklevel=2)
        self.mode, self.config, self.model_dir = mode, config, os.fspath(model_dir)
        self.resumption: Resumption | None = None
        self.build_anew()
        self.set_log_dir()

    def build_anew(self) -> None:
        """A network with fresh weights for the present Config, in place of any older one."""
        network = built(self.family, self.config, self.mode)
        facts = Facts(outputs=self.family.outputs)
        self.trained = Trained(self.family, network, self.config, facts)
        self.keras_model = network

    # ---- log folder and weights ------------------------------------------------------------
    def set_log_dir(self, model_path: str | os.PathLike[str] | None = None) -> None:
        """A new log folder by the clock, or the folder and epoch that a checkpoint belongs to."""
        self.epoch = 0
        log_dir = checkpoints.new_log_dir(self.model_dir, self.config)
        if model_path is not None:
            known = checkpoints.epoch_of(model_path, self.family.name, self.config)
            if known is not None:
                log_dir, self.epoch = known
                print(f"Re-starting from epoch {self.epoch}")
        self.log_to(log_dir)

    def log_to(self, log_dir: Path) -> None:
        """Take a folder for checkpoints and logs."""
        self.log_dir = os.fspath(log_dir)
        self.checkpoint_path = os.fspath(
            log_dir / f"{self.family.name}_{(self.config.NAME or '').lower()}_*epoch*.h5"
        ).replace("*epoch*", "{epoch:04d}")

    def find_last(self) -> str:
        """Path of the last checkpoint of the last training of this name below ``model_dir``.

        Raises:
            FileNotFoundError: if there is none; the message says whether folder or file lacks.
        """
        return os.fspath(checkpoints.find_last(self.model_dir, self.family.name, self.config))

    @property
    def best_path(self) -> str | None:
        """Path of the weights of the best evaluation in the log folder; None before the first one,
        and where EVALUATE_EVERY is 0."""
        path = Path(self.log_dir) / BEST_FILE
        return os.fspath(path) if path.is_file() else None

    def load_weights(
        self,
        filepath: str | os.PathLike[str],
        by_name: bool = False,
        exclude: Sequence[str] | None = None,
    ) -> LoadReport:
        """Load a .h5 file, or published weights: with the path "imagenet" for the backbone, with
        "coco" (detectors') for backbone, pyramid and what else of the network they fit, with
        "pretrained" the best of both that can be had.

        Where those are not to be had and the Config has a FALLBACK, the network is built
        anew with it, which is said; a file of a training with it is taken likewise.

        A checkpoint of a training goes on from its epoch at the next :meth:`train`; with the state
        that lies beside it exactly as if the training had never been cut.

        Args:
            filepath: a weights-only or whole-model file in matterport's layout; or one of another
                library, where the family reads such.
            by_name: layers that the file lacks keep their values (with a warning).
            exclude: names of layers to leave as they are; implies ``by_name``.

        Returns:
            What was loaded, left out by request, and not matched.

        Raises:
            WeightsError: no such file, damaged, of another family, of other shapes, or (without
                ``by_name``) lacking a layer; no published weights for this network.
        """
        self.resumption = None
        if os.fspath(filepath) in (*PRETRAINED, BEST_PRETRAINED):
            return load_by_name(self, os.fspath(filepath), exclude or ())
        if self.family.reads(filepath):
            self.trained, report = load_published(self.trained, os.fspath(filepath), exclude or ())
            return report
        check_reader(filepath, self.family, type(self).__name__)
        sidecar = read_facts(filepath)
        check_origin(filepath, sidecar, self.family, type(self).__name__)
        with as_it_was_after_errors(self):
            take_fallback_of(self, sidecar)
            report = load_into(
                self.keras_model,
                filepath,
                by_name or bool(exclude),
                exclude or (),
                self.family.weightless,
            )
        self.trained = with_file_facts(self.trained, sidecar, exclude or ())
        self.set_log_dir(filepath)
        if self.epoch and not exclude:
            self.resumption = resumption_of(filepath)
        return report

    def save_weights(self, filepath: str | os.PathLike[str]) -> None:
        """Write all weights in matterport's .h5 layout, and a JSON of the same name beside it.

        The file is whole or, if anything fails, not there; an older one stays.
        """
        write_weights(self.trained, Path(filepath))

    # ---- training --------------------------------------------------------------------------
    def train(
        self,
        train_dataset: Dataset,
        val_dataset: Dataset | None = None,
        learning_rate: float | None = None,
        epochs: int | None = None,
        layers: str | None = None,
        augmentation: Augmentation | str | None = None,
        custom_callbacks: Sequence[keras.callbacks.Callback]
        | keras.callbacks.Callback
        | None = None,
        no_augmentation_sources: Sequence[str] | None = None,
        recipe: str | None = None,
    ) -> dict[str, list[float]]:
        """Train some layers for some epochs; or, told nothing of that, by a whole recipe.

        Args:
            train_dataset: prepared.
            val_dataset: for the validation losses after each epoch, and for the evaluations that
                Config.EVALUATE_EVERY asks for (a recipe makes one after each of its stages anyway);
                None for none.
            learning_rate: the (highest) rate of this stage.
            epochs: the total, earlier calls included: training goes from ``self.epoch`` to it.
            layers: "heads", "3+", "4+", "5+", "all" or a regular expression over layer names.
            augmentation: an Augmentation or a preset's name; None means Config.AUGMENTATION.
            custom_callbacks: Keras callbacks.
            no_augmentation_sources: sources whose images stay as they are.
            recipe: a name in Config.RECIPES, "default" or "quick": stages and epochs fitted to the
                size of the set. By default "default", where none of ``learning_rate``, ``epochs``
                and ``layers`` is given.

        Returns:
            The history: a list over epochs for each loss and over evaluations for each figure;
            empty for a stage that has stopped early before (PATIENCE).

        Raises:
            UsageError: in inference mode, when nothing would train, when training diverges, for an
                unknown recipe, or when there is no set for the evaluations that the Config asks
                for.
            ConfigError: if NUM_CLASSES does not fit the data set.
        """
        options: dict[str, Any] = {
            "augmentation": augmentation,
            "custom_callbacks": custom_callbacks,
            "no_augmentation_sources": no_augmentation_sources,
        }
        stage: dict[str, Any] = {
            "learning_rate": learning_rate,
            "epochs": epochs,
            "layers": layers,
        }
        if check_stage_arguments(recipe, **stage):
            name = recipe or DEFAULT_RECIPE
            return run_recipe(self, name, train_dataset, val_dataset, **options)
        return run_stage(self, train_dataset, val_dataset, **stage, **options)

    def save_checkpoint(self, trained: Trained) -> Path:
        """Hold weights with their new facts and write them into the log folder; gives the path."""
        self.trained = trained
        path = checkpoints.checkpoint_path(
            Path(self.log_dir), self.family.name, self.config, trained.facts.epoch
        )
        self.save_weights(path)
        return path

    # ---- inference -------------------------------------------------------------------------
    #: How images get onto the network's canvas; None: as the Config says.
    prepare: Prepare | None = None

    def results(self, images: Iterable[Any], ahead: int = 0) -> Iterator[Any]:
        """The task's result for each image; any number of images of any size.

        Args:
            images: H x W x IMAGE_CHANNEL_COUNT each, RGB of 0..255, uint8 or floats; may be a
                generator, of which no more than a batch is in memory.
            ahead: how many more images may be taken, to be prepared while the network works.

        Raises:
            UsageError: in training mode, or if an image is none.
        """
        self._check_inference()
        return detect(self.trained, images, self.prepare, ahead)

    def _check_inference(self) -> None:
        if self.mode != "inference":
            raise UsageError(
                "This model was made with mode='training'; make one with mode='inference' and "
                "load the trained weights."
            )

    def inspect(
        self,
        image: Any,
        path: str | os.PathLike[str] | None = None,
        layer: str | None = None,
    ) -> np.ndarray:
        """One picture of what the network makes of an image.

        It shows the network's input; of a detector the best anchors, the same moved by their
        deltas, proposals and detections, of a classifier where it sees its two likeliest classes
        (Grad-CAM); and the liveliest feature maps at the end of each stage of the backbone, from
        what the first layer sees to what the deep ones separate.

        Args:
            image: H x W x IMAGE_CHANNEL_COUNT, RGB of 0..255.
            path: where the picture is written (.png or .jpg); None: nowhere.
            layer: show feature maps of this layer alone, 64 channels at most.

        Returns:
            The picture, uint8 (H, W, 3).

        Raises:
            UsageError: in training mode, for an image that is none, or for no such layer.
        """
        self._check_inference()
        return inspection(self.trained, image, self.own_panels, path, layer)

    def own_panels(self, look: Look) -> list[Panel]:
        """What the family adds to :meth:`inspect`: pictures with titles."""
        return []

    # ---- export ----------------------------------------------------------------------------
    def export(
        self,
        path: str | os.PathLike[str],
        precision: str | None = None,
        profile: str | None = None,
        calibration: Dataset | Sequence[Any] | str | os.PathLike[str] | None = None,
        dataset: Dataset | None = None,
        count: int | None = None,
        min_score: float = 0.05,
        calibration_images: int = 100,
        verify: bool = True,
        progress: bool = True,
        format: str | None = None,
        samples: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = (),
    ) -> ExportReport:
        """Write a file or folder that runs elsewhere, and check that it gives the same.

        ``path`` ends in .tflite (for a Raspberry Pi and any TFLite client), in .onnx, in .imx.zip
        (a one-stage detector for the Raspberry Pi AI Camera, see docs/ai_camera.md), or is a
        folder: a page that shows the network at work in a browser (``python -m maskdet serve``
        opens it), or with ``format="saved_model"`` TensorFlow's SavedModel. The model itself stays
        as it is.

        Args:
            precision: of a .tflite and a page: "float32", "float16" or "int8". By default int8 if
                ``calibration`` is given, else float32.
            profile: of a detector's file: "instances" (boxes and masks, for
                :mod:`maskdet.runtime`; the default) or "detect" (the four outputs that everybody
                else's clients read).
            calibration: for int8: a data set, images uint8 (H, W, 3), a folder of photos or their
                paths; like those the network will see. After a training of less than 460 steps a
                data set also serves to take batch norm's statistics anew, in the file.
            dataset: to compare network and file on, photo by photo, and to score both on.
            count: objects that the file reports at most, by default 20 (25 in "detect").
            min_score: lowest score that the file reports; users of it choose their own above.
            calibration_images: of ``calibration`` that are used.
            verify: run this network and the file on photos and refuse to write a file that
                differs.
            progress: show bars and print the table.
            format: "tflite", "onnx", "imx500", "saved_model" or "page", where the path does not
                say it all.
            samples: photos to try on a page, or folders of them: the first twelve are put into it,
                smaller and without what the camera wrote into them.

        Returns:
            What was written: size, operators, differences, table.

        Raises:
            UsageError: in training mode, without calibration images for int8, if the file cannot be
                written, does not agree with the network, or there is nothing to compare in the
                photos given. An older file stays then.
            ConfigError: if NUM_CLASSES does not fit ``dataset``.
        """
        self._check_inference()
        writer = writer_of(path, format, samples)
        if dataset is not None:
            check_names(dataset, self.class_names, "scored on", in_order=False)
        photos = photos_given(calibration)
        calibrated = photos is not None or writer.precisions == ("int8",)
        request = ExportRequest.of(
            self.family.task, precision, profile, calibrated, count, min_score
        )
        return export(
            settled(self.trained, photos, progress),
            path,
            request,
            photos,
            dataset,
            writer=writer,
            most_images=calibration_images,
            verify=verify,
            progress=progress,
        )
