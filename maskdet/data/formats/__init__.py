"""File formats of data sets, a module each, in the order in which they are tried.

A format is a module with ``NAME``, ``LOOKS_FOR`` (both for messages), ``recognise(path)``,
``read(path, ...)`` and ``write(dataset, path)``.
"""

from maskdet.data.formats import voc

FORMATS = (voc,)

__all__ = ["FORMATS", "voc"]
