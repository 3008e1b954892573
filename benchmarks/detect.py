"""How long the command "maskdet detect" takes on photos, from its start to the last picture.

    python benchmarks/detect.py --model WEIGHTS --photos FOLDER [--count 100] [--rounds 5]

Beside it stands what the network alone takes for the same photos in the same batches, in turns with
the command. The start is over when the first line is there, so it has the first batch in it.
Prints a table and appends its rows to benchmarks/detect.csv with machine, versions and settings.
"""

import tempfile
from pathlib import Path

from common import command_line, keep_rows, print_table

COLUMNS = [
    *("photos", "start_s", "whole_s", "network_s"),
    *("rest_over_network", "beyond_4s_over_network", "machine_gflops"),
]


def main():
    parser = command_line(__file__, __doc__)
    parser.add_argument(
        "--model", required=True, help="trained weights (.h5) or an exported file (.tflite)"
    )
    parser.add_argument("--photos", required=True, help="folder of photos")
    parser.add_argument("--count", type=int, help="of photos; default 100, --quick: 12")
    parser.add_argument("--rounds", type=int, help="default 5, --quick: 1")
    args = parser.parse_args()

    from detect_rows import readable_photos, row_of

    photos = readable_photos(args.photos, args.count or (12 if args.quick else 100))
    with tempfile.TemporaryDirectory() as folder:
        row = row_of(args.model, photos, Path(folder), args.rounds or (1 if args.quick else 5))
    print_table([row], COLUMNS)
    settings = {"model": Path(args.model).name, "data": Path(args.photos).name}
    keep_rows(args, [{**settings, **row}])


if __name__ == "__main__":
    main()
