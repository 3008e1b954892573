"""The kinds of a detector's errors in words: what they are, and what to do about them."""

#: What each kind is, by its name in an evaluation's errors.
MEANINGS = {
    "right": "on an object of its class",
    "confused": "on an object of another class",
    "badly placed": "on an object of its class, but beside its place",
    "confused and badly placed": "beside an object of another class",
    "double": "on an object that a better detection has",
    "part of another": "around a part of an object",
    "on a crowd": "on a crowd or a difficult object: counts neither way",
    "background": "where nothing is",
    "missed": "an object that nobody found",
}
#: What to do about a kind of error, where it costs most.
ADVICE = {
    "missed": (
        "Show it more photos with such objects, above all like those in the pictures below; where "
        "the missed ones are small, take a larger input (IMAGE_MIN_DIM and IMAGE_MAX_DIM)."
    ),
    "background": (
        "Add photos of what it takes for objects, without any object in them: they are training "
        "data too. Look first whether the objects are really there and were never drawn."
    ),
    "badly placed": (
        "Take a larger input (IMAGE_MIN_DIM and IMAGE_MAX_DIM), train longer, or fit the anchors "
        "to your objects (maskdet.data.anchors.fit_anchors); look whether the boxes were drawn "
        "carefully."
    ),
    "confused": (
        "Add photos of the classes that are taken for each other (see which one for which), and "
        "look whether they were named alike by mistake."
    ),
    "confused and badly placed": (
        "Add photos of the classes that are taken for each other, with boxes drawn close around "
        "them."
    ),
    "double": (
        "Lower DETECTION_NMS_THRESHOLD, so that of two boxes on one object only the better one "
        "stays."
    ),
    "part of another": (
        "Add photos in which objects fill most of the picture, and lower DETECTION_NMS_THRESHOLD; "
        "look whether whole objects and their parts were both drawn."
    ),
}
