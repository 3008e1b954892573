"""Time of a training step of the light Mask R-CNN, as a ratio to the machine's own convolutions.

    python benchmarks/train.py [--batch 8] [--masks]
    python benchmarks/train.py --torchvision

The second form compares steps of ResNet50 with masks, 81 classes, 512 px and two photos with those
of torchvision's Mask R-CNN, in turns: "heads" is all but the backbone. torchvision is installed
into .peers/ the first time; MASKDET_PEERS names an environment that has it.

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
    parser.add_argument(
        "--torchvision", action="store_true", help="ResNet50 beside torchvision, in turns"
    )
    args = parser.parse_args()
    if args.torchvision:
        beside_torchvision(args)
        return

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


def beside_torchvision(args):
    """Rows of ResNet50's steps and torchvision's."""
    from inference_rows import resnet50_config
    from peers import in_turns, torchvision
    from training_step import TrainingStep, step_gflop

    side, batch = 512, 2
    rate = reference_rate()
    rows = []
    for layers in ("heads",) if args.quick else ("heads", "all"):
        step = TrainingStep(resnet50_config(side, batch=batch), layers, masks=True)
        first = seconds_of(step)
        with torchvision({"side": side, "batch": batch, "layers": layers}) as peer:
            ours, theirs = in_turns(step, peer, QUICK_ROUNDS if args.quick else 5)
        rows.append(
            {
                "backbone": "resnet50",
                "side": side,
                "batch": batch,
                "masks": True,
                "layers": layers,
                "first_step_s": round(first, 1),
                "ms_per_image": round(1e3 * ours / batch, 2),
                "conv_gflops": round(rate, 1),
                "equivalent_gflop": round(ours / batch * rate, 2),
                "counted_gflops": round(step_gflop(step) / ours, 1),
                "torchvision_ms_per_image": round(1e3 * theirs / batch, 2),
                "ratio": ours / theirs,
            }
        )
    print(f"3 x 3 convolution: {rate:.0f} GFLOP/s")
    print_table(
        rows,
        [
            *("layers", "first_step_s", "ms_per_image", "counted_gflops"),
            *("torchvision_ms_per_image", "ratio"),
        ],
    )
    keep_rows(args, rows)


if __name__ == "__main__":
    main()
