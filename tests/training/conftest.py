"""The small data sets and configs of the tests of models."""

from tests.models.conftest import boxed, make_config, masked

__all__ = ["boxed", "make_config", "masked"]
