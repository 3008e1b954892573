"""``maskdet train``."""

import argparse

from maskdet.commands.answers import Answer

TEXT = "train on a folder"
EXAMPLES = (("maskdet train --pipeline pipeline.config", "as the TF Object Detection API would"),)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pipeline", required=True, metavar="FILE", help="the pipeline.config")
    parser.add_argument(
        "--model-dir", default="logs", help="where log folders go (default: %(default)s)"
    )
    parser.add_argument("--epochs", type=int, help="passes over the set in place of num_steps")


def run(args: argparse.Namespace) -> Answer:
    from maskdet.models.ssd.pipeline_run import train_pipeline

    train_pipeline(args.pipeline, args.model_dir, args.epochs)
    return Answer()
