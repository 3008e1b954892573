"""Finding objects: boxes, classes, masks."""
