"""How detect()'s time grows with pixels and with detections: ResNet50 Mask R-CNN, 81 classes.

    python benchmarks/cost.py [--plot benchmarks/cost.png]

Sides of 256 to 2048 px with 100 detections, sizes taking turns, and 0 to 200 detections at 512 px.
Prints a table and appends its rows to benchmarks/cost.csv with machine, versions and settings;
--plot draws them.
"""

from pathlib import Path

from common import command_line, keep_rows, print_table

SIDES = (256, 512, 768, 1024, 1536, 2048)
COUNTS = (0, 25, 50, 100, 150, 200)
COUNTS_SIDE = 512
ROUNDS = 5


def main():
    parser = command_line(__file__, __doc__)
    parser.add_argument("--plot", type=Path, metavar="FILE", help="a picture of both curves")
    args = parser.parse_args()

    from cost_rows import plot, rows_of

    if args.quick:
        rows = rows_of(SIDES[:2], 100, 2) + rows_of([COUNTS_SIDE], COUNTS[-1], 2)
    else:
        rows = rows_of(SIDES, 100, ROUNDS)
        rows += [row for count in COUNTS for row in rows_of([COUNTS_SIDE], count, ROUNDS)]
    print_table(rows, ["side", "megapixels", "detections", "ms"])
    keep_rows(args, rows)
    if args.plot:
        plot(rows, args.plot)


if __name__ == "__main__":
    main()
