"""The training engine: fit by stages, checkpoints, logs. It names no family."""
