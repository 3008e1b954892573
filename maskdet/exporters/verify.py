"""Whether an exported file does what its network does.

Two checks. The one that counts: the trained network through the inference engine and the file
through the client that will run it, two lists of results, compared by the task. And one of the
converter alone: the twin that was converted beside its own file, output by output.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from maskdet.errors import UsageError
from maskdet.exporters.photos import ComparedPhotos
from maskdet.exporters.source import Source
from maskdet.inference.detect import detect
from maskdet.tasks.task import Agreement, largest_difference

Array = NDArray[Any]
#: Photos whose raw outputs are compared one by one.
COMPARED_OUTPUTS = 5


@dataclass(frozen=True)
class Comparison:
    """How far a file is from its network over some photos.

    Attributes:
        errors: largest difference of each raw output from the converted twin's, by its name.
        agreement: of the results with the trained network's.
        compared: whether there was anything to compare; False where the network found nothing.
    """

    errors: dict[str, float]
    agreement: Agreement

    @property
    def compared(self) -> bool:
        return self.agreement.expected > 0 or self.agreement.surplus > 0


def twin_runner(source: Source) -> Callable[[dict[str, Array]], list[Array]]:
    """The twin in Keras as a function from a file's inputs to its outputs, in order."""
    import tensorflow as tf

    @tf.function
    def graph(inputs: dict[str, Any]) -> list[Any]:
        return list(source.call([inputs[name] for name in source.inputs]).values())

    def run(sample: dict[str, Array]) -> list[Array]:
        values = graph({name: tf.constant(value) for name, value in sample.items()})
        return [value.numpy() for value in values]

    return run


def output_errors(
    source: Source, run_file: Callable[[dict[str, Array]], Sequence[Array]], images: list[Array]
) -> dict[str, float]:
    """Largest difference of each output between the twin in Keras and its file, by name."""
    names = [output.name for output in source.outputs]
    errors = dict.fromkeys(names, 0.0)
    run_twin = twin_runner(source)
    for sample in source.samples(images, from_bytes=True):
        expected = dict(zip(names, run_twin(sample), strict=True))
        arrays = dict(zip(names, run_file(sample), strict=True))
        for name, rows in source.task.aligned(expected, arrays).items():
            errors[name] = max(errors[name], largest_difference(expected[name], rows))
    return errors


def compare(
    source: Source,
    run_file: Callable[[dict[str, Array]], Sequence[Array]],
    result: Callable[[Array], Any],
    photos: ComparedPhotos,
) -> Comparison:
    """Both checks on some photos.

    Args:
        source: its ``trained`` is the network that the file must agree with.
        run_file: from the file's inputs to its outputs, in order.
        result: from an image to the file's result.
    """
    errors = output_errors(source, run_file, photos.images[:COMPARED_OUTPUTS])
    expected = list(detect(source.trained, photos.images))
    results = [result(image) for image in photos.images]
    return Comparison(errors, source.task.compare(expected, results, source.request.precision))


def check(
    comparison: Comparison,
    source: Source,
    photos: ComparedPhotos,
    path: Any,
    precisions: Sequence[str],
) -> str | None:
    """Raises UsageError where a file differs from its network beyond the limits, or where nothing
    could be compared in photos that somebody gave; gives what is to be said otherwise.

    Args:
        precisions: in which the format can be written, for the advice.
    """
    precision, agreement = source.request.precision, comparison.agreement
    if precision == "float32":
        for output in source.outputs:
            error = comparison.errors[output.name]
            if error > output.limit:
                raise UsageError(
                    f"The exported file does not agree with the network: output '{output.name}' is "
                    f"off by {error:.2g} (allowed {output.limit:g}); {path} was not written. "
                    "Report this with the Config."
                )
    if agreement.fault:
        raise UsageError(
            f"The {precision} file does not agree with the network: in "
            f"{photos.names[agreement.photo]} {agreement.fault}; {path} was not written. "
            f"{_advice(precision, precisions)}"
        )
    if comparison.compared:
        return None
    nothing = (
        f"Nothing could be compared: the network is sure of nothing in {agreement.photos} "
        f"{'made-up scenes' if photos.made_up else 'photos'}"
    )
    if photos.made_up:
        return (
            f"{nothing}, so only the conversion itself was checked; give dataset= or calibration= "
            "with photos of what it finds."
        )
    raise UsageError(
        f"{nothing}, so it cannot be said whether the file agrees with it; {path} was not written. "
        "Give photos of what it finds as dataset=, train it further, or use verify=False."
    )


def _advice(precision: str, precisions: Sequence[str]) -> str:
    if precision == "float32":
        return "Report this with the Config."
    exact = "use precision='float32', " if "float32" in precisions else ""
    return (
        f"Give more calibration images like those the network will see, {exact}or verify=False if "
        "that is good enough."
    )


def check_scores(
    source: Source,
    before: dict[str, float],
    after: dict[str, float],
    path: Any,
    precisions: Sequence[str],
) -> None:
    """Raises UsageError where a file's figures on a data set are further below its network's than
    the task allows; ``precisions`` as for :func:`check`."""
    precision = source.request.precision
    for figure, score in before.items():
        loss = score - after[figure]
        allowed = source.task.allowed_loss(figure, precision)
        if loss > allowed:
            raise UsageError(
                f"The {precision} file loses {100 * loss:.1f} points of {figure} on the data "
                f"set ({100 * allowed:g} are allowed); {path} was not written. "
                f"{_advice(precision, precisions)}"
            )
