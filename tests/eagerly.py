"""Training step by step, for tests whose trainings are a step or two."""

import functools


def eagerly(function):
    """A function whose trainings run step by step: tracing two steps takes ten times as long as
    doing them."""

    @functools.wraps(function)
    def run(*args, **kwargs):
        import tensorflow as tf

        tf.config.run_functions_eagerly(True)
        try:
            return function(*args, **kwargs)
        finally:
            tf.config.run_functions_eagerly(False)

    return run
