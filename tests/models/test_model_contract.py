"""The contract of `contract.py`, for every model: to add one, add it to `CASES`."""

import keras
import numpy as np
import pytest
from contract import (
    ModelCase,
    check_compiled,
    check_config,
    check_fit,
    check_precision,
    check_saving,
    check_shapes,
    constructor_arguments,
)

import tlkeras.models
from tlkeras.layers._transformer_block import TransformerBlock
from tlkeras.models import (
    CLIP,
    GPT,
    Bert,
    BertClassifier,
    BertMaskedLM,
    Classifier,
    CLIPTextEncoder,
    Detector,
    DiffusionTransformer,
    Seq2Seq,
    SpanClassifier,
    SpeechClassifier,
    SpeechCTC,
    SpeechEncoder,
    T5Encoder,
    TokenClassifier,
    Transformer,
    VideoEncoder,
    ViT,
    Whisper,
)

STACK = {
    "num_layers": 1,
    "num_heads": 2,
    "hidden_dim": 8,
    "intermediate_dim": 12,
    "dropout": 0.2,
    "activation": "gelu_tanh",
    "layer_norm_epsilon": 1e-4,
}
BERT = {
    "vocabulary_size": 30,
    "max_sequence_length": 9,
    "num_segments": 3,
    "use_pooler": False,
    **STACK,
}
T5 = {
    **STACK,
    "vocabulary_size": 30,
    "key_dim": 3,
    "num_buckets": 8,
    "max_distance": 6,
    "activation": "geglu",
}
LANGUAGE = {
    "vocabulary_size": 30,
    "max_sequence_length": 9,
    **STACK,
}
LLAMA = {
    **LANGUAGE,
    "num_heads": 4,
    "num_key_value_heads": 2,
    "positions": "rotary",
    "max_wavelength": 100.0,
    "normalization": "rms",
    "activation": "swiglu",
    "use_bias": False,
    "tie_weights": False,
}
SPEECH = {
    "strides": (2, 2),
    "max_sequence_length": 30,
    "positions": "learned",
    "normalize_features": True,
    "sample_rate": 8000,
    "num_mels": 17,
    "fft_length": 256,
    "frame_step": 80,
    "window_length": 200,
    "min_frequency": 60.0,
    "max_frequency": 3800.0,
    "mel_scale": "htk",
    "mel_norm": None,
    "scaling": "log",
    "min_power": 1e-6,
    **STACK,
}


def text(rng):
    tokens = rng.integers(1, 30, (4, 7)).astype("int32")
    keep = np.arange(7) < np.array([7, 3, 7, 1])[:, None]
    return {
        "token_ids": tokens,
        "segment_ids": tokens % 3,
        "padding_mask": keep.astype("int32"),
    }


def language(rng):
    return {name: x for name, x in text(rng).items() if name != "segment_ids"}


def summary(rng):
    """A text, and 5 words of what is made of it."""
    return {
        "source": text(rng),
        "target_ids": rng.integers(1, 30, (4, 5)).astype("int32"),
        "target_padding_mask": np.arange(5) < np.array([[5], [2], [4], [1]]),
    }


def caption(rng):
    return {
        "source": images(rng),
        "target_ids": rng.integers(1, 30, (3, 5)).astype("int32"),
    }


def transcript(rng):
    return {
        "source": waveform(rng),
        "target_ids": rng.integers(1, 30, (3, 5)).astype("int32"),
    }


def waveform(rng):
    return {"waveform": (0.1 * rng.normal(size=(3, 2000))).astype("float32")}


def images(rng):
    return rng.random((3, 8, 12, 3)).astype("float32")


def videos(rng):
    return rng.random((3, 4, 8, 4, 3)).astype("float32")


def words(rng):
    """Token ids, of which 2 ends a text; the second has no end."""
    tokens = rng.integers(3, 30, (3, 7)).astype("int32")
    tokens[[0, 0, 2], [3, 5, 6]] = 2
    return tokens


def images_and_texts(rng):
    return {"images": images(rng), "texts": words(rng)}


def noisy_images(rng):
    """With a time, a label and a text for each; the second has no label."""
    return {
        "images": images(rng),
        "times": np.array([0.0, 3.3, 999.0], "float32"),
        "labels": np.array([4, 5, 0], "int32"),
        "texts": rng.normal(size=(3, 3)).astype("float32"),
    }


