"""Files of the TF Object Detection API with drawn values, written and run by TensorFlow 1's own
operations; what slim's layers make of arguments is spelled out, nothing of ours is used.
"""

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1
BASES = {
    "ssd_mobilenet_v1": "MobilenetV1",
    "ssd_mobilenet_v2": "MobilenetV2",
    "ssdlite_mobilenet_v2": "MobilenetV2",
    "ssd_inception_v2": "InceptionV2",
}
# What extra maps are called after.
LAST = {
    "MobilenetV1": "Conv2d_13_pointwise",
    "MobilenetV2": "layer_19",
    "InceptionV2": "Mixed_5c",
}
EXTRAS = (512, 256, 256, 128)


class ApiGraph:
    """One of the API's detectors as a graph; ``boxes`` and ``logits`` are its heads' rows.

    Args:
        kind: a key of BASES.
        alpha: its depth multiplier.
        slots: class slots, with the background's.
        side: of the input ``image`` (1, side, side, 3), scaled.
        anchors: on the cells of all maps but the finest.
    """

    def __init__(self, kind, alpha=1.0, slots=4, side=96, seed=0, head_size=1, anchors=6):
        self.random = np.random.default_rng(seed)
        self.base, self.alpha, self.lite = BASES[kind], alpha, "lite" in kind
        self.head_size = head_size
        self.graph = tf.Graph()
        with self.graph.as_default():
            self.image = v1.placeholder(tf.float32, (1, side, side, 3), "image")
            maps = getattr(self, f"_{self.base.lower()}")(self.image)
            maps += self._extra_maps(maps[-1])
            boxes, logits = [], []
            for level, features in enumerate(maps):
                count = anchors if level else 3
                boxes.append(self._head(features, level, "BoxEncoding", count, 4))
                logits.append(self._head(features, level, "Class", count, slots))
            self.boxes = tf.concat(boxes, 1, name="raw_boxes")
            self.logits = tf.concat(logits, 1, name="raw_logits")

    # ---- the API's layers ------------------------------------------------------------------
    def variable(self, name, shape, low=None, high=None):
        if low is None:
            fan = shape[0] * shape[1] * (1 if "depthwise" in name.split("/")[-1] else shape[2])
            # Heads' outputs are about one, as trained ones are.
            gain = 0.1 if name.startswith("BoxPredictor") and "depthwise" not in name else 2
            value = self.random.normal(0, np.sqrt(gain / fan), shape)
        else:
            value = self.random.uniform(low, high, shape)
        return v1.get_variable(name, initializer=value.astype("f4"))

    def normed(self, x, name, activation=True):
        channels = (x.shape[-1],)
        gamma = self.variable(f"{name}/BatchNorm/gamma", channels, 0.5, 1.5)
        beta = self.variable(f"{name}/BatchNorm/beta", channels, -0.3, 0.7)
        mean = self.variable(f"{name}/BatchNorm/moving_mean", channels, -0.2, 0.2)
        variance = self.variable(f"{name}/BatchNorm/moving_variance", channels, 0.5, 1.5)
        x = v1.nn.fused_batch_norm(x, gamma, beta, mean, variance, 0.001, is_training=False)[0]
        return tf.nn.relu6(x) if activation else x

    def conv(self, x, name, channels, size, stride=1, activation=True):
        kernel = self.variable(f"{name}/weights", (size, size, x.shape[-1], channels))
        return self.normed(tf.nn.conv2d(x, kernel, stride, "SAME"), name, activation)

    def depthwise(self, x, name, stride=1):
        kernel = self.variable(f"{name}/depthwise_weights", (3, 3, x.shape[-1], 1))
        strides = (1, stride, stride, 1)
        return self.normed(tf.nn.depthwise_conv2d(x, kernel, strides, "SAME"), name)

    def _head(self, x, level, what, anchors, depth):
        name = f"BoxPredictor_{level}/{what}Predictor"
        if self.lite:
            x = self.depthwise(x, f"{name}_depthwise")
        size = 1 if self.lite else self.head_size
        shape = (size, size, x.shape[-1], anchors * depth)
        x = tf.nn.conv2d(x, self.variable(f"{name}/weights", shape), 1, "SAME")
        x = tf.nn.bias_add(x, self.variable(f"{name}/biases", (anchors * depth,), -1, 1))
        return tf.reshape(x, (1, -1, depth))

    def _extra_maps(self, x):
        maps, scope = [], f"FeatureExtractor/{self.base}/{LAST[self.base]}"
        for number, channels in enumerate(EXTRAS, start=2):
            depth = max(int(channels * self.alpha), 16)
            half = max(int(channels / 2 * self.alpha), 16)
            x = self.conv(x, f"{scope}_1_Conv2d_{number}_1x1_{half}", half, 1)
            name = f"{scope}_2_Conv2d_{number}_3x3_s2_{depth}"
            if self.lite:
                x = self.conv(self.depthwise(x, f"{name}_depthwise", 2), name, depth, 1)
            else:
                x = self.conv(x, name, depth, 3, 2)
            maps.append(x)
        return maps

    # ---- trunks ----------------------------------------------------------------------------
    def _mobilenetv1(self, x):
        scope = "FeatureExtractor/MobilenetV1/Conv2d"
        x = self.conv(x, f"{scope}_0", max(int(32 * self.alpha), 16), 3, 2)
        strides = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
        depths = (64, 128, 128, 256, 256, *(512,) * 6, 1024, 1024)
        maps = []
        for number, (stride, depth) in enumerate(zip(strides, depths, strict=True), start=1):
            x = self.depthwise(x, f"{scope}_{number}_depthwise", stride)
            x = self.conv(x, f"{scope}_{number}_pointwise", max(int(depth * self.alpha), 16), 1)
            if number in (11, 13):
                maps.append(x)
        return maps

    def _mobilenetv2(self, x):
        scope = "FeatureExtractor/MobilenetV2"

        def divisible(channels):
            rounded = max(8, int(channels * self.alpha + 4) // 8 * 8)
            return rounded + 8 if rounded < 0.9 * channels * self.alpha else rounded

        x = self.conv(x, f"{scope}/Conv", divisible(32), 3, 2)
        rows = (
            (16, 1, 1),
            (24, 2, 2),
            (32, 3, 2),
            (64, 4, 2),
            (96, 3, 1),
            (160, 3, 2),
            (320, 1, 1),
        )
        number, fine = 0, None
        for channels, repeats, first in rows:
            for repeat in range(repeats):
                name = f"{scope}/expanded_conv" + (f"_{number}" if number else "")
                stride = first if repeat == 0 else 1
                wide = x if number == 0 else self.conv(x, f"{name}/expand", 6 * x.shape[-1], 1)
                fine = wide if number == 13 else fine  # layer_15/expansion_output
                y = self.depthwise(wide, f"{name}/depthwise", stride)
                y = self.conv(y, f"{name}/project", divisible(channels), 1, activation=False)
                x = x + y if stride == 1 and x.shape[-1] == y.shape[-1] else y
                number += 1
        return [fine, self.conv(x, f"{scope}/Conv_1", divisible(1280), 1)]

    def _inceptionv2(self, x):
        scope = "FeatureExtractor/InceptionV2"

        def depth(channels):
            return max(int(channels * self.alpha), 16)

        stem = f"{scope}/Conv2d_1a_7x7"
        multiplier = min(depth(64) // 3, 8)
        first = self.variable(f"{stem}/depthwise_weights", (7, 7, 3, multiplier))
        second = self.variable(f"{stem}/pointwise_weights", (1, 1, 3 * multiplier, depth(64)))
        x = self.normed(tf.nn.separable_conv2d(x, first, second, (1, 2, 2, 1), "SAME"), stem)
        x = tf.nn.max_pool2d(x, 3, 2, "SAME")
        x = self.conv(x, f"{scope}/Conv2d_2b_1x1", depth(64), 1)
        x = self.conv(x, f"{scope}/Conv2d_2c_3x3", depth(192), 3)
        x = tf.nn.max_pool2d(x, 3, 2, "SAME")
        fine = None
        for block, paths, pool in INCEPTION:
            halves, parts = block in ("4a", "5a"), []
            for branch, path in enumerate(paths):
                y = x
                for index, channels in enumerate(path):
                    last = halves and index == len(path) - 1
                    name = "1a_3x3" if last else ("0a_1x1", "0b_3x3", "0c_3x3")[index]
                    full = f"{scope}/Mixed_{block}/Branch_{branch}/Conv2d_{name}"
                    y = self.conv(y, full, depth(channels), 3 if index else 1, 2 if last else 1)
                parts.append(y)
            if halves:
                parts.append(tf.nn.max_pool2d(x, 3, 2, "SAME"))
            else:
                pooled = tf.nn.max_pool2d if block == "5c" else tf.nn.avg_pool2d
                name = f"{scope}/Mixed_{block}/Branch_3/Conv2d_0b_1x1"
                parts.append(self.conv(pooled(x, 3, 1, "SAME"), name, depth(pool), 1))
            x = tf.concat(parts, 3)
            fine = x if block == "4c" else fine
        return [fine, x]

    # ---- files -----------------------------------------------------------------------------
    def write(self, folder, image=None):
        """Write frozen_inference_graph.pb and model.ckpt; gives raw boxes and logits of an image,
        as the frozen graph itself works them out.
        """
        with self.graph.as_default(), v1.Session() as session:
            session.run(v1.global_variables_initializer())
            v1.train.Saver().save(session, str(folder / "model.ckpt"), write_meta_graph=False)
            frozen = v1.graph_util.convert_variables_to_constants(
                session, self.graph.as_graph_def(), ["raw_boxes", "raw_logits"]
            )
        (folder / "frozen_inference_graph.pb").write_bytes(frozen.SerializeToString())
        return None if image is None else run(frozen, image)

    @property
    def shapes(self):
        """Shapes of the variables by name."""
        with self.graph.as_default():
            return {v.op.name: tuple(v.shape.as_list()) for v in v1.global_variables()}


INCEPTION = (
    ("3b", ((64,), (64, 64), (64, 96, 96)), 32),
    ("3c", ((64,), (64, 96), (64, 96, 96)), 64),
    ("4a", ((128, 160), (64, 96, 96)), None),
    ("4b", ((224,), (64, 96), (96, 128, 128)), 128),
    ("4c", ((192,), (96, 128), (96, 128, 128)), 128),
    ("4d", ((160,), (128, 160), (128, 160, 160)), 96),
    ("4e", ((96,), (128, 192), (160, 192, 192)), 96),
    ("5a", ((128, 192), (192, 256, 256)), None),
    ("5b", ((352,), (192, 320), (160, 224, 224)), 128),
    ("5c", ((352,), (192, 320), (192, 224, 224)), 128),
)


def run(graph_def, image):
    """Raw boxes and logits that a frozen graph gives of an image (1, side, side, 3)."""
    with tf.Graph().as_default() as graph, v1.Session() as session:
        tf.import_graph_def(graph_def, name="")
        outputs = [graph.get_tensor_by_name(f"{name}:0") for name in ("raw_boxes", "raw_logits")]
        return session.run(outputs, {graph.get_tensor_by_name("image:0"): image})
