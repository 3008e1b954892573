# %% [markdown]
# # A look into a trained network
#
# What the stages make of an image: scores of the anchors, proposals before and after they are
# refined and thinned out, detections, precision and recall, and what layers answer to.
#
# As a script: `python examples/inspect/inspect_model.py --weights FILE.h5 --output DIR`. The
# defaults look at what `examples/shapes/train.py` trained.

# %%
import keras
import numpy as np
from common import (
    Pictures,
    figure,
    network_input,
    open_dataset,
    open_model,
    options,
    show_boxes,
    table,
)

from maskdet.evaluation.pictures import precision_recall_curves
from maskdet.evaluation.report import evaluate_detections
from maskdet.geometry import clip_boxes, decode_boxes, denormalize_boxes, pairwise_iou
from maskdet.models.mask_rcnn.network import pixel_anchors
from maskdet.visualize.draw import draw_instances
from maskdet.visualize.plots import gallery, plot_precision_recall

# %% [markdown]
# In a notebook, change `args.weights` and the others here.

# %%
args = options("Pictures of what a network's stages do.", "inspect_model", True)
pictures = Pictures(args.output)
dataset = open_dataset(args.dataset, args.images)
model = open_model(args.weights)
config = model.config
image_id = int(args.image) % dataset.num_images
image = dataset.load_image(image_id)
boxes, class_ids, masks = dataset.load_instances(image_id)
canvas, placement = network_input(image, config)
side = np.array(canvas.shape[:2])
print(f"image {dataset.image_info[image_id]['id']}: {len(boxes)} objects; input {canvas.shape}")


# %% [markdown]
# ## Reading a layer
# Any layer's output can be asked for: a functional model from the network's inputs to it.


# %%
def outputs_of(*names: str) -> list[np.ndarray]:
    """What the named layers give for the image."""
    tensors = [model.keras_model.get_layer(name).output for name in names]
    part = keras.Model(model.keras_model.inputs, tensors)
    inputs = model.family.inference_inputs(canvas[None], [placement], config)
    return [np.asarray(array) for array in part.predict_on_batch(inputs)]


scores, deltas, rois = outputs_of("rpn_class", "rpn_bbox", "ROI")
scores, deltas = scores[0, :, 1], deltas[0]
rois = rois[0][(rois[0] != 0).any(axis=1)]
print(table([("layer", "shape"), ("anchor scores", scores.shape), ("proposals", rois.shape)]))

# %% [markdown]
# ## Proposals
# The anchors with the best scores; the same moved by their deltas and cut to the image; and what is
# left after those that overlap a better one are gone. The objects are yellow.

# %%
anchors = pixel_anchors(config, canvas.shape)
best = np.argsort(-scores, kind="stable")[:40]
moved = decode_boxes(anchors[best], deltas[best], std=config.RPN_BBOX_STD_DEV)
moved = clip_boxes(moved, (0, 0, *side))
proposals = denormalize_boxes(rois, side)
wanted = placement.forward_boxes(boxes)
page = figure(13, 4.8)
for axes, found, title in zip(
    page.subplots(1, 3),
    (anchors[best], moved, proposals[:40]),
    ("40 best anchors", "moved by their deltas", f"first 40 of {len(proposals)} proposals"),
    strict=True,
):
    axes.imshow(canvas)
    show_boxes(axes, found, "tab:red", "--", 0.8)
    show_boxes(axes, wanted, "yellow", width=2)
    axes.set_xlim(-0.5, side[1] - 0.5)
    axes.set_ylim(side[0] - 0.5, -0.5)
    axes.set_title(title)
pictures.keep(page, "proposals")
if len(wanted):
    covered = pairwise_iou(wanted, proposals).max(axis=1)
    print("best IoU of each object with a proposal:", np.round(covered, 2))

# %% [markdown]
# ## Scores and deltas of all anchors
# Of a trained network nearly all scores lie near 0. Deltas should look like a bell around 0, about
# as wide as 1; a shifted one means anchors that do not fit.

# %%
page = figure(13, 3.2)
parts = page.subplots(1, 5)
parts[0].hist(scores, bins=40, log=True)
parts[0].set_title("scores of anchors")
for axes, values, name in zip(
    parts[1:], deltas[best].T, ("dy", "dx", "log dh", "log dw"), strict=True
):
    axes.hist(values, bins=20)
    axes.set_title(f"{name} of the 40 best")
pictures.keep(page, "anchor_outputs")

# %% [markdown]
# ## Detections
# Left what there is, right what was found with a score of one half or more.

# %%
[found] = model.detections([image])
sure = found.filter(min_score=0.5)
truth = draw_instances(image, boxes, np.abs(class_ids), dataset.class_names, masks=masks)
pictures.keep(gallery([truth, sure.draw(image)], titles=["objects", "detections"]), "detections")
print(
    table(
        [
            ("class", "score"),
            *((n, f"{s:.3f}") for n, s in zip(sure.names, sure.scores, strict=True)),
        ]
    )
)

# %% [markdown]
# ## Masks as the mask head gives them
# Small pictures of 0 to 1, each filling its box.

# %%
if sure.small_masks is not None and len(sure):
    page = figure(2.2 * min(len(sure), 6), 2.6)
    several = page.subplots(1, min(len(sure), 6), squeeze=False)[0]
    for axes, mini, name in zip(several, sure.small_masks, sure.names, strict=False):
        axes.imshow(mini, vmin=0, vmax=1, cmap="gray")
        axes.set_title(name, fontsize=9)
        axes.axis("off")
    pictures.keep(page, "small_masks")

# %% [markdown]
# ## Precision and recall
# Over the whole data set, or its first 100 images, at an IoU of 0.5.

# %%
part = dataset.subset(range(min(100, dataset.num_images)))
everything = list(model.detections(part.load_image(int(i)) for i in part.image_ids))
evaluation = evaluate_detections(part, everything)
print(evaluation.table())
pictures.keep(plot_precision_recall(precision_recall_curves(evaluation)), "precision_recall")

# %% [markdown]
# ## Activations
# Eight channels each of some layers, from the backbone to the pyramid: those that vary most.

# %%
last_of_size = {}
for layer in model.keras_model.layers:
    shape = layer.output.shape if hasattr(layer.output, "shape") else ()
    inside = layer.name.startswith(("fpn_", "rpn_", "mrcnn_", "roi_", "input_"))
    if len(shape) == 4 and not inside:
        last_of_size[shape[1:3]] = layer.name
pyramid = [
    name
    for name in ("fpn_p2", "fpn_p3", "fpn_p4", "fpn_p5")
    if any(layer.name == name for layer in model.keras_model.layers)
]
chosen = [*last_of_size.values(), *pyramid]
page = figure(13, 1.75 * len(chosen))
for row, name, maps in zip(
    page.subplots(len(chosen), 8, squeeze=False), chosen, outputs_of(*chosen), strict=True
):
    lively = np.argsort(-maps[0].std(axis=(0, 1)), kind="stable")[:8]
    for axes in row:
        axes.axis("off")
    for axes, channel in zip(row, lively, strict=False):
        axes.imshow(maps[0, :, :, channel], cmap="viridis", interpolation="nearest")
        axes.set_title(f"channel {channel}", fontsize=7)
    size = f"{maps.shape[1]} x {maps.shape[2]}"
    row[0].set_title(f"{name}\n{size}, channel {lively[0]}", fontsize=7)
pictures.keep(page, "activations")