EMBEDDINGS = ("image_embeddings", "text_embeddings")
TEXT_TOWER = {
    "vocabulary_size": 30,
    "end_id": 2,
    "use_causal_mask": False,
    "max_sequence_length": 9,
    **STACK,
}
CASES = [
    ModelCase(Bert, BERT, text, output="sequence_output"),
    ModelCase(Bert, {**BERT, "use_pooler": True}, text, output="pooled_output"),
    ModelCase(
        BertClassifier,
        {
            "backbone": Bert(**{**BERT, "use_pooler": True}),
            "num_classes": 3,
            "pooling": "pooler",
            "dropout": 0.3,
        },
        text,
    ),
    ModelCase(BertMaskedLM, {"backbone": Bert(**BERT)}, text),
    ModelCase(GPT, LANGUAGE, language),
    ModelCase(GPT, LLAMA, lambda rng: text(rng)["token_ids"]),
    ModelCase(GPT, {**LANGUAGE, "sliding_window": 3}, language),
    ModelCase(GPT, {**LANGUAGE, "dropout": 0, "implementation": "linear"}, language),
    ModelCase(
        ViT,
        {
            "image_shape": (8, 12, 3),
            "patch_size": (4, 2),
            "use_class_token": False,
            "num_registers": 2,
            **STACK,
        },
        images,
        output="pooled_output",
    ),
    ModelCase(
        ViT,
        {
            "image_shape": (8, 12, 3),
            "patch_size": 4,
            "use_distillation_token": True,
            **STACK,
        },
        images,
        output="sequence_output",
    ),
    ModelCase(
        Detector,
        {
            "image_shape": (8, 12, 3),
            "patch_size": (4, 2),
            "num_classes": 2,
            "num_detections": 3,
            "middle_positions": True,
            **STACK,
            "num_layers": 2,
        },
        images,
        output=("logits", "boxes"),
    ),
    ModelCase(
        DiffusionTransformer,
        {
            "image_shape": (8, 12, 3),
            "patch_size": (4, 2),
            "num_classes": 5,
            "text_dim": 3,
            "output_channels": 2,
            **{**STACK, "activation": "relu"},
            "modulation_initializer": "he_normal",
        },
        noisy_images,
        output="prediction",
    ),
    ModelCase(SpeechEncoder, SPEECH, waveform, output="sequence_output"),
    ModelCase(
        ViT,
        {
            "image_shape": (8, 12, 3),
            "patch_size": 4,
            "use_class_token": False,
            "normalize_embeddings": True,
            "use_attention_pooling": True,
            **STACK,
        },
        images,
        output="pooled_output",
    ),
    ModelCase(
        VideoEncoder,
        {
            "video_shape": (4, 8, 4, 3),
            "tubelet_size": (2, 4, 4),
            "use_class_token": False,
            **STACK,
        },
        videos,
        output="pooled_output",
    ),
    ModelCase(CLIPTextEncoder, TEXT_TOWER, words, output="sequence_output"),
    ModelCase(
        CLIP,
        {
            "image_encoder": ViT((8, 12, 3), 4, **STACK),
            "text_encoder": CLIPTextEncoder(30, **STACK, end_id=2),
            "projection_dim": 6,
            "use_bias": True,
            "temperature": 0.5,
            "max_scale": 50.0,
        },
        images_and_texts,
        output=EMBEDDINGS,
        unmoved=("logit_scale",),
    ),
    ModelCase(
        CLIP,
        {
            "image_encoder": ViT((8, 12, 3), 4, **STACK),
            "text_encoder": CLIPTextEncoder(30, **STACK),
            "projection_dim": None,
            "objective": "sigmoid",
        },
        images_and_texts,
        output=EMBEDDINGS,
        unmoved=("logit_scale", "logit_bias"),
    ),
    ModelCase(
        Classifier,
        {
            "backbone": Bert(**BERT),
            "num_classes": 3,
            "pooling": "cls",
            "dropout": 0.3,
        },
        text,
    ),
    ModelCase(
        TokenClassifier,
        {"backbone": Bert(**BERT), "num_classes": 3, "dropout": 0.3},
        text,
    ),
    ModelCase(
        Seq2Seq,
        {
            "encoder": Bert(**BERT),
            "num_layers": 2,
            "num_heads": 2,
            "intermediate_dim": 12,
            "dropout": 0.2,
            "max_sequence_length": 9,
            "activation": "gelu_tanh",
            "layer_norm_epsilon": 1e-4,
            "share_embedding": True,
            "copy": True,
        },
        summary,
    ),
    ModelCase(
        Seq2Seq,
        {
            "encoder": ViT((8, 12, 3), 4, **STACK),
            "num_layers": 1,
            "num_heads": 2,
            "intermediate_dim": 12,
            "hidden_dim": 6,
            "vocabulary_size": 30,
            "normalize_first": False,
            "tie_weights": False,
        },
        caption,
    ),
    ModelCase(
        Seq2Seq,
        {
            "encoder": T5Encoder(**T5),
            "num_layers": 2,
            "num_heads": 2,
            "intermediate_dim": 12,
            "share_embedding": True,
            "tie_weights": False,
            "positions": "relative",
            "num_buckets": 6,
            "max_distance": 5,
            "normalization": "rms",
            "use_bias": False,
            "key_dim": 5,
        },
        lambda rng: {**summary(rng), "source": language(rng)},
    ),
    ModelCase(
        Whisper,
        {
            "encoder": SpeechEncoder(**SPEECH),
            "num_layers": 1,
            "num_heads": 4,
            "intermediate_dim": 10,
            "vocabulary_size": 30,
            "dropout": 0.2,
            "max_sequence_length": 9,
            "activation": "gelu_tanh",
            "layer_norm_epsilon": 1e-4,
        },
        transcript,
    ),
    ModelCase(T5Encoder, T5, language, output="sequence_output"),
    ModelCase(
        SpanClassifier,
        {"backbone": Bert(**BERT), "dropout": 0.3},
        text,
        output="start",
    ),
    ModelCase(
        Classifier,
        {"backbone": ViT((8, 12, 3), 4, **STACK), "num_classes": 3},
        images,
    ),
    ModelCase(
        SpeechClassifier,
        {"backbone": SpeechEncoder(**SPEECH), "num_classes": 3, "dropout": 0.3},
        waveform,
    ),
    ModelCase(
        SpeechCTC,
        {"backbone": SpeechEncoder(**SPEECH), "vocabulary_size": 4, "dropout": 0.3},
        waveform,
    ),
]

