# %% [markdown]
# # A look at a data set
#
# Before any training: are the outlines where they should be, which classes are rare, how large are
# the objects once the network sees them, do the anchors fit them, what does augmentation do?
#
# As a script: `python examples/inspect/inspect_data.py --dataset shapes --output DIR`.

# %%
import numpy as np
from common import (
    Pictures,
    config_for,
    figure,
    network_input,
    open_dataset,
    options,
    show_boxes,
    table,
)

from maskdet import Augmentation
from maskdet.data.augment import Sample
from maskdet.geometry import (
    backbone_shapes,
    expand_mask,
    generate_anchors,
    pairwise_iou,
    shrink_mask,
)
from maskdet.models.mask_rcnn.network import pixel_anchors
from maskdet.visualize.draw import draw_instances, palette
from maskdet.visualize.plots import gallery

# %% [markdown]
# In a notebook, change `args.dataset` and the others here.

# %%
args = options(
    "Pictures of a data set: masks, sizes, anchors, augmentation.", "inspect_data", False
)
pictures = Pictures(args.output)
dataset = open_dataset(args.dataset, args.images)
config = config_for(dataset)
print(f"{dataset.num_images} images; classes: {', '.join(dataset.class_names[1:])}")
image_id = int(args.image) % dataset.num_images

# %% [markdown]
# ## Images with their objects
# Spread evenly over the set. A mask that hangs beside its object mostly means that heights and
# widths, or the orientation of a photo, were mixed up.


# %%
def drawn(number: int) -> np.ndarray:
    """An image with the boxes, masks and names of its objects."""
    boxes, class_ids, masks = dataset.load_instances(number)
    return draw_instances(
        dataset.load_image(number), boxes, np.abs(class_ids), dataset.class_names, masks=masks
    )


shown = np.unique(np.linspace(0, dataset.num_images - 1, 12).astype(int))
names = [str(dataset.image_info[i]["id"]) for i in shown]
pictures.keep(gallery([drawn(int(i)) for i in shown], titles=names), "images")

# %% [markdown]
# ## Classes, and objects an image
# Crowds are left out. A class with few objects will be learned badly, whatever the network.

# %%
counts = dataset.class_counts()
per_image = [int((dataset.load_boxes(i)[1] > 0).sum()) for i in dataset.image_ids]
print(table([("class", "objects"), *counts.items()]))
page = figure(11, max(3.5, 0.22 * len(counts)))
left, right = page.subplots(1, 2)
left.barh(list(counts), list(counts.values()))
left.invert_yaxis()
left.set_title("objects of each class")
right.hist(per_image, bins=np.arange(max(per_image) + 2) - 0.5)
right.set_title("images by their number of objects")
pictures.keep(page, "classes")

# %% [markdown]
# ## Sizes of objects in the network's eyes
# Sides of the boxes after the image was scaled to the network's input; the lines are the anchors'
# sizes. Objects far below the smallest anchor are hardly found: use a larger input or anchors.

# %%
sides = []
for i in dataset.image_ids:
    placement = network_input(dataset.load_image(int(i)), config)[1]
    boxes, class_ids = dataset.load_boxes(int(i))
    scaled = placement.forward_boxes(boxes[class_ids > 0])
    sides.append(scaled[:, 2:] - scaled[:, :2])
sides = np.concatenate(sides)
page = figure(11, 4.5)
left, right = page.subplots(1, 2)
left.scatter(sides[:, 1], sides[:, 0], s=8, alpha=0.5)
left.set_xlabel("width in pixels of the input")
left.set_ylabel("height")
right.hist(np.sqrt(sides.prod(axis=1)), bins=30)
right.set_xlabel("root of the area in pixels of the input")
for size in config.RPN_ANCHOR_SCALES:
    right.axvline(size, color="tab:orange")
pictures.keep(page, "box_sizes")

# %% [markdown]
# ## One image on the network's canvas
# Scaled, padded where its shape asks for it, with its boxes moved along.

# %%
image = dataset.load_image(image_id)
boxes, class_ids, masks = dataset.load_instances(image_id)
canvas, placement = network_input(image, config)
canvas_boxes = placement.forward_boxes(boxes)
print(f"{image.shape} -> {canvas.shape}, scale {placement.scale:.3f}, window {placement.window}")
page = figure(10, 5)
left, right = page.subplots(1, 2)
left.imshow(image)
left.set_title(f"{image.shape[0]} x {image.shape[1]}")
show_boxes(left, boxes, "yellow")
right.imshow(canvas)
right.set_title(f"{canvas.shape[0]} x {canvas.shape[1]}")
show_boxes(right, canvas_boxes, "yellow")
pictures.keep(page, "resized")

