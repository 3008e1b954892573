"""What the three inspections share: their options, the data set, where pictures go."""

import argparse
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import matplotlib
import numpy as np
from numpy.typing import NDArray

from maskdet import Config, Dataset, MaskRCNN
from maskdet.geometry import Placement
from maskdet.images import resize_image
from maskdet.training.checkpoints import read_sidecar

Array = NDArray[Any]
EXAMPLES = Path(__file__).resolve().parents[1]
IN_NOTEBOOK = "ipykernel" in sys.modules
if not IN_NOTEBOOK:
    matplotlib.use("Agg")  # needs no screen


def options(
    description: str | None, output: str, weights: bool, arguments: Sequence[str] | None = None
) -> argparse.Namespace:
    """The options of the command line; in a notebook their defaults, to be changed there."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--dataset",
        default="shapes",
        help="'shapes' (default: drawn on the fly), a folder in a format that maskdet reads, the "
        "balloon set's folder, or a COCO JSON file",
    )
    parser.add_argument("--images", type=int, default=40, help="of 'shapes' (default: 40)")
    parser.add_argument("--image", type=int, default=0, help="which one to look at (default: 0)")
    parser.add_argument("--output", default=output, help=f"folder for pictures (default: {output})")
    if weights:
        parser.add_argument(
            "--weights",
            default="shapes_output/shapes.h5",
            help="a file that maskdet trained (default: what examples/shapes/train.py writes)",
        )
    given = [] if IN_NOTEBOOK and arguments is None else arguments
    args = parser.parse_args(given)
    if weights and not Path(args.weights).is_file():
        sys.exit(
            f"There is no file {args.weights}; run 'python examples/shapes/train.py' first, or "
            "give --weights a trained file."
        )
    return args


def example(path: str) -> ModuleType:
    """Another example's script as a module, by its path below examples/."""
    name = "example_" + path.removesuffix(".py").replace("/", "_")
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, EXAMPLES / path)
        assert spec is not None and spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def open_dataset(source: str, images: int = 40) -> Dataset:
    """A prepared data set; see the option --dataset."""
    path = Path(source)
    if source == "shapes":
        dataset = example("shapes/train.py").ShapesDataset()
        dataset.load_shapes(images, (128, 128), seed=1_000_000)
    elif path.suffix == ".json" or (path / "instances.json").is_file():
        dataset = example("coco/coco.py").CocoDataset()
        dataset.load_coco(path)
    elif (path / "train" / "via_region_data.json").is_file():
        dataset = example("balloon/train.py").BalloonDataset()
        dataset.load_balloon(path, "train")
    else:
        return Dataset.load(path, on_error="skip")
    dataset.prepare()
    return dataset


def config_for(dataset: Dataset) -> Config:
    """Settings that fit a data set: those of the shapes, or the light network's."""
    if dataset.sources[-1] == "shapes":
        return example("shapes/train.py").ShapesConfig()
    from maskdet import LiteConfig

    config = LiteConfig()
    config.NAME, config.NUM_CLASSES = "inspect", dataset.num_classes
    return config


def open_model(weights: str) -> MaskRCNN:
    """A network for detection with trained weights and the settings that lie beside them."""
    facts = read_sidecar(weights)
    if "config" not in facts:
        sys.exit(f"{weights}.json is missing; copy it along with the weights, it holds the Config.")
    config = Config.from_dict(facts["config"])
    config.IMAGES_PER_GPU = 1
    config.DETECTION_MIN_CONFIDENCE = 0.05
    model = MaskRCNN(mode="inference", config=config, model_dir="logs")
    model.load_weights(weights)
    return model


def network_input(image: Array, config: Config) -> tuple[Array, Placement]:
    """An image on the network's canvas, and where it lies there."""
    placement = config.placement_rule(detecting=True)(image.shape)
    return resize_image(image, placement), placement


class Pictures:
    """Takes figures: a file each below a folder, and in a notebook on the page too."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def keep(self, figure: Any, name: str) -> Path:
        """Write a matplotlib figure as <name>.png."""
        path = self.folder / f"{name}.png"
        figure.savefig(path, dpi=110)
        if IN_NOTEBOOK:
            from IPython.display import display

            display(figure)
        print(path)
        return path


def figure(width: float, height: float) -> Any:
    """An empty figure of so many inches, which does not show itself."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def show_boxes(axes: Any, boxes: Array, color: Any, style: str = "-", width: float = 1.2) -> None:
    """Put boxes (N, 4) y1, x1, y2, x2 as frames over a picture."""
    from matplotlib.patches import Rectangle

    for y1, x1, y2, x2 in np.asarray(boxes, dtype=float).reshape(-1, 4):
        frame = Rectangle(
            (x1 - 0.5, y1 - 0.5), x2 - x1, y2 - y1, fill=False, ec=color, ls=style, lw=width
        )
        axes.add_patch(frame)


def table(rows: Sequence[Sequence[Any]]) -> str:
    """Rows as text in columns, the first left-aligned."""
    texts = [[str(value) for value in row] for row in rows]
    widths = [max(len(row[i]) for row in texts) for i in range(len(texts[0]))]
    return "\n".join(
        "  ".join(
            text.ljust(width) if i == 0 else text.rjust(width)
            for i, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in texts
    )
