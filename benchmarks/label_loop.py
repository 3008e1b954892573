"""What choosing photos to label is worth: AP50 against photos labelled, chosen against random.

    python benchmarks/label_loop.py --seed 0 1 2
    python benchmarks/label_loop.py --set nuts_bolts --counts 20 40 80

A person who labels photos is played by the set's own annotations. The first photos are drawn; a
network is trained on them (the recipe "quick") and scored on the set's test photos; then more are
labelled, those that `model.label` would put first ("chosen"), or others drawn at random ("random"),
and a network is trained anew, and so on. Both ways share the first photos and so the first row. A
row a training is appended to benchmarks/label_loop.csv as soon as it is there.
"""

from pathlib import Path

from common import FOLDER, command_line, keep_rows, print_table

WAYS = ("chosen", "random")
SHOWN = ["set", "way", "seed", "labelled", "objects", "box AP50", "box AP", "minutes"]


def main():
    args = parse_arguments()
    from accuracy_sets import parts_of
    from label_loop_rows import loop_rows

    from maskdet.errors import MaskdetError

    rows = []
    try:
        for name in args.set:
            parts = parts_of(name, args.data, quick=args.quick)
            for seed in args.seed:
                for row in loop_rows(parts, args.way, seed, args):
                    rows.append({"set": name, **row})
                    # At once: a run may be cut short.
                    keep_rows(args, rows[-1:])
                    print_table(rows[-1:], SHOWN)
    except MaskdetError as error:
        raise SystemExit(f"label_loop.py: {error}") from error
    print()
    print_table(rows, SHOWN)


def parse_arguments():
    parser = command_line(__file__, __doc__)
    parser.add_argument("--set", nargs="+", metavar="NAME", help="of accuracy.py (default: bccd)")
    parser.add_argument("--seed", nargs="+", type=int, default=[0], help="(default: 0)")
    parser.add_argument("--way", nargs="+", choices=WAYS, default=list(WAYS), help="(both)")
    parser.add_argument(
        "--counts", nargs="+", type=int, metavar="N", help="photos labelled (default: 20 40 80 160)"
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=FOLDER.parents[1] / "shared" / "data",
        help="folder of the real sets (default: ../shared/data beside the checkout)",
    )
    args = parser.parse_args()
    args.config, args.side, args.s, args.weights = "MobileConfig", None, [], "pretrained"
    args.recipe, args.epochs, args.rates = "quick", None, None
    if args.quick:
        args.epochs, args.side = [1, 0], 64
    args.set = args.set or (["scenes"] if args.quick else ["bccd"])
    args.counts = sorted(args.counts or ([4, 6] if args.quick else [20, 40, 80, 160]))
    return args


if __name__ == "__main__":
    main()
