"""Pictures to classes and boxes: Detector against YOLOS of transformers on PyTorch.

python benchmarks/detector.py --device cpu --threads 1 --clock processor
"""

import numpy as np
from _bench import compiled, main, wait

CASES = {
    "tiny, 224, patch 16": {
        "layers": 12,
        "hidden": 192,
        "wide": 768,
        "heads": 3,
        "side": 224,
        "patch": 16,
        "queries": 100,
        "batch": 2,
    },
    "digits, 20, patch 2": {
        "layers": 3,
        "hidden": 32,
        "wide": 64,
        "heads": 4,
        "side": 20,
        "patch": 2,
        "queries": 8,
        "batch": 16,
    },
}
CLASSES = 20


def prepare(peer, case, options):
    """A function that runs one batch of pictures forward."""
    images = np.random.default_rng(0).random(
        (case["batch"], case["side"], case["side"], 3), "float32"
    )
    if peer == "tlkeras":
        import keras

        from tlkeras.models import Detector

        model = Detector(
            images.shape[1:],
            case["patch"],
            num_classes=CLASSES,
            num_layers=case["layers"],
            num_heads=case["heads"],
            hidden_dim=case["hidden"],
            intermediate_dim=case["wide"],
            num_detections=case["queries"],
        )
        images = keras.ops.convert_to_tensor(images)
        forward = compiled(lambda images: model(images, training=False))
        return lambda: wait(forward(images)["boxes"])
    import torch
    from transformers import YolosConfig, YolosForObjectDetection

    config = YolosConfig(
        hidden_size=case["hidden"],
        num_hidden_layers=case["layers"],
        num_attention_heads=case["heads"],
        intermediate_size=case["wide"],
        image_size=[case["side"]] * 2,
        patch_size=case["patch"],
        num_detection_tokens=case["queries"],
        num_labels=CLASSES,
        use_mid_position_embeddings=False,
    )
    model = YolosForObjectDetection(config).eval()
    pictures = torch.tensor(images.transpose(0, 3, 1, 2))

    def run():
        with torch.inference_mode():
            return model(pictures).pred_boxes.sum().item()

    return run


def flops(case):
    """Matrix products of the patches, projections, feed-forward and attention."""
    patches = (case["side"] // case["patch"]) ** 2
    tokens, hidden = 1 + patches + case["queries"], case["hidden"]
    weights = 4 * hidden**2 + 2 * hidden * case["wide"]
    encoder = case["layers"] * tokens * (weights + 2 * tokens * hidden)
    embedding = patches * case["patch"] ** 2 * 3 * hidden
    return 2 * case["batch"] * (encoder + embedding)


if __name__ == "__main__":
    main(__doc__, prepare, peers=("tlkeras", "transformers"), cases=CASES, flops=flops)
