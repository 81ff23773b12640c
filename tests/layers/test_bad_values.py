"""Values, types and later calls that cannot be right, though the shape may be."""

import keras
import numpy as np
import pytest
from helpers import refused
from test_bad_inputs import MASK, NAN, X, Y, attention, decoder, encoder, tokens, zeros

from tlkeras.layers import (
    ClassToken,
    ConvSubsampling,
    FeedForward,
    LogMelSpectrogram,
    PatchEmbedding,
    PositionEmbedding,
    RelativePositionBias,
    RotaryEmbedding,
    SinePositionEncoding,
    SpecAugment,
    TubeletEmbedding,
    interpolate_positions,
    scaled_dot_product_attention,
    sine_position_encoding,
)

INTEGERS = X.astype("int32")
BROKEN = np.where(np.arange(8) == 3, NAN, X).astype("float32")  # NaN first at (0, 0, 3)
GRID = zeros(2, 3, 4, 8)
IMAGES = zeros(2, 8, 8, 3)
TABLE = zeros(16, 8)


def twice(layer, first, second):
    layer(first)
    return layer(second)


def weigh(mask=None, **arguments):
    return scaled_dot_product_attention(X, X, X, mask, **arguments)


def position(positions):
    return PositionEmbedding(9)(X, positions=np.array(positions))


