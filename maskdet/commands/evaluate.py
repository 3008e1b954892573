"""``maskdet evaluate``."""

import argparse
from pathlib import Path

from maskdet.commands.answers import Answer
from maskdet.commands.options import (
    add_overwrite,
    add_settings,
    add_weights,
    check_free,
    settings_of,
    weights_path,
)
from maskdet.errors import UsageError
from maskdet.jobs.exported import is_exported

TEXT = "score trained weights or an exported file on a data set, and write a report"
EXAMPLES = (
    ("maskdet evaluate trained/my_photos", "on the photos that this training has held out"),
    ("maskdet evaluate trained/my_photos more_photos", "on another set; report.html shows it"),
    ("maskdet evaluate mine.tflite my_photos --part val", "the file for the Pi on one part"),
    ("maskdet evaluate mine.h5 my_photos --json > figures.json", "for programs"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_weights(parser, files=True)
    parser.add_argument(
        "data",
        nargs="?",
        metavar="DATA",
        help="data set in any format (default: what the training held out)",
    )
    parser.add_argument(
        "--part",
        metavar="NAME",
        help="train, val or test, or a file that lists photos (default: the part that was not "
        "trained on, where there is one, else all)",
    )
    parser.add_argument(
        "--report", metavar="FILE", help="(default: report.html; for .tflite files: none)"
    )
    add_settings(parser)
    add_overwrite(parser)


def run(args: argparse.Namespace) -> Answer:
    is_file = is_exported(args.weights)
    if is_file and (args.report or args.settings):
        raise UsageError(
            "A .tflite file gives figures only; give the training's weights for --report and -s."
        )
    weights = args.weights if is_file else weights_path(args.weights)
    report = None if is_file else Path(args.report or "report.html")
    if report is not None:
        check_free(report, args.overwrite, "--report")
    from maskdet.jobs.evaluation import (
        evaluate_and_report,
        evaluate_file,
        known_classes,
        photos_to_evaluate,
    )
    from maskdet.jobs.run_folder import folder_of
    from maskdet.models.evaluating import MIN_SCORE
    from maskdet.models.opening import open_model
    from maskdet.photo_results import shown_path

    folder = None if is_file else folder_of(weights)
    asked = photos_to_evaluate(args.data, folder, args.part, known_classes(weights))
    print(f"{shown_path(asked.data)}: {len(asked.dataset.image_ids)} photos, {asked.name}")
    if is_file:
        result = evaluate_file(weights, asked.dataset)
    else:
        model = open_model(weights, min_score=MIN_SCORE, **settings_of(args.settings))
        log_dir = None if folder is None else folder.log_dir()
        name = Path(asked.data).resolve().name
        result = evaluate_and_report(model, asked.dataset, report, None, log_dir, name)
    print(result.evaluation.table())
    if report is not None:
        print(f"written: {report} (open it in a browser)")
    return Answer(
        {
            "weights": args.weights,
            "data": asked.data,
            "part": asked.name,
            "photos": result.photos,
            "seconds": result.seconds,
            "figures": result.figures,
            "evaluation": result.evaluation.to_dict(),
            "report": report,
        }
    )
