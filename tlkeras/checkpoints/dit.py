"""DiT as diffusers keeps it."""

from tlkeras import checks as check
from tlkeras.checkpoints.architecture import Architecture, Blocks, Part
from tlkeras.checkpoints.config_files import entry, one_of, only
from tlkeras.checkpoints.vit import resized
from tlkeras.models import DiffusionTransformer

# Every block has a copy of what embeds times and labels; the first stands for all.
EMBEDDINGS = {
    "time_embedding/hidden_dense": "timestep_embedder.linear_1",
    "time_embedding/output_dense": "timestep_embedder.linear_2",
    "label_embedding": "class_embedder.embedding_table",
}
SUFFIXES = {"label_embedding": (".weight",)}
BLOCK = "transformer_blocks.{}."
MOST_BLOCKS = 100  # that `TIED` knows of; DiT-XL has 28
EPSILON = 1e-6  # of every normalisation but those that `norm_eps` is said of
OUTSIDE: dict[str, str | Part] = {
    "patch_embedding": "pos_embed.proj",
    "output_modulation": "proj_out_1",
    "output_dense": "proj_out_2",
    **{
        ours: f"{BLOCK.format(0)}norm1.emb.{theirs}"
        for ours, theirs in EMBEDDINGS.items()
    },
}
ENCODER = {
    "modulation": "norm1.linear",
    "self_attention_layer/query": "attn1.to_q",
    "self_attention_layer/key": "attn1.to_k",
    "self_attention_layer/value": "attn1.to_v",
    "self_attention_layer/attention_output": "attn1.to_out.0",
    "feedforward_intermediate_dense": "ff.net.0.proj",
    "feedforward_output_dense": "ff.net.2",
}
TIED = {
    f"{BLOCK.format(number)}norm1.emb.{theirs}{suffix}": (
        f"{BLOCK.format(0)}norm1.emb.{theirs}{suffix}"
    )
    for number in range(1, MOST_BLOCKS)
    for ours, theirs in EMBEDDINGS.items()
    for suffix in SUFFIXES.get(ours, (".weight", ".bias"))
}
ACTIVATIONS = {"gelu-approximate": "gelu_tanh", "gelu": "gelu"}


def dit_arguments(config, names):
    """Arguments of `DiffusionTransformer` from a config of diffusers.

    diffusers adds `norm_eps` to the variance in one of a block's two normalisations,
    and 10⁻⁶ in the other; the model as it was trained adds 10⁻⁶ in both, as we do.

    Raises:
        ValueError: it is a kind of DiT that ours is not, or a number is missing.
    """
    only(config, norm_type="ada_norm_zero", norm_elementwise_affine=False)
    entry(config, "norm_eps", check.positive_number, 1e-5)
    heads = entry(config, "num_attention_heads", check.positive_integer, 16)
    size = entry(config, "attention_head_dim", check.positive_integer, 72)
    side = entry(config, "sample_size", check.positive_integer, 32)
    channels = entry(config, "in_channels", check.positive_integer, 4)
    output = config.get("out_channels")
    activation = entry(config, "activation_fn", one_of(ACTIVATIONS), "gelu-approximate")
    return {
        "image_shape": (side, side, channels),
        "patch_size": entry(config, "patch_size", check.positive_integer, 2),
        "num_layers": entry(config, "num_layers", check.positive_integer, 28),
        "num_heads": heads,
        "hidden_dim": heads * size,
        "intermediate_dim": 4 * heads * size,
        "num_classes": entry(
            config, "num_embeds_ada_norm", check.positive_integer, 1000
        ),
        "output_channels": output and check.positive_integer("out_channels", output),
        "dropout": entry(config, "dropout", check.rate, 0.0),
        "activation": ACTIVATIONS[activation],
        "layer_norm_epsilon": EPSILON,
    }


DIT = Architecture(
    kind="diffusers",
    model=DiffusionTransformer,
    arguments=dit_arguments,
    outside=OUTSIDE,
    blocks=(Blocks(BLOCK, ENCODER),),
    zeros=lambda config: (
        ()
        if config.get("attention_bias", True)
        else tuple(
            f"*/self_attention_layer/{x}/bias" for x in ("query", "key", "value")
        )
    ),
    tied=TIED,
    later={"image_shape": resized},
)
