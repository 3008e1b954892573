"""Checkpoints and SavedModels as the TF Object Detection API writes them in TensorFlow 2, with
drawn values, run by TensorFlow's own operations; nothing of ours is used.

Variables have the names that the API's classes give them. Where they hang in the tree of Python's
objects is of no account: a checkpoint and a SavedModel of the API differ in that.
"""

import numpy as np
import tensorflow as tf

NUMBERS = {"mobilenet_v1": 13, "mobilenet_v2": 19}
EXTRAS = (512, 256, 256, 128)
BLOCKS = ((16, 1, 1), (24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1))
STAGES = ((64, 3), (128, 4), (256, 6), (512, 3))


class ObjectNet:
    """One of the API's detectors; :meth:`run` gives raw boxes and logits of an image, scaled.

    Args:
        trunk: "mobilenet_v1", "mobilenet_v2" or "resnet50".
        alpha: its depth multiplier.
        pyramid: (finest, coarsest) level; None for heads of their own on each map.
        light: depthwise pyramid and heads.
        shared: one tower for classes and boxes.
        channels: of pyramid and heads.
        slots: class slots, with the background's.
        anchors: on each cell.
        scale: whether norms have gammas.
    """

    def __init__(
        self,
        trunk,
        alpha=1.0,
        pyramid=None,
        light=False,
        shared=False,
        channels=16,
        slots=4,
        anchors=6,
        scale=True,
        side=96,
        seed=0,
    ):
        self.random = np.random.default_rng(seed)
        self.trunk, self.alpha, self.pyramid, self.light = trunk, alpha, pyramid, light
        self.shared, self.channels, self.slots, self.anchors = shared, channels, slots, anchors
        self.scale, self.values = scale, {}
        self.scope = f"ssd_{trunk}_keras_feature_extractor"
        self.run(np.zeros((1, side, side, 3), "f4"))

    # ---- layers ----------------------------------------------------------------------------
    def value(self, name, shape, low=None, high=None):
        if name not in self.values:
            if low is None:
                fan = shape[0] * shape[1] * (1 if "depthwise_kernel" in name else shape[2])
                gain = 0.1 if "Predictor/kernel" in name or "Predictor/pointwise" in name else 2
                value = self.random.normal(0, np.sqrt(gain / fan), shape)
            else:
                value = self.random.uniform(low, high, shape)
            self.values[name] = tf.Variable(value.astype("f4"), name=name)
        return self.values[name]

    def norm(self, x, name, activation=True):
        size = (x.shape[-1],)
        scale = self.value(f"{name}/gamma", size, 0.5, 1.5) if self.scale else tf.ones(size)
        offset = self.value(f"{name}/beta", size, -0.3, 0.7)
        mean = self.value(f"{name}/moving_mean", size, -0.2, 0.2)
        variance = self.value(f"{name}/moving_variance", size, 0.5, 1.5)
        x = tf.nn.batch_normalization(x, mean, variance, offset, scale, 0.001)
        return tf.nn.relu6(x) if activation else x

    def conv(self, x, name, channels, size, stride=1):
        kernel = self.value(f"{name}/kernel", (size, size, x.shape[-1], channels))
        return tf.nn.conv2d(x, kernel, stride, "SAME")

    def depthwise(self, x, name, stride=1):
        kernel = self.value(f"{name}/depthwise_kernel", (3, 3, x.shape[-1], 1))
        return tf.nn.depthwise_conv2d(x, kernel, (1, stride, stride, 1), "SAME")

    def separable(self, x, name, channels, stride=1):
        x = self.depthwise(x, name, stride)
        kernel = self.value(f"{name}/pointwise_kernel", (1, 1, x.shape[-1], channels))
        return tf.nn.conv2d(x, kernel, 1, "SAME")

    def biased(self, x, name):
        return x + self.value(f"{name}/bias", (x.shape[-1],), -1, 1)

    # ---- trunks: maps of stride 8, 16 and 32, or the two that heads of their own look at -------
    def mobilenet_v1(self, x):
        def depth(channels):
            return max(int(channels * self.alpha), 16)

        x = self.norm(self.conv(x, "conv1", depth(32), 3, 2), "conv1_bn")
        strides = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
        depths = (64, 128, 128, 256, 256, *(512,) * 6, 1024, 1024)
        maps = []
        for number, (stride, channels) in enumerate(zip(strides, depths, strict=True), start=1):
            name = f"conv_dw_{number}"
            x = self.norm(self.depthwise(x, name, stride), f"{name}_bn")
            name = f"conv_pw_{number}"
            x = self.norm(self.conv(x, name, depth(channels), 1), f"{name}_bn")
            if number in (5, 11, 13):
                maps.append(x)
        return maps if self.pyramid else maps[1:]

    def mobilenet_v2(self, x):
        def divisible(channels):
            rounded = max(8, int(channels * self.alpha + 4) // 8 * 8)
            return rounded + 8 if rounded < 0.9 * channels * self.alpha else rounded

        x = self.norm(self.conv(x, "Conv1", divisible(32), 3, 2), "bn_Conv1")
        number, maps, fine = 0, {}, None
        for channels, repeats, first in BLOCKS:
            for repeat in range(repeats):
                block = f"block_{number}_" if number else "expanded_conv_"
                stride, y = first if repeat == 0 else 1, x
                if number:
                    name = f"{block}expand"
                    y = self.norm(self.conv(y, name, 6 * x.shape[-1], 1), f"{name}_BN")
                fine = y if number == 13 else fine
                y = self.norm(
                    self.depthwise(y, f"{block}depthwise", stride), f"{block}depthwise_BN"
                )
                y = self.conv(y, f"{block}project", divisible(channels), 1)
                y = self.norm(y, f"{block}project_BN", activation=False)
                x = maps[number] = x + y if stride == 1 and x.shape[-1] == y.shape[-1] else y
                number += 1
        top = self.norm(self.conv(x, "Conv_1", divisible(1280), 1), "Conv_1_bn")
        return [maps[5], maps[12], top] if self.pyramid else [fine, top]

    def resnet50(self, x):
        x = tf.pad(x, [[0, 0], [3, 3], [3, 3], [0, 0]])
        kernel = self.value("conv1_conv/kernel", (7, 7, 3, 64))
        x = self.norm(tf.nn.conv2d(x, kernel, 2, "VALID"), "conv1_bn")
        x = tf.nn.max_pool2d(x, 3, 2, "SAME")
        maps = []
        for stage, (channels, repeats) in enumerate(STAGES, start=2):
            for block in range(1, repeats + 1):
                name, stride = f"conv{stage}_block{block}", 2 if stage > 2 and block == 1 else 1
                shortcut = x
                if block == 1:
                    shortcut = self.conv(x, f"{name}_0_conv", 4 * channels, 1, stride)
                    shortcut = self.norm(shortcut, f"{name}_0_bn", activation=False)
                y = self.norm(self.conv(x, f"{name}_1_conv", channels, 1, stride), f"{name}_1_bn")
                y = self.norm(self.conv(y, f"{name}_2_conv", channels, 3), f"{name}_2_bn")
                y = self.conv(y, f"{name}_3_conv", 4 * channels, 1)
                x = tf.nn.relu6(shortcut + self.norm(y, f"{name}_3_bn", activation=False))
            maps.append(x)
        return maps[1:]

    # ---- heads of their own ----------------------------------------------------------------
    def extra_maps(self, x):
        last = {"mobilenet_v1": "Conv2d_13_pointwise", "mobilenet_v2": "layer_19"}[self.trunk]
        scope, maps = f"{self.scope}/FeatureMaps/{last}", []
        for number, channels in enumerate(EXTRAS, start=2):
            depth = max(int(channels * self.alpha), 16)
            half = max(int(channels / 2 * self.alpha), 16)
            name = f"{scope}_1_Conv2d_{number}_1x1_{half}"
            x = self.norm(self.conv(x, f"{name}_conv", half, 1), f"{name}_batchnorm")
            name = f"{scope}_2_Conv2d_{number}_3x3_s2_{depth}"
            x = self.norm(self.conv(x, f"{name}_conv", depth, 3, 2), f"{name}_batchnorm")
            maps.append(x)
        return maps

    def own_heads(self, maps):
        rows = []
        for level, x in enumerate(maps + self.extra_maps(maps[-1])):
            count = self.anchors if level else 3
            for kind, what, depth in (("Box", "BoxEncoding", 4), ("Class", "Class", self.slots)):
                name = f"BoxPredictor/Convolutional{kind}Head_{level}/{what}Predictor"
                y = self.biased(self.conv(x, name, count * depth, 1), name)
                rows.append(tf.reshape(y, (1, -1, depth)))
        return rows

    # ---- pyramid ---------------------------------------------------------------------------
    def block(self, x, name, stride=1):
        if self.light:
            x = self.separable(x, f"{name}_depthwise_conv", self.channels, stride)
        else:
            x = self.conv(x, f"{name}_conv", self.channels, 3, stride)
        return self.norm(x, f"{name}_batchnorm")

    def levels(self, maps):
        finest, coarsest = self.pyramid
        maps = maps[finest - 3 :]
        scope, count = f"{self.scope}/FeatureMaps/top_down", len(maps)
        levels = []
        for number in range(count, 0, -1):
            name = f"{scope}/projection_{number}"
            x = self.biased(self.conv(maps[number - 1], name, self.channels, 1), name)
            if levels:
                above = tf.repeat(tf.repeat(levels[-1], 2, axis=1), 2, axis=2)
                x = self.block(above + x, f"{scope}/smoothing_{number}")
            levels.append(x)
        levels.reverse()
        for level in range(6, coarsest + 1):
            kind = (
                f"block{level - 1}"
                if self.trunk == "resnet50"
                else f"Conv2d_{level - 5 + NUMBERS[self.trunk]}"
            )
            levels.append(self.block(levels[-1], f"{self.scope}/bottom_up_{kind}", 2))
        return levels

    def shared_heads(self, levels):
        scope, rows = "WeightSharedConvolutionalBoxPredictor", []
        for index, features in enumerate(levels):
            for kind, depth in (("Box", 4), ("Class", self.slots)):
                tower = f"{scope}/{'' if self.shared else kind}PredictionTower"
                x = features
                for number in range(2):
                    name = f"{tower}/conv2d_{number}"
                    if self.light:
                        x = self.separable(x, name, self.channels)
                    else:
                        x = self.conv(x, name, self.channels, 3)
                    x = self.norm(x, f"{name}/BatchNorm/feature_{index}")
                name = f"{scope}/WeightSharedConvolutional{kind}Head/{kind}Predictor"
                if self.light:
                    x = self.separable(x, name, self.anchors * depth)
                else:
                    x = self.conv(x, name, self.anchors * depth, 3)
                rows.append(tf.reshape(self.biased(x, name), (1, -1, depth)))
        return rows

    def run(self, image):
        maps = getattr(self, self.trunk)(tf.constant(image))
        rows = self.shared_heads(self.levels(maps)) if self.pyramid else self.own_heads(maps)
        return [tf.concat(rows[kind::2], axis=1).numpy() for kind in (0, 1)]

    # ---- files -----------------------------------------------------------------------------
    def module(self):
        """The variables in a tree of objects: some of an optimizer's too."""
        model = tf.Module()
        model._feature_extractor, model._box_predictor = tf.Module(), tf.Module()
        for name, value in self.values.items():
            part = model._box_predictor if "Predictor" in name else model._feature_extractor
            setattr(part, f"kept_{len(part.variables)}", value)
        return model

    def write(self, folder):
        """Write a folder as the model zoo packs it, without its SavedModel."""
        slot = tf.Variable(np.zeros(3, "f4"), name="Conv1/kernel/Momentum")
        saved = tf.train.Checkpoint(model=self.module(), slot=slot, step=tf.Variable(7))
        saved.write(str(folder / "checkpoint" / "ckpt-0"))
        (folder / "pipeline.config").write_text("model {}\n")
        return folder

    def write_saved_model(self, folder):
        """Write saved_model/ as the model zoo does."""
        detector = tf.Module()
        detector._model = self.module()
        detector.run = tf.function(lambda x: x + 1.0, [tf.TensorSpec((1,))])
        path = str(folder / "saved_model")
        tf.saved_model.save(detector, path, signatures=detector.run.get_concrete_function())
        return folder
