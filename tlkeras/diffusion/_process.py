"""What `FlowMatching` and `Diffusion` share: training on noisy images, and sampling."""

from typing import Any, Self

import keras
import numpy as np
from keras import ops

from tlkeras import checks as check
from tlkeras.annotations import Tensor
from tlkeras.generation import jit
from tlkeras.models import DiffusionTransformer
from tlkeras.models._arguments import refuse_unknown
from tlkeras.models.vit import check_images

CONDITIONS = ("labels", "texts")


class Process(keras.Model):
    """A way from images to noise, and back by a network. Private: use its subclasses.

    A subclass defines `noisy`, the way there, which is called in training; `plan`, the
    times of the way back and the numbers that go with them; and `advance`, one step of
    it. Axes: B batch, H height, W width, C channels, S steps.
    """

    def __init__(self, network, drop_rate, **kwargs):
        refuse_unknown(type(self), kwargs)
        if not isinstance(network, DiffusionTransformer):
            raise ValueError(
                "network must be a tlkeras.models.DiffusionTransformer; given a "
                f"{type(network).__name__}."
            )
        # The policy decides whether an optimizer scales the loss.
        super().__init__(dtype=network.dtype_policy, autocast=False, **kwargs)
        self.network = network
        self.drop_rate = check.rate("drop_rate", drop_rate)
        self.seeds = keras.random.SeedGenerator()
        self.conditions = tuple(x for x in CONDITIONS if x in network.input)
        self._samplers: dict = {}
        self.built = True

    # ── training ──────────────────────────────────────────────────────────────────────

    def noisy(self, images: Tensor) -> dict[str, Tensor]:
        """Images at random times: `images`, `times` `(B,)` and `target`."""
        raise NotImplementedError

    def call(self, images, training=None):
        shape = self.network.get_config()["image_shape"]
        return self.noisy(ops.cast(check_images(images, shape), "float32"))

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Tensor | None = None,
        training: bool = True,
    ) -> Tensor:
        """The mean square by which the network misses the target."""
        inputs = self._conditions(y)
        if training:
            inputs = self._some_dropped(inputs, y_pred["times"])
        inputs = {**inputs, "images": y_pred["images"], "times": y_pred["times"]}
        prediction = self._predict(inputs, training)
        error = ops.mean((prediction - y_pred["target"]) ** 2, axis=(1, 2, 3))  # (B,)
        if sample_weight is not None:
            error = error * ops.cast(sample_weight, error.dtype)
        return sum((ops.sum(more) for more in self.losses), start=ops.mean(error))

    def _predict(self, inputs, training=False):
        """The prediction in float32, without channels that estimate a variance."""
        prediction = self.network(inputs, training=training)["prediction"]
        channels = inputs["images"].shape[-1]
        return ops.cast(prediction, "float32")[..., :channels]  # (B, H, W, C)

    def _conditions(self, given):
        """What stands beside the images, as a dictionary."""
        if isinstance(given, dict):
            found = given
        elif given is None:
            found = {}
        else:
            found = dict(zip(self.conditions[:1] or ("labels",), [given], strict=True))
        if set(found) != set(self.conditions):
            wanted = " and ".join(self.conditions) or "nothing"
            raise ValueError(
                f"This network is told {wanted} of each image; given "
                f"{' and '.join(found) or 'nothing'}. Labels alone can be an array, "
                "several conditions are a dictionary; see num_classes and text_dim."
            )
        return {name: ops.convert_to_tensor(x) for name, x in found.items()}

    def _some_dropped(self, inputs, times):
        """Conditions, all of one image's at once, replaced by nothing at random."""
        if not inputs:
            return inputs
        chance = keras.random.uniform(ops.shape(times), seed=self.seeds)  # (B,)
        drop = chance < self.drop_rate
        nothing = self._nothing(inputs)
        return {
            name: ops.where(
                drop if len(x.shape) == 1 else drop[:, None], nothing[name], x
            )
            for name, x in inputs.items()
        }

    def _nothing(self, inputs):
        """Conditions of the same shapes that say nothing."""
        values = {"labels": self.network.get_config()["num_classes"], "texts": 0}
        return {name: ops.full_like(x, values[name]) for name, x in inputs.items()}

    # ── sampling ──────────────────────────────────────────────────────────────────────

    def plan(self, steps: int, **options: Any) -> dict[str, np.ndarray]:
        """Numbers of each step, `(S,)` and more, among them `times`."""
        raise NotImplementedError

    def advance(self, x: Tensor, prediction: Tensor, step: dict[str, Tensor]) -> Tensor:
        """The images `(B, H, W, C)` after a step, of those before it."""
        raise NotImplementedError

    def _sample(self, labels, steps, guidance, seed, texts, count, noise, **options):
        check.positive_integer("steps", steps)
        check.number("guidance", guidance)
        asked = {"labels": labels, "texts": texts}
        asked = {k: ops.convert_to_tensor(x) for k, x in asked.items() if x is not None}
        count, inputs = self._checked(asked, count)
        shape = (count, *self.network.get_config()["image_shape"])
        if noise is None:
            noise = keras.random.normal(shape, seed=seed)
        elif tuple(np.shape(noise)) != shape:
            raise ValueError(f"noise must have shape {shape}; given {np.shape(noise)}.")
        plan = self.plan(steps, **options)
        if "sigma" in plan:
            seed = None if seed is None else seed + 1
            plan["fresh"] = keras.random.normal((steps, *shape), seed=seed)
        guided = bool(asked) and guidance != 1
        run = self._sampler(guided)
        plan = {name: _floats(x) for name, x in plan.items()}
        images = run(_floats(noise), inputs, plan, _floats(guidance))
        return ops.convert_to_numpy(images)

    def _checked(self, asked, count):
        """How many images are asked for, and all conditions of each."""
        for name, x in asked.items():
            if name not in self.conditions:
                raise ValueError(
                    f"{name} must not be given: this network knows no {name}."
                )
            if not len(x.shape):
                raise ValueError(
                    f"{name} must be a list, one for each image; given shape ()."
                )
            count = x.shape[0] if count is None else count
            if x.shape[0] != count:
                raise ValueError(
                    f"{name} must have one row for each of the {count} images; given "
                    f"shape {tuple(x.shape)}."
                )
        count = check.positive_integer("count", 1 if count is None else count)
        image_shape = self.network.get_config()["image_shape"]
        images = ops.zeros((count, *image_shape))
        prepared = self.network.prepare(
            {"images": images, "times": ops.zeros((count,)), **asked}
        )
        return count, {name: prepared[name] for name in self.conditions}

    def _sampler(self, guided):
        """The loop over all steps, compiled once for a set of weights."""
        key = (guided, *(id(variable) for variable in self.network.variables))
        if key not in self._samplers:

            def run(noise, inputs, plan, guidance):
                def step(index, x):
                    now = {name: values[index] for name, values in plan.items()}
                    ask = self._guided if guided else self._unguided
                    prediction = ask(x, now["times"], inputs, guidance)
                    return self.advance(x, prediction, now)

                return ops.fori_loop(0, plan["times"].shape[0], step, noise)

            self._samplers[key] = jit(run, self.network)
        return self._samplers[key]

    def _unguided(self, x, time, inputs, guidance):
        times = ops.broadcast_to(time, (x.shape[0],))
        return self._predict({**inputs, "images": x, "times": times})

    def _guided(self, x, time, inputs, guidance):
        """`without + guidance · (with − without)`, both asked for at once."""
        nothing = self._nothing(inputs)
        twice = {k: ops.concatenate([v, nothing[k]]) for k, v in inputs.items()}
        both = self._unguided(ops.concatenate([x, x]), time, twice, guidance)
        told, untold = ops.split(both, 2)
        return untold + guidance * (told - untold)

    # ── config ────────────────────────────────────────────────────────────────────────

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "trainable": self.trainable,
            "network": keras.saving.serialize_keras_object(self.network),
            "drop_rate": self.drop_rate,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Self:
        network = keras.saving.deserialize_keras_object(
            config["network"], custom_objects
        )
        return cls(**{**config, "network": network})


def _floats(x):
    return ops.convert_to_tensor(x, dtype="float32")
