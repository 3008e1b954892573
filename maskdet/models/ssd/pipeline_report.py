"""What became of each field of a pipeline.config, for people."""

import os
import re
from dataclasses import dataclass, field

#: (line, full name of the field, what is said of it).
Line = tuple[int, str, str]

# Why fields that are known of the API are not carried over, by their full names.
_REASONS = (
    (
        r"conv_hyperparams\.(batch_norm|activation)",
        "the network has batch norms and ReLU6 of its own",
    ),
    (r"conv_hyperparams\.initializer", "new layers begin with weights of their own"),
    (r"conv_hyperparams\.regularizer", "WEIGHT_DECAY is counted otherwise"),
    (r"override_base_feature_extractor_hyperparams", "the backbone has its own"),
    (
        r"fine_tune_checkpoint_|from_detection_checkpoint|load_all_detection",
        "layers are matched by name",
    ),
    (r"sync_replicas|startup_delay|replicas_to_aggregate", "GPU_COUNT spreads a batch over GPUs"),
    (r"unpad_groundtruth_tensors|inplace_batchnorm|use_matmul|use_static", "how the API computes"),
    (r"eval_config", "evaluations are COCO's, of the whole set, as EVALUATE_EVERY says"),
    (r"input_reader\.", "data sets are read whole, and training sets in a new order each epoch"),
    (r"graph_rewriter", "int8 comes with the export: model.export(..., calibration=...)"),
    (r"data_augmentation_options\.\w+\.", "the preset has its own strengths"),
)
_UNKNOWN = "not known here"


@dataclass
class Report:
    """Every field of a file in one of three lists, by line.

    Attributes:
        path: of the file.
        carried: became a setting.
        nearest: became what comes nearest to it here.
        left: not carried over.
    """

    path: str | os.PathLike[str]
    carried: list[Line] = field(default_factory=list)
    nearest: list[Line] = field(default_factory=list)
    left: list[Line] = field(default_factory=list)

    def leave(self, line: int, name: str) -> None:
        """List a field that nothing was made of."""
        reason = next((why for pattern, why in _REASONS if re.search(pattern, name)), _UNKNOWN)
        self.left.append((line, name, reason))

    def __str__(self) -> str:
        parts = [f"{os.fspath(self.path)}, read as settings of SSD"]
        for title, lines in (
            ("Carried over", self.carried),
            ("Nearest", self.nearest),
            ("Not carried over", self.left),
        ):
            if lines:
                parts += ["", f"{title}:"]
                parts += [f"  line {line:<4} {name}: {text}" for line, name, text in sorted(lines)]
        parts += [
            "",
            "What the file does not say is as the API has it by default, or else as in SsdConfig.",
        ]
        return "\n".join(parts)
