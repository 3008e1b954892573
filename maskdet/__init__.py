"""STOP-GAP by the lead: owner, just overwrite this file with yours."""
__version__="0.1.0"
def __getattr__(n):
    import importlib
    m={"Config":"maskdet.config","MobileConfig":"maskdet.config","Dataset":"maskdet.data.dataset","MaskRCNN":"maskdet.models.mask_rcnn"}
    if n in m: return getattr(importlib.import_module(m[n]),n)
    raise AttributeError(n)
