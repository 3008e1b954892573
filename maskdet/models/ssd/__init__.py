"""SSD."""

from maskdet.lazy import lazy_names

# Its Config is read by people who never build a network.
__getattr__ = lazy_names(
    __name__,
    {
        "SSD": "maskdet.models.ssd.ssd",
        "SsdConfig": "maskdet.models.ssd.config",
    },
)
