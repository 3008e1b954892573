"""Weights that others trained: where they are, and readers of the files they come in."""
