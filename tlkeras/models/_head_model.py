"""What a head on a backbone needs: inputs of the backbone, and a config with it."""

from typing import Any, Self

import keras

from tlkeras.layers._saved_policy import set_part_policies
from tlkeras.models._arguments import refuse_unknown, saved_arguments


class HeadModel(keras.Model):
    """A backbone, and what stands on it. Private: use its subclasses.

    A subclass makes the layers of its head in a namespace, `parts`, calls the backbone
    and the head on `symbols(backbone)`, and hands all of it to `__init__`.
    """

    input_spec = None  # Keras's check of inputs says less than the backbone's

    def __init__(self, backbone, parts, inputs, outputs, arguments, dtype, **kwargs):
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)
        self.dtype_policy = dtype  # a functional model does not take it
        self.backbone = backbone
        for name, part in vars(parts).items():
            setattr(self, name, part)
        self._arguments = arguments
        set_part_policies(self)

    @classmethod
    def check_backbone(
        cls, backbone: Any, kind: type, wanted: str, unknown: dict
    ) -> None:
        """Raise unless the backbone is of a kind and no argument is unknown."""
        refuse_unknown(cls, unknown)
        if not isinstance(backbone, kind):
            raise ValueError(
                f"backbone must be {wanted}; given {type(backbone).__name__}."
            )

    # ── graph ─────────────────────────────────────────────────────────────────────────

    def call(self, inputs, training=None, mask=None):
        return super().call(self.backbone.prepare(inputs), training=training)

    def compute_output_spec(self, inputs: Any, **arguments: Any) -> Any:
        return keras.Operation.compute_output_spec(self, inputs, **arguments)

    # ── config ────────────────────────────────────────────────────────────────────────

    def get_config(self) -> dict[str, Any]:
        backbone = keras.saving.serialize_keras_object(self.backbone)
        return {**saved_arguments(self), "backbone": backbone}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Self:
        backbone = keras.saving.deserialize_keras_object(
            config["backbone"], custom_objects
        )
        return cls(**{**config, "backbone": backbone})


def symbols(backbone):
    """New symbols for what the graph of a backbone takes."""
    return keras.tree.map_structure(
        lambda x: keras.Input(x.shape[1:], dtype=x.dtype, name=x.name), backbone.input
    )
