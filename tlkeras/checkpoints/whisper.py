"""The encoder of Whisper as Hugging Face keeps it, with its front end."""

import math

import numpy as np

from tlkeras import checks as check
from tlkeras.checkpoints.bert import ACTIVATIONS
from tlkeras.checkpoints.config_files import check_claims, entry, one_of, read_json
from tlkeras.models import SpeechEncoder

MODEL_TYPE = "whisper"
FRONT_END_FILE = "preprocessor_config.json"
PREFIX = "model."
INSIDE = "encoder."
OUTSIDE = {
    "subsampling/convolution_0": "conv1",
    "subsampling/convolution_1": "conv2",
    "position_embedding": "embed_positions",
    "layer_norm": "layer_norm",
}
ENCODER = {
    "self_attention_layer/query": "self_attn.q_proj",
    "self_attention_layer/key": "self_attn.k_proj",
    "self_attention_layer/value": "self_attn.v_proj",
    "self_attention_layer/attention_output": "self_attn.out_proj",
    "self_attention_layer_norm": "self_attn_layer_norm",
    "feedforward_intermediate_dense": "fc1",
    "feedforward_output_dense": "fc2",
    "feedforward_layer_norm": "final_layer_norm",
}
VARIABLES = {
    "embeddings": "weight",
    "kernel": "weight",
    "gamma": "weight",
    "beta": "bias",
    "bias": "bias",
}
HIGHEST_MEL = 8000.0  # Hz, whatever the sample rate


def read_front_end(folder):
    """What preprocessor_config.json says, or `None` where there is none.

    Raises:
        ValueError: it is not JSON.
    """
    path = folder / FRONT_END_FILE
    return read_json(path) if path.is_file() else None


def whisper_arguments(config, front_end=None):
    """Arguments of `SpeechEncoder` from a config, and from that of the front end.

    Raises:
        ValueError: the two differ in their mels, or a value is not known here.
    """
    activation = entry(config, "activation_function", one_of(ACTIVATIONS), "gelu")
    front = front_end or {}
    mels = entry(config, "num_mel_bins", check.positive_integer, 80)
    if front.get("feature_size", mels) != mels:
        raise ValueError(
            f"{FRONT_END_FILE} must have feature_size {mels}, which is num_mel_bins in "
            f"config.json; given {front['feature_size']}."
        )
    if front.get("do_normalize"):
        raise ValueError(
            f"{FRONT_END_FILE} must have do_normalize false: Whisper's waveforms are "
            "read as they are; given true."
        )
    rate = entry(front, "sampling_rate", check.positive_integer, 16000)
    return {
        "num_layers": entry(config, "encoder_layers", check.positive_integer),
        "num_heads": entry(config, "encoder_attention_heads", check.positive_integer),
        "hidden_dim": entry(config, "d_model", check.positive_integer),
        "intermediate_dim": entry(config, "encoder_ffn_dim", check.positive_integer),
        "max_sequence_length": entry(
            config, "max_source_positions", check.positive_integer, 1500
        ),
        "dropout": entry(config, "dropout", check.rate, 0.0),
        "activation": ACTIVATIONS[activation],
        "sample_rate": rate,
        "num_mels": mels,
        "fft_length": entry(front, "n_fft", check.positive_integer, 400),
        "frame_step": entry(front, "hop_length", check.positive_integer, 160),
        "max_frequency": min(HIGHEST_MEL, rate / 2),
    }


def whisper_from_hugging_face(config, tensors, overrides):
    """A `SpeechEncoder` with the weights of the encoder of a Hugging Face Whisper.

    Whisper's keys have no bias: theirs becomes 0. The decoder is left out.

    Args:
        config: what config.json says; under `"front_end"` what `read_front_end` found.
        tensors: arrays by name, with or without the prefix `model.`.
        overrides: arguments of `SpeechEncoder` that replace those of the config.

    Returns:
        The model, and the names of the tensors that were loaded, of those left out,
        and of the model's weights for which there was none.

    Raises:
        ValueError: a tensor is missing, left over inside of the encoder, or has the
            wrong shape.
    """
    names = {name.removeprefix(PREFIX): name for name in tensors}
    arguments = whisper_arguments(config, config.get("front_end"))
    arguments = {**arguments, **overrides}
    check_claims(arguments, tensors)
    model = SpeechEncoder(**arguments)
    values, used = {}, []
    for variable in model.weights:
        wanted = hugging_face_name(variable.path)
        if wanted in names:
            array = tensors[names[wanted]]
            values[variable.path] = _fitted(names[wanted], array, variable)
            used.append(names[wanted])
        elif variable.path.endswith("key/bias"):
            values[variable.path] = np.zeros(variable.shape, "float32")
        else:
            raise ValueError(
                f"The checkpoint lacks {PREFIX}{wanted}, for {variable.path}. It holds "
                f"{len(tensors)} tensors, such as {', '.join(sorted(tensors)[:3])}."
            )
    left_out = sorted(set(tensors) - set(used))
    _check_leftover(left_out)
    for variable in model.weights:
        variable.assign(values[variable.path])
    return model, sorted(used), left_out, []


def hugging_face_name(path):
    """What Hugging Face calls a weight of `SpeechEncoder`, without `model.`."""
    layer, _, variable = path.rpartition("/")
    block, _, part = layer.partition("/")
    if not block.startswith("transformer_layer_"):
        return f"{INSIDE}{OUTSIDE.get(layer, layer)}.{VARIABLES[variable]}"
    number = block.removeprefix("transformer_layer_")
    return f"{INSIDE}layers.{number}.{ENCODER[part]}.{VARIABLES[variable]}"


def _fitted(name, array, variable):
    """A tensor of PyTorch in the shape of our variable."""
    shape = tuple(variable.shape)
    theirs: tuple = (math.prod(shape),)
    if variable.path.startswith("subsampling/") and len(shape) == 3:
        theirs = shape[::-1]  # (width, in, out) to (out, in, width)
    elif variable.path.endswith("attention_output/kernel"):  # (N, H, D)
        theirs = (shape[-1], math.prod(shape[:-1]))
    elif variable.name == "kernel":  # (D, N, H) or (in, out)
        theirs = (math.prod(shape[1:]), shape[0])
    elif variable.name == "embeddings":
        theirs = shape
    if array.shape != theirs:
        raise ValueError(
            f"{name} must have shape {theirs} with this config; given {array.shape}."
        )
    array = array.T if variable.name == "kernel" else array
    return array.astype("float32").reshape(shape)


def _check_leftover(names):
    inside = [n for n in names if n.removeprefix(PREFIX).startswith(INSIDE)]
    if inside:
        raise ValueError(
            f"The checkpoint holds {len(inside)} tensors for which the config has no "
            f"place, such as {', '.join(inside[:3])}: config and weights differ."
        )
