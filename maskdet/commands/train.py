"""``maskdet train``."""

import argparse
from shlex import quote
from typing import Any

from maskdet.commands.answers import Answer
from maskdet.commands.options import add_overwrite, add_settings, settings_of, weights_path
from maskdet.errors import UsageError

TEXT = "train on a folder of photos and annotations; leaves weights and a report"
EXAMPLES = (
    ("maskdet train my_photos", "weights.h5 and report.html in trained/my_photos"),
    ("maskdet train my_photos --recipe quick", "in half the time, a little less accurate"),
    ("maskdet train my_photos --config pi", "a network for the Raspberry Pi"),
    ("maskdet train my_photos -s IMAGE_MAX_DIM=640 -s IMAGE_MIN_DIM=640", "for small objects"),
    ("maskdet train my_photos --resume", "go on with a training that was stopped"),
    ("maskdet train my_photos --test new_photos", "train on all, figures from another set"),
    ("maskdet train --pipeline pipeline.config", "an SSD as the TF Object Detection API says"),
)
# Known here too, so that the parser loads nothing; a test holds them together.
_CONFIGS = ("mobile", "pi", "pi-small", "lite", "standard", "ssd", "yolox", "classifier")

# So are these: what a training may start from beside a file.
_STARTS = ("pretrained", "imagenet", "coco", "none")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "data", nargs="?", metavar="DATA", help="folder or file of a data set in any format"
    )
    parser.add_argument("--out", metavar="FOLDER", help="(default: trained/<name of the set>)")
    parser.add_argument(
        "--config",
        choices=_CONFIGS,
        metavar="NAME",
        help=f"network and settings: {', '.join(_CONFIGS)} (default: what fits the set)",
    )
    parser.add_argument(
        "--recipe", metavar="NAME", help="default or quick, or another of the Config's RECIPES"
    )
    parser.add_argument(
        "--weights",
        metavar="WEIGHTS",
        help="what training starts from: pretrained (the default), coco, imagenet, none, a file, "
        "or a training's folder",
    )
    parser.add_argument("--test", metavar="DATA", help="data set for the figures")
    parser.add_argument(
        "--held-out",
        type=float,
        metavar="SHARE",
        help="share of the photos that is kept for the figures (default: 0.2, or the set's own "
        "parts)",
    )
    parser.add_argument("--seed", type=int, help="of split and training (default: 0)")
    add_settings(parser)
    parser.add_argument(
        "--resume", action="store_true", help="go on where a training in the folder was stopped"
    )
    add_overwrite(parser)
    parser.add_argument(
        "--pipeline", metavar="FILE", help="instead of DATA: a pipeline.config of the TF API"
    )
    parser.add_argument("--epochs", type=int, help="with --pipeline: in place of its num_steps")
    parser.add_argument(
        "--model-dir", default="logs", help="with --pipeline: log folders (default: %(default)s)"
    )


def run(args: argparse.Namespace) -> Answer:
    if (args.data is None) == (args.pipeline is None):
        raise UsageError("Say what to train on: maskdet train FOLDER (or --pipeline FILE).")
    if args.pipeline:
        from maskdet.models.ssd.pipeline_run import train_pipeline

        train_pipeline(args.pipeline, args.model_dir, args.epochs)
        return Answer({"pipeline": args.pipeline, "model_dir": args.model_dir})
    if args.epochs is not None:
        raise UsageError(
            "--epochs goes with --pipeline; a training on a folder is as long as its recipe says "
            "(--recipe quick, or -s RECIPES=...)."
        )
    if args.resume and args.overwrite:
        raise UsageError("--resume goes on with a training, --overwrite removes it; give one.")
    settings = settings_of(args.settings)
    from maskdet.jobs.training import TrainingOptions, train_folder

    options = TrainingOptions(
        args.data,
        args.test,
        args.held_out,
        args.config,
        args.recipe,
        _start(args.weights),
        args.seed,
        settings,
    )
    result = train_folder(options, args.out, args.resume, args.overwrite)
    _say_what_comes_next(args.data, result)
    return Answer(_facts(result))


def after_a_stop(args: argparse.Namespace) -> str:
    """How a training that was stopped goes on; "" where none was begun."""
    if args.data is None:
        return ""
    from maskdet.jobs.run_folder import RunFolder
    from maskdet.jobs.training import default_folder

    if not RunFolder(args.out or default_folder(args.data)).run.is_file():
        return ""
    out = f" --out {quote(args.out)}" if args.out else ""
    return (
        "Every finished epoch is kept; to go on from there: "
        f"maskdet train {quote(args.data)}{out} --resume"
    )


def _start(weights: str | None) -> str | None:
    """What a training starts from, where a training's folder is given for its weights."""
    return weights if weights in (None, *_STARTS) else weights_path(weights)


def _say_what_comes_next(data: str, result: Any) -> None:
    folder, name = result.folder, result.folder.path.resolve().name
    print(f"\n{result.minutes:.1f} minutes in all; {folder.path} has")
    print(f"  {folder.weights.name}, the network")
    if result.evaluated is not None:
        print(f"  {folder.report.name}, how good it is: open it in a browser")
        print(f"  {folder.metrics.name}, the same for programs")
    path = quote(str(folder.path))
    print("What comes next:")
    print(f"  maskdet detect {path} new_photos")
    print(f"  maskdet export {path} {quote(name)}.tflite --calibration {quote(data)}")


def _facts(result: Any) -> dict[str, Any]:
    evaluated = result.evaluated
    return {
        "out": result.folder.path,
        "weights": result.folder.weights,
        "report": None if evaluated is None else evaluated.report,
        "config": type(result.choice.config).__name__,
        "photos": result.photos,
        "minutes": result.minutes,
        "figures": None if evaluated is None else evaluated.figures,
        "evaluation": None if evaluated is None else evaluated.evaluation.to_dict(),
    }
