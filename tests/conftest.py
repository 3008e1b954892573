"""What all tests share."""

import os

from hypothesis import settings

# Set before TensorFlow is first imported by any test.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")

# The same examples on every run, so that a red run is the fault of the change under test;
# `make explore` draws new ones.
settings.register_profile("steady", derandomize=True)
settings.register_profile("explore", derandomize=False, print_blob=True)
settings.load_profile("steady")
