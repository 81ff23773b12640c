"""COCO128: 128 photographs of COCO's validation set, a box around each thing.

Reference:
    Lin et al. (2014), arXiv:1405.0312. The boxes: CC BY 4.0; each photograph under the
    terms of its author on Flickr, so that none is shipped here. The selection is that
    of github.com/lightly-ai/coco128_yolo.
"""

from tlkeras.datasets.images._box_mirror import check_files, mirrored
from tlkeras.datasets.images.box_files import Picture, read_yolo

NAMES = (
    "person",
    "bicycle",
    "car",
    "motorcycle",
    "airplane",
    "bus",
    "train",
    "truck",
    "boat",
    "traffic light",
    "fire hydrant",
    "stop sign",
    "parking meter",
    "bench",
    "bird",
    "cat",
    "dog",
    "horse",
    "sheep",
    "cow",
    "elephant",
    "bear",
    "zebra",
    "giraffe",
    "backpack",
    "umbrella",
    "handbag",
    "tie",
    "suitcase",
    "frisbee",
    "skis",
    "snowboard",
    "sports ball",
    "kite",
    "baseball bat",
    "baseball glove",
    "skateboard",
    "surfboard",
    "tennis racket",
    "bottle",
    "wine glass",
    "cup",
    "fork",
    "knife",
    "spoon",
    "bowl",
    "banana",
    "apple",
    "sandwich",
    "orange",
    "broccoli",
    "carrot",
    "hot dog",
    "pizza",
    "donut",
    "cake",
    "chair",
    "couch",
    "potted plant",
    "bed",
    "dining table",
    "toilet",
    "tv",
    "laptop",
    "mouse",
    "remote",
    "keyboard",
    "cell phone",
    "microwave",
    "oven",
    "toaster",
    "sink",
    "refrigerator",
    "book",
    "clock",
    "vase",
    "scissors",
    "teddy bear",
    "hair drier",
    "toothbrush",
)
REPOSITORY = "lightly-ai/coco128_yolo"
COMMIT = "6d6f7a059ea63efffdbe48aca2d52c04d4c510e9"
LABELS, PICTURES = "object_detection/labels/val2017", "images/val2017"
# Of the files of boxes, in the order of their names.
SHA256 = "7cf3938cbda8fc5998a649bb19218c8296a5fbbf5ed2d00aa481ea2e01b2698d"


def load_data() -> list[Picture]:
    """The photographs with their boxes, from the mirror.

    Returns:
        A list of 128 `Picture`, in the order of their names; of it
        `tlkeras.datasets.box_files.load_arrays` makes arrays.

    Raises:
        DataError: there is no mirror, a file is missing, or one is another file.
    """
    folder = mirrored(REPOSITORY, COMMIT)
    paths = sorted((folder / LABELS).glob("*.txt"))
    check_files(paths, SHA256, folder)
    pictures = folder / PICTURES
    return [read_yolo(path, NAMES, pictures / f"{path.stem}.jpg") for path in paths]
