"""Rules for single settings of a Config, each one sentence where it is broken."""

import math
import numbers
import re
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
    whole = isinstance(value, numbers.Real) and not isinstance(value, bool)
    whole = whole and float(value).is_integer()
    if not whole or (least is not None and value < least):
        rule = "a whole number" if least is None else f"a whole number of {least} or more"
        more = f", or None for {none_means}" if none_means else ""
        raise ConfigError(f"{name} is {value!r}; give {rule}{more}.")
    if type(value) is not int:
        setattr(config, name, int(value))


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
    sides = np.asarray(value, dtype=object).reshape(-1).tolist()
    if np.ndim(value) != 1 or len(sides) != 2 or not all(_is_side(side) for side in sides):
        raise ConfigError(f"{name} is {value!r}; give (height, width), such as (56, 56).")


def _is_side(value: Any) -> bool:
    return isinstance(value, numbers.Real) and float(value).is_integer() and float(value) >= 1


def check_name(name: Any) -> None:
    """NAME becomes part of file names. Raises ConfigError where it cannot."""
    if name is not None and (not isinstance(name, str) or set(name) & set('/\\:*?"<>|\0')):
        raise ConfigError(
            f"NAME is {name!r}; it names folders and checkpoints, so give a text without slashes "
            "and other signs that file names cannot have."
        )


def check_keys(config: Any, name: str, known: Any) -> None:
    """A setting by name, such as LOSS_WEIGHTS. Raises ConfigError for a name that means nothing."""
    unknown = [key for key in getattr(config, name) if key not in known]
    if unknown:
        raise ConfigError(
            f"{name} names {unknown[0]!r}, which is none of {', '.join(sorted(known))}."
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
        number = isinstance(factor, numbers.Real) and not isinstance(factor, bool)
        if not (number and 0 <= float(factor) < math.inf):
            raise ConfigError(
                f"{name} has {factor!r} for {pattern!r}; give a factor of 0 or more, such as 0.1."
            )


def check_switch(config: Any, name: str) -> None:
    """A setting that is True or False. Raises ConfigError for anything else."""
    value = getattr(config, name)
    if not isinstance(value, bool | np.bool_):
        raise ConfigError(f"{name} is {value!r}; use True or False.")


def check_watching(config: Any) -> None:
    """How a training is evaluated and what it leaves. Raises ConfigError, also for a patience that
    nothing could try."""
    check_whole(config, "EVALUATE_EVERY", 0)
    check_whole(config, "PATIENCE", 0)
    check_whole(config, "CHECKPOINTS_KEPT", 1, "all of them")
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
