"""Rules for single settings of a Config, each one sentence where it is broken."""

import math
import numbers
import re
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from maskdet.errors import ConfigError


def check_whole(config: Any, name: str, least: int | None = None, none_means: str = "") -> None:
    """A setting that counts something.

    Whole numbers of another type (2.0, numpy's) become Python's own, which all that is built from
    them takes.

    Args:
        least: the smallest that it may be.
        none_means: what None stands for; without it None is refused.

    Raises:
        ConfigError: naming the setting and what it may be.
    """
    value = getattr(config, name)
    if value is None and none_means:
        return
    if not _is_whole(value, -sys.maxsize if least is None else least):
        rule = "a whole number" if least is None else f"a whole number of {least} or more"
        raise _refusal(name, value, rule, none_means)
    if type(value) is not int:
        setattr(config, name, int(value))


def check_number(config: Any, name: str, above: float | None = None, none_means: str = "") -> None:
    """A setting that is a finite number, of 0 or more, or ``above`` another number.

    Args:
        none_means: what None stands for; without it None is refused.

    Raises:
        ConfigError: naming the setting and what it may be.
    """
    value = getattr(config, name)
    if value is None and none_means:
        return
    if not _is_number(value) or value < 0 or (above is not None and value <= above):
        rule = "a number of 0 or more" if above is None else f"a number above {above:g}"
        raise _refusal(name, value, rule, none_means)


def _refusal(name: str, value: Any, rule: str, none_means: str) -> ConfigError:
    more = f", or None for {none_means}" if none_means else ""
    return ConfigError(f"{name} is {value!r}; give {rule}{more}.")


def _is_number(value: Any) -> bool:
    real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return real and math.isfinite(float(value))


def check_numbers(config: Any, name: str, example: str, count: int | None = None) -> None:
    """A setting of several finite numbers above 0, ``count`` of them or any number but none.

    Raises:
        ConfigError: naming the setting, with the example.
    """
    value = getattr(config, name)
    rule = f"give {'' if count is None else f'{count} '}numbers above 0, such as {example}."
    if not _is_listed(value) or not len(value) or count not in (None, len(value)):
        raise ConfigError(f"{name} is {value!r}; {rule}")
    for item in value:
        if not (_is_number(item) and item > 0):
            raise ConfigError(f"{name} has {item!r}; {rule}")


def _is_listed(value: Any) -> bool:
    return isinstance(value, list | tuple | np.ndarray) and np.ndim(value) == 1


#: Kinds of values that one may not stand for another, and what each is called.
_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "True or False"),
    (numbers.Real, "a number"),
    (dict, "values by name, such as {'NAME': 2.0}"),
    ((list, tuple, np.ndarray), "a list, such as (8, 16)"),
)


def check_kind(config: Any, name: str, value: Any) -> None:
    """A value that somebody has written for a setting. Raises ConfigError for one of another kind
    than the present one, such as a text for a number."""
    present = getattr(config, name)
    if value is None and (
        isinstance(present, numbers.Real) or getattr(type(config), name, None) is None
    ):
        return
    for kind, words in _KINDS:
        if isinstance(present, kind):
            # 1 does for True.
            if not isinstance(value, numbers.Real if kind is bool else kind):
                raise ConfigError(f"{name} is {value!r}; give {words}.")
            return


def check_share(config: Any, name: str) -> None:
    """A setting between 0 and 1, or None. Raises ConfigError, also for per cent."""
    value = getattr(config, name)
    if value is not None:
        check_share_value(name, value)


def check_positive_share(config: Any, name: str) -> None:
    """A setting above 0 and up to 1. Raises ConfigError, also for per cent."""
    value = getattr(config, name)
    check_share_value(name, value)
    if not value > 0:
        raise ConfigError(f"{name} is {value!r}; give a share above 0, such as 0.1.")


def check_share_below_1(config: Any, name: str) -> None:
    """A setting from 0 and below 1. Raises ConfigError, also for per cent."""
    value = getattr(config, name)
    check_share_value(name, value)
    if not value < 1:
        raise ConfigError(f"{name} is {value!r}; give a share below 1, such as 0.999.")


def check_rising_shares(config: Any, name: str) -> None:
    """A setting of shares between 0 and 1, each above the one before. Raises ConfigError."""
    value = getattr(config, name)
    shares = list(value) if isinstance(value, list | tuple) else [value]
    for share in shares:
        check_share_value(name, share)
    rising = [0, *shares, 1]
    if not isinstance(value, list | tuple) or rising != sorted(set(rising)):
        raise ConfigError(
            f"{name} is {value!r}; give shares between 0 and 1 in rising order, such as "
            "(0.67, 0.89)."
        )


def check_share_value(name: str, value: Any) -> None:
    """A value between 0 and 1, such as a score. Raises ConfigError, also for per cent."""
    if not (isinstance(value, numbers.Real) and 0 <= float(value) <= 1):
        hint = f", such as {float(value) / 100:g}" if _is_per_cent(value) else ""
        raise ConfigError(f"{name} is {value!r}; give a share between 0 and 1{hint}.")


def _is_per_cent(value: Any) -> bool:
    return isinstance(value, numbers.Real) and 1 < float(value) <= 100


