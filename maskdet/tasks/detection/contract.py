"""What an exported detector promises: names, order and meaning of its outputs.

Outputs 0 to 3 are those that every client of TensorFlow's object detectors reads, all float32:

* ``location`` (1, N, 4): y1, x1, y2, x2 as shares of the input's height and width;
* ``category`` (1, N): class from 0, without the background: a line number of labels.txt;
* ``score`` (1, N): descending; 0 in rows behind the last object;
* ``number of detections`` (1,);

and the profile "instances" adds ``masks`` (1, N, h, w), each filling its box, 0..1.
"""

from maskdet.tasks.task import FileOutput

#: Key of an exported network's output -> output of the file, in the file's order.
OUTPUTS = {
    "boxes": FileOutput("location", "boxes", "Boxes: y1, x1, y2, x2 as shares", grouped=True),
    "classes": FileOutput("category", "class numbers", "Category of each object", grouped=True),
    "scores": FileOutput("score", "values", "Score of each object", grouped=True),
    "count": FileOutput(
        "number of detections", "values", "Number of detections of each object", grouped=True
    ),
    # Behind most sums: trained networks were seen to reach 1e-5.
    "masks": FileOutput("masks", "values", "Masks of each object", limit=1e-4),
}
#: What a file of each profile may give; "detect" is what everybody else's clients read.
PROFILES = {"instances": frozenset({"boxes", "masks"}), "detect": frozenset({"boxes"})}
#: Rows of a file by default, by profile.
DEFAULT_COUNTS = {"instances": 20, "detect": 25}
