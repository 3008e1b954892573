"""A trunk of depthwise separable convolutions under group norms, which suit batches of one."""

from maskdet.backbones.registry import Backbone, register_backbone

#: Channels of the five stages; each halves the sides and has as many pairs as stand beside it.
STAGES = ((16, 1), (48, 2), (96, 2), (192, 4), (320, 2))
#: Channels that share a mean and a variance (Wu and He 2018, section 4.1, have 16 as good as any).
CHANNELS_A_GROUP = 16


def separable(image, train_bn=None):
    """Feature maps C1 .. C5 of images (B, H, W, 3), of strides 2, 4, 8, 16 and 32.

    A first full convolution, then pairs of a depthwise and a 1 x 1 convolution (Howard et al. 2017)
    with a group norm behind each pair: its statistics are of one image, so that an image learns the
    same in whatever batch it stands.

    Args:
        image: scaled to -1 .. 1.
        train_bn: TRAIN_BN, of no meaning here: a group norm has nothing to freeze.
    """
    # Imported here, since maskdet, once it is imported, has TensorFlow start quietly.
    from keras import initializers, layers

    plain = {"padding": "same", "use_bias": False}
    # What goes into one output of a depthwise convolution is what Keras counts as going out.
    depthwise = {"depthwise_initializer": initializers.VarianceScaling(2.0, "fan_out"), **plain}
    x, maps = image, []
    for stage, (channels, pairs) in enumerate(STAGES, start=1):
        for number in range(1, pairs + 1):
            name, stride = f"stage{stage}_pair{number}", 2 if number == 1 else 1
            if stage == 1:
                x = layers.Conv2D(channels, 3, stride, name=f"{name}_convolution", **plain)(x)
            else:
                x = layers.DepthwiseConv2D(3, stride, name=f"{name}_depthwise", **depthwise)(x)
                x = layers.Conv2D(channels, 1, name=f"{name}_pointwise", **plain)(x)
            x = layers.GroupNormalization(channels // CHANNELS_A_GROUP, name=f"{name}_norm")(x)
            x = layers.ReLU(name=f"{name}_relu")(x)
        maps.append(x)  # (B, H / 2 ** stage, W / 2 ** stage, channels)
    return maps


#: What BACKBONE calls it.
SEPARABLE = register_backbone(
    Backbone(
        name="separable",
        builder=separable,
        stage_patterns=tuple(f"stage{stage}_.*" for stage in range(1, 6)),
        mean_pixel=(127.5, 127.5, 127.5),
        pixel_std=127.5,
    )
).name
