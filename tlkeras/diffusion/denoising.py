"""Diffusion: images under more and more noise, and DDIM's way back."""

from typing import Any

import keras
import numpy as np
from keras import ops

from tlkeras import checks as check
from tlkeras.annotations import Tensor
from tlkeras.diffusion._process import Process

SCHEDULES = ("linear", "cosine")
TARGETS = ("noise", "velocity")


def signal_rates(num_steps: int = 1000, schedule: str = "linear") -> np.ndarray:
    """How much of an image is left after each step of noise: √ᾱ.

        x(k) = √ᾱ(k) image + √(1 − ᾱ(k)) noise,  ᾱ(k) = (1 − β(1)) … (1 − β(k))

    Args:
        num_steps: K. Defaults to 1000.
        schedule: `"linear"`: β rises evenly from 0.1 / K to 20 / K. `"cosine"`: ᾱ falls
            as cos² does, from 0.008 of the way on, and β is at most 0.999. Defaults to
            `"linear"`.

    Returns:
        float64 `(K,)`, falling.

    Raises:
        ValueError: the schedule is another one, or K is too small for it.

    Example:

    >>> signal_rates(1000)[[0, 499, 999]].round(3).tolist()
    [1.0, 0.28, 0.006]

    Reference:
        Ho et al. (2020), arXiv:2006.11239, section 4 (linear); Nichol & Dhariwal
        (2021), arXiv:2102.09672, equation 17 (cosine).
    """
    check.choice("schedule", schedule, SCHEDULES)
    check.natural_number("num_steps", num_steps, 21 if schedule == "linear" else 2)
    if schedule == "linear":
        betas = np.linspace(0.1, 20, num_steps) / num_steps
    else:
        at = np.arange(num_steps + 1) / num_steps
        left = np.cos((at + 0.008) / 1.008 * np.pi / 2) ** 2
        betas = np.minimum(1 - left[1:] / left[:-1], 0.999)
    return np.sqrt(np.cumprod(1 - betas))


