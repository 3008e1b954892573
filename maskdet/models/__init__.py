"""The detector families."""
