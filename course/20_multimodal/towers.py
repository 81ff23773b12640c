"""Two small towers for emoji and their names, and how they learn.

`data/emoji_clip/train.py` and `benchmarks/claims/emoji_chinese.py` use them, too.
"""

import math

import keras
import numpy as np

from tlkeras.models import CLIP, CLIPTextEncoder, ViT
from tlkeras.models.contrastive import contrastive_loss

WIDTH = 64
BLOCKS = {"num_heads": 4, "hidden_dim": WIDTH, "intermediate_dim": 2 * WIDTH}
BATCH = 128
SHIFT = 2  # pixels
NOT_DECAYED = ["bias", "beta", "gamma", "scale"]
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

    0.02 is made for hundreds of features. With 64 it learns as well, only later: what
    an attention adds is nearly nothing at first.
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


class Rate(keras.callbacks.Callback):
    """The learning rate: it rises for a tenth of the steps, then falls as a cosine."""

    def __init__(self, highest, steps):
        super().__init__()
        self.highest, self.steps, self.rise = highest, steps, max(1, steps // 10)

    def on_train_batch_begin(self, batch, logs=None):
        share = (batch - self.rise) / max(1, self.steps - self.rise)
        falling = 0.5 * (1 + math.cos(math.pi * max(0.0, share)))
        rising = min(1.0, batch / self.rise)
        self.model.optimizer.learning_rate = self.highest * rising * falling


def learn(model, batches, rate, steps, calls=(), jit_compile=False):
    """Train a CLIP; a tower that is locked stays as it is.

    Args:
        model: a `CLIP`. It is compiled once, whatever is learned with it later.
        batches: an iterator over its inputs.
        rate: the highest learning rate.
        steps: how many batches; fewer than five are not worth a graph.
        calls: callbacks of Keras.
        jit_compile: whether to compile a step with XLA, which takes ten seconds.
    """
    if not model.compiled:
        optimizer = keras.optimizers.AdamW(rate, weight_decay=0.01)
        optimizer.exclude_from_weight_decay(var_names=NOT_DECAYED)
        model.compile(optimizer, jit_compile=jit_compile, run_eagerly=steps < 5)
    for number in model.optimizer.variables:  # what it remembers of earlier runs
        number.assign(keras.ops.zeros_like(number))
    model.fit(
        ((batch,) for batch in batches),
        steps_per_epoch=steps,
        shuffle=False,
        verbose=0,
        callbacks=[Rate(rate, steps), *calls],
    )


def clip(images, texts):
    """The two towers and a projection to 64 numbers."""
    return CLIP(images, texts, projection_dim=WIDTH, name="emoji_clip")


class Reader(keras.Model):
    """The text side of a CLIP whose pictures are vectors already: they are not learned.

    Args:
        model: a `CLIP`.

    Call arguments:
        inputs: a dictionary of `vectors`, `(B, E)`, and `texts`, integers `(B, T)`.
    """

    def __init__(self, model):
        super().__init__()
        model.image_encoder.trainable = model.image_projection.trainable = False
        self.clip = model

    def call(self, inputs, training=None):
        texts = self.clip.embed_texts(inputs["texts"], training)  # (B, E)
        return self.clip.comparison(inputs["vectors"], texts)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        return contrastive_loss(y_pred)
