"""A training step on TensorFlow that writes down for gradients what trains, and nothing else.

Keras' own step watches every variable that was made to train, those of frozen layers too:
TensorFlow then builds the gradients of the whole network, only to throw the frozen part's away. In
a stage of heads these are most of the graph, and the time until the first step is done.
"""

from typing import Any

import keras


def watched_step(model: keras.Model, inputs: Any) -> Any:
    """Move a compiled model's trainable variables by the gradients of its loss.

    The same numbers as ``keras.Model.train_step``, on one device.

    Args:
        model: whose ``compute_loss`` needs no targets.
        inputs: an array (B, ...), or several by name.

    Returns:
        The model's metrics.
    """
    import tensorflow as tf

    variables = model.trainable_variables
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch([variable.value for variable in variables])
        outputs = model(inputs, training=True)
        loss = model.compute_loss(x=inputs, y_pred=outputs, training=True)
        scaled = model.optimizer.scale_loss(loss)
    batch = tf.shape(keras.tree.flatten(inputs)[0])[0]
    for metric in model.metrics:
        if metric.name == "loss":
            metric.update_state(loss, sample_weight=batch)
    model.optimizer.apply(tape.gradient(scaled, [v.value for v in variables]), variables)
    return model.compute_metrics(x=inputs, y=None, y_pred=outputs)
