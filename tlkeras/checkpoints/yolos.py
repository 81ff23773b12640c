"""YOLOS as Hugging Face keeps it, with its heads.

DETR needs a convolutional backbone, a ResNet, which this library does not have.
"""

from tlkeras import checks as check
from tlkeras.checkpoints.architecture import Architecture, Blocks, Part
from tlkeras.checkpoints.config_files import dictionary, entry
from tlkeras.checkpoints.vit import ENCODER, pair, picture_arguments, resized
from tlkeras.models import Detector
from tlkeras.models.detector import HEAD_DEPTH

HEADS: dict[str, str | Part] = {
    f"{ours}_{number}": f"{theirs}.layers.{number}"
    for ours, theirs in (
        ("class_head", "class_labels_classifier"),
        ("box_head", "bbox_predictor"),
    )
    for number in range(HEAD_DEPTH)
}
OUTSIDE: dict[str, str | Part] = {
    "class_token/token": "embeddings.cls_token",
    "detection_tokens/tokens": Part("embeddings.detection_tokens", leading=1),
    "patch_embedding": "embeddings.patch_embeddings.projection",
    "position_embedding/embeddings": Part("embeddings.position_embeddings", leading=1),
    "middle_positions/tables": "encoder.mid_position_embeddings",
    "layer_norm": "layernorm",
    **HEADS,
}
TWO = {"0": "", "1": ""}  # labels, where a config names none


def yolos_arguments(config, names):
    """Arguments of `Detector` from a Hugging Face config.

    Pixels at the right and lower edge that do not fill a patch are not looked at, as in
    `transformers`; our pictures end before them.

    Raises:
        ValueError: a number is missing or none.
    """
    size = entry(config, "image_size", pair, (512, 864))
    patch = entry(config, "patch_size", pair, (16, 16))
    cut = [max(side // step, 1) * step for side, step in zip(size, patch, strict=True)]
    return {
        **picture_arguments({**config, "image_size": cut}),
        "num_classes": len(entry(config, "id2label", dictionary, TWO)),
        "num_detections": entry(
            config, "num_detection_tokens", check.positive_integer, 100
        ),
        "middle_positions": entry(
            config, "use_mid_position_embeddings", check.flag, True
        ),
    }


YOLOS = Architecture(
    kind="Hugging Face",
    model=Detector,
    arguments=yolos_arguments,
    outside=OUTSIDE,
    blocks=(Blocks("encoder.layer.{}.", ENCODER),),
    prefixes=("vit.",),
    complete=(
        "embeddings.",
        "encoder.",
        "layernorm.",
        "class_labels_classifier.",
        "bbox_predictor.",
    ),
    zeros=lambda config: () if config.get("qkv_bias", True) else ("*/bias",),
    later={"image_shape": resized},
)