def check_pair(config: Any, name: str) -> None:
    """A setting of (height, width) in whole pixels. Raises ConfigError for anything else."""
    value = getattr(config, name)
    if not _are_whole(value, 2, least=1):
        raise ConfigError(f"{name} is {value!r}; give (height, width), such as (56, 56).")


def _is_whole(value: Any, least: int) -> bool:
    return _is_number(value) and float(value).is_integer() and value >= least


def _are_whole(values: Any, count: int, least: int) -> bool:
    listed = _is_listed(values) and len(values) == count
    return listed and all(_is_whole(value, least) for value in values)


def check_name(name: Any) -> None:
    """NAME becomes part of file names. Raises ConfigError where it cannot."""
    if name is not None and (not isinstance(name, str) or set(name) & set('/\\:*?"<>|\0')):
        raise ConfigError(
            f"NAME is {name!r}; it names folders and checkpoints, so give a text without slashes "
            "and other signs that file names cannot have."
        )


def check_weights(config: Any, name: str, known: Any) -> None:
    """A setting of factors by name, such as LOSS_WEIGHTS. Raises ConfigError for a name that means
    nothing, and for a factor that is no number of 0 or more."""
    check_mapping(config, name, f"{{{min(known)!r}: 2.0}}")
    for key, factor in getattr(config, name).items():
        if key not in known:
            raise ConfigError(f"{name} names {key!r}, which is none of {', '.join(sorted(known))}.")
        if not _is_number(factor) or factor < 0:
            raise ConfigError(
                f"{name} has {factor!r} for {key!r}; give a factor of 0 or more, such as 0.5."
            )


def check_factors(config: Any, name: str) -> None:
    """A setting of factors, 0 or more, by regular expression. Raises ConfigError."""
    factors = getattr(config, name)
    if not isinstance(factors, dict):
        raise ConfigError(
            f"{name} is {factors!r}; give factors by regular expression, such as "
            '{"stage1_.*": 0.1}.'
        )
    for pattern, factor in factors.items():
        try:
            re.compile(pattern)
        except (re.error, TypeError) as error:
            raise ConfigError(
                f"{name} has {pattern!r}, which is no regular expression ({error})."
            ) from error
        if not _is_number(factor) or factor < 0:
            raise ConfigError(
                f"{name} has {factor!r} for {pattern!r}; give a factor of 0 or more, such as 0.1."
            )


def check_switch(config: Any, name: str) -> None:
    """A setting that is True or False, for which 1 and 0 do. Raises ConfigError for others."""
    value = getattr(config, name)
    if not isinstance(value, numbers.Real | np.bool_) or value not in (0, 1):
        raise ConfigError(f"{name} is {value!r}; use True or False.")
    if type(value) is not bool:
        setattr(config, name, bool(value))


def check_choice(config: Any, name: str, choices: tuple[Any, ...]) -> None:
    """A setting that is one of a few values. Raises ConfigError for another."""
    value = getattr(config, name)
    if not any(value is one or (type(value) is type(one) and value == one) for one in choices):
        words = [str(one) if len(choices) > 2 else repr(one) for one in choices]
        rule = " or ".join(words) if len(words) == 2 else f"one of {', '.join(words)}"
        raise ConfigError(f"{name} is {value!r}; use {rule}.")


def check_shape(config: Any, name: str) -> None:
    """A setting of (height, width, channels). Raises ConfigError for anything else."""
    value = getattr(config, name)
    if not _are_whole(value, 3, least=0):
        raise ConfigError(f"{name} is {value!r}; give (height, width, channels), as (320, 320, 3).")


def check_means(config: Any, name: str) -> None:
    """A setting of a number, or of one a channel, or None. Raises ConfigError for anything else."""
    value = getattr(config, name)
    means = value if _is_listed(value) else [value]
    if value is not None and not (len(means) and all(map(_is_number, means))):
        raise ConfigError(
            f"{name} is {value!r}; give a number a channel, such as (123.7, 116.8, 103.9), or None "
            "for the backbone's."
        )


def check_mapping(config: Any, name: str, example: str) -> None:
    """A setting of values by name. Raises ConfigError for anything but a dictionary."""
    value = getattr(config, name)
    if not isinstance(value, Mapping):
        raise ConfigError(f"{name} is {value!r}; give values by name, such as {example}.")


def check_watching(config: Any) -> None:
    """How a training is evaluated and what it leaves. Raises ConfigError, also for a patience that
    nothing could try."""
    check_whole(config, "EVALUATE_EVERY", 0)
    check_whole(config, "PATIENCE", 0)
    check_whole(config, "CHECKPOINTS_KEPT", 1, "all of them")
    check_whole(config, "STATES_KEPT", 0, "all of them")
    check_switch(config, "EVALUATION_PICTURES")
    check_switch(config, "TENSORBOARD")
    if config.PATIENCE and not config.EVALUATE_EVERY:
        raise ConfigError(
            f"PATIENCE is {config.PATIENCE}, but nothing is evaluated; set EVALUATE_EVERY to 1 or "
            "more, or PATIENCE to 0."
        )


def plain(value: Any) -> Any:
    """A setting as JSON can say it; what it cannot is named in angle brackets."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, dict):
        return {
            key if isinstance(key, str | int | float | bool | None) else str(key): plain(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return f"<{getattr(value, '__name__', type(value).__name__)}>"
