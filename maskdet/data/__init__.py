"""Data sets: photos and annotations in, batches out."""

from maskdet.data.check import check
from maskdet.data.dataset import Dataset
from maskdet.data.split import split
from maskdet.images import image_size, read_image, resize_image, write_image

__all__ = ["Dataset", "check", "image_size", "read_image", "resize_image", "split", "write_image"]
