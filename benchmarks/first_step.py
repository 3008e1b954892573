"""Seconds until the first step of a training stage is done: tracing, optimising, one step.

    python benchmarks/first_step.py [--batch 4] [--runs 5] [--networks LiteConfig MobileConfig]

Ways: as Keras has it (every variable for itself, gradients of frozen layers too); gradients of what
trains alone; and variables in groups, as a training does it. With --all-ways also: the optimizer's
variables made by the first step (which TensorFlow then traces twice), and TensorFlow's grappler
switched off. Each run is a process of its own; medians are of seconds, of processor seconds (which
other work on the machine disturbs less), of a later step's and of the graph's nodes. Prints a table
and appends its rows to benchmarks/first_step.csv with machine, versions, settings.
"""

import json
import statistics
import subprocess
import sys
import time

from common import command_line, keep_rows, print_table, reference_rate

WAYS = ("as Keras has it", "gradients of what trains", "and variables in groups")
OTHER_WAYS = ("optimizer built in the step", "built before, no grappler")
NETWORKS = ("LiteConfig", "MobileConfig")
STEPS = 9


def main():
    parser = command_line(__file__, __doc__)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--runs", type=int, default=5, help="processes for each figure")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=NETWORKS)
    parser.add_argument("--all-ways", action="store_true", help="also ways that are known to lose")
    parser.add_argument("--one", nargs=3, metavar=("NETWORK", "LAYERS", "WAY"), help="a single run")
    args = parser.parse_args()
    if args.one:
        print("RESULT", json.dumps(first_step(args.batch, *args.one)))
        return
    ways = (*WAYS, *OTHER_WAYS) if args.all_ways else WAYS
    rate, rows = reference_rate(), []
    cases = [(n, layers, w) for n in args.networks for layers in ("heads", "all") for w in ways]
    for case in [(args.networks[0], "heads", WAYS[-1])] if args.quick else cases:
        runs = [in_a_process(args.batch, case) for _ in range(1 if args.quick else args.runs)]
        figures = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
        network, layers, way = case
        row = {"batch": args.batch, "network": network, "layers": layers, "way": way, **figures}
        row |= {"runs": len(runs), "conv_gflops": round(rate, 1)}
        row["equivalent_gflop"] = round(figures["first_step_s"] * rate, 1)
        rows.append(row)
    print(f"3 x 3 convolution: {rate:.0f} GFLOP/s")
    columns = ["network", "layers", "way", "first_step_s", "first_step_cpu_s", "nodes", "step_s"]
    print_table(rows, [*columns, "step_cpu_s", "equivalent_gflop"])
    keep_rows(args, rows)


def in_a_process(batch, case):
    """A run's figures by name."""
    command = [sys.executable, __file__, "--batch", str(batch), "--one", *case]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.split("RESULT")[1])


def first_step(batch, network, layers, way):
    """Figures of the first step of one way in this process."""
    import tensorflow as tf
    from training_step import TrainingStep, graph_nodes, light_config, plain_gradients, plain_groups

    if way in WAYS[:2]:
        plain_groups()
    if way == WAYS[0]:
        plain_gradients()
    if way == OTHER_WAYS[1]:
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    config = light_config(batch, network)
    step = TrainingStep(config, layers, built=way != OTHER_WAYS[0])
    seconds, cpu_seconds = times_of(step)
    later = [times_of(step) for _ in range(STEPS)]
    return {
        "side": config.IMAGE_MAX_DIM,
        "first_step_s": round(seconds, 2),
        "first_step_cpu_s": round(cpu_seconds, 2),
        "step_s": round(statistics.median(wall for wall, _ in later), 3),
        "step_cpu_s": round(statistics.median(cpu for _, cpu in later), 3),
        "nodes": graph_nodes(step),
    }


def times_of(call):
    """Seconds and processor seconds of a call."""
    begun, cpu_begun = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - begun, time.process_time() - cpu_begun


if __name__ == "__main__":
    main()
