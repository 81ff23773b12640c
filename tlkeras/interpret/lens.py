"""What a model would say if it stopped after each of its layers."""

import inspect
from typing import Any

import keras

from tlkeras.annotations import Tensor
from tlkeras.models._decoder_model import DecoderModel


def logit_lens(model: keras.Model, inputs: Any) -> list[Tensor]:
    """Read the hidden states between layers as the last one is read.

        logitsᵢ = Norm(xᵢ) Eᵀ,   i = 0 … number of layers

    The final normalisation belongs to it: without it the scale of a state, which grows
    from layer to layer, says how sure the model seems. Early states need not be written
    in the words of the last one, so that a lens can miss what is there.

    Args:
        model: one that writes on, such as a `GPT`.
        inputs: of the model.

    Returns:
        A list of logits `(B, T, vocabulary)`, one more than layers; the last are the
        model's own.

    Raises:
        ValueError: the model does not write, or returns no hidden states.

    Example:

    >>> import numpy as np
    >>> from tlkeras.models import GPT
    >>> model = GPT(50, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=16)
    >>> [tuple(x.shape) for x in logit_lens(model, np.array([[3, 1, 4]]))]
    [(1, 3, 50), (1, 3, 50), (1, 3, 50)]

    Reference:
        nostalgebraist (2020), "interpreting GPT: the logit lens".
        Belrose et al. (2023), arXiv:2303.08112, section 2.
    """
    asked = inspect.signature(model.call).parameters
    if not isinstance(model, DecoderModel) or "return_hidden_states" not in asked:
        raise ValueError(
            "model must write on and return its hidden states, as a GPT does; given a "
            f"{type(model).__name__}."
        )
    states = model(inputs, return_hidden_states=True)["hidden_states"]
    return [model.read_out(state) for state in states]
