"""Trained weights and data sets, for the benchmarks that ask for them."""

import tempfile
import warnings

from maskdet import Dataset, open_model


def loaded(path, **settings):
    """A trained model that reports from a score of 0.05; ``settings`` replace its own."""
    return open_model(path, model_dir=tempfile.mkdtemp(), min_score=0.05, **settings)


def opened(path):
    """A data set in any format; photos that cannot be read are left out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Dataset.load(path, on_error="skip")
