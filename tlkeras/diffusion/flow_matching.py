"""Flow matching: straight ways from noise to images."""

from typing import Any

import keras
import numpy as np
from keras import ops

from tlkeras import checks as check
from tlkeras.annotations import Tensor
from tlkeras.diffusion._process import Process

TIME_SCALE = 1000.0  # what the network is told at the end of the way


@keras.saving.register_keras_serializable(package="tlkeras")
class FlowMatching(Process):
    """Train a network to say which way an image lies, and go there from noise.

        x(t) = (1 − t) noise + t image,  t from 0 to 1
        loss = |network(x(t), t, c) − (image − noise)|²
        x(t + d) = x(t) + d · network(x(t), t, c)

    The target is the velocity of x(t). In training t is drawn evenly, and the network
    is told 1000 t. Called on images, it gives those at random times, the times and the
    targets; that is what a step of training begins with. `compile` needs no loss.

    Guidance: in training some conditions c are dropped, so that the network can say
    v(x) without one as well as v(x, c). Samples then follow v(x) + w (v(x, c) − v(x)):
    with w = 1 it is v(x, c); more of it makes them more like c, and more like each
    other.

    Args:
        network: a `DiffusionTransformer`. It is shared, not copied.
        drop_rate: share of the images whose conditions are dropped. Defaults to 0.1.

    Call arguments:
        images: floats `(B, H, W, C)`, best from −1 to 1.
        training: not used.

    Returns:
        A dictionary: `images` `(B, H, W, C)`, `times` `(B,)`, `target` `(B, H, W, C)`.

    Raises:
        ValueError: an argument or input does not fit; the message says which.

    Example: train one step on images and labels, then draw a 7 and a 2.

    >>> import numpy as np
    >>> from tlkeras.models import DiffusionTransformer
    >>> network = DiffusionTransformer((8, 8, 1), 4, num_layers=1, num_heads=2,
    ...                                hidden_dim=8, intermediate_dim=16,
    ...                                num_classes=10)
    >>> flow = FlowMatching(network)
    >>> flow.compile("adam")
    >>> images = np.random.rand(5, 8, 8, 1) * 2 - 1
    >>> history = flow.fit(images, np.array([0, 1, 2, 3, 4]), verbose=0)
    >>> flow.sample([7, 2], steps=4, guidance=2.0, seed=0).shape
    (2, 8, 8, 1)

    Reference:
        Lipman et al. (2022), arXiv:2210.02747, section 4.1 (straight ways); Liu et al.
        (2022), arXiv:2209.03003, section 2.1. Ho & Salimans (2022), arXiv:2207.12598,
        section 3.2 (guidance; their weight is w − 1).
    """

    def __init__(self, network, drop_rate=0.1, **kwargs):
        super().__init__(network, drop_rate, **kwargs)

    def noisy(self, images: Tensor) -> dict[str, Tensor]:
        """Images at random times: `images`, `times` `(B,)` and `target`."""
        noise = keras.random.normal(ops.shape(images), seed=self.seeds)
        t = keras.random.uniform((ops.shape(images)[0], 1, 1, 1), seed=self.seeds)
        return {
            "images": (1 - t) * noise + t * images,
            "times": TIME_SCALE * t[:, 0, 0, 0],  # (B,)
            "target": images - noise,
        }

    def sample(
        self,
        labels: Any = None,
        steps: int = 50,
        guidance: float = 1.0,
        seed: int | None = None,
        texts: Any = None,
        count: int | None = None,
        noise: Any = None,
    ) -> np.ndarray:
        """New images, by Euler steps of one length, in one loop compiled with XLA.

        The loop is compiled anew for another number of images or steps.

        Args:
            labels: integers `(B,)`. Defaults to `None`: no label is known.
            steps: of the way from noise to image. Defaults to 50.
            guidance: w; 0 leaves the conditions out. Defaults to 1: no guidance.
            seed: of the noise. Defaults to `None`: other noise at each call.
            texts: floats `(B, E)`. Defaults to `None`: no text.
            count: B, where neither labels nor texts say it. Defaults to 1.
            noise: `(B, H, W, C)`, to start from. Defaults to `None`: normal noise.

        Returns:
            float32 `(B, H, W, C)`, not clipped.

        Raises:
            ValueError: an argument does not fit; the message says which.
        """
        return self._sample(labels, steps, guidance, seed, texts, count, noise)

    def plan(self, steps: int, **options: Any) -> dict[str, np.ndarray]:
        """Times `(S,)` as the network is told them, and how long each step is."""
        times = np.arange(check.positive_integer("steps", steps)) / steps
        return {"times": TIME_SCALE * times, "length": np.full(steps, 1 / steps)}

    def advance(self, x: Tensor, prediction: Tensor, step: dict[str, Tensor]) -> Tensor:
        """The images after a step along the velocity."""
        return x + step["length"] * prediction
