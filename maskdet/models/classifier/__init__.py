"""Classifiers of whole images."""

from maskdet.lazy import lazy_names

# Its Config is read by people who never build a network.
__getattr__ = lazy_names(
    __name__,
    {
        "Classifier": "maskdet.models.classifier.classifier",
        "ClassifierConfig": "maskdet.models.classifier.config",
    },
)
