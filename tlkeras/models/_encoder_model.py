"""What `Bert`, `ViT` and `SpeechEncoder` share: embed, encode, read out."""

from typing import Any

import keras

from tlkeras import checks as check
from tlkeras.annotations import Tensor
from tlkeras.layers import TransformerEncoder
from tlkeras.layers._saved_policy import set_part_policies
from tlkeras.models._arguments import refuse_unknown, saved_arguments

EXTRAS = ("return_hidden_states", "return_attention_scores")


class EncoderModel(keras.Model):
    """Embed, encode, read out. Private: use its subclasses.

        x₀ = embed(inputs),  xᵢ = Encoderᵢ(xᵢ₋₁),  outputs = read_out(xₗ)

    A subclass makes its layers in a namespace, `parts`, and hands it to `__init__`; it
    defines `embed` and `read_out`, and `prepare` for what it is called on.
    """

    input_spec = None  # Keras's check of inputs says less than `prepare`

    def __init__(self, parts, inputs, arguments, dtype=None, **kwargs):
        refuse_unknown(type(self), kwargs)
        outputs = self._encode(parts, inputs)
        super().__init__(inputs=inputs, outputs=outputs, dtype=dtype, **kwargs)
        for name, part in vars(parts).items():
            setattr(self, name, part)  # torch takes no layers before super().__init__
        self.dtype_policy = dtype  # a functional model does not take it
        self._arguments = arguments
        set_part_policies(self)

    @staticmethod
    def embed(
        parts: Any, inputs: Any, training: bool | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """What enters the stack, `(B, T, D)`, and its mask `(B, T)` or `None`."""
        raise NotImplementedError

    @staticmethod
    def read_out(
        parts: Any, x: Tensor, padding_mask: Tensor | None
    ) -> dict[str, Tensor]:
        """The dictionary of outputs, from what leaves the stack."""
        raise NotImplementedError

    @staticmethod
    def bias(parts: Any, x: Tensor) -> Tensor | None:
        """What every block adds to its logits, of what enters the stack, or `None`."""
        return None

    @staticmethod
    def before_layer(parts: Any, x: Tensor, number: int) -> Tensor:
        """What enters a block, `(B, T, D)`, of what leaves the one before it."""
        return x

    def prepare(self, inputs: Any) -> Any:
        """The inputs as the graph takes them, found sound."""
        return inputs

    @classmethod
    def _encode(cls, parts, inputs, training=None, states=None, scores=None):
        """The outputs; the lists, if given, are filled with states and scores."""
        x, keep = cls._run(parts, inputs, training, states, scores)
        return cls.read_out(parts, x, keep)

    @classmethod
    def _run(cls, parts, inputs, training, states, scores):
        """What leaves the stack, and its mask or `None`."""
        x, keep = cls.embed(parts, inputs, training)
        wanted = {"padding_mask": keep, "attention_bias": cls.bias(parts, x)}
        wanted = {name: value for name, value in wanted.items() if value is not None}
        if getattr(parts, "use_causal_mask", False):
            wanted["use_causal_mask"] = True
        for number, layer in enumerate(parts.transformer_layers):
            x = cls.before_layer(parts, x, number)
            if states is not None:
                states.append(x)
            if scores is None:
                x = layer(x, training=training, **wanted)  # (B, T, D)
            else:
                x, one = layer(
                    x, training=training, return_attention_scores=True, **wanted
                )
                scores.append(one)  # (B, N, T, T)
        if states is not None:
            states.append(x)
        return x, keep

    def read(
        self, inputs: Any, training: bool | None = None, scores: list | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Hidden states `(B, T, D)`, and which are real, `(B, T)`; `None` means all.

        Args:
            inputs: as the model takes them.
            training: whether dropout is on.
            scores: a list that takes the attention scores of each encoder.

        Raises:
            ValueError: the inputs are something else.
        """
        x, keep = self._run(self, self.prepare(inputs), training, None, scores)
        return self.read_out(self, x, keep)["sequence_output"], keep

    def call(
        self,
        inputs,
        training=None,
        mask=None,
        return_hidden_states=False,
        return_attention_scores=False,
    ):
        inputs = self.prepare(inputs)
        more: dict[str, list] = {}
        if return_hidden_states:
            more["hidden_states"] = []
        if return_attention_scores:
            more["attention_scores"] = []
        if not more:
            return super().call(inputs, training=training)
        lists = more.get("hidden_states"), more.get("attention_scores")
        return {**self._encode(self, inputs, training, *lists), **more}

    def compute_output_spec(self, inputs: Any, **arguments: Any) -> Any:
        asked = any(arguments.get(name) for name in EXTRAS)
        names = set(self.input) if isinstance(self.input, dict) else None
        if asked or (names is not None and set(inputs) != names):
            return keras.Operation.compute_output_spec(self, inputs, **arguments)
        return super().compute_output_spec(inputs)  # from the graph

    def get_config(self) -> dict[str, Any]:
        return saved_arguments(self)


def encoders(num_layers, num_heads, intermediate_dim, kernel_initializer, **arguments):
    """The layers of a stack."""
    return [
        TransformerEncoder(
            intermediate_dim,
            num_heads,
            kernel_initializer=kernel_initializer.clone(),
            name=f"transformer_layer_{i}",
            **arguments,
        )
        for i in range(num_layers)
    ]


def check_sizes(num_heads, hidden_dim, key_dim=None, **others):
    """Raise unless all are positive, and N divides D if it must; return them."""
    sizes = {"num_heads": num_heads, "hidden_dim": hidden_dim, **others}
    sizes |= {} if key_dim is None else {"key_dim": key_dim}
    for name, value in sizes.items():
        check.positive_integer(name, value)
    if key_dim is None:
        check.multiple("hidden_dim", hidden_dim, "num_heads", num_heads)
    return sizes
