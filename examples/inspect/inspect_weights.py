# %% [markdown]
# # A look at a network's weights
#
# Weights tell of trainings that went wrong: values that are not finite, layers that are all the
# same (dead), or far larger than their neighbours.
#
# As a script: `python examples/inspect/inspect_weights.py --weights FILE.h5 --output DIR`. The
# defaults look at what `examples/shapes/train.py` trained.

# %%
import csv
import io
from pathlib import Path

import numpy as np
from common import Pictures, figure, open_model, options, table

from maskdet.files import write_whole
from maskdet.training.layers import weighted_layers

# %% [markdown]
# In a notebook, change `args.weights` here.

# %%
args = options("Tables and histograms of a network's weights.", "inspect_weights", True)
pictures = Pictures(args.output)
model = open_model(args.weights)

# %% [markdown]
# ## Table
# A line a weight, with a remark where something is odd. It is written as `weights.csv` too.


# %%
def remark(values: np.ndarray) -> str:
    """What is odd about a weight, or nothing."""
    if not np.isfinite(values).all():
        return "not finite"
    if values.ndim > 1 and values.size > 1 and values.min() == values.max():
        return "all the same: dead?"
    if np.abs(values).max() > 1000:
        return "very large"
    return ""


weights = [
    (f"{name}/{weight.name}", np.asarray(array))
    for name, layer in weighted_layers(model.keras_model)
    for weight, array in zip(layer.weights, layer.get_weights(), strict=True)
]
rows = [("weight", "shape", "min", "max", "std", "remark")]
for name, values in weights:
    numbers = (f"{number:+.4f}" for number in (values.min(), values.max(), values.std()))
    rows.append((name, "x".join(map(str, values.shape)), *numbers, remark(values)))
print(table(rows))
print(f"{sum(values.size for _, values in weights):,} numbers in {len(weights)} weights")
text = io.StringIO()
csv.writer(text, lineterminator="\n").writerows(rows)
write_whole(Path(args.output) / "weights.csv", text.getvalue())

# %% [markdown]
# ## Spread of each layer's kernel
# From the picture's side of the network to the outputs; whiskers reach to the least and the
# greatest value. Neighbours should look alike.

# %%
kernels = [(name, values) for name, values in weights if values.ndim > 1]
page = figure(8, 1.2 + 0.16 * len(kernels))
axes = page.subplots()
for place, (_, values) in enumerate(kernels):
    low, middle, high = np.percentile(values, [5, 50, 95])
    axes.plot([values.min(), values.max()], [place, place], color="tab:grey", lw=0.8)
    axes.plot([low, high], [place, place], color="tab:blue", lw=4)
    axes.plot([middle], [place], "|", color="white", ms=4)
axes.set_yticks(range(len(kernels)), [name for name, _ in kernels], fontsize=5)
axes.set_ylim(len(kernels), -1)
axes.set_xscale("symlog", linthresh=0.1)
axes.set_title("values of kernels: 90 % of them (blue), all (grey)", fontsize=9)
pictures.keep(page, "spread")

# %% [markdown]
# ## Histograms
# A panel a layer, its kernel or, where it has none, its scale. A trained kernel looks like a bell
# around 0; the line is 0.

# %%
per_page, columns = 60, 6
first_of_layer = {name.split("/")[0]: (name, values) for name, values in reversed(weights)}
panels = list(reversed(first_of_layer.values()))
for number, start in enumerate(range(0, len(panels), per_page), start=1):
    part = panels[start : start + per_page]
    lines = -(-len(part) // columns)
    page = figure(14, 1.5 * lines)
    grid = page.subplots(lines, columns, squeeze=False).ravel()
    for axes in grid[len(part) :]:
        axes.axis("off")
    for axes, (name, values) in zip(grid, part, strict=False):
        finite = values[np.isfinite(values)]
        axes.hist(finite, bins=50)
        axes.axvline(0, color="tab:grey", lw=0.6)
        axes.set_title(name, fontsize=6)
        axes.set_yticks([])
        axes.tick_params(labelsize=5)
    pictures.keep(page, f"histograms_{number}")
