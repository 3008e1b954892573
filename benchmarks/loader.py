"""How fast batches are made, and how much longer a training takes than with ready-made ones.

    python benchmarks/loader.py [--data FOLDER] [--batch 8] [--steps 40]

Prints a table and appends its rows to benchmarks/loader.csv with machine, versions and settings.
Without --data the embedded scenes are used (boxes and masks). The reference of a training's steps
is the same training with four ready-made batches over and over.
"""

import tempfile
from pathlib import Path

from common import command_line, keep_rows, print_table


def main():
    parser = command_line(__file__, __doc__)
    parser.add_argument("--data", help="folder of a data set in any format")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, help="of each training; default 40, --quick: 6")
    args = parser.parse_args()

    from loader_rows import all_rows
    from trained import opened

    from maskdet.data.scenes import write_scenes

    with tempfile.TemporaryDirectory() as folder:
        if args.data is None:
            write_scenes(folder, 16 if args.quick else 96)
        dataset = opened(args.data or folder)
        rows = all_rows(dataset, args.batch, args.steps or (6 if args.quick else 40), args.quick)
    print_table(rows, ["what", "cached", "images_per_s", "waiting"])
    settings = {"data": Path(args.data).name if args.data else "scenes", "batch": args.batch}
    keep_rows(args, [{**settings, **row} for row in rows])


if __name__ == "__main__":
    main()
