"""Two small towers for emoji and their names, and how they learn.

`data/emoji_clip/train.py` and `benchmarks/claims/emoji_chinese.py` use them, too.
"""

import keras
import numpy as np

from tlkeras.models import CLIP, CLIPTextEncoder, ViT

WIDTH = 64
BLOCKS = {"num_heads": 4, "hidden_dim": WIDTH, "intermediate_dim": 2 * WIDTH}
BATCH = 128
SHIFT = 2  # pixels
TINT = 0.2  # how much paler or stronger a colour may become


def image_tower():
    """A ViT of pictures of 32 × 32 pixels: 16 patches, three blocks of 64."""
    return begun(ViT((32, 32, 3), 8, num_layers=3, **BLOCKS, name="image_tower"))


def text_tower(vocabulary_size, end_id):
    """An encoder of names: two blocks of 64, pooled at the token `end_id`."""
    tower = CLIPTextEncoder(
        vocabulary_size,
        num_layers=2,
        **BLOCKS,
        end_id=end_id,
        use_causal_mask=False,
        max_sequence_length=32,
        name="text_tower",
    )
    return begun(tower)


def begun(tower):
    """The tower with first weights of deviation 1/√64, where its own is 0.02.

    0.02 is made for hundreds of features. With 64, an attention that begins so adds
    nearly nothing to what it reads, all texts and all pictures look alike, and the loss
    stands still for hundreds of steps.
    """
    for weight in tower.weights:
        if len(weight.shape) > 1:
            weight.assign(weight * (WIDTH**-0.5 / 0.02))
    return tower


def varied(images, random):
    """Pictures moved by up to two pixels, their colours paler or stronger.

    Args:
        images: floats `(B, H, W, C)` whose upper left corner is the colour of paper.
        random: a `numpy.random.Generator`.
    """
    height, width = images.shape[1:3]
    edge = ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0))
    wide = np.pad(images, edge, mode="edge")
    starts = random.integers(0, 2 * SHIFT + 1, (len(images), 2))
    moved = np.stack(
        [
            x[top : top + height, left : left + width]
            for x, (top, left) in zip(wide, starts, strict=True)
        ]
    )
    paper = images[:, :1, :1]  # (B, 1, 1, C)
    strength = random.uniform(1 - TINT, 1 + TINT, paper.shape).astype("float32")
    return paper + strength * (moved - paper)


def batches(images, texts, seed, size=BATCH):
    """Pairs for `learn`, without end: no picture is twice in a batch.

    Args:
        images: `(N, 32, 32, 3)`, as the preprocessor makes them.
        texts: integers `(N, T)`.
        seed: of the order and of the changes to pictures.
        size: pairs a batch; all, where there are fewer.
    """
    random = np.random.default_rng(seed)
    size = min(size, len(images))
    while True:
        order = random.permutation(len(images))
        for first in range(0, len(order) - size + 1, size):
            rows = order[first : first + size]
            yield {"images": varied(images[rows], random), "texts": texts[rows]}


def learn(model, batches, rate, steps, calls=(), jit_compile=False):
    """Train a CLIP; a tower that is locked stays as it is.

    Args:
        model: a `CLIP`.
        batches: an iterator over its inputs.
        rate: the highest learning rate: it rises for a tenth of the steps, and falls as
            a cosine.
        steps: how many batches.
        calls: callbacks of Keras.
        jit_compile: whether to compile a step, which takes ten seconds.
    """
    rise = max(1, steps // 10)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - rise), warmup_target=rate, warmup_steps=rise
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=0.01)
    optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma", "scale"])
    model.compile(optimizer, jit_compile=jit_compile)
    inputs = ((batch,) for batch in batches)
    model.fit(inputs, steps_per_epoch=steps, shuffle=False, verbose=0, callbacks=calls)


def clip(images, texts):
    """The two towers and a projection to 64 numbers."""
    return CLIP(images, texts, projection_dim=WIDTH, name="emoji_clip")
