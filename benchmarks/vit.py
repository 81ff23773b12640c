"""An image through patch embedding and encoders: ViT against KerasHub's backbone.

python benchmarks/vit.py --backend tensorflow --device cpu --threads 1
"""

import numpy as np
from _bench import compiled, main, wait

TINY = {"layers": 12, "hidden": 192, "wide": 768, "heads": 3}
CASES = {
    "tiny, 224, patch 16": {**TINY, "side": 224, "patch": 16, "batch": 4},
    "tiny, 32, patch 4": {**TINY, "side": 32, "patch": 4, "batch": 16},
    "digits, 8, patch 2": {
        "layers": 3,
        "hidden": 32,
        "wide": 64,
        "heads": 4,
        "side": 8,
        "patch": 2,
        "batch": 64,
    },
}


def prepare(peer, case, options):
    """A function that runs one batch of images forward."""
    import keras

    if options.device == "gpu":
        keras.config.set_dtype_policy("mixed_bfloat16")
    shape = (case["side"], case["side"], 3)
    sizes = (case["layers"], case["heads"], case["hidden"], case["wide"])
    if peer == "tlkeras":
        from tlkeras.models import ViT

        vit = ViT(shape, case["patch"], *sizes)
        model = keras.Model(vit.input, vit.output["sequence_output"])
    else:
        from keras_hub.models import ViTBackbone

        model = ViTBackbone(shape, (case["patch"],) * 2, *sizes)
    rng = np.random.default_rng(0)
    images = rng.random((case["batch"], *shape)).astype("float32")
    images = keras.ops.convert_to_tensor(images)
    forward = compiled(lambda images: model(images, training=False))
    return lambda: wait(forward(images))


def flops(case):
    """Matrix products of the patches, projections, feed-forward and attention."""
    patches = (case["side"] // case["patch"]) ** 2
    tokens, hidden = patches + 1, case["hidden"]
    weights = 4 * hidden**2 + 2 * hidden * case["wide"]
    encoder = case["layers"] * tokens * (weights + 2 * tokens * hidden)
    embedding = patches * case["patch"] ** 2 * 3 * hidden
    return 2 * case["batch"] * (encoder + embedding)


if __name__ == "__main__":
    main(__doc__, prepare, peers=("tlkeras", "keras_hub"), cases=CASES, flops=flops)