every_case = pytest.mark.parametrize(
    "case", CASES, ids=[f"{i}-{case.layer.__name__}" for i, case in enumerate(CASES)]
)


def test_every_model_has_a_case():
    public = {getattr(tlkeras.models, name) for name in tlkeras.models.__all__}
    models = {x for x in public if isinstance(x, type) and issubclass(x, keras.Model)}
    assert models - {Transformer} <= {case.layer for case in CASES}


@pytest.mark.parametrize("model", dict.fromkeys(case.layer for case in CASES))
def test_some_case_changes_each_default(model):
    defaults = constructor_arguments(model)
    changed = {
        name
        for case in CASES
        if case.layer is model
        for name, value in case.arguments.items()
        if value is not defaults[name]
    }
    assert set(defaults) - {"dtype"} <= changed


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
    check_fit(case, run_eagerly=True)


INNER = {
    "backbone",
    "encoder",
    "image_encoder",
    "text_encoder",
}  # what a model may stand on, by argument
backbones = [case for case in CASES if not INNER & set(case.arguments)]
policies = pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])


@pytest.mark.parametrize("case", backbones, ids=lambda case: case.layer.__name__)
@policies
def test_mixed_precision(case, policy, tmp_path):
    check_precision(case, policy)
    case.make(dtype=policy).save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    blocks = [x for x in loaded._flatten_layers() if isinstance(x, TransformerBlock)]
    assert {layer.dtype_policy.name for layer in blocks} == {policy}
    assert case.call(loaded).dtype == case.call(case.make(dtype=policy)).dtype


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if INNER & set(case.arguments)],
    ids=lambda case: case.layer.__name__,
)
@policies
def test_a_head_on_a_backbone_of_half_precision(case, policy):
    half = {
        name: type(inner).from_config({**inner.get_config(), "dtype": policy})
        for name, inner in case.arguments.items()
        if name in INNER
    }
    output = case.call(case.layer(**{**case.arguments, **half}))
    assert np.isfinite(keras.ops.convert_to_numpy(output)).all()


@every_case
def test_compiled(case):
    check_compiled(case)
