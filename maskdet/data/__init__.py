"""Data sets: photos and annotations in, batches out."""

from maskdet.data.dataset import Dataset
from maskdet.data.images import image_size, read_image, resize_image, write_image

__all__ = ["Dataset", "image_size", "read_image", "resize_image", "write_image"]
