"""What users hold: a detector with matterport's methods, each of them one call into an engine."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from maskdet.config import Config
from maskdet.data.augment import Augmentation
from maskdet.data.dataset import Dataset
from maskdet.data.loader import Loader
from maskdet.detections import Detections
from maskdet.errors import ConfigError, UsageError
from maskdet.evaluation.report import Evaluation, evaluate_detections
from maskdet.exporters.contract import DEFAULT_COUNTS, ExportOptions
from maskdet.exporters.export import ExportReport, Trained, export_file
from maskdet.family import Family
from maskdet.geometry.placement import Placement
from maskdet.images import resize_image
from maskdet.inference.detect import Detector as InferenceEngine
from maskdet.inference.detect import placement_rule
from maskdet.pretrained.assign import LoadReport, load_into, save_from
from maskdet.training import checkpoints
from maskdet.training.devices import building_scope
from maskdet.training.fit import Stage, run_stage, steps_of
from maskdet.training.statistics import SETTLED_STEPS, reestimate


class Detector:
    """Base of ``MaskRCNN`` and its siblings.

    Args:
        mode: "training" or "inference".
        config: an instance of a Config subclass.
        model_dir: where log folders with checkpoints go.

    Attributes scripts read: ``mode``, ``config``, ``model_dir``, ``epoch`` (done so far),
    ``log_dir``, ``checkpoint_path``, ``keras_model`` (``network`` is what the engines use, the same
    model here).

    Raises:
        UsageError: for another mode.
        ConfigError: if settings contradict each other.
    """

    family: Family

    def __init__(
        self, mode: str, config: Config, model_dir: str | os.PathLike[str] = "logs"
    ) -> None:
        if mode not in ("training", "inference"):
            raise UsageError(f"mode is {mode!r}; use 'training' or 'inference'.")
        config.validate()
        self.mode, self.config, self.model_dir = mode, config, os.fspath(model_dir)
        self.class_names: tuple[str, ...] = ()
        self.has_masks = True
        # Steps that the weights were trained for; None where nobody knows.
        self.steps: int | None = 0
        self.set_log_dir()
        keras.utils.set_random_seed(config.SEED)
        with building_scope(config) if mode == "training" else nullcontext():
            self.network = self.family.build(config, mode)
        self.keras_model = self.network

    # ---- log folder and checkpoints --------------------------------------------------------
    def set_log_dir(self, model_path: str | os.PathLike[str] | None = None) -> None:
        """A new log folder by the clock, or the folder and epoch that a checkpoint belongs to."""
        self.epoch = 0
        log_dir = checkpoints.new_log_dir(self.model_dir, self.config)
        if model_path is not None:
            known = checkpoints.epoch_of(model_path, self.family.name, self.config)
            if known is not None:
                log_dir, self.epoch = known
                print(f"Re-starting from epoch {self.epoch}")
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

    def load_weights(
        self,
        filepath: str | os.PathLike[str],
        by_name: bool = False,
        exclude: Sequence[str] | None = None,
    ) -> LoadReport:
        """Load a .h5 file, or ImageNet weights for the backbone with the path "imagenet".

        Args:
            filepath: a weights-only or whole-model file in matterport's layout.
            by_name: layers that the file lacks keep their values (with a warning).
            exclude: names of layers to leave as they are; implies ``by_name``.

        Returns:
            What was loaded, left out by request, and not matched.

        Raises:
            WeightsError: no such file, damaged, of other shapes, or (without ``by_name``) lacking
                a layer.
        """
        if os.fspath(filepath) == "imagenet":
            self.family.load_imagenet(self.keras_model, self.config)
            return LoadReport([], list(exclude or []), [])
        report = load_into(self.keras_model, filepath, by_name or bool(exclude), exclude or ())
        facts = checkpoints.read_sidecar(filepath)
        same_classes = facts.get("config", {}).get("NUM_CLASSES") == self.config.NUM_CLASSES
        if same_classes and not exclude:
            self.class_names = tuple(facts.get("class_names", ()))
            self.steps = facts.get("steps")
            self.has_masks = bool(facts.get("has_masks", True))
        self.set_log_dir(filepath)
        return report

    def save_weights(self, filepath: str | os.PathLike[str]) -> None:
        """Write all weights in matterport's .h5 layout, and a JSON of the same name beside it.

        The file is whole or, if anything fails, not there; an older one stays.
        """
        path = Path(filepath)
        if path.parent.name and not path.parent.is_dir():
            raise UsageError(f"There is no folder {path.parent} to save {path.name} in; create it.")
        save_from(self.keras_model, path)
        facts = {
            "class_names": list(self.class_names),
            "has_masks": self.has_masks,
            "steps": self.steps,
        }
        checkpoints.write_sidecar(path, self.config, self.epoch, **facts)

    # ---- training --------------------------------------------------------------------------
    def train(
        self,
        train_dataset: Dataset,
        val_dataset: Dataset | None,
        learning_rate: float,
        epochs: int,
        layers: str,
        augmentation: Augmentation | str | None = None,
        custom_callbacks: Sequence[keras.callbacks.Callback] | None = None,
        no_augmentation_sources: Sequence[str] | None = None,
    ) -> dict[str, list[float]]:
        """Train some layers for some epochs.

        Args:
            train_dataset: prepared.
            val_dataset: for the validation losses after each epoch; None for none.
            learning_rate: the (highest) rate of this stage.
            epochs: the total, earlier calls included: training goes from ``self.epoch`` to it.
            layers: "heads", "3+", "4+", "5+", "all" or a regular expression over layer names.
            augmentation: an Augmentation or a preset's name; None means Config.AUGMENTATION.
            custom_callbacks: Keras callbacks.
            no_augmentation_sources: sources whose images stay as they are.

        Returns:
            The history: a list over epochs for each loss.

        Raises:
            UsageError: in inference mode, when nothing would train, or when training diverges.
            ConfigError: if NUM_CLASSES does not fit the data set.
        """
        if self.mode != "training":
            raise UsageError(
                "This model was made with mode='inference'; make one with mode='training'."
            )
        check_classes(self.config, train_dataset)
        if epochs <= self.epoch:
            raise UsageError(
                f"epochs={epochs}, but {self.epoch} epochs are done already, so nothing would "
                f"train: epochs is the total, give more than {self.epoch}."
            )
        self.class_names = tuple(train_dataset.class_names)
        self.has_masks = bool(train_dataset.provides_masks)
        Path(self.log_dir).mkdir(parents=True, exist_ok=True)
        self.config.to_json(Path(self.log_dir) / "config.json")
        train_loader = self._loader(train_dataset, augmentation, no_augmentation_sources)
        validation = None
        if val_dataset is not None:
            check_classes(self.config, val_dataset)
            validation = (val_dataset, self._loader(val_dataset, "none", None, shuffle=False))
        stage = Stage(layers, learning_rate, self.epoch, epochs, custom_callbacks or [])
        steps = steps_of(self.config.STEPS_PER_EPOCH, train_loader)
        history = run_stage(
            self.network,
            self.family,
            self.config,
            stage,
            (train_dataset, train_loader),
            validation,
            Path(self.log_dir),
            partial(self._save_checkpoint, steps=steps),
        )
        self.epoch = max(self.epoch, epochs)
        return history

    def _save_checkpoint(self, epoch: int, steps: int = 0) -> None:
        self.epoch = epoch
        self.steps = None if self.steps is None else self.steps + steps
        name = checkpoints.checkpoint_path(Path(self.log_dir), self.family.name, self.config, epoch)
        self.save_weights(name)

    def _loader(
        self,
        dataset: Dataset,
        augmentation: Augmentation | str | None,
        plain_sources: Sequence[str] | None,
        shuffle: bool = True,
    ) -> Loader:
        config = self.config
        chosen = config.AUGMENTATION if augmentation is None else augmentation
        if isinstance(chosen, str):
            chosen = Augmentation.preset(chosen)
        most = largest_count(dataset, config.MAX_GT_INSTANCES)
        if chosen.mosaic:
            most = min(4 * most, config.MAX_GT_INSTANCES)
        return Loader(
            dataset,
            canvas=(int(config.IMAGE_SHAPE[0]), int(config.IMAGE_SHAPE[1])),
            batch_size=config.BATCH_SIZE,
            placement_rule=placement_rule(config),
            max_instances=most,
            mini_mask_shape=(config.MINI_MASK_SHAPE[0], config.MINI_MASK_SHAPE[1]),
            augment=chosen,
            shuffle=shuffle,
            seed=config.SEED,
            workers=config.LOADER_WORKERS,
            on_error=config.ON_ERROR,
            plain_sources=plain_sources or (),
            crops=config.IMAGE_RESIZE_MODE == "crop",
            channels=int(config.IMAGE_CHANNEL_COUNT),
            whole_masks=not config.USE_MINI_MASK,
        )

    # ---- inference -------------------------------------------------------------------------
    def _prepare(self, image: np.ndarray) -> tuple[np.ndarray, Placement]:
        """An image as the network takes it, (H, W, C), and where it lies there."""
        place = placement_rule(self.config, detecting=True)(image.shape)
        return resize_image(image, place), place

    def _names_or_numbers(self) -> tuple[str, ...]:
        unnamed = ("BG", *(f"class {i}" for i in range(1, self.config.NUM_CLASSES)))
        return self.class_names or unnamed

    def detections(self, images: Iterable[Any]) -> Iterator[Detections]:
        """Detections of each image, in its own pixels; any number of images of any size.

        Args:
            images: H x W x IMAGE_CHANNEL_COUNT each, RGB of 0..255, uint8 or floats; may be a
                generator.

        Raises:
            UsageError: in training mode, or if an image is none.
        """
        if self.mode != "inference":
            raise UsageError(
                "This model was made with mode='training'; make one with mode='inference' and "
                "load the trained weights."
            )
        names = self._names_or_numbers()
        engine = InferenceEngine(
            self.network, self.family, self.config, names, self.has_masks, self._prepare
        )
        return engine.stream(images)

    def detect(self, images: Sequence[Any], verbose: int = 0) -> list[dict[str, np.ndarray]]:
        """matterport's form of :meth:`detections`.

        Returns:
            A dict for each image: rois (N, 4) int32, class_ids (N,) int32, scores (N,) float32,
            masks (H, W, N) bool, best first.
        """
        if verbose:
            print(f"Processing {len(images)} images")
        return [found.to_matterport() for found in self.detections(images)]

    def evaluate(self, dataset: Dataset, progress: bool = True) -> Evaluation:
        """COCO's box and mask AP and matterport's mean over a data set.

        Raises:
            UsageError: in training mode.
            ConfigError: if NUM_CLASSES does not fit the data set.
        """
        from tqdm.auto import tqdm

        check_classes(self.config, dataset)
        if not self.class_names:
            self.class_names = tuple(dataset.class_names)
        ids = list(dataset.image_ids)
        images = (dataset.load_image(i) for i in ids)
        found = list(tqdm(self.detections(images), "detecting", len(ids), disable=not progress))
        return evaluate_detections(dataset, found)

    # ---- export ----------------------------------------------------------------------------
    def export(
        self,
        path: str | os.PathLike[str],
        precision: str | None = None,
        profile: str = "instances",
        calibration: Dataset | Sequence[np.ndarray] | None = None,
        dataset: Dataset | None = None,
        count: int | None = None,
        min_score: float = 0.05,
        calibration_images: int = 100,
        verify: bool = True,
        progress: bool = True,
    ) -> ExportReport:
        """Write one file that runs elsewhere, and check that it gives the same.

        ``path`` ends in .tflite (for a Raspberry Pi and any TFLite client), in .onnx, or is a
        folder for a SavedModel.

        Args:
            precision: of a .tflite: "float32", "float16" or "int8". By default int8 if
                ``calibration`` is given, else float32.
            profile: of a .tflite: "instances" (boxes and masks, for :mod:`maskdet.runtime`) or
                "detect" (the four outputs that everybody else's clients read).
            calibration: for int8: a data set, or images uint8 (H, W, 3), like those the detector
                will see. After a training of less than 460 steps a data set also serves to take
                batch norm's statistics anew.
            dataset: to compare AP of network and file on.
            count: objects that the file reports at most, by default 20 (25 in "detect").
            min_score: lowest score that the file reports; users of it choose their own above.
            calibration_images: of ``calibration`` that are used.
            verify: run network and file on photos and refuse to write a file that differs.
            progress: show bars and print the table.

        Returns:
            What was written: size, operators, differences, table.

        Raises:
            UsageError: in training mode, without calibration images for int8, if the file cannot be
                written or does not agree with the network. An older file stays then.
            ConfigError: if NUM_CLASSES does not fit ``dataset``.
        """
        if self.mode != "inference":
            raise UsageError(
                "This model was made with mode='training'; make one with mode='inference', load "
                "the trained weights, and export that."
            )
        if dataset is not None:
            check_classes(self.config, dataset)
        self._settle(calibration, progress)
        chosen = precision or ("int8" if calibration is not None else "float32")
        options = ExportOptions(chosen, profile, count or DEFAULT_COUNTS.get(profile, 1), min_score)
        names = self._names_or_numbers()
        trained = Trained(self.family, self.network, self.config, names, self.has_masks)
        report = export_file(
            trained, path, options, calibration, calibration_images, dataset, verify, progress
        )
        if progress and report.rows:
            print(report.table())
        return report

    def _settle(self, photos: Any, progress: bool) -> None:
        """Take batch norm's statistics anew where the training was too short for them."""
        short = self.steps is not None and 0 < self.steps < SETTLED_STEPS
        if not short or not isinstance(photos, Dataset) or not len(photos.image_ids):
            return
        check_classes(self.config, photos)
        loader = self._loader(photos, "none", None)
        count = reestimate(self.network, self.family, self.config, photos, loader, progress)
        if progress and count:
            print(
                f"The training had {self.steps} steps, too few for batch norm's statistics: those "
                f"of {count} layers are taken anew from the calibration photos."
            )
        self.steps = None


def largest_count(dataset: Dataset, limit: int) -> int:
    """Objects of the image with most of them, 1 to ``limit``; large sets are not counted.

    Targets are worked out for every padded object too, so padding beyond what a set needs is paid
    for at each step.
    """
    if len(dataset.image_ids) > 5000:
        return limit
    read = dataset.load_mask if dataset.provides_masks else dataset.load_boxes
    if dataset.provides_masks and type(dataset).load_boxes is not Dataset.load_boxes:
        read = dataset.load_boxes  # cheaper than bitmaps
    if read == dataset.load_mask and len(dataset.image_ids) > 200:
        return limit
    counts = [len(read(int(image_id))[1]) for image_id in dataset.image_ids]
    return max(1, min(limit, max(counts, default=1)))


def check_classes(config: Config, dataset: Dataset) -> None:
    """Raises ConfigError where a data set is not prepared or has another number of classes."""
    names = list(getattr(dataset, "class_names", []))
    if not names:
        raise UsageError("The data set is not prepared; call its prepare() first.")
    if len(names) != config.NUM_CLASSES:
        raise ConfigError(
            f"NUM_CLASSES is {config.NUM_CLASSES}, but the data set has {len(names)} classes with "
            f"the background ({', '.join(names)}); set NUM_CLASSES = {len(names)}."
        )
    if not len(dataset.image_ids):
        raise UsageError("The data set has no images; look at the path it was read from.")
