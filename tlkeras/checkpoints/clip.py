"""CLIP and SigLIP as Hugging Face keeps them, both towers."""

from tlkeras import checks as check
from tlkeras.checkpoints.architecture import Architecture, Blocks, Part
from tlkeras.checkpoints.config_files import (
    dictionary,
    entry,
    only,
    transformer_sizes,
)
from tlkeras.checkpoints.vit import pair, picture_arguments
from tlkeras.models import CLIP, CLIPTextEncoder, ViT

# What a config leaves out has these values: both kinds write only what differs.
BASE = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12}
IMAGE = {**BASE, "num_attention_heads": 12, "image_size": 224}
DEFAULTS: dict[str, dict] = {
    "clip": {
        "vision_config": {**IMAGE, "patch_size": 32},
        "text_config": {
            "vocab_size": 49408,
            "hidden_size": 512,
            "intermediate_size": 2048,
            "num_hidden_layers": 12,
            "num_attention_heads": 8,
            "max_position_embeddings": 77,
            "eos_token_id": 49407,
        },
        "both": {"hidden_act": "quick_gelu", "layer_norm_eps": 1e-5},
    },
    "siglip": {
        "vision_config": {**IMAGE, "patch_size": 16},
        "text_config": {
            **BASE,
            "vocab_size": 32000,
            "num_attention_heads": 12,
            "max_position_embeddings": 64,
        },
        "both": {"hidden_act": "gelu_pytorch_tanh", "layer_norm_eps": 1e-6},
    },
}
OLD_END = 2  # older configs say so and mean the last token of the vocabulary
BLOCK: dict[str, str | Part] = {
    "self_attention_layer/query": "self_attn.q_proj",
    "self_attention_layer/key": "self_attn.k_proj",
    "self_attention_layer/value": "self_attn.v_proj",
    "self_attention_layer/attention_output": "self_attn.out_proj",
    "self_attention_layer_norm": "layer_norm1",
    "feedforward_intermediate_dense": "mlp.fc1",
    "feedforward_output_dense": "mlp.fc2",
    "feedforward_layer_norm": "layer_norm2",
}
BLOCKS = tuple(
    Blocks(f"{theirs}.encoder.layers.{{}}.", BLOCK, f"{ours}/transformer_layer_")
    for ours, theirs in (
        ("image_encoder", "vision_model"),
        ("text_encoder", "text_model"),
    )
)
BOTH: dict[str, str | Part] = {
    "image_encoder/patch_embedding": "vision_model.embeddings.patch_embedding",
    "image_encoder/position_embedding": "vision_model.embeddings.position_embedding",
    "image_encoder/layer_norm": "vision_model.post_layernorm",
    "text_encoder/token_embedding": "text_model.embeddings.token_embedding",
    "text_encoder/position_embedding": "text_model.embeddings.position_embedding",
    "text_encoder/layer_norm": "text_model.final_layer_norm",
}
CLASS = "vision_model.embeddings.class_embedding"
POOLING, HEAD = "image_encoder/attention_pooling", "vision_model.head"
THIRDS: dict[str, str | Part] = {
    f"{POOLING}/attention/{part}/{ours}": Part(
        f"{HEAD}.attention.in_proj_{theirs}", third, of=3
    )
    for third, part in enumerate(("query", "key", "value"))
    for ours, theirs in (("kernel", "weight"), ("bias", "bias"))
}


def _towers(config):
    """Arguments of `ViT` and `CLIPTextEncoder`, and the config of the texts."""
    defaults = DEFAULTS[config["model_type"]]
    vision, text = (
        {**defaults["both"], **defaults[x], **entry(config, x, dictionary, {})}
        for x in ("vision_config", "text_config")
    )
    sides = entry(vision, "image_size", pair)  # an edge that fills no patch is cut off
    patch = entry(vision, "patch_size", pair)
    cut = [max(side // step, 1) * step for side, step in zip(sides, patch, strict=True)]
    image = picture_arguments({**vision, "image_size": cut})
    words = {
        **transformer_sizes(text),
        "vocabulary_size": entry(text, "vocab_size", check.positive_integer),
        "max_sequence_length": entry(
            text, "max_position_embeddings", check.positive_integer
        ),
        "layer_norm_epsilon": entry(text, "layer_norm_eps", check.positive_number),
    }
    return image, words, text


def clip_arguments(config, names):
    """Arguments of `clip` from the config of a CLIP.

    Raises:
        ValueError: a number is missing or none.
    """
    image, words, text = _towers(config)
    end = entry(text, "eos_token_id", check.natural_number)
    words["end_id"] = words["vocabulary_size"] - 1 if end == OLD_END else end
    return {
        "image_encoder": {**image, "normalize_embeddings": True},
        "text_encoder": words,
        "projection_dim": entry(config, "projection_dim", check.positive_integer, 512),
    }


def siglip_arguments(config, names):
    """Arguments of `clip` from the config of a SigLIP.

    Raises:
        ValueError: a number is missing or none, or it has no pooling head.
    """
    image, words, text = _towers(config)
    only(config.get("vision_config", {}), vision_use_head=True)
    only(text, projection_size=image["hidden_dim"])
    pooling = {"use_class_token": False, "use_attention_pooling": True}
    return {
        "image_encoder": {**image, **pooling},
        "text_encoder": {**words, "use_causal_mask": False},
        "projection_dim": None,
        "use_bias": True,
        "objective": "sigmoid",
        "max_scale": None,  # theirs goes beyond CLIP's 100
    }


def clip(image_encoder, text_encoder, dtype=None, dropout=0.0, **arguments):
    """A `CLIP` on a `ViT` and a `CLIPTextEncoder`, from the arguments of all three."""
    both = {"dtype": dtype, "dropout": dropout}
    image = ViT(**{**image_encoder, **both})
    return CLIP(image, CLIPTextEncoder(**text_encoder, **both), **arguments)


CLIP_TABLE = Architecture(
    kind="Hugging Face",
    model=clip,
    arguments=clip_arguments,
    outside={
        **BOTH,
        "image_encoder/class_token/token": Part(CLASS, leading=-2),
        "image_encoder/embeddings_layer_norm": "vision_model.pre_layrnorm",  # sic
        "image_projection": "visual_projection",
        "text_projection": "text_projection",
        "comparison/logit_scale": "logit_scale",
    },
    blocks=BLOCKS,
    leave=("*.position_ids",),
    zeros=lambda config: ("image_encoder/patch_embedding/bias",),
)
SIGLIP_TABLE = Architecture(
    kind="Hugging Face",
    model=clip,
    arguments=siglip_arguments,
    outside={
        **BOTH,
        **THIRDS,
        f"{POOLING}/query": f"{HEAD}.probe",
        f"{POOLING}/attention/attention_output": f"{HEAD}.attention.out_proj",
        f"{POOLING}/layer_norm": f"{HEAD}.layernorm",
        f"{POOLING}/feedforward_intermediate_dense": f"{HEAD}.mlp.fc1",
        f"{POOLING}/feedforward_output_dense": f"{HEAD}.mlp.fc2",
        "text_projection": "text_model.head",
        "comparison/logit_scale": Part("logit_scale", leading=1),
        "comparison/logit_bias": Part("logit_bias", leading=1),
    },
    blocks=BLOCKS,
    leave=("*.position_ids",),
)
