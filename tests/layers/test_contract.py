"""The contract of `contract.py`, for every layer: to add one, add it to `CASES`."""

import keras
import pytest
from contract import (
    Case,
    check_compiled,
    check_config,
    check_fit,
    check_precision,
    check_saving,
    check_shapes,
    constructor_arguments,
)

import tlkeras.layers
from tlkeras.layers import (
    AdaptiveTransformerEncoder,
    ClassToken,
    ConvSubsampling,
    FeedForward,
    LogMelSpectrogram,
    MultiHeadAttention,
    PatchEmbedding,
    PositionEmbedding,
    Registers,
    RelativePositionBias,
    RotaryEmbedding,
    SinePositionEncoding,
    SpecAugment,
    TokenAndPositionEmbedding,
    TransformerDecoder,
    TransformerEncoder,
    TubeletEmbedding,
    UtteranceNormalization,
)


def floats(*shape):
    return lambda rng: {"inputs": rng.normal(size=shape).astype("float32")}


def token_ids(rng):
    return {"inputs": rng.integers(1, 11, size=(3, 5)).astype("int32")}


def query_and_value(rng):
    return {
        "query": rng.normal(size=(3, 5, 8)).astype("float32"),
        "value": rng.normal(size=(3, 7, 6)).astype("float32"),
    }


def inputs_and_condition(rng):
    return {
        "inputs": rng.normal(size=(3, 5, 8)).astype("float32"),
        "condition": rng.normal(size=(3, 6)).astype("float32"),
    }


def target_and_source(rng):
    return {
        "decoder_sequence": rng.normal(size=(3, 5, 8)).astype("float32"),
        "encoder_sequence": rng.normal(size=(3, 7, 6)).astype("float32"),
    }


# Arguments that every Transformer block takes, none at its default.
BLOCK = {
    "intermediate_dim": 11,
    "num_heads": 4,
    "dropout": 0.1,
    "activation": "gelu_tanh",
    "layer_norm_epsilon": 1e-3,
    "kernel_initializer": "he_normal",
    "bias_initializer": "ones",
    "normalize_first": True,
    "num_key_value_heads": 2,
    "rotary": RotaryEmbedding(max_wavelength=100),
    "implementation": "equation",
}
LLAMA = {
    "sliding_window": 3,
    "normalization": "rms",
    "activation": "swiglu",
    "use_bias": False,
    "key_dim": 6,
}

