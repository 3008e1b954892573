"""Saying what a whole image shows."""
