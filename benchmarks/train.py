"""Time of a training step of the light Mask R-CNN, as a ratio to the machine's own convolutions.

    python benchmarks/train.py [--batch 8] [--masks]

Prints a table and appends its rows to benchmarks/train.csv with machine, versions and settings.
With TF_ENABLE_ONEDNN_OPTS=0 in the environment it shows what oneDNN's kernels do for a step.
"""

from common import (
    QUICK_ROUNDS,
    ROUNDS,
    command_line,
    keep_rows,
    median_seconds,
    print_table,
    reference_rate,
    seconds_of,
)


def main():
    parser = command_line(__file__, __doc__)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--masks", action="store_true", help="with the mask head")
    args = parser.parse_args()

    from training_step import TrainingStep, light_config

    rounds = QUICK_ROUNDS if args.quick else ROUNDS
    config = light_config(args.batch)
    rate = reference_rate(rounds)
    rows = []
    for layers in ("heads",) if args.quick else ("heads", "all"):
        step = TrainingStep(config, layers, args.masks)
        first = seconds_of(step)
        seconds = median_seconds(step, rounds) / args.batch
        rows.append(
            {
                "backbone": config.BACKBONE,
                "side": config.IMAGE_MAX_DIM,
                "batch": args.batch,
                "masks": args.masks,
                "layers": layers,
                "first_step_s": round(first, 1),
                "ms_per_image": round(1e3 * seconds, 2),
                "conv_gflops": round(rate, 1),
                "equivalent_gflop": round(seconds * rate, 2),
            }
        )
    print(f"3 x 3 convolution: {rate:.0f} GFLOP/s")
    print_table(rows, ["layers", "first_step_s", "ms_per_image", "equivalent_gflop"])
    keep_rows(args, rows)


if __name__ == "__main__":
    main()
