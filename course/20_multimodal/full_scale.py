r"""Lesson 20 on photographs: ten kinds of CIFAR-10 that are only named.

python course/20_multimodal/full_scale.py             # the emoji CLIP of the lesson
python course/20_multimodal/full_scale.py --preset hf://openai/clip-vit-base-patch32 \
    --revision COMMIT

The photographs come from the folder named by `TLKERAS_MIRROR`, 100 a kind. The second
line needs a network, 600 MB, and the commit that the hub shows under Files, History.
A folder with such a model needs neither.
"""

import argparse

import numpy as np

from tlkeras.checkpoints import from_preset, load_image_preprocessor, load_tokenizer
from tlkeras.datasets import cifar10
from tlkeras.pipelines import ImageTextEmbedding

PROMPTS = {
    "the name alone": ["{}"],
    "one prompt": ["a photo of a {}."],
    "four prompts": [
        "a photo of a {}.",
        "a blurry photo of a {}.",
        "a small photo of a {}.",
        "a photo of the {}.",
    ],
}


def main(preset="tlkeras://emoji_clip", revision=None, a_kind=100):
    """Print the share of photographs that is named rightly, with several prompts.

    Args:
        preset: of a `CLIP`.
        revision: of a preset on the hub, a commit.
        a_kind: photographs of each of ten kinds.
    """
    images, labels = cifar10.load_part("test", a_kind)
    parts = (from_preset, load_tokenizer, load_image_preprocessor)
    embed = ImageTextEmbedding(*(load(preset, revision=revision) for load in parts))
    vectors = embed.images(images)  # (N, E)
    print(f"{preset}, {len(images):,} photographs, chance 0.10")
    for title, prompts in PROMPTS.items():
        named = (vectors @ embed.names(cifar10.NAMES, prompts).T).argmax(axis=1)
        print(f"{title:15} {np.mean(named == labels):.2f}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="tlkeras://emoji_clip")
    parser.add_argument("--revision")
    main(**vars(parser.parse_args()))
