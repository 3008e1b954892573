"""YOLOX."""

from maskdet.lazy import lazy_names

# Its Config is read by people who never build a network.
__getattr__ = lazy_names(
    __name__,
    {
        "YOLOX": "maskdet.models.yolox.yolox",
        "YoloxConfig": "maskdet.models.yolox.config",
    },
)
