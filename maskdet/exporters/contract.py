"""What an exported file says of itself, whatever its format and task."""

import json
from dataclasses import asdict
from typing import Any

from maskdet.exporters.request import ExportRequest
from maskdet.runtime.model_file import FORMAT, STAGES
from maskdet.tasks.task import FileFacts
from maskdet.trained import Trained, settings_of
from maskdet.version import __version__

#: In the zip behind a .tflite beside what the runtime reads there.
NUMBERED_LABELS = "labels_numbered.txt"


def file_outputs(trained: Trained, request: ExportRequest) -> frozenset[str]:
    """Which of the task's outputs a file gives: those that were trained and the profile has."""
    return trained.facts.outputs & trained.family.task.profiles[request.profile]


def facts_json(trained: Trained, request: ExportRequest) -> str:
    """What the runtime needs to know beside the network, as JSON."""
    task, rule = trained.family.task, trained.config.file_placement_rule()
    outputs = file_outputs(trained, request)
    facts: dict[str, Any] = {
        "format": FORMAT,
        "version": 1,
        "maskdet": __version__,
        "family": trained.family.name,
        "task": task.name,
        "profile": request.profile,
        "precision": request.precision,
        "outputs": sorted(outputs),
        "class_names": list(trained.class_names),
        "min_dim": rule.min_dim,
        "max_dim": rule.max_dim,
        "min_scale": rule.min_scale,
        "resize_mode": rule.mode,
        STAGES: [asdict(stage) for stage in trained.family.profile_stages],
        **task.file_facts(trained.config, outputs, request.min_score),
        "config": settings_of(trained),
    }
    return json.dumps(facts, indent=1) + "\n"


def facts_for_decoding(trained: Trained, request: ExportRequest) -> FileFacts:
    """The same for a file that is decoded here and now, with all that it reports."""
    task, outputs = trained.family.task, file_outputs(trained, request)
    return FileFacts(
        class_names=trained.class_names,
        ours=True,
        task=task.name,
        outputs=outputs,
        all=task.file_facts(trained.config, outputs, request.min_score),
        min_confidence=0.0,
        placement=trained.config.file_placement_rule(),
    )
