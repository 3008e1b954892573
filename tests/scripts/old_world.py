"""What the tests of old scripts share: a small VOC folder, and a network that builds quickly."""

from xml.etree import ElementTree

import keras
import numpy as np
from keras import layers
from PIL import Image

from maskdet.mrcnn import model as modellib
from maskdet.mrcnn.config import Config
from maskdet.mrcnn.utils import Dataset

SIDE = 128


def small_backbone(input_image, stage5, train_bn):
    """C1 .. C5 with strides 4, 4, 8, 16, 32 and ResNet's layer names."""
    x = layers.Conv2D(16, 7, strides=4, padding="same", activation="relu", name="conv1")(
        input_image
    )
    stages = [x]
    for stage, width in zip(range(2, 6), (16, 24, 32, 48), strict=True):
        name = f"{stage}a_branch2a"
        x = layers.Conv2D(width, 3, strides=1 + (stage > 2), padding="same", name=f"res{name}")(x)
        x = modellib.BatchNorm(name=f"bn{name}")(x, training=train_bn)
        x = layers.Activation("relu", name=f"res{stage}a_out")(x)
        stages.append(x)
    return stages


def small_backbone_shapes(image_shape):
    sides = np.array(image_shape[:2])
    return np.array([np.ceil(sides / stride).astype(int) for stride in (4, 8, 16, 32, 64)])


class BlocksConfig(Config):
    """As a user of the tutorial writes it, with everything small."""

    NAME = "blocks_cfg"
    BACKBONE = staticmethod(small_backbone)
    COMPUTE_BACKBONE_SHAPE = staticmethod(small_backbone_shapes)
    NUM_CLASSES = 1 + 2
    IMAGES_PER_GPU = 2
    STEPS_PER_EPOCH = 3
    VALIDATION_STEPS = 1
    IMAGE_MIN_DIM = SIDE
    IMAGE_MAX_DIM = SIDE
    RPN_ANCHOR_SCALES = (16, 24, 32, 48, 64)
    TOP_DOWN_PYRAMID_SIZE = 24
    FPN_CLASSIF_FC_LAYERS_SIZE = 48
    TRAIN_ROIS_PER_IMAGE = 16
    RPN_TRAIN_ANCHORS_PER_IMAGE = 64
    PRE_NMS_LIMIT = 300
    POST_NMS_ROIS_TRAINING = 60
    POST_NMS_ROIS_INFERENCE = 30
    MAX_GT_INSTANCES = 6
    MINI_MASK_SHAPE = (28, 28)
    DETECTION_MIN_CONFIDENCE = 0.0
    DETECTION_MAX_INSTANCES = 8


class InferenceConfig(BlocksConfig):
    GPU_COUNT = 1
    IMAGES_PER_GPU = 1


def write_blocks(folder, count=8):
    """Photos of coloured blocks with LabelImg's XML files, in ``images`` and ``annots``."""
    rng = np.random.default_rng(5)
    for place in ("images", "annots"):
        (folder / place).mkdir(parents=True)
    for number in range(count):
        height, width = (100, 120) if number % 2 else (128, 128)
        picture = np.full((height, width, 3), 110, np.uint8)
        root = ElementTree.Element("annotation")
        size = ElementTree.SubElement(root, "size")
        for tag, value in (("width", width), ("height", height)):
            ElementTree.SubElement(size, tag).text = str(value)
        for i in range(1 + number % 2):
            y, x = 8 + 45 * i, int(rng.integers(5, width - 60))
            h, w = (int(v) for v in rng.integers(30, 42, 2))
            name = "red" if (number + i) % 2 else "blue"
            picture[y : y + h, x : x + w] = (220, 20, 20) if name == "red" else (20, 20, 220)
            item = ElementTree.SubElement(root, "object")
            ElementTree.SubElement(item, "name").text = name
            box = ElementTree.SubElement(item, "bndbox")
            corners = {"xmin": x, "ymin": y, "xmax": x + w, "ymax": y + h}
            for tag, value in corners.items():
                ElementTree.SubElement(box, tag).text = str(value)
        Image.fromarray(picture).save(folder / "images" / f"{number:05d}.png")
        ElementTree.ElementTree(root).write(folder / "annots" / f"{number:05d}.xml")
    return folder


class BlocksDataset(Dataset):
    """The tutorial's kind of data set: its own XML parser, masks of floats from boxes."""

    def load_dataset(self, dataset_dir, is_train=True):
        self.add_class("dataset", 1, "red")
        self.add_class("dataset", 2, "blue")
        for path in sorted((dataset_dir / "images").iterdir()):
            image_id = path.name[:-4]
            if (int(image_id) < 6) != is_train:
                continue
            annotation = dataset_dir / "annots" / f"{image_id}.xml"
            self.add_image("dataset", image_id=image_id, path=str(path), annotation=str(annotation))

    def extract_boxes(self, filename):
        root = ElementTree.parse(filename).getroot()
        boxes = [
            [int(box.find(tag).text) for tag in ("xmin", "ymin", "xmax", "ymax")]
            for box in root.findall(".//bndbox")
        ]
        names = [name.text for name in root.findall(".//object/name")]
        width = int(root.find(".//size/width").text)
        height = int(root.find(".//size/height").text)
        return boxes, names, width, height

    def load_mask(self, image_id):
        info = self.image_info[image_id]
        boxes, names, w, h = self.extract_boxes(info["annotation"])
        masks = np.zeros([h, w, len(boxes)], dtype="uint8")
        for i, box in enumerate(boxes):
            masks[box[1] : box[3], box[0] : box[2], i] = 1
        return masks, np.asarray([self.class_names.index(n) for n in names], dtype="int32")

    def image_reference(self, image_id):
        return self.image_info[image_id]["path"]


def blocks(folder, is_train=True):
    dataset = BlocksDataset()
    dataset.load_dataset(folder, is_train=is_train)
    dataset.prepare()
    return dataset


def weights_of(model, *names):
    return {
        name: [np.array(w) for w in model.network.get_layer(name).get_weights()] for name in names
    }


def same(first, second):
    return all(
        np.array_equal(a, b)
        for name in first
        for a, b in zip(first[name], second[name], strict=True)
    )


class EveryOtherStep(keras.callbacks.Callback):
    """A user's own callback that lowers the rate by Keras 2's name for it."""

    rates = ()

    def on_train_batch_end(self, batch, logs=None):
        self.model.optimizer.lr = float(self.model.optimizer.lr) * 0.5
        self.rates = (*self.rates, float(self.model.optimizer.lr))
