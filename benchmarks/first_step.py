"""Seconds until the first step of a training stage is done: tracing, optimising, one step.

    python benchmarks/first_step.py [--batch 4]

Three ways: the optimizer's variables made before (as a training does it), made by the first step
(which TensorFlow then traces twice), and made before with TensorFlow's grappler switched off.
Prints a table and appends its rows to benchmarks/first_step.csv with machine, versions, settings.
"""

from common import command_line, keep_rows, print_table, reference_rate, seconds_of

WAYS = ("optimizer built before", "optimizer built in the step", "built before, no grappler")


def main():
    parser = command_line(__file__, __doc__)
    parser.add_argument("--batch", type=int, default=4)
    args = parser.parse_args()

    import tensorflow as tf
    from training_step import TrainingStep, light_config

    config, rate, rows = light_config(args.batch), reference_rate(), []
    for layers in ("heads",) if args.quick else ("heads", "all"):
        for way in WAYS[:2] if args.quick else WAYS:
            options = {"disable_meta_optimizer": way == WAYS[2]}
            tf.config.optimizer.set_experimental_options(options)
            seconds = seconds_of(TrainingStep(config, layers, built=way != WAYS[1]))
            rows.append(
                {
                    "side": config.IMAGE_MAX_DIM,
                    "batch": args.batch,
                    "layers": layers,
                    "way": way,
                    "first_step_s": round(seconds, 2),
                    "conv_gflops": round(rate, 1),
                    "equivalent_gflop": round(seconds * rate, 1),
                }
            )
    print(f"3 x 3 convolution: {rate:.0f} GFLOP/s")
    print_table(rows, ["way", "layers", "first_step_s", "equivalent_gflop"])
    keep_rows(args, rows)


if __name__ == "__main__":
    main()
