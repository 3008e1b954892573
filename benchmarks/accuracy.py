"""How well a training finds things: sets, seeds, networks and recipes, a row each.

    python benchmarks/accuracy.py --set kangaroo balloon --seed 0 1 2
    python benchmarks/accuracy.py --set kangaroo --photos 20 --epochs 8 40
    python benchmarks/accuracy.py --set bccd --validate own -s RPN_NMS_THRESHOLD=0.8
    python benchmarks/accuracy.py --summary

Each training is scored on its set's test photos (COCO's AP of boxes and masks, matterport's mean
over photos, which is the tutorial's figure, errors by kind and what each costs in AP50) and its row
appended to benchmarks/accuracy.csv at once, beside the minutes it took and the machine's own
convolutions. To choose settings use --validate, which trains and tests on parts of the training
photos; test photos are for the last word. --summary trains nothing and prints mean and spread over
seeds of the rows that are there.
"""

import argparse
import dataclasses
from pathlib import Path

from common import FOLDER, QUICK_ROUNDS, command_line, keep_rows, print_table, reference_rate

SETS = ("kangaroo", "balloon", "bccd", "nuts_bolts", "scenes")
SHOWN = ["set", "seed", "photos", "minutes", "tutorial AP", "box AP50", "box AP", "mask AP50"]


def main():
    args = parse_arguments()
    if args.summary:
        from accuracy_summary import summary

        path = args.csv or args.own_csv
        if not path.is_file():
            raise SystemExit(f"accuracy.py: there is no {path} yet; train something first.")
        print(summary(path))
        return

    from accuracy_rows import row_of
    from accuracy_sets import parts_of, some_photos

    from maskdet.errors import MaskdetError

    rows = []
    try:
        for name in args.set:
            whole = parts_of(name, args.data, args.validate, args.quick)
            for seed in args.seed:
                parts = whole
                if args.photos is not None:
                    some = some_photos(whole.train, args.photos, seed)
                    parts = dataclasses.replace(whole, train=some)
                rate = round(reference_rate(QUICK_ROUNDS), 1)
                weights = args.keep and args.keep / f"{name}_{args.config}_{seed}.h5"
                row = {"set": name, "split": parts.name, **row_of(parts, seed, args, weights)}
                rows.append(row | {"conv_gflops": rate})
                # At once: a run over many sets may be cut short.
                keep_rows(args, rows[-1:])
                print_table(rows[-1:], [*SHOWN, "mask AP"])
    except MaskdetError as error:
        raise SystemExit(f"accuracy.py: {error}") from error
    print()
    print_table(rows, [*SHOWN, "mask AP"])


def parse_arguments():
    parser = command_line(__file__, __doc__)
    parser.add_argument("--set", nargs="+", choices=SETS, metavar="NAME", help=", ".join(SETS))
    parser.add_argument("--seed", nargs="+", type=int, default=[0], help="(default: 0)")
    parser.add_argument(
        "--data",
        type=Path,
        default=FOLDER.parents[1] / "shared" / "data",
        help="folder of the real sets (default: ../shared/data beside the checkout)",
    )
    parser.add_argument("--config", default="MobileConfig", help="class (default: MobileConfig)")
    parser.add_argument("--side", type=int, help="side of the input (default: the Config's)")
    parser.add_argument(
        "-s", action="append", default=[], metavar="NAME=VALUE", help="a setting of the Config"
    )
    parser.add_argument(
        "--weights",
        default="pretrained",
        help="pretrained (default), coco, imagenet, none or a file",
    )
    parser.add_argument("--recipe", default="default", help="of train() (default: default)")
    parser.add_argument(
        "--epochs", nargs=2, type=int, metavar=("HEADS", "ALL"), help="in place of a recipe"
    )
    parser.add_argument(
        "--rates",
        nargs=2,
        type=float,
        metavar=("HEADS", "ALL"),
        help="with --epochs (default: the Config's rate, and half of it)",
    )
    parser.add_argument("--photos", type=int, help="training photos, drawn by the seed")
    parser.add_argument(
        "--validate",
        type=fold_of,
        metavar="K/N",
        help="test on the K-th of N folds of the training photos, near-identical ones together; "
        "'own': on the set's own validation photos",
    )
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="put trained weights there, SET_CONFIG_SEED.h5"
    )
    parser.add_argument("--summary", action="store_true", help="print the rows there are, by kind")
    args = parser.parse_args()
    if args.quick:
        args.epochs, args.side = args.epochs or [1, 0], args.side or 64
    args.set = args.set or (["scenes"] if args.quick else list(SETS))
    if args.rates and not args.epochs:
        parser.error("--rates needs --epochs; a recipe has its own rates")
    return args


def fold_of(text):
    """ "own", or (K, N) of "K/N"."""
    if text == "own":
        return text
    fold, _, folds = text.partition("/")
    if not (fold.isdigit() and folds.isdigit() and 1 <= int(fold) <= int(folds) >= 2):
        raise argparse.ArgumentTypeError(f"{text!r} is neither 'own' nor K/N such as 1/5")
    return int(fold), int(folds)


if __name__ == "__main__":
    main()
