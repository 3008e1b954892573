# %% [markdown]
# # Lesson 1: setting up
#
# In four lessons from an empty folder to a Raspberry Pi that finds your own things: setting up (this
# one), [preparing photos](lesson_2.md), [training](lesson_3.md), [the Pi](lesson_4.md). You need a
# computer with Python 3.11, 3.12 or 3.13, no GPU, and a little Python. The Pi comes in the last lesson.
#
# ## Install
#
# In a terminal, in a checkout of maskdet:
#
# ```text
# python3 -m venv ~/course
# source ~/course/bin/activate
# pip install . jupyterlab ipywidgets
# jupyter lab docs/course
# ```
#
# - `python3 -m venv` makes an environment: a folder with a Python of its own, so that nothing here
#   disturbs what else is installed. On Windows the second line is `course\Scripts\activate`.
# - `pip install .` installs maskdet and what it stands on; `jupyterlab` is the notebook program,
#   `ipywidgets` draws its progress bars.
# - `jupyter lab` opens in the browser. Open `lesson_1.ipynb` there.
#
# A notebook is a page of cells. Shift+Enter runs the cell that you are in and goes to the next one; what
# it prints stands below it. A cell knows what the cells before it made, so run them from top to bottom.

# %% notebook only
from course import my_photos, run, show

# %% [markdown] notebook only
# `run` does what its text does in a terminal, `show` shows a picture. Both are in `course.py`, beside this
# notebook.

# %% [markdown]
# ## Is all there?

# %%
run("maskdet doctor")

# %% [markdown]
# `maskdet doctor` says what this machine is and what is installed. `ok` is there; `-` is missing and only
# needed for what the line names; below it stands what brings it. What counts is the last line: all that
# training and detecting need is here, or it is not. Every command explains itself: `maskdet train --help`.
#
# ## Photos to begin with

# %% notebook only
my_photos()

# %% [markdown]
# The course works on the folder `my_photos`, beside the notebooks. Until you have taken photos of your own
# ([lesson 2](lesson_2.md)), the notebook puts drawn scenes there: mugs, balls, books, bottles and leaves on
# a table or on grass. Everything works with them, but a network that has learnt drawings knows drawings.

# %%
from maskdet import Dataset

dataset = Dataset.load("my_photos")
print(dataset.num_images, "photos")
print("classes:", dataset.class_names[1:])
boxes, class_ids = dataset.load_boxes(0)
for box, class_id in zip(boxes, class_ids, strict=True):
    print(dataset.class_names[class_id], box)

# %% [markdown]
# A data set is photos and, for each photo, what is in it: a box and a name for each thing. A box is four
# numbers: top, left, bottom, right, in pixels from the photo's upper left corner. Class 0 is the
# background, so the names begin with number 1.

# %%
run("maskdet preview my_photos --count 12 --overwrite")

# %% notebook only
show("preview.jpg")

# %% [markdown]
# `maskdet preview` draws some photos with their boxes into `preview.jpg`. `--count` says how many,
# `--overwrite` allows it to replace the picture of an earlier try; without it no command replaces anything.
#
# ![A sheet of drawn scenes with boxes and masks](../images/preview.jpg)
#
# ## What you have now
#
# A Python with maskdet in it, a folder `my_photos`, and three words: data set, box, class. Next:
# [lesson 2](lesson_2.md), photos of your own.
