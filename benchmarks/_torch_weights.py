"""Weights of PyTorch's layers in the order and shapes of ours, for `set_weights`.

`docs/layers.md` shows these functions, and `parity.py` proves them.
"""

import numpy as np


def attention_weights(module):
    """The weights of a `torch.nn.MultiheadAttention` in the order of ours."""
    size, split = module.embed_dim, (module.num_heads, module.head_dim)
    pairs = zip(
        module.in_proj_weight.chunk(3), module.in_proj_bias.chunk(3), strict=True
    )
    weights = []
    for matrix, bias in pairs:  # query, key, value
        weights += [matrix.T.reshape(size, *split), bias.reshape(split)]
    weights += [module.out_proj.weight.T.reshape(*split, size), module.out_proj.bias]
    return [weight.detach().numpy() for weight in weights]


def pair_weights(*modules):
    """Weights and biases of `torch.nn.Linear` and `LayerNorm`, in this order."""
    pairs = [(module.weight.detach(), module.bias.detach()) for module in modules]
    return [weight.numpy().T for pair in pairs for weight in pair]


def encoder_weights(module):
    """The weights of a `torch.nn.TransformerEncoderLayer` in the order of ours."""
    rest = (module.norm1, module.norm2, module.linear1, module.linear2)
    return attention_weights(module.self_attn) + pair_weights(*rest)


def decoder_weights(module):
    """The weights of a `torch.nn.TransformerDecoderLayer` in the order of ours."""
    rest = (module.norm2, module.linear1, module.linear2, module.norm3)
    return (
        attention_weights(module.self_attn)
        + pair_weights(module.norm1)
        + attention_weights(module.multihead_attn)
        + pair_weights(*rest)
    )


def convolution_weights(module):
    """The weights of a `torch.nn.Conv1d`, `Conv2d` or `Conv3d`, channels last."""
    kernel = module.weight.detach().numpy()  # (D, C, *sizes)
    return [np.moveaxis(kernel, (1, 0), (-2, -1)), module.bias.detach().numpy()]