# %% [markdown]
# ## Mini masks
# In training a mask is kept small, inside its box. This is what is left of it when it comes back;
# the number is the IoU with the original. A set of boxes has filled boxes here.

# %%
if masks is None:
    masks = dataset.load_mask(image_id)[0]
least_boxes = dataset.load_boxes(image_id)[0]
several = [i for i in range(masks.shape[2]) if masks[..., i].any()][:4]
page = figure(9, 2.6 * max(1, len(several)))
rows = page.subplots(max(1, len(several)), 3, squeeze=False)
for row, i in zip(rows, several, strict=False):
    mini = shrink_mask(masks[..., i], least_boxes[i], config.MINI_MASK_SHAPE)
    back = expand_mask(mini, least_boxes[i], image.shape)
    same = (back & masks[..., i]).sum() / (back | masks[..., i]).sum()
    for axes, plane, title in zip(
        row,
        (masks[..., i], mini, back),
        (dataset.class_names[abs(int(class_ids[i]))], f"mini, {mini.shape}", f"IoU {same:.3f}"),
        strict=True,
    ):
        axes.imshow(plane, cmap="gray", interpolation="nearest")
        axes.set_title(title, fontsize=9)
        axes.axis("off")
pictures.keep(page, "mini_masks")

# %% [markdown]
# ## Anchors, level by level
# The middle cell's anchors of each level of the pyramid, and how many there are.

# %%
shapes = backbone_shapes(canvas.shape, config.BACKBONE_STRIDES)
levels = [
    generate_anchors(scale, config.RPN_ANCHOR_RATIOS, shape, stride, config.RPN_ANCHOR_STRIDE)
    for scale, shape, stride in zip(
        config.RPN_ANCHOR_SCALES, shapes, config.BACKBONE_STRIDES, strict=True
    )
]
ratios = len(config.RPN_ANCHOR_RATIOS)
page = figure(3.2 * len(levels), 3.6)
for axes, anchors, stride, color in zip(
    page.subplots(1, len(levels)),
    levels,
    config.BACKBONE_STRIDES,
    palette(len(levels)),
    strict=True,
):
    middles = (anchors[::ratios, :2] + anchors[::ratios, 2:]) / 2
    nearest = int(np.abs(middles - np.array(canvas.shape[:2]) / 2).sum(axis=1).argmin())
    axes.imshow(canvas)
    axes.plot(middles[:, 1], middles[:, 0], ",", color="white")
    show_boxes(axes, anchors[nearest * ratios :][:ratios], np.array(color) / 255)
    axes.set_title(f"stride {stride}: {len(anchors)} anchors", fontsize=9)
    axes.set_xlim(-0.5, canvas.shape[1] - 0.5)
    axes.set_ylim(canvas.shape[0] - 0.5, -0.5)
pictures.keep(page, "anchors")

# %% [markdown]
# ## Which anchors are taught this image's objects
# An anchor is positive from an IoU of 0.7, and so is the best one of each object. If objects have
# only one or two, the anchors' sizes or shapes do not fit them.

# %%
every = pixel_anchors(config, canvas.shape)
wanted = canvas_boxes[class_ids > 0]
page = figure(6, 6)
axes = page.subplots()
axes.imshow(canvas)
if len(wanted):
    overlaps = pairwise_iou(every, wanted)
    positive = (overlaps >= 0.7).any(axis=1)
    positive[overlaps.argmax(axis=0)] = True
    show_boxes(axes, every[positive], "tab:red", width=0.8)
    show_boxes(axes, wanted, "yellow", width=2)
    axes.set_title(f"{positive.sum()} positive anchors for {len(wanted)} objects")
    print("best IoU of each object:", np.round(overlaps.max(axis=0), 2))
pictures.keep(page, "positive_anchors")

# %% [markdown]
# ## Augmentation
# One image under the presets, with its masks moved along.

# %%
planes = np.moveaxis(masks, -1, 0) if dataset.provides_masks else None
sample = Sample(image, boxes.astype(np.float32), np.abs(class_ids), planes)
rng = np.random.default_rng(0)
previews, titles = [], []
for preset in ("light", "default", "strong"):
    for number in range(4):
        changed = Augmentation.preset(preset).apply(sample, canvas.shape[:2], rng, lambda: sample)
        changed_masks = None if changed.masks is None else np.moveaxis(changed.masks, 0, -1)
        previews.append(
            draw_instances(
                changed.image,
                changed.boxes,
                changed.class_ids,
                dataset.class_names,
                masks=changed_masks,
            )
        )
        titles.append(f"{preset} {number + 1}")
pictures.keep(gallery(previews, titles=titles), "augmentation")
