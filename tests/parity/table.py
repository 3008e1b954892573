"""Prints our numbers beside the original's: ``python -m tests.parity.table``."""

import tempfile
from pathlib import Path

import numpy as np

from tests.parity import golden


def print_cases(name: str) -> None:
    """A line for each golden case of a file: its largest differences."""
    file = golden.Golden(name)
    generators: dict[str, object] = {}
    print(f"\n{name}: {len(file.cases)} cases")
    for case in file.cases:
        if name == "utils_golden":
            found = golden.run_utils(case, file, generators)
        else:
            found = golden.run_training(case, file)
        parts = []
        for (key, expected), ours in zip(file.outputs(case).items(), found, strict=True):
            values = np.asarray(ours)
            shape = "x".join(map(str, expected.shape)) or "1"
            if expected.dtype.kind in "biu":
                different = int(np.sum(values != expected))
                if different:
                    parts.append(f"{key} {shape}: {different} differ (ties)")
            elif expected.size:
                error = np.abs(values.astype(np.float64) - expected).max()
                largest = max(float(np.abs(expected).max()), 1e-30)
                if error:
                    parts.append(f"{key} {shape}: {error:.1e}, relative {error / largest:.1e}")
        print(f"  {case['name']:36} {'; '.join(parts) or 'equal'}")


def print_network(name: str, folder: Path) -> None:
    """A line for each tensor of a whole network."""
    network = golden.WholeNetwork(name, folder)
    print(f"\n{name}\n  {'tensor':24}{'shape':26}{'largest error':>14}{'relative':>11}")
    for row in network.rows():
        shape = "x".join(map(str, row.shape))
        print(f"  {row.tensor:24}{shape:26}{row.absolute:14.1e}{row.relative:11.1e}  {row.note}")


if __name__ == "__main__":
    if not golden.PRESENT:
        raise SystemExit(golden.ABSENT)
    for cases in ("utils_golden", "train_targets"):
        print_cases(cases)
    with tempfile.TemporaryDirectory() as made:
        for network in golden.WHOLE:
            print_network(network, Path(made))
