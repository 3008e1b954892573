"""What the class of a data set gives, worked out once from the methods that it overrides."""

# The attribute that says it, and the method that gives it.
GIVEN_BY = {
    "gives_photos": "load_image",
    "gives_boxes": "load_boxes",
    "gives_masks": "load_mask",
    "gives_labels": "load_label",
}


def note_own(cls: type) -> None:
    """Remember in ``cls._derived`` which of the attributes the class leaves to its methods."""
    cls._derived = frozenset(GIVEN_BY) - vars(cls).keys()  # type: ignore[attr-defined]


def derive(cls: type, root: type) -> None:
    """Set those attributes of a class that it leaves to its methods.

    Args:
        root: the base of all data sets, which has every attribute and every method.
    """
    for name in cls._derived:  # type: ignore[attr-defined]
        setattr(cls, name, _nearest(cls, root, name))


def _nearest(cls: type, root: type, name: str) -> bool:
    """What the nearest class says that sets the attribute itself or has the method."""
    for base in cls.__mro__:
        content = vars(base)
        if base is root or (name in content and name not in content.get("_derived", ())):
            return bool(content[name])
        method = GIVEN_BY[name]
        if content.get(method) is vars(root)[method]:  # a class that takes the base's method back
            return bool(getattr(root, name))
        if method in content:
            return name != "gives_photos"  # an image that a method makes is no photo's own
    return bool(getattr(root, name))
