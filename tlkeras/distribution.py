"""Cut the weights of a model into parts, one a device, for `keras.distribution`."""

import math
import re
from typing import Any

import keras
import numpy as np

from tlkeras import checks as check

__all__ = ["bytes_per_device", "layout_map"]

# The end of a weight's path, and which of its axes may be cut, the best first. Heads
# and the width of the feed-forward network are cut where a product makes them and again
# where the next product sums over them, so that devices exchange numbers twice a block
# (Shoeybi et al. 2019, section 3). Cutting D instead costs more exchanges.
CUTS = {
    r"(query|gate)/kernel": (1, 0),  # (D, N, H)
    r"(query|gate)/bias": (0,),  # (N, H)
    r"(key|value)/kernel": (1, 0),  # (D, N, H), perhaps of fewer heads
    r"(key|value)/bias": (0,),  # (N, H)
    r"attention_output/kernel": (0, 2),  # (N, H, D)
    r"feedforward_(gate|intermediate)_dense/kernel": (1, 0),  # (D, F)
    r"feedforward_(gate|intermediate)_dense/bias": (0,),  # (F,)
    r"feedforward_output_dense/kernel": (0, 1),  # (F, D)
    r"token_embedding/embeddings": (0, 1),  # (V, D)
    r"token_embedding/reverse_embeddings": (1, 0),  # (D, V)
}


def layout_map(
    model: keras.Model, device_mesh: Any, axis: str = "model"
) -> keras.distribution.LayoutMap:
    """Which weights of a model are cut over the devices of a mesh, and where.

    Attention is cut by heads, the feed-forward network by its width, embeddings by
    tokens; or each by D, the model's size, where the devices cannot share those evenly.
    What is left whole on every device: norms, positions, convolutions, heads of a task,
    what LoRA and adapters add, and what cannot be shared evenly either way.

    Layouts hold for models made after `set_distribution`. So make the model once, to
    see its weights, then its copy:

        mesh = keras.distribution.DeviceMesh((2, 4), ["batch", "model"])
        parallel = keras.distribution.ModelParallel(
            layout_map=layout_map(model, mesh), batch_dim_name="batch"
        )
        keras.distribution.set_distribution(parallel)
        model = type(model).from_config(model.get_config())

    Args:
        model: made of `tlkeras.layers`, with weights.
        device_mesh: a `keras.distribution.DeviceMesh`.
        axis: the axis of the mesh along which weights are cut. Defaults to `"model"`.

    Returns:
        A `keras.distribution.LayoutMap`, for `keras.distribution.ModelParallel`.

    Raises:
        ValueError: the mesh has no such axis, or the model no weights yet.

    Reference:
        Shoeybi et al. (2019), "Megatron-LM", arXiv:1909.08053, section 3.
    """
    check.choice("axis", axis, tuple(device_mesh.axis_names))
    if not model.weights:
        raise ValueError("model must have weights; call it once, or build it.")
    devices = device_mesh.shape[device_mesh.axis_names.index(axis)]
    layouts = keras.distribution.LayoutMap(device_mesh)
    for path, axes in CUTS.items():
        shapes = [w.shape for w in model.weights if re.fullmatch(f".*{path}", w.path)]
        even = [n for n in axes if all(not s[n] % devices for s in shapes)]
        if shapes and even:
            cut: list[str | None] = [None] * len(shapes[0])
            cut[even[0]] = axis
            layouts[f".*{path}"] = tuple(cut)
    return layouts


def bytes_per_device(
    model: keras.Model, layouts: keras.distribution.LayoutMap | None = None
) -> int:
    """How many bytes of weights one device holds.

    Training with Adam takes three times as many more: gradients and two moments.

    Args:
        model: a model with weights.
        layouts: as `layout_map` gives them. Defaults to `None`: every device holds all.

    Example:

    >>> from tlkeras.models import Bert
    >>> model = Bert(100, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=16)
    >>> bytes_per_device(model) == 4 * model.count_params()
    True
    """
    total = 0
    for weight in model.weights:
        layout = layouts[weight.path] if layouts is not None else None
        parts = math.prod(_sizes(layout)) if layout is not None else 1
        item = np.dtype(keras.backend.standardize_dtype(weight.dtype)).itemsize
        total += item * math.prod(weight.shape) // parts
    return total


def _sizes(layout):
    """Into how many parts each axis is cut."""
    mesh = layout.device_mesh
    return [
        size
        for name, size in zip(mesh.axis_names, mesh.shape, strict=True)
        if name in layout.axes
    ]
