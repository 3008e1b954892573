"""COCO's classes as weights trained on it count them."""

_NAMES = """
person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire hydrant,
stop sign, parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe,
backpack, umbrella, handbag, tie, suitcase, frisbee, skis, snowboard, sports ball, kite,
baseball bat, baseball glove, skateboard, surfboard, tennis racket, bottle, wine glass, cup, fork,
knife, spoon, bowl, banana, apple, sandwich, orange, broccoli, carrot, hot dog, pizza, donut, cake,
chair, couch, potted plant, bed, dining table, toilet, tv, laptop, mouse, remote, keyboard,
cell phone, microwave, oven, toaster, sink, refrigerator, book, clock, vase, scissors, teddy bear,
hair drier, toothbrush
"""
#: By class id: the background, then the 80 classes in the order of COCO's own ids.
COCO_NAMES = ("BG", *(name.strip() for name in _NAMES.replace("\n", " ").split(",")))

# Ids of COCO's annotations that no class has.
_UNUSED_IDS = frozenset({12, 26, 29, 30, 45, 66, 68, 69, 71, 83})
#: By class id: COCO's own id, which networks of the TF Object Detection API have as their slot.
COCO_SLOTS = tuple(slot for slot in range(91) if slot not in _UNUSED_IDS)
