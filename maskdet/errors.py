"""The few kinds of error that maskdet raises for a user's mistake.

Every message is one sentence that says what is wrong, where (file, line, image, layer) and what to
do. All kinds are also ``ValueError``, so scripts that caught that keep working.
"""


class MaskdetError(ValueError):
    """Base of all errors that maskdet raises on purpose."""


class DataError(MaskdetError):
    """A photo, an annotation or a data set that cannot be used as it is."""


class ConfigError(MaskdetError):
    """A setting that is unknown, contradicts another one or does not fit the data set."""


class WeightsError(MaskdetError):
    """A weight file that is missing, damaged or made for another network."""


class UsageError(MaskdetError):
    """A call that cannot do what it was asked for."""


class MaskdetWarning(UserWarning):
    """Something that probably is a mistake, but does not stop the work."""
