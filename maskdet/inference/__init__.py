"""The engine behind detect(): images in, detections out. It names no family."""
