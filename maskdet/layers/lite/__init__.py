"""Twins of the layers for TFLite; see :mod:`maskdet.layers.lite.base`."""
