"""Time of detect() with a ResNet50 Mask R-CNN, in turns with torchvision's.

    python benchmarks/inference.py [--side 512 1024] [--detections 100 10]

Both have 81 classes and random weights, keep every score, and get one photo as large as their
input, so that neither shrinks or enlarges it. Prints a table and appends its rows to
benchmarks/inference.csv with machine, versions and settings. torchvision is installed into .peers/
the first time; MASKDET_PEERS names an environment that has it.
"""

from common import QUICK_ROUNDS, command_line, keep_rows, print_table, reference_rate

ROUNDS = 9


def main():
    parser = command_line(__file__, __doc__)
    parser.add_argument("--side", type=int, nargs="+", default=[512, 1024], help="of the input")
    parser.add_argument("--detections", type=int, nargs="+", default=[100, 10], help="of a photo")
    parser.add_argument(
        "--dtype", nargs="+", default=["float32"], help="what our network computes in"
    )
    args = parser.parse_args()

    from inference_rows import row_of

    rounds = QUICK_ROUNDS if args.quick else ROUNDS
    sides, counts = (
        (args.side[:1], args.detections[:1])
        if args.quick
        else (
            args.side,
            args.detections,
        )
    )
    rate = reference_rate()
    print(f"3 x 3 convolution: {rate:.0f} GFLOP/s")
    rows = [
        {**row_of(side, count, dtype, rounds), "conv_gflops": rate}
        for side in sides
        for count in counts
        for dtype in args.dtype
    ]
    print_table(rows, ["side", "detections", "dtype", "ms", "torchvision_ms", "ratio"])
    keep_rows(args, rows)


if __name__ == "__main__":
    main()
