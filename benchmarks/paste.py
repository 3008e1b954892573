"""Pasting masks into a 640 x 480 photo on one thread: full-size masks, and what needs none.

    python benchmarks/paste.py

Twenty masks of 28 x 28 whose outlines are smooth, as of a mask head, in boxes of 5 to 15, of
30 to 50 and of 92 to 100 % of the photo's sides; and twenty of random numbers in the largest boxes,
the raggedest there are. Milliseconds of all twenty, medians of rounds in which all ways take
turns. Beside them two references of the same run: "products", as full-size masks were made before,
by two products of float32 matrices each, and "fill", a full-size stack of zeros with boxes filled.
Rows go to benchmarks/paste.csv.
"""

import os

from common import command_line, keep_rows, print_table

COUNTS = ["rows", "pixels", "crossings"]
TIMES = ["products", "fill", "runs", "full size", "crops", "areas", "rle", "draw"]


def main():
    parser = command_line(__file__, __doc__)
    args = parser.parse_args()
    for library in ("OMP", "OPENBLAS", "MKL"):  # read when numpy is loaded, which is below
        os.environ[f"{library}_NUM_THREADS"] = "1"

    from paste_rows import all_rows

    rows = all_rows(rounds=5 if args.quick else 101)
    print_table(rows, ["masks", *TIMES])
    print_table(rows, ["masks", *COUNTS])
    keep_rows(args, rows)


if __name__ == "__main__":
    main()