CASES = [
    Case(
        MultiHeadAttention,
        {
            "num_heads": 4,
            "key_dim": 6,
            "value_dim": 5,
            "dropout": 0.1,
            "output_shape": (9,),
            "sliding_window": 3,
            "flash_attention": False,
            "kernel_initializer": "he_normal",
            "bias_initializer": "ones",
            "kernel_regularizer": "l2",
            "bias_regularizer": "l1",
            "activity_regularizer": "l2",
            "kernel_constraint": "max_norm",
            "bias_constraint": "unit_norm",
            "use_gate": True,
            "seed": 3,
            "num_key_value_heads": 2,
            "rotary": RotaryEmbedding(max_wavelength=100),
        },
        query_and_value,
        {"use_causal_mask": True},
    ),
    Case(
        MultiHeadAttention,
        {"num_heads": 2, "key_dim": 6, "use_bias": False, "implementation": "chunked"},
        query_and_value,
    ),
    *(
        Case(
            MultiHeadAttention,
            {"num_heads": 2, "key_dim": 6, **arguments},
            query_and_value,
            {"use_causal_mask": causal},
        )
        for causal in (False, True)
        for arguments in (
            {"implementation": "chunked", "sliding_window": 2},
            {"implementation": "linear"},
        )
    ),
    Case(
        MultiHeadAttention,
        {"num_heads": 2, "key_dim": 6, "attention_axes": (2,)},
        lambda rng: {
            name: rng.normal(size=(2, 3, 4, 8)).astype("float32")
            for name in ("query", "value")
        },
    ),
    Case(
        MultiHeadAttention,
        {"num_heads": 4, "key_dim": 6, "num_key_value_heads": 2},
        lambda rng: {**query_and_value(rng), "query": floats(3, 1, 8)(rng)["inputs"]},
    ),
    Case(TransformerEncoder, BLOCK, floats(3, 5, 8)),
    Case(TransformerEncoder, {**BLOCK, **LLAMA}, floats(3, 5, 8)),
    Case(
        AdaptiveTransformerEncoder,
        {
            **{name: x for name, x in BLOCK.items() if name != "normalize_first"},
            "activation": "relu",
            "modulation_initializer": "he_normal",
            "key_dim": 6,
        },
        inputs_and_condition,
    ),
    Case(TransformerDecoder, BLOCK, target_and_source),
    Case(TransformerDecoder, {**BLOCK, **LLAMA}, target_and_source),
    Case(
        FeedForward,
        {
            "intermediate_dim": 12,
            "activation": "gelu_tanh",
            "dropout": 0.1,
            "kernel_initializer": "he_normal",
            "bias_initializer": "ones",
        },
        floats(3, 5, 8),
    ),
    Case(
        FeedForward,
        {"intermediate_dim": 12, "activation": "swiglu", "use_bias": False},
        floats(3, 5, 8),
    ),
    Case(FeedForward, {"intermediate_dim": 12, "activation": "geglu"}, floats(3, 5, 8)),
    Case(
        RelativePositionBias,
        {
            "num_heads": 2,
            "num_buckets": 8,
            "max_distance": 6,
            "bidirectional": False,
            "initializer": "he_normal",
        },
        floats(3, 5, 8),
    ),
    Case(SinePositionEncoding, {"max_wavelength": 100}, floats(3, 5, 8)),
    Case(
        PositionEmbedding,
        {"sequence_length": 9, "initializer": "he_normal"},
        floats(3, 5, 8),
    ),
    Case(
        RotaryEmbedding,
        {
            "max_wavelength": 100,
            "scaling_factor": 2.0,
            "rope_type": "yarn",
            "beta_fast": 30.0,
            "beta_slow": 2.0,
            "original_max_position_embeddings": 512,
            "truncate": False,
            "sequence_axis": 2,
            "feature_axis": 3,
            "denominator_dim": 16,
        },
        floats(3, 2, 5, 8),
    ),
    Case(
        TokenAndPositionEmbedding,
        {
            "vocabulary_size": 12,
            "sequence_length": 9,
            "embedding_dim": 8,
            "tie_weights": False,
            "embeddings_initializer": "he_normal",
            "mask_zero": True,
        },
        token_ids,
        unmoved=("reverse_embeddings",),
    ),
    Case(
        PatchEmbedding,
        {
            "patch_size": (4, 2),
            "hidden_dim": 5,
            "padding": "same",
            "data_format": "channels_first",
            "kernel_initializer": "he_normal",
            "bias_initializer": "ones",
        },
        floats(2, 3, 10, 7),
    ),
    Case(
        PatchEmbedding,
        {"patch_size": 4, "hidden_dim": 5, "use_bias": False},
        floats(2, 8, 12, 3),
    ),
    Case(
        TubeletEmbedding,
        {
            "tubelet_size": (2, 4, 3),
            "hidden_dim": 5,
            "padding": "same",
            "data_format": "channels_first",
            "use_bias": False,
            "kernel_initializer": "he_normal",
        },
        floats(2, 3, 4, 10, 7),
    ),
    Case(
        TubeletEmbedding,
        {"tubelet_size": 2, "hidden_dim": 5, "bias_initializer": "ones"},
        floats(2, 4, 6, 8, 3),
    ),
    Case(ClassToken, {"initializer": "he_normal"}, floats(3, 5, 8)),
    Case(Registers, {"count": 3, "position": 2}, floats(3, 5, 8)),
    Case(UtteranceNormalization, {"epsilon": 1e-2}, floats(3, 17, 8)),
    Case(
        LogMelSpectrogram,
        {
            "sample_rate": 8000,
            "num_mels": 20,
            "fft_length": 256,
            "frame_step": 100,
            "window_length": 200,
            "min_frequency": 50.0,
            "max_frequency": 3800.0,
            "mel_scale": "htk",
            "mel_norm": None,
            "scaling": "log",
            "centered": False,
            "min_power": 1e-8,
        },
        floats(2, 1234),
    ),
    Case(
        ConvSubsampling,
        {
            "hidden_dim": 6,
            "kernel_size": 5,
            "strides": (2, 3),
            "activation": "tanh",
            "kernel_initializer": "he_normal",
            "bias_initializer": "ones",
        },
        floats(3, 17, 4),
    ),
    Case(ConvSubsampling, {"hidden_dim": 6, "use_bias": False}, floats(3, 17, 4)),
    Case(
        SpecAugment,
        {
            "time_width": 5,
            "num_time_masks": 1,
            "frequency_width": 3,
            "num_frequency_masks": 4,
            "max_time_fraction": 0.5,
            "mask_value": -1.0,
            "seed": 3,
        },
        floats(3, 17, 8),
    ),
]

POLICIES = ["mixed_float16", "mixed_bfloat16", "float16", "bfloat16"]
if keras.backend.backend() == "tensorflow":
    POLICIES.append("float64")  # Keras computes it in float32 on the others

every_case = pytest.mark.parametrize(
    "case", CASES, ids=[f"{i}-{case.layer.__name__}" for i, case in enumerate(CASES)]
)


def test_every_layer_has_a_case():
    public = {getattr(tlkeras.layers, name) for name in tlkeras.layers.__all__}
    layers = {x for x in public if isinstance(x, type)}
    assert layers <= {case.layer for case in CASES}


@pytest.mark.parametrize("layer", dict.fromkeys(case.layer for case in CASES))
def test_some_case_changes_each_default(layer):
    defaults = constructor_arguments(layer)
    changed = {
        name
        for case in CASES
        if case.layer is layer
        for name, value in case.arguments.items()
        if value != defaults.get(name, "an argument that is not in the signature")
    }
    assert set(defaults) <= changed


@every_case
def test_config(case):
    check_config(case)


@every_case
def test_shapes(case):
    check_shapes(case)


@every_case
def test_saving(case, tmp_path):
    check_saving(case, tmp_path)


@every_case
def test_fit(case):
    check_fit(case)


@every_case
@pytest.mark.parametrize("policy", POLICIES)
def test_precision(case, policy):
    check_precision(case, policy)


@pytest.mark.skipif(
    keras.backend.backend() == "torch", reason="torch.compile needs a C++ compiler"
)
@every_case
def test_compiled(case):
    check_compiled(case)
