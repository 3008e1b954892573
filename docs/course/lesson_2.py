# %% [markdown]
# # Lesson 2: your photos, and LabelImg
#
# A network learns what it is shown. This lesson takes more of your time than any other, and decides more.
#
# ## What to photograph
#
# - **With the camera that will look later**, at the size it gives, from where it will stand.
# - **As varied as life**: near and far, from several sides, by day and by lamp, on every ground on which
#   the things will lie, some half hidden, some cut by the border.
# - **All classes about as often.** What is rare is learnt badly.
# - **Some photos with nothing in them**, and some with what could be mistaken for your things. They need no
#   boxes and teach what is not to be found.
# - **No series.** Ten photos of a second show one thing ten times.
#
# Twenty photos show whether it works at all. Lesson 3 tells which photos to take next.
#
# ## LabelImg
#
# [LabelImg](https://github.com/HumanSignal/labelImg) is the program for drawing boxes. Install it into an
# environment of its own:
#
# ```text
# python3.9 -m venv ~/labelimg
# source ~/labelimg/bin/activate
# pip install labelImg
# labelImg my_photos
# ```
#
# It is no longer developed. With Python 3.10 and newer its users report that it stops with *unexpected type
# 'float'* while a box is drawn, and that Python 3.9 has helped. maskdet reads the files of many other
# programs too: see [data_sets.md](../data_sets.md).
#
# 1. On the left choose **PascalVOC** (the button shows the format that is on).
# 2. **Change Save Dir**: the photos' own folder, `my_photos`.
# 3. For each photo: key `W`, draw a box, type its class; `Ctrl+S` saves; `D` goes to the next photo, `A` back.
#
# Each photo gets a text file beside it, `photo.jpg` a `photo.xml`, with the boxes and their names.
#
# ## How to draw
#
# - Close around the thing: the box ends where the thing ends.
# - **Every** thing of your classes in the photo. One that is left out teaches that such a thing is background.
# - Of a hidden thing the part that can be seen. What you yourself cannot name with certainty: mark it
#   *difficult*; it then counts neither way.
# - One spelling for each class: `mug` and `Mug` are two.

# %% notebook only
from course import my_photos, run, show

my_photos()

# %% [markdown]
# ## Check

# %%
run("maskdet check my_photos")

# %% [markdown]
# `maskdet check` counts photos and objects and names every defect with file and line. To see how that looks,
# make a small set with one wrong number: a box that ends far outside its photo.

# %%
import re
from pathlib import Path

from maskdet.data.scenes import write_scenes

write_scenes("faulty", 3, progress=False)
path = Path("faulty/Annotations/scene_00000.xml")
text = path.read_text()
path.write_text(re.sub("<xmax>[^<]*</xmax>", "<xmax>9999</xmax>", text, count=1))

# %%
run("maskdet check faulty")

# %% [markdown]
# Mend what `check` finds in LabelImg, and check again, until there is nothing to complain about.
#
# ## Look
#
# No program sees that a box is around the wrong thing. You do, on a sheet of photos:

# %%
run("maskdet preview my_photos --out preview.jpg --overwrite")

# %% notebook only
show("preview.jpg")

# %% [markdown]
# `--class mug` shows the photos of one class, `--every` all photos, sheet after sheet.
#
# A training does not show each photo as it is: it is mirrored, brighter or darker, a little larger or
# smaller, so that few photos teach more. `--augmented` shows such variants:

# %%
run("maskdet preview my_photos --augmented default --count 4 --out variants.jpg --overwrite")

# %% notebook only
show("variants.jpg")

# %% [markdown]
# ## Share out
#
# A network that is asked about the photos it has learnt from is like a pupil who has seen the exam. So some
# photos are held out: it never learns from them, and they say how good it is.

# %%
run("maskdet split my_photos --out lists --overwrite")

# %% [markdown]
# `maskdet split` writes two lists of names: `lists/train.txt` with four photos of five, `lists/val.txt` with
# the others. Each class is in both in the same share, as far as that can be, and photos that are nearly alike
# stay on one side. The photos stay where they are. A training shares them out the same way by itself; lists of
# your own are for comparing with other programs.
#
# ## Convert
#
# Other programs want other files. `maskdet convert` writes the set anew, in one of the formats that
# `maskdet convert --list` names:

# %%
run("maskdet convert my_photos as_coco --to coco --overwrite")

# %% [markdown]
# `as_coco` now has the photos and one file, `instances.json`, with all boxes: COCO's format. The training
# needs none of this; it reads LabelImg's files as they are.
#
# ## What you have now
#
# A folder that `check` has no complaint about and whose boxes you have looked at. Next:
# [lesson 3](lesson_3.md), the training.
