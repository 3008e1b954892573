"""Keras layers that the detector families share."""
