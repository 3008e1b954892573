"""How well and how fast photos are told apart: trainings by seed, and one photo end to end.

    python benchmarks/classification.py --seed 0 1 2
    python benchmarks/classification.py --validate 1/5 2/5 --layers heads 4+ --augmentation none
    python benchmarks/classification.py --latency

Each training is on train/ and scored on val/ (accuracy, calibration error), its row appended to
benchmarks/classification.csv at once, beside minutes, minutes of processor time and the machine's
own convolutions. To choose settings use --validate, which trains and tests on parts of the training
photos. --layers trains in one stage behind the recipe's first: "heads" stops before it. --latency
times, on one thread and in rounds that take turns, a photo through maskdet.runtime and its backbone
alone, as float32 and int8 files.
"""

import argparse
from pathlib import Path

from common import FOLDER, QUICK_ROUNDS, command_line, keep_rows, print_table, reference_rate

SHOWN = ["set", "split", "seed", "layers", "augmentation", "accuracy", "calibration", "minutes"]
LATENCY = ["file", "MB", "end to end ms", "backbone ms", "ratio"]


def main():
    args = parse_arguments()
    from classification_rows import latency_rows, parts_of, recipe_row, stage_rows

    from maskdet.errors import MaskdetError

    rows = []
    try:
        if args.latency:
            rows = latency_rows(parts_of(args.data, None, args.quick), args.quick)
            keep_rows(args, rows)
            print_table(rows, LATENCY)
            return
        for fold in args.validate or [None]:
            parts = parts_of(args.data, fold, args.quick)
            for seed in args.seed:
                for augmentation in args.augmentation:
                    rate = round(reference_rate(QUICK_ROUNDS), 1)
                    make = stage_rows if args.layers else recipe_row
                    for row in make(parts, seed, augmentation, args):
                        rows.append(row | {"conv_gflops": rate})
                        # At once: a run over many seeds may be cut short.
                        keep_rows(args, rows[-1:])
                        print_table(rows[-1:], [*SHOWN, "cpu_minutes"])
    except MaskdetError as error:
        raise SystemExit(f"classification.py: {error}") from error
    print()
    print_table(rows, [*SHOWN, "cpu_minutes"])


def parse_arguments():
    parser = command_line(__file__, __doc__)
    parser.add_argument("--seed", nargs="+", type=int, default=[0], help="(default: 0)")
    parser.add_argument(
        "--data",
        type=Path,
        default=FOLDER.parents[1] / "shared" / "data" / "hymenoptera",
        help="folder with train/ and val/ (default: ../shared/data/hymenoptera)",
    )
    parser.add_argument(
        "-s", action="append", default=[], metavar="NAME=VALUE", help="a setting of the Config"
    )
    parser.add_argument("--recipe", default="default", help="of train() (default: default)")
    parser.add_argument(
        "--layers", nargs="+", metavar="WORD", help="heads, 5+, 4+, 3+, all: in place of a recipe"
    )
    parser.add_argument(
        "--augmentation", nargs="+", default=[None], metavar="PRESET", help="(default: Config's)"
    )
    parser.add_argument(
        "--validate",
        nargs="+",
        type=fold_of,
        metavar="K/N",
        help="test on the K-th of N folds of the training photos, near-identical ones together",
    )
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="put trained weights there")
    parser.add_argument("--latency", action="store_true", help="time files; train nothing")
    return parser.parse_args()


def fold_of(text):
    """(K, N) of "K/N"."""
    fold, _, folds = text.partition("/")
    if not (fold.isdigit() and folds.isdigit() and 1 <= int(fold) <= int(folds) >= 2):
        raise argparse.ArgumentTypeError(f"{text!r} is not K/N such as 1/5")
    return int(fold), int(folds)


if __name__ == "__main__":
    main()