# What to do; the argument that the message names; what it says was given.
ROWS = [
    # the function of equation 1
    (lambda: scaled_dot_product_attention(INTEGERS, X, X), "query", "int32"),
    (lambda: scaled_dot_product_attention(X, X[:2], X[:2]), "key", "(2, 5, 8)"),
    (lambda: scaled_dot_product_attention(X, X[:, :0], X[:, :0]), "key", "(3, 0, 8)"),
    (lambda: weigh(np.where(MASK, 0.0, -np.inf)), "mask", "float64"),
    (lambda: weigh([[True] * 4] * 5), "mask", "(5, 4)"),
    (lambda: weigh(MASK[:2]), "mask", "(2, 5, 5)"),
    (lambda: weigh(scale="big"), "scale", "'big'"),
    (lambda: weigh(scale=NAN), "scale", "nan"),
    (lambda: weigh(dropout=0.1), "dropout", "0.1"),
    (lambda: weigh(bias=MASK), "bias", "bool"),
    (lambda: weigh(bias=zeros(3, 4, 5)), "bias", "(3, 4, 5)"),
    # masks that are neither True nor False
    (lambda: attention()(X, X, attention_mask=2 * INTEGERS[..., :5]), "1 (keep)", "2"),
    (lambda: attention()(X, X, value_mask=-INTEGERS[..., 0]), "value_mask", "-1"),
    (lambda: attention()(X, X, attention_mask=MASK.tolist()), "attention_mask", "list"),
    (lambda: encoder()(X, padding_mask=[[1] * 5] * 3), "padding_mask", "list"),
    (lambda: encoder()(X, padding_mask=2 * INTEGERS[..., 0]), "padding_mask", "2"),
    (
        lambda: attention(attention_axes=2)(
            GRID, GRID, attention_mask=np.ones((2, 2, 4, 4), bool)
        ),
        "attention_mask",
        "(2, 2, 4, 4)",
    ),
    # biases by distance
    (lambda: attention()(X, X, attention_bias=MASK), "attention_bias", "bool"),
    (lambda: attention()(X, X, attention_bias=zeros(5, 5)), "attention_bias", "(5, 5)"),
    (
        lambda: encoder()(X, attention_bias=zeros(3, 5, 5)),
        "attention_bias",
        "(3, 5, 5)",
    ),
    (
        lambda: attention()(GRID, GRID, attention_bias=zeros(4, 5, 5)),
        "attention_bias",
        "(2, 3, 4, 8)",
    ),
    (lambda: RelativePositionBias(0), "num_heads", "0"),
    (lambda: RelativePositionBias(2, 7), "num_buckets", "num_buckets=7"),
    (lambda: RelativePositionBias(2, 2), "num_buckets", "num_buckets=2"),
    (lambda: RelativePositionBias(2, 32, 8), "num_buckets", "max_distance=8"),
    (lambda: RelativePositionBias(2, 8, 2.5), "max_distance", "2.5"),
    (lambda: RelativePositionBias(2, bidirectional="no"), "bidirectional", "'no'"),
    (lambda: RelativePositionBias(2)(zeros(3, 5)), "inputs", "(3, 5)"),
    (lambda: RelativePositionBias(2)(X, start_index=0.5), "start_index", "0.5"),
    (lambda: RelativePositionBias(2)(X, key_length=0), "key_length", "0"),
    (lambda: encoder(key_dim=0), "key_dim", "0"),
    # flags, names and other types that a constructor refuses
    (lambda: attention(use_bias="no"), "use_bias", "'no'"),
    (lambda: attention(use_gate=2), "use_gate", "2"),
    (lambda: attention(seed="a"), "seed", "'a'"),
    (lambda: attention(attention_axes="a"), "attention_axes", "'a'"),
    (lambda: attention(rotary="yes"), "rotary", "'yes'"),
    (lambda: attention(rotary=True), "rotary", "True"),
    (lambda: encoder(num_key_value_heads="2"), "num_key_value_heads", "'2'"),
    (lambda: encoder(num_key_value_heads=3), "num_key_value_heads", "3"),
    (lambda: encoder(implementation="fast"), "implementation", "'fast'"),
    (lambda: encoder(implementation="chunked", dropout=0.1), "dropout", "0.1"),
    (lambda: encoder(sliding_window=0), "sliding_window", "0"),
    (lambda: encoder(normalize_first="yes"), "normalize_first", "'yes'"),
    (lambda: encoder(activation="reglu"), "activation", "'reglu'"),
    (lambda: encoder(normalization="batch"), "normalization", "'batch'"),
    (lambda: decoder(use_bias="no"), "use_bias", "'no'"),
    (lambda: decoder(rotary=3), "rotary", "3"),
    (lambda: tokens(mask_zero="yes"), "mask_zero", "'yes'"),
    (lambda: tokens(tie_weights=None), "tie_weights", "None"),
    (lambda: RotaryEmbedding(sequence_axis="1"), "sequence_axis", "'1'"),
    (lambda: RotaryEmbedding(feature_axis=1.0), "feature_axis", "1.0"),
    (lambda: RotaryEmbedding(denominator_dim=0), "denominator_dim", "0"),
    (lambda: RotaryEmbedding(truncate="no"), "truncate", "'no'"),
    (
        lambda: RotaryEmbedding(rope_type="yarn", beta_fast=1.0, beta_slow=32.0),
        "beta_fast",
        "32.0",
    ),
    (
        lambda: RotaryEmbedding(rope_type="yarn", max_wavelength=1),
        "max_wavelength",
        "1",
    ),
    (lambda: LogMelSpectrogram(min_frequency="0"), "min_frequency", "'0'"),
    (lambda: LogMelSpectrogram(min_frequency=None), "min_frequency", "None"),
    (lambda: LogMelSpectrogram(max_frequency=NAN), "max_frequency", "nan"),
    (lambda: LogMelSpectrogram(centered="no"), "centered", "'no'"),
    (lambda: SpecAugment(mask_value="0"), "mask_value", "'0'"),
    (lambda: SpecAugment(mask_value=NAN), "mask_value", "nan"),
    (lambda: SpecAugment(max_time_fraction=True), "max_time_fraction", "True"),
    (lambda: ConvSubsampling(4, activation="gleu"), "activation", "'gleu'"),
    (lambda: PatchEmbedding(4, 5, use_bias="no"), "use_bias", "'no'"),
    (lambda: sine_position_encoding([0, 1], -4), "hidden_dim", "-4"),
    (lambda: sine_position_encoding([0, 1], 8.0), "hidden_dim", "8.0"),
    (lambda: sine_position_encoding([0, 1], 8, 0), "max_wavelength", "0"),
    # arguments of a call
    (lambda: attention()(X, None), "value", "None"),
    (lambda: attention()(X, X, use_causal_mask="no"), "use_causal_mask", "'no'"),
    (
        lambda: attention()(X, X, cache=zeros(3, 2, 9, 4, 6), cache_update_index=1.5),
        "cache_update_index",
        "1.5",
    ),
    (
        lambda: attention()(
            X, X, cache=zeros(3, 2, 9, 4, 6).astype("int32"), cache_update_index=0
        ),
        "cache",
        "int32",
    ),
    (
        lambda: decoder()(X, encoder_padding_mask=np.ones((3, 7), bool)),
        "encoder_padding_mask",
        "(3, 7)",
    ),
    (
        lambda: decoder()(X, encoder_attention_mask=np.ones((3, 5, 7), bool)),
        "encoder_attention_mask",
        "(3, 5, 7)",
    ),
    (
        lambda: decoder()(X, cross_attention_cache=zeros(3, 2, 7, 4, 2)),
        "cross_attention_cache",
        "(3, 2, 7, 4, 2)",
    ),
    (lambda: SinePositionEncoding()(X, start_index="2"), "start_index", "'2'"),
    (lambda: PositionEmbedding(9)(X, start_index=-1), "start_index", "-1"),
    (lambda: PositionEmbedding(9)(X, start_index=1.5), "start_index", "1.5"),
    (lambda: position([0, 1, 2, 3, 9]), "positions", "9 at position (4,)"),
    (lambda: position([0, 1, 2, 3, -1]), "positions", "-1 at position (4,)"),
    (lambda: position([0.0, 1.0, 2.0, 3.0, 4.0]), "positions", "float"),
    (lambda: position(np.ones((2, 5), int)), "positions", "(2, 5)"),
    (
        lambda: SinePositionEncoding()(X, positions=np.ones((2, 5))),
        "positions",
        "(2, 5)",
    ),
    (lambda: RotaryEmbedding()(X, positions=np.ones((2, 5))), "positions", "(2, 5)"),
    # token ids that are not in the vocabulary
    (lambda: tokens()(np.full((3, 5), 11)), "vocabulary_size", "11 at position (0, 0)"),
    (lambda: tokens()(np.full((3, 5), -1)), "inputs", "-1"),
    (lambda: tokens()(np.full((3, 5), 1.5, "float32")), "inputs", "1.5"),
    (lambda: tokens()(np.full((3, 5), NAN, "float32")), "inputs", "nan"),
    # integers, NaN and nothing at all
    (lambda: FeedForward(12)(INTEGERS), "inputs", "int32"),
    (lambda: RotaryEmbedding()(INTEGERS), "inputs", "int32"),
    (
        lambda: interpolate_positions(TABLE.astype("int32"), (4, 4), (5, 5)),
        "embeddings",
        "int32",
    ),
    (
        lambda: interpolate_positions(TABLE + NAN, (4, 4), (5, 5)),
        "embeddings",
        "nan",
    ),
    (lambda: encoder(normalize_first=True)(BROKEN), "inputs", "nan at position"),
    (lambda: decoder()(X, BROKEN), "encoder_sequence", "nan at position (0, 0, 3)"),
    (lambda: FeedForward(12)(BROKEN), "inputs", "nan at position (0, 0, 3)"),
    (lambda: ClassToken()(BROKEN), "inputs", "nan at position (0, 0, 3)"),
    (lambda: ConvSubsampling(4)(BROKEN), "inputs", "nan at position (0, 0, 3)"),
    (lambda: SpecAugment()(BROKEN), "inputs", "nan at position (0, 0, 3)"),
    (lambda: PatchEmbedding(4, 5)(IMAGES + NAN), "images", "nan"),
    (lambda: TubeletEmbedding(2, 5)(zeros(1, 2, 2, 2, 3) * NAN), "videos", "nan"),
    (lambda: FeedForward(12)(X[:, :0]), "inputs", "(3, 0, 8)"),
    (lambda: FeedForward(12)(X[..., :0]), "inputs", "(3, 5, 0)"),
    (lambda: SinePositionEncoding()(X[:, :0]), "inputs", "(3, 0, 8)"),
    (lambda: PositionEmbedding(9)(X[:, :0]), "inputs", "(3, 0, 8)"),
    (lambda: tokens()(np.ones((3, 0), "int32")), "inputs", "(3, 0"),
    (lambda: SpecAugment()(X[:, :0]), "inputs", "(3, 0, 8)"),
    (lambda: PatchEmbedding(4, 5)(IMAGES[..., :0]), "images", "(2, 8, 8, 0)"),
    # an axis whose size is not known
    (lambda: encoder()(keras.Input((5, None))), "inputs", "(None, 5, None)"),
    (lambda: ConvSubsampling(4)(keras.Input((9, None))), "inputs", "(None, 9, None)"),
    (lambda: PositionEmbedding(9)(keras.Input((5, None))), "inputs", "(None, 5, None)"),
    (lambda: RotaryEmbedding()(keras.Input((5, None))), "inputs", "(None, 5, None)"),
    # other features than at the first call
    (lambda: twice(lambda x: LAYER(x, x), X, Y), "query", "6"),
    (lambda: twice(encoder(), X, Y), "inputs", "6"),
    (lambda: twice(decoder(), X, Y), "decoder_sequence", "6"),
    (lambda: twice(FeedForward(12), X, Y), "inputs", "6"),
    (lambda: twice(PositionEmbedding(9), X, Y), "inputs", "6"),
    (lambda: twice(ClassToken(), X, Y), "inputs", "6"),
    (lambda: twice(ConvSubsampling(4), X, Y), "inputs", "6"),
    (lambda: twice(PatchEmbedding(4, 5), IMAGES, IMAGES[..., :1]), "images", "1"),
    # sizes that do not divide
    (lambda: encoder(num_heads=8, rotary=RotaryEmbedding())(X), "features", "1"),
]
LAYER = attention()


@pytest.mark.parametrize("index", range(len(ROWS)))
def test_a_message_names_the_argument_and_what_was_given(index):
    refused(*ROWS[index])


def test_whole_floats_are_token_ids():
    """Keras's embedding reads them, and `keras.Input` makes them by default."""
    layer, ids = tokens(), np.array([[5, 2, 0]])
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(layer(ids)),
        keras.ops.convert_to_numpy(layer(ids.astype("float32"))),
    )
