# %% [markdown]
# # Lesson 4: onto the Pi, and the AI Camera
#
# The Pi does not train. It gets one file, and a small part of maskdet that runs it.

# %% notebook only
from course import my_photos, need, new_photos, run

need("trained/my_photos/weights.h5", "lesson 3")
my_photos()
new_photos()

# %% [markdown]
# ## One file

# %%
run("maskdet export trained/my_photos mine.tflite --calibration my_photos --overwrite")

# %% [markdown]
# `maskdet export` writes the trained network as `mine.tflite`. Before it does, network and file look at the
# same photos, and if the file does not find the same, a sentence says so and nothing is written. In that case
# the network is mostly not sure of anything yet: go back to [lesson 3](lesson_3.md).
#
# ## What int8 is
#
# A network is numbers. In training each takes 32 bits (float32); the file for the Pi keeps most of them in 8,
# as whole numbers from -128 to 127 (int8). That makes it about a quarter as large and faster to calculate.
# What is lost is seen in a few lines: a *scale* says what a step of 1 is worth.

# %%
import numpy as np

weights = np.array([0.021, -0.742, 0.303, 1.27], np.float32)
scale = np.abs(weights).max() / 127
whole = np.round(weights / scale).astype(np.int8)
print("kept:   ", whole, "and the scale", scale)
print("again:  ", (whole * scale).round(3))
error = np.abs(whole * scale - weights).max()
print(f"error:   {error:.3f}, at most half a step: {scale / 2:.3f}")

# %% [markdown]
# The weights are known, but the numbers that flow through the network depend on the photo. So their scales are
# measured on photos: that is what `--calibration my_photos` is for. Give it photos like those that the camera
# will take. Without `--calibration` the file is in float32.
#
# What does the file cost in accuracy? The same figures as in lesson 3, of the file:

# %%
run("maskdet evaluate mine.tflite my_photos")

# %% [markdown]
# ## Run it
#
# The same command runs the file here and on the Pi. Without a camera, `play:` plays a folder's photos as if
# they came from one, again and again:

# %%
run("python -m maskdet.runtime mine.tflite play:new_photos --frames 20 --record seen")

# %% [markdown]
# It says what is in the picture, how many frames a second it does, and at the end how many different things it
# saw: from frame to frame it follows each thing, so that one that stays is counted once. `--frames 20` stops
# after 20 frames. `--record seen` keeps a photo of each new thing in the folder `seen`.
#
# The same in Python, for a program of your own:

# %%
from maskdet.runtime import Detector
from maskdet.runtime.cameras import FolderCamera
from maskdet.runtime.tracker import Tracker

detector, tracker = Detector("mine.tflite"), Tracker()
with FolderCamera("new_photos", frames=5) as camera:
    for _ in range(5):
        detections, numbers = tracker.update(detector.detect(camera.read()))
        print(detections.summary())
print("different things:", dict(tracker.totals))

# %% [markdown]
# `examples/raspberry_pi/count_things.py` is such a program.
#
# ## See it on a page

# %% notebook only
from course import QUICK

port = 0 if QUICK else 8000
run(f"python -m maskdet.runtime mine.tflite play:new_photos --serve {port} --frames 300")

# %% [markdown] notebook only
# While that cell runs, open the address that it prints. It ends by itself after 300 frames.

# %% [markdown]
# With `--serve` the runtime shows what it sees on a page of this machine; in a terminal:
#
# ```text
# python -m maskdet.runtime mine.tflite play:new_photos --serve
# ```
#
# and then open http://127.0.0.1:8000/. Ctrl-C ends it. Only this machine can see it, until you name an address
# for others, as in `--serve 0.0.0.0:8000`: whoever reaches that sees your camera.
#
# There is also a page that needs no Pi at all: `maskdet export trained/my_photos page/` makes one that runs the
# network in the browser, with the phone's camera if you like. [browser.md](../browser.md) tells how.
#
# ## On the Pi
#
# Write *Raspberry Pi OS (64-bit)* onto the SD card; there is no current interpreter for 32 bits. Then on the Pi,
# with a copy of maskdet's folder on it:
#
# ```text
# sudo apt update
# sudo apt install -y python3-venv python3-picamera2
# python3 -m venv --system-site-packages ~/maskdet
# source ~/maskdet/bin/activate
# pip install ./maskdet
# ```
#
# `--system-site-packages` lets the environment see picamera2, the camera's library, which comes with the system.
# pip brings numpy, Pillow and the interpreter, nothing that trains. `maskdet doctor` works there too.
#
# Copy the file from your computer, and run it on the Pi:
#
# ```text
# scp mine.tflite pi@raspberrypi.local:
# python -m maskdet.runtime mine.tflite camera --serve
# ```
#
# More on it, and what to do when something is odd: `examples/raspberry_pi/README.md` and
# [raspberry_pi.md](../raspberry_pi.md). If boxes are worse than on your computer, calibrate with photos of the
# Pi's own camera.
#
# ## The AI Camera
#
# The Raspberry Pi AI Camera has a chip (Sony's IMX500) that runs a network inside the camera; the Pi only gets
# the results. That leaves the Pi free, and it has limits:
#
# - It does not run `.tflite` files. Networks are converted by Sony's own programs, in an environment of their
#   own, and the last step is done on the Pi.
# - It has 8 MB for the network *and* for all that flows through it. The size of the input counts as much as the
#   number of weights.
# - Only networks of one stage fit: an SSD, say. A Mask R-CNN, the network of these lessons, works in two stages,
#   cuts pieces out of its own maps in between, and cannot run there. So there are boxes, but no masks.
# - Everything in it is int8.
#
# For that camera train an SSD: `maskdet train my_photos --config ssd`. [The page of the AI
# Camera](../ai_camera.md) tells how Sony's programs are installed and how the network becomes the camera's file.
# `mine.tflite` is run by the Pi's own processor instead. These lessons were made without an AI Camera at hand.
#
# ## The end
#
# Photos, boxes, a training, a report, a file, a camera. From here: [the report](../report.md),
# [settings of a training](../own_photos.md), [every command](../commands.md).