@keras.saving.register_keras_serializable(package="tlkeras")
class Diffusion(Process):
    """Train a network to find the noise in images, and take it out step by step.

        x(k) = s image + n noise,  s = √ᾱ(k), n = √(1 − ᾱ(k)),  k from 0 to K − 1
        loss = |network(x(k), k, c) − noise|²
        x(k') = s' image* + √(n'² − σ²) noise* + σ fresh noise

    where noise* is what the network finds, and image* = (x(k) − n noise*) / s what is
    then left. With σ = 0 the same noise always leads to the same image. Called on
    images, it gives those after random steps, the steps and the targets; that is what a
    step of training begins with. Guidance is that of `FlowMatching`.

    Args:
        network: a `DiffusionTransformer`. It is shared, not copied. Of a network with
            more channels than the images have, only the first are used.
        drop_rate: share of the images whose conditions are dropped. Defaults to 0.1.
        num_steps: K. Defaults to 1000.
        schedule: of `signal_rates`. Defaults to `"linear"`.
        target: `"noise"`, or `"velocity"`: s noise − n image, which is still worth
            something where hardly any of the image is left. Defaults to `"noise"`.

    Call arguments:
        images: floats `(B, H, W, C)`, best from −1 to 1.
        training: not used.

    Returns:
        A dictionary: `images` `(B, H, W, C)`, `times` `(B,)`, `target` `(B, H, W, C)`.

    Raises:
        ValueError: an argument or input does not fit; the message says which.

    Example: train one step on images without labels, then draw three.

    >>> import numpy as np
    >>> from tlkeras.models import DiffusionTransformer
    >>> network = DiffusionTransformer((8, 8, 1), 4, num_layers=1, num_heads=2,
    ...                                hidden_dim=8, intermediate_dim=16)
    >>> diffusion = Diffusion(network, schedule="cosine")
    >>> diffusion.compile("adam")
    >>> history = diffusion.fit(np.random.rand(5, 8, 8, 1) * 2 - 1, verbose=0)
    >>> diffusion.sample(count=3, steps=4, seed=0).shape
    (3, 8, 8, 1)

    Reference:
        Ho et al. (2020), arXiv:2006.11239, section 3; Song et al. (2020),
        arXiv:2010.02502, equation 12 (DDIM); Salimans & Ho (2022), arXiv:2202.00512,
        section 4 (velocity). Lin et al. (2023), arXiv:2305.08891, section 3.3 (which
        steps).
    """

    def __init__(
        self,
        network,
        drop_rate=0.1,
        num_steps=1000,
        schedule="linear",
        target="noise",
        **kwargs,
    ):
        super().__init__(network, drop_rate, **kwargs)
        self.rates = signal_rates(num_steps, schedule)  # (K,)
        self.num_steps, self.schedule = int(num_steps), schedule
        self.target = check.choice("target", target, TARGETS)

    def noisy(self, images: Tensor) -> dict[str, Tensor]:
        """Images after random steps: `images`, `times` `(B,)` and `target`."""
        noise = keras.random.normal(ops.shape(images), seed=self.seeds)
        steps = keras.random.randint(
            ops.shape(images)[:1], 0, self.num_steps, seed=self.seeds
        )
        rates = self.rates[:, None, None, None]  # (K, 1, 1, 1)
        signal, rest = (
            ops.take(ops.convert_to_tensor(x, dtype="float32"), steps, axis=0)
            for x in (rates, _rest(rates))
        )  # each (B, 1, 1, 1)
        to_noise = self.target == "noise"
        return {
            "images": signal * images + rest * noise,
            "times": ops.cast(steps, "float32"),
            "target": noise if to_noise else signal * noise - rest * images,
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
        eta: float = 0.0,
        clip: tuple[float, float] | None = (-1, 1),
    ) -> np.ndarray:
        """New images, by DDIM, in one loop compiled with XLA.

        The loop is compiled anew for another number of images or steps.

        Args:
            labels, guidance, seed, texts, count, noise: as of `FlowMatching.sample`.
            steps: how many of the K are made, the last of them first, evenly spread.
                Defaults to 50.
            eta: σ as a share of that of DDPM, which is 1. Defaults to 0: no fresh
                noise.
            clip: what every image* is held between, and the results with them.
                Defaults to (−1, 1); `None` for inputs that know no bounds.

        Returns:
            float32 `(B, H, W, C)`.

        Raises:
            ValueError: an argument does not fit; the message says which.
        """
        return self._sample(
            labels, steps, guidance, seed, texts, count, noise, eta=eta, clip=clip
        )

    def plan(self, steps: int, **options: Any) -> dict[str, np.ndarray]:
        """Steps of the way to noise, backwards, and the rates before and after each."""
        if check.positive_integer("steps", steps) > self.num_steps:
            raise ValueError(
                f"steps must be at most num_steps = {self.num_steps}; given {steps}."
            )
        eta = check.fraction("eta", options.get("eta", 0.0))
        low, high = _bounds(options.get("clip"))
        left = 1 - np.arange(steps) / steps  # of the way, before each step
        times = np.round(self.num_steps * left).astype(int) - 1
        signal = self.rates[times]
        after = np.append(signal[1:], 1.0)
        sigma = eta * _rest(after) / _rest(signal) * _rest(signal / after)
        plan = {
            "times": times,
            "signal": signal,
            "rest": _rest(signal),
            "next_signal": after,
            "next_rest": np.sqrt(np.maximum(_rest(after) ** 2 - sigma**2, 0)),
            "low": np.full(steps, low),
            "high": np.full(steps, high),
        }
        if eta:
            plan["sigma"] = sigma  # fresh noise for each step is drawn with it
        return plan

    def advance(self, x: Tensor, prediction: Tensor, step: dict[str, Tensor]) -> Tensor:
        """The images with as much noise as the next step has."""
        signal, rest = step["signal"], step["rest"]
        if self.target == "noise":
            image = (x - rest * prediction) / signal
        else:
            image = signal * x - rest * prediction
        image = ops.clip(image, step["low"], step["high"])
        noise = (x - signal * image) / rest  # what clipping took is noise too
        x = step["next_signal"] * image + step["next_rest"] * noise
        return x + step["sigma"] * step["fresh"] if "sigma" in step else x

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_steps": self.num_steps,
            "schedule": self.schedule,
            "target": self.target,
        }


def _rest(signal):
    """`√(1 − s²)`."""
    return np.sqrt(1 - signal**2)


def _bounds(clip):
    """The two numbers that images are held between."""
    if clip is None:
        return -np.finfo("float32").max, np.finfo("float32").max
    low, high = (check.number("clip", x) for x in clip)
    if low >= high:
        raise ValueError(f"clip must be two numbers, the lower first; given {clip}.")
    return low, high
