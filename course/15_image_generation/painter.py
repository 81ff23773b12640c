"""What lesson 15 trains: a small DiT that says which way a digit lies."""

import keras
import numpy as np
from keras import ops

from tlkeras.diffusion import FlowMatching
from tlkeras.models import DiffusionTransformer

BATCH, BLOCK = 128, 10  # pictures in a step; steps between two looks at the loss
TIME_SCALE = 1000.0  # what the network is told at the end of the way
RISE = 0.15  # of the steps, until the learning rate is at its highest


class DigitPainter:
    """A network for pictures of 8 × 8 pixels, which can begin again and again.

    All training goes through one compiled step. Pictures are floats `(B, 8, 8, 1)` from
    −1 (paper) to 1 (ink), times floats `(B,)` from 0 (noise) to 1 (picture).

    Args:
        labels: how many digits there are names for; `unknown`, this number itself, says
            nothing about the picture.
    """

    def __init__(self, labels):
        self.unknown = labels
        self.network = DiffusionTransformer(
            (8, 8, 1),
            patch_size=2,
            num_layers=2,
            num_heads=4,
            hidden_dim=64,
            intermediate_dim=256,
            num_classes=labels,
        )
        self.network.jit_compile = False  # XLA would take longer to begin than it saves
        self.flow = FlowMatching(self.network)
        self.flow.compile(keras.optimizers.Adam(1e-3), jit_compile=False)
        self.flow.optimizer.build(self.flow.trainable_variables)
        self._drawn = {}  # first weights by seed

    def begin(self, seed, source=None):
        """Set the first weights, and forget what the optimizer knows.

        Args:
            seed: of what is random.
            source: weights, as `network.get_weights()` gives them. Defaults to `None`:
                random ones.
        """
        if source is None:
            source = self._first_weights(seed)
        self.network.set_weights(source)
        self.flow.seeds.state.assign(keras.random.SeedGenerator(seed).state)
        for variable in self.flow.optimizer.variables:
            variable.assign(ops.zeros_like(variable))

    def _first_weights(self, seed):
        """Random ones, drawn once: a global seed makes TensorFlow prepare all anew."""
        if seed not in self._drawn:
            keras.utils.set_random_seed(seed)
            drawn = self.network.from_config(self.network.get_config())
            self._drawn[seed] = drawn.get_weights()
        return self._drawn[seed]

    def learn(self, images, labels, rate, steps, seed, watch=iter, batch=BATCH):
        """Take some steps; returns the mean loss of every ten.

        Args:
            images, labels: to learn from.
            rate: highest learning rate. It rises at first, then falls as a cosine.
            steps: of `batch` pictures, drawn at random.
            seed: of that draw.
            watch: what the blocks of steps are passed through, for a progress bar.
            batch: pictures in each step. Defaults to 128.
        """
        rng, losses = np.random.default_rng(seed), []
        for start in watch(range(0, steps, BLOCK)):
            rise = min(1.0, (start + BLOCK) / (RISE * steps))
            fall = 0.5 * (1 + np.cos(np.pi * start / steps))
            self.flow.optimizer.learning_rate = rate * rise * fall
            count = min(BLOCK, steps - start)
            rows = rng.integers(len(images), size=count * batch)
            history = self.flow.fit(
                images[rows], labels[rows], batch_size=batch, shuffle=False, verbose=0
            )
            losses.append(history.history["loss"][0])
        return losses

    def velocity(self, images, times, labels):
        """Which way the network says that some pictures should go, `(B, 8, 8, 1)`."""
        inputs = {
            "images": images.astype("float32"),
            "times": (TIME_SCALE * times).astype("float32"),
            "labels": labels.astype("int32"),
        }
        return self.network.predict_on_batch(inputs)["prediction"]
