"""Small networks put between frozen layers."""

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import keras

from tlkeras import checks as check
from tlkeras.annotations import Shape
from tlkeras.transfer._tree import as_list
from tlkeras.transfer.freezing import learn_only
from tlkeras.transfer.lora import matching_projections


@keras.saving.register_keras_serializable(package="tlkeras")
class Adapter(keras.layers.Layer):
    """Squeeze a vector, bend it, widen it again, and add it to what came in.

    `x + φ(x W₁ + b₁) W₂ + b₂`; W₂ begins at 0, so the layer begins as the identity.
    Axes: B batch, D size.

    Args:
        size: of the squeezed vector, a positive integer.
        activation: φ. Defaults to `"gelu"`.

    Call arguments:
        inputs: floats `(B, …, D)`.

    Returns:
        Floats `(B, …, D)`.

    Raises:
        ValueError: `size` is not a positive integer.

    Example:

    >>> import numpy as np
    >>> tuple(Adapter(size=2)(np.ones((3, 5, 8))).shape)
    (3, 5, 8)

    Reference:
        Houlsby et al. (2019), arXiv:1902.00751, section 2.1.
    """

    def __init__(self, size, activation="gelu", **kwargs):
        super().__init__(**kwargs)
        self.size = check.positive_integer("size", size)
        self.activation = keras.activations.get(activation)
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        self.down = keras.layers.Dense(
            self.size, self.activation, dtype=self.dtype_policy, name="down"
        )
        self.down.build((None, input_shape[-1]))
        self.up = keras.layers.Dense(
            input_shape[-1],
            kernel_initializer="zeros",
            dtype=self.dtype_policy,
            name="up",
        )
        self.up.build((None, self.size))

    def call(self, inputs):
        return inputs + self.up(self.down(inputs))  # (B, …, D)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        activation = keras.activations.serialize(self.activation)
        return {**super().get_config(), "size": self.size, "activation": activation}


_AnyLayer: Any = object  # the class that comes after it says what there is


class Adapted(_AnyLayer):
    """What a dense layer gains: its output goes through an adapter. Private."""

    def call(self, *args, **kwargs):
        return self.adapter(super().call(*args, **kwargs))


_CLASSES: dict[type, type] = {}


def add_adapters(
    model: keras.Model,
    size: int = 64,
    layers: str | Sequence[str] = "(attention_output|feedforward_output_dense)$",
    trainable: str | Sequence[str] = (),
    activation: str | Callable[..., Any] = "gelu",
) -> keras.Model:
    """Freeze a model, and put an adapter behind some of its projections.

    By default that is behind both parts of every `TransformerEncoder`, before what they
    computed is added to their input. The model first computes what it did before. As in
    the paper, layer normalisations may learn as well: name them in `trainable`.

    Adapters are no part of a layer's config: save them with `save_delta`. `model.save`
    raises.

    `model.save` then raises before it touches a file that is there;
    `keras.saving.save_model`, and saving a model around this one, raise too, but Keras
    has emptied the file by then.

    Args:
        model: a built `keras.Model`.
        size: of the squeezed vectors. Defaults to 64.
        layers: a regular expression, or several, for the paths of `Dense` and
            `EinsumDense` layers.
        trainable: patterns for what else learns, such as `("norm", "head")`. Defaults
            to nothing.
        activation: of the adapters. Defaults to `"gelu"`.

    Returns:
        The model.

    Raises:
        ValueError: no layer matches, or one has an adapter already.

    Example:

    >>> model = keras.Sequential(
    ...     [
    ...         keras.Input((6,)),
    ...         keras.layers.Dense(5, name="body"),
    ...         keras.layers.Dense(2, name="head"),
    ...     ],
    ...     name="net",
    ... )
    >>> _ = add_adapters(model, size=2, layers="body", trainable="head")
    >>> [weight.path for weight in model.trainable_weights][:2]
    ['net/body/adapter/down/kernel', 'net/body/adapter/down/bias']

    Reference:
        Houlsby et al. (2019), arXiv:1902.00751, section 2.1 and figure 2.
    """
    chosen = matching_projections(model, layers)
    for path, layer in chosen:
        if isinstance(layer, Adapted):
            raise ValueError(f"{path} has an adapter already.")
    for _, layer in chosen:
        _attach(layer, size, activation)
    learn_only(model, ["/adapter/(down|up)/", *as_list(trainable)])
    return model


def _attach(layer, size, activation):
    adapter = Adapter(size, activation, dtype=layer.dtype_policy, name="adapter")
    with contextlib.ExitStack() as scopes:  # so that paths say where it stands
        for name in (layer.path or layer.name).split("/"):
            scopes.enter_context(keras.name_scope(name))
        adapter.build((None, layer.kernel.shape[-1]))
    locked = layer._tracker.locked
    layer._tracker.unlock()
    layer.adapter = adapter
    if locked:
        layer._tracker.lock()
    kind = type(layer)
    if kind not in _CLASSES:
        inside = {"plain_class": kind}
        _CLASSES[kind] = type(f"Adapted{kind.__name__}", (Adapted, kind), inside)
    object.__setattr__(layer, "__class__", _CLASSES[kind])
