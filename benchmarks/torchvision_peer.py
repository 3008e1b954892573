"""torchvision's Mask R-CNN (ResNet50, FPN) as a process that works when it is asked.

``peers.py`` starts it under an environment of its own: after a line with facts it does a round for
each line that comes in, and prints how many seconds it took.
"""

import json
import os
import sys
import time

import torch
from torchvision.models.detection import maskrcnn_resnet50_fpn

CLASSES = 81


def detection(side, detections, bfloat16=False):
    """One photo through a network of random weights that keeps every score."""
    model = maskrcnn_resnet50_fpn(
        weights=None,
        weights_backbone=None,
        num_classes=CLASSES,
        min_size=side,
        max_size=side,
        box_score_thresh=0.0,
        box_detections_per_img=detections,
    ).eval()
    photo = torch.rand(3, side, side)

    def round_of():
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            return len(model([photo])[0]["boxes"])

    return round_of, {"detections": round_of()}


def training(side, batch, layers):
    """One step; ``layers`` is "heads" (all but the backbone) or "all"."""
    model = maskrcnn_resnet50_fpn(
        weights=None, weights_backbone=None, num_classes=CLASSES, min_size=side, max_size=side
    ).train()
    for parameter in model.backbone.body.parameters():
        parameter.requires_grad = layers == "all"
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=1e-4, momentum=0.9)
    photos = [torch.rand(3, side, side) for _ in range(batch)]
    targets = []
    for _ in photos:
        corners = torch.rand(3, 2) * side / 2
        boxes = torch.cat([corners, corners + 40 + 80 * torch.rand(3, 2)], 1)
        masks = torch.ones(3, side, side, dtype=torch.uint8)
        targets.append({"boxes": boxes, "labels": torch.ones(3, dtype=torch.int64), "masks": masks})

    def round_of():
        loss = sum(model(photos, targets).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return round_of, {"parameters": sum(parameter.numel() for parameter in trained)}


def main():
    """Answer until the input ends; the first argument is the task as JSON."""
    task = json.loads(sys.argv[1])
    torch.manual_seed(0)
    torch.set_num_threads(task.pop("threads", None) or os.cpu_count())
    round_of, facts = (training if "layers" in task else detection)(**task)
    print(json.dumps({**facts, "torch": torch.__version__}), flush=True)
    for _ in sys.stdin:
        begun = time.perf_counter()
        round_of()
        print(time.perf_counter() - begun, flush=True)
