# %% [markdown]
# # Lesson 3: training, and how good it is
#
# ## Learning from somebody who can see
#
# A network with random numbers in it would need very many photos to learn what an edge is, a corner, a
# handle. So the training begins with a network that has learnt that from other people's photos (of COCO, 80
# classes, where these weights can be had, else of ImageNet), and teaches it only your classes. That is
# transfer learning. It goes in two stages: first only the last layers, which name things and place boxes,
# then all of them at a gentler rate.

# %% notebook only
from course import my_photos, run, show

my_photos()

# %%
run("maskdet train my_photos --config pi --overwrite")

# %% [markdown]
# `maskdet train` reads the folder, holds a fifth of the photos out, trains, and measures. `--config pi` takes
# the network for the Raspberry Pi. An *epoch* is one pass through the photos. The *loss* says how wrong the
# network was on the photos it learns from; it should fall.
#
# It takes a while. In a terminal Ctrl-C stops it, and the same line with `--resume` in place of `--overwrite`
# goes on from the last finished epoch. `--recipe quick` takes about half the time.
#
# All of it lies in `trained/my_photos`: `weights.h5`, the network; `report.html`, to open in a browser;
# `metrics.json`, the figures.
#
# ## What mAP is
#
# When is a detection right? Its class must be right, and its box must lie well enough. *How well* is the IoU:
# the area that both boxes share, divided by the area that both together cover. 1 is the same box, 0 is beside it.

# %%
import numpy as np

from maskdet.geometry import pairwise_iou

truth = np.array([[0, 0, 100, 100]], np.float32)  # top, left, bottom, right
for shift in (0, 10, 33, 60):
    detection = truth + np.float32([0, shift, 0, shift])
    iou = pairwise_iou(detection, truth)[0, 0]
    print(f"{shift:3} pixels to the right: IoU {iou:.2f}", "right" if iou >= 0.5 else "wrong")

# %% [markdown]
# Each detection has a score, from 0 to 1: how sure the network is. Take the surest first, and after each one
# ask two things. *Precision*: which share of what was found so far is right? *Recall*: which share of all
# things has been found? Here are six detections of a class of which there are five things:

# %%
right = np.array([True, True, False, True, False, True])  # the surest first
precision = right.cumsum() / np.arange(1, len(right) + 1)
recall = right.cumsum() / 5
for row in zip(right, precision, recall, strict=True):
    print("{!s:5}  precision {:.2f}  recall {:.2f}".format(*row))

# %% [markdown]
# The *average precision* (AP) is the mean of the precision over all recalls, so that it rewards a network that
# finds much and whose sure detections are right. 1 is perfect. The fifth thing was never found, so from a
# recall of 0.8 on the precision is 0:

# %%
best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
gained = np.diff(recall, prepend=0)
print(f"AP: {(best_from_here * gained).sum():.2f}")

# %% [markdown]
# (A later precision that is better counts for the recalls before it too: COCO's rule.)
#
# *mAP* is the mean of the APs of all classes. *AP50* calls a detection right from an IoU of 0.5 on; what COCO
# calls *AP* is the mean over ten such limits, from 0.5 to 0.95, and is lower: it asks for boxes that lie well.
#
# ## How good is yours?

# %%
run("maskdet evaluate trained/my_photos --overwrite")

# %% [markdown]
# `maskdet evaluate` measures on the photos that were held out, and writes `report.html`. Open that one in a
# browser and look at the worst photos before the figures. [report.md](../report.md) explains each part.
#
# ![The report that a training leaves, on a desk and on a phone](../images/report.jpg)
#
# Beside it, the photos that it learnt from:

# %%
run("maskdet evaluate trained/my_photos my_photos --part train --report seen.html --overwrite")

# %% [markdown]
# | photos learnt from | held out | what it means |
# | --- | --- | --- |
# | good | good | done; try it on new photos |
# | good | bad | it knows your photos by heart: more photos, and more varied ones |
# | bad | bad | it has not learnt yet: train longer, a larger input, or look for wrong boxes |
#
# ## When it is low: each kind of error and its cure
#
# A figure says how much is wrong, the kinds of errors say what:

# %%
from maskdet import Dataset, open_model

model = open_model("trained/my_photos/weights.h5")
evaluation = model.evaluate(Dataset.load("my_photos"))
print(evaluation.table(errors=True))

# %% [markdown]
# (Here of all photos, so that there is enough to see; the report has those that were held out.) The last
# lines say how much AP50 would rise if one kind of error were mended: begin with the largest.
#
# ![Kinds of errors: dashed is what is there, drawn through what was found](../images/errors.jpg)
#
# | kind | what happened | cure |
# | --- | --- | --- |
# | missed | a thing that nobody found | more photos with such things, as they look where they were missed; if they are small, a larger input: `-s IMAGE_MAX_DIM=448 -s IMAGE_MIN_DIM=448` |
# | background | found where nothing is | photos of just that, without a box; look first whether a thing is really there and was never drawn |
# | place | the thing is there, but the box lies badly | draw boxes closer; a larger input; train longer |
# | confused | the right place, the wrong class | more photos of those two classes; look whether some were named wrongly |
# | both | wrong class and badly placed | the same, with boxes drawn close |
# | double | two boxes on one thing | a lower `DETECTION_NMS_THRESHOLD`, such as `-s DETECTION_NMS_THRESHOLD=0.4` |
# | part | a box around a part of a thing | photos in which the thing fills most of the picture; look whether parts were drawn as things |
#
# `-s NAME=VALUE` after `maskdet train my_photos` changes a setting. Change one thing, train again, compare.
# Mostly it is photos that help: take those that it gets wrong, label them, and train anew.

# %% notebook only
from course import new_photos

new_photos()

# %% [markdown]
# ## On new photos
#
# Put photos that no training has seen into `new_photos`. They need no boxes.

# %%
run("maskdet detect trained/my_photos new_photos --min-score 0.5 --overwrite")

# %% [markdown]
# `maskdet detect` draws what it finds into copies, in the folder `detections`. `--min-score` leaves out what
# it is less sure of than that.

# %% notebook only
from pathlib import Path

for path in sorted(Path("detections").glob("*.jpg"))[:3]:
    show(str(path))

# %% [markdown]
# ## What you have now
#
# A trained network, a report, and a way to make it better. Next: [lesson 4](lesson_4.md), the Pi.
