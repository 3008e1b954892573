"""What masks are worth that boxes alone have taught, beside outlines and beside boxes filled in.

    python benchmarks/box_supervision.py --seed 0 1 2
    python benchmarks/box_supervision.py --set kangaroo --rule boxes --sheet sheet.jpg
    python benchmarks/box_supervision.py --time
    python benchmarks/box_supervision.py --summary

For each set and seed three trainings of the same network, recipe and photos: "filled": the mask
head learns boxes filled in, as the kangaroo tutorial has it; "boxes": it learns from boxes and
colours (MASK_SUPERVISION); "outlines": from the set's own outlines. All are scored on the outlines
of the set's test photos. The kangaroo set has no outlines: there masks are held against those of
20 test photos that were drawn by hand (outlines.py), and there is no third row. A row is appended
to benchmarks/box_supervision.csv as soon as it is there. --time trains nothing: it compares a
training step by boxes with one by outlines, in turns.
"""

from pathlib import Path

from common import FOLDER, QUICK_ROUNDS, ROUNDS, command_line, keep_rows, print_table

SETS = {"scenes": "ScenesConfig", "balloon": "MobileConfig", "kangaroo": "MobileConfig"}
RULES = ("filled", "boxes", "outlines")
SHOWN = ["set", "rule", "seed", "minutes", "box AP50", "box AP", "mask AP50", "mask AP", "overlap"]


def main():
    args = parse_arguments()
    if args.summary:
        from box_supervision_rows import summary

        print(summary(args.csv or args.own_csv))
        return

    if args.time:
        from box_supervision_rows import step_times

        rows = step_times(QUICK_ROUNDS if args.quick else ROUNDS, 2 if args.quick else 8)
        keep_rows(args, rows)
        print_table(rows, ["layers", "outlines ms", "boxes ms", "ratio"])
        return

    from accuracy_sets import parts_of
    from box_supervision_rows import measured

    from maskdet.errors import MaskdetError

    rows = []
    try:
        for name in args.set:
            parts = parts_of(name, args.data, quick=args.quick)
            for seed in args.seed:
                for rule in args.rule:
                    if (name, rule) == ("kangaroo", "outlines"):
                        continue
                    args.config = SETS[name]
                    rows.append({"set": name, **measured(name, parts, rule, seed, args)})
                    # At once: a run over many sets may be cut short.
                    keep_rows(args, rows[-1:])
                    print_table(rows[-1:], SHOWN)
    except MaskdetError as error:
        raise SystemExit(f"box_supervision.py: {error}") from error
    print()
    print_table(rows, SHOWN)


def parse_arguments():
    parser = command_line(__file__, __doc__)
    parser.add_argument("--set", nargs="+", choices=SETS, metavar="NAME", help=", ".join(SETS))
    parser.add_argument("--rule", nargs="+", choices=RULES, metavar="RULE", help=", ".join(RULES))
    parser.add_argument("--seed", nargs="+", type=int, default=[0], help="(default: 0)")
    parser.add_argument(
        "--data",
        type=Path,
        default=FOLDER.parents[1] / "shared" / "data",
        help="folder of the real sets (default: ../shared/data beside the checkout)",
    )
    parser.add_argument(
        "-s", action="append", default=[], metavar="NAME=VALUE", help="a setting of the Config"
    )
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="put trained weights there, SET_RULE_SEED.h5"
    )
    parser.add_argument(
        "--sheet", type=Path, metavar="FILE", help="draw the test photos of the last training"
    )
    parser.add_argument(
        "--photos", nargs="+", metavar="NAME", help="which of them, without ending (default: all)"
    )
    parser.add_argument("--time", action="store_true", help="compare training steps")
    parser.add_argument("--summary", action="store_true", help="print the rows there are, by kind")
    args = parser.parse_args()
    args.weights, args.recipe, args.rates, args.side = "pretrained", "default", None, None
    args.epochs = None
    if args.quick:
        args.epochs, args.side = [1, 0], 64
    args.set = args.set or (["scenes"] if args.quick else list(SETS))
    args.rule = args.rule or (["boxes"] if args.quick else list(RULES))
    return args


if __name__ == "__main__":
    main()
