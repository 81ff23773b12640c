"""A step from noise to pictures: DiffusionTransformer against diffusers on PyTorch.

python benchmarks/dit.py --clock processor --rounds 9

Each block of diffusers makes the vector of the time anew; ours makes it once. Beside
attention and feed-forward that is little.
"""

import numpy as np
from _bench import compiled, main, wait

CASES = {  # DiT-S/2 of 256 × 256 pixels, which are 32 × 32 × 4 numbers; and lesson 15's
    "small, 32, patch 2": {
        "layers": 12,
        "hidden": 384,
        "heads": 6,
        "side": 32,
        "patch": 2,
        "channels": 4,
        "batch": 2,
    },
    "digits, 8, patch 2": {
        "layers": 4,
        "hidden": 64,
        "heads": 4,
        "side": 8,
        "patch": 2,
        "channels": 1,
        "batch": 32,
    },
}
CLASSES = 10


def prepare(peer, case, options):
    """A function that runs one batch of noisy pictures forward."""
    random = np.random.default_rng(0)
    side, channels, batch = case["side"], case["channels"], case["batch"]
    images = random.normal(size=(batch, side, side, channels)).astype("float32")
    times = random.uniform(0, 1000, batch).astype("float32")
    labels = random.integers(0, CLASSES, batch)
    if peer == "tlkeras":
        import keras

        from tlkeras.models import DiffusionTransformer

        model = DiffusionTransformer(
            images.shape[1:],
            case["patch"],
            num_layers=case["layers"],
            num_heads=case["heads"],
            hidden_dim=case["hidden"],
            intermediate_dim=4 * case["hidden"],
            num_classes=CLASSES,
        )
        inputs = {"images": images, "times": times, "labels": labels}
        inputs = keras.tree.map_structure(keras.ops.convert_to_tensor, inputs)
        forward = compiled(lambda inputs: model(inputs, training=False)["prediction"])
        return lambda: wait(forward(inputs))
    import torch
    from diffusers import DiTTransformer2DModel

    model = DiTTransformer2DModel(
        num_attention_heads=case["heads"],
        attention_head_dim=case["hidden"] // case["heads"],
        in_channels=channels,
        num_layers=case["layers"],
        sample_size=side,
        patch_size=case["patch"],
        num_embeds_ada_norm=CLASSES,
    ).eval()
    pictures = torch.tensor(images.transpose(0, 3, 1, 2))
    times, labels = torch.tensor(times), torch.tensor(labels)

    def run():
        with torch.inference_mode():
            found = model(pictures, timestep=times, class_labels=labels)
            return found.sample.sum().item()

    return run


def flops(case):
    """Matrix products of the patches, projections, feed-forward and attention."""
    tokens, hidden = (case["side"] // case["patch"]) ** 2, case["hidden"]
    block = tokens * (12 * hidden**2 + 2 * tokens * hidden) + 6 * hidden**2
    patches = 2 * tokens * case["patch"] ** 2 * case["channels"] * hidden
    return 2 * case["batch"] * (case["layers"] * block + patches)


if __name__ == "__main__":
    main(__doc__, prepare, peers=("tlkeras", "diffusers"), cases=CASES, flops=flops)
