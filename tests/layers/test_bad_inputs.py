"""Wrong arguments and inputs: each message names the argument and what was given."""

import keras
import numpy as np
import pytest
from helpers import refused

from tlkeras.layers import (
    FeedForward,
    MultiHeadAttention,
    PositionEmbedding,
    RotaryEmbedding,
    SinePositionEncoding,
    TokenAndPositionEmbedding,
    TransformerDecoder,
    TransformerEncoder,
    interpolate_positions,
    scaled_dot_product_attention,
)

NAN = float("nan")
X = np.ones((3, 5, 8), "float32")
Y = np.ones((3, 7, 6), "float32")
MASK = np.ones((3, 5, 5), bool)


def attention(**arguments):
    return MultiHeadAttention(**{"num_heads": 4, "key_dim": 6, **arguments})


def encoder(**arguments):
    return TransformerEncoder(**{"intermediate_dim": 11, "num_heads": 4, **arguments})


def decoder(**arguments):
    return TransformerDecoder(**{"intermediate_dim": 11, "num_heads": 4, **arguments})


def tokens(**arguments):
    sizes = {"vocabulary_size": 11, "sequence_length": 9, "embedding_dim": 8}
    return TokenAndPositionEmbedding(**{**sizes, **arguments})


def zeros(*shape):
    return np.zeros(shape, "float32")


def with_nan(x, *index):
    x = x.copy()
    x[index] = NAN
    return x


def decoder_called_both_ways(*second):
    layer = decoder()
    layer(*((X,) if len(second) == 2 else (X, Y)))
    return layer(*second)


# What to do; the argument that the message names; what it says was given.
ROWS = [
    # numbers that a constructor refuses
    (lambda: attention(num_heads=0), "num_heads", "0"),
    (lambda: attention(num_heads=2.0), "num_heads", "2.0"),
    (lambda: attention(num_heads=True), "num_heads", "True"),
    (lambda: attention(key_dim=-6), "key_dim", "-6"),
    (lambda: attention(key_dim="6"), "key_dim", "'6'"),
    (lambda: attention(value_dim=0), "value_dim", "0"),
    (lambda: attention(dropout=1), "dropout", "1"),
    (lambda: attention(dropout=NAN), "dropout", "nan"),
    (lambda: attention(num_key_value_heads=3), "num_key_value_heads", "3"),
    (lambda: attention(num_key_value_heads=8), "num_key_value_heads", "8"),
    (lambda: attention(sliding_window=0), "sliding_window", "0"),
    (lambda: attention(output_shape=(2, 0)), "output_shape", "0"),
    (lambda: attention(implementation="fast"), "implementation", "'fast'"),
    (
        lambda: attention(implementation="chunked", dropout=0.1),
        "dropout",
        "0.1",
    ),
    (
        lambda: attention(implementation="linear", sliding_window=5),
        "sliding_window",
        "5",
    ),
    (
        lambda: attention(implementation="linear")(
            X, X, attention_mask=np.ones((3, 5, 5))
        ),
        "attention_mask",
        "(3, 1, 5, 5)",
    ),
    (
        lambda: attention(implementation="equation", flash_attention=True),
        "flash_attention",
        "'equation'",
    ),
    (lambda: attention(rotary=RotaryEmbedding(sequence_axis=2)), "rotary", "2"),
    (lambda: encoder(intermediate_dim=0), "intermediate_dim", "0"),
    (lambda: encoder(num_heads=None), "num_heads", "None"),
    (lambda: encoder(dropout=-0.1), "dropout", "-0.1"),
    (lambda: encoder(layer_norm_epsilon=0), "layer_norm_epsilon", "0"),
    (lambda: encoder(layer_norm_epsilon=NAN), "layer_norm_epsilon", "nan"),
    (lambda: decoder(dropout="0.1"), "dropout", "'0.1'"),
    (lambda: FeedForward(12.5), "intermediate_dim", "12.5"),
    (lambda: FeedForward(12, dropout=2), "dropout", "2"),
    (lambda: FeedForward(12, activation="gleu"), "activation", "gleu"),
    (lambda: SinePositionEncoding(max_wavelength=0), "max_wavelength", "0"),
    (lambda: PositionEmbedding(None), "sequence_length", "None"),
    (lambda: tokens(vocabulary_size=-1), "vocabulary_size", "-1"),
    (lambda: tokens(embedding_dim=None), "embedding_dim", "None"),
    (lambda: RotaryEmbedding(rope_type="ntk"), "rope_type", "'ntk'"),
    (lambda: RotaryEmbedding(scaling_factor=NAN), "scaling_factor", "nan"),
    # sizes that do not divide
    (lambda: encoder(num_heads=3)(X), "hidden_dim", "8"),
    (lambda: decoder(num_heads=5)(X), "hidden_dim", "8"),
    (lambda: encoder(num_key_value_heads=3)(X), "num_key_value_heads", "3"),
    (lambda: RotaryEmbedding()(zeros(2, 5, 7)), "inputs", "7"),
    (lambda: attention(key_dim=5, rotary=RotaryEmbedding())(X, X), "inputs", "5"),
    # wrong ranks
    (lambda: attention()(X[0], X[0]), "query", "(5, 8)"),
    (lambda: attention()(X, X[0]), "value", "(5, 8)"),
    (lambda: attention()(X, X[:, None]), "value", "(3, 1, 5, 8)"),
    (lambda: encoder()(X[0]), "inputs", "(5, 8)"),
    (lambda: decoder()(X[None]), "decoder_sequence", "(1, 3, 5, 8)"),
    (lambda: decoder()(X, Y[0]), "encoder_sequence", "(7, 6)"),
    (lambda: SinePositionEncoding()(X[0, 0]), "inputs", "(8,)"),
    (lambda: PositionEmbedding(9)(X[0, 0]), "inputs", "(8,)"),
    (lambda: tokens()(np.ones((), "int32")), "inputs", "()"),
    (lambda: FeedForward(12)(X[0, 0]), "inputs", "(8,)"),
    (lambda: RotaryEmbedding(sequence_axis=3)(X), "sequence_axis", "3"),
    (lambda: RotaryEmbedding(feature_axis=1)(X), "feature_axis", "1"),
    (
        lambda: attention(attention_axes=(0,))(X[:, None], X[:, None]),
        "attention_axes",
        "0",
    ),
    (
        lambda: attention(attention_axes=(1, 1))(X[:, None], X[:, None]),
        "attention_axes",
        "1",
    ),
    # shapes that do not fit together
    (lambda: attention()(X, X[:2]), "value", "(2, 5, 8)"),
    (lambda: attention()(X, X, key=Y), "key", "(3, 7, 6)"),
    (lambda: PositionEmbedding(4)(X), "sequence_length", "4"),
    (lambda: PositionEmbedding(9)(X, start_index=5), "start_index", "5"),
    (lambda: PositionEmbedding(9)(X, positions=np.arange(4)), "positions", "(4,)"),
    (lambda: SinePositionEncoding()(X, positions=np.ones(())), "positions", "()"),
    (lambda: RotaryEmbedding()(X, positions=np.arange(4)), "positions", "(4,)"),
    (lambda: tokens()(np.ones((3, 10), "int32")), "sequence_length", "10"),
    (lambda: interpolate_positions(zeros(15, 8), (4, 4), (5, 5)), "old_shape", "15"),
    (lambda: interpolate_positions(zeros(16, 8), (4, 4), (5, 0)), "new_shape", "0"),
    (lambda: decoder_called_both_ways(X), "encoder_sequence", "not"),
    (lambda: decoder_called_both_ways(X, Y), "encoder_sequence", "was given"),
    # empty sequences
    (lambda: attention()(X, X[:, :0]), "value", "(3, 0, 8)"),
    (lambda: encoder()(X[:, :0]), "inputs", "(3, 0, 8)"),
    (lambda: decoder()(X, Y[:, :0]), "encoder_sequence", "(3, 0, 6)"),
    # dtypes and values
    (lambda: attention()(X.astype("int32"), X), "query", "int32"),
    (lambda: encoder()(X.astype("int64")), "inputs", "int64"),
    (
        lambda: attention()(with_nan(X, 1, 2, 3), X),
        "query",
        "nan at position (1, 2, 3)",
    ),
    (
        lambda: attention()(X, with_nan(Y, 0, 6, 5)),
        "value",
        "nan at position (0, 6, 5)",
    ),
    (lambda: attention()(X, X * np.inf), "value", "inf"),
    (lambda: encoder()(with_nan(X, 0, 0, 0)), "inputs", "nan"),
    # masks
    (lambda: attention()(X, Y, attention_mask=MASK), "attention_mask", "(3, 5, 5)"),
    (lambda: attention()(X, X, attention_mask=MASK[:2]), "attention_mask", "(2, 5, 5)"),
    (
        lambda: attention()(X, X, attention_mask=np.ones((3, 2, 5, 5), bool)),
        "attention_mask",
        "(3, 2, 5, 5)",
    ),
    (lambda: attention()(X, X, attention_mask=MASK[0, 0]), "attention_mask", "(5,)"),
    (
        lambda: attention()(X, X, attention_mask=np.where(MASK, 0.0, -np.inf)),
        "attention_mask",
        "float",
    ),
    (lambda: attention()(X, Y, value_mask=MASK[:, 0]), "value_mask", "(3, 5)"),
    (lambda: attention()(X, Y, query_mask=MASK), "query_mask", "(3, 5, 5)"),
    (lambda: attention()(X, X, key_mask=MASK[0]), "key_mask", "(5, 5)"),
    (
        lambda: attention()(X[:, None], X[:, None], value_mask=MASK[0]),
        "value_mask must have shape (3, 1, 5)",
        "(5, 5)",
    ),
    (lambda: encoder()(X, padding_mask=MASK), "padding_mask", "(3, 5, 5)"),
    (lambda: encoder()(X, padding_mask=zeros(3, 5)), "padding_mask", "float32"),
    (lambda: encoder()(X, attention_mask=MASK[:, :4]), "attention_mask", "(3, 4, 5)"),
    (
        lambda: decoder()(X, decoder_padding_mask=MASK),
        "decoder_padding_mask",
        "(3, 5, 5)",
    ),
    (
        lambda: decoder()(X, Y, encoder_padding_mask=MASK[0]),
        "encoder_padding_mask",
        "(5, 5)",
    ),
    (
        lambda: scaled_dot_product_attention(X, X, X, mask=MASK[:, :4]),
        "mask",
        "(3, 4, 5)",
    ),
    (lambda: scaled_dot_product_attention(X, Y, Y), "query and key", "(3, 7, 6)"),
    (lambda: scaled_dot_product_attention(X, X, Y), "key and value", "(3, 7, 6)"),
    # caches and scores
    (
        lambda: attention()(X, X, cache=zeros(3, 2, 9, 4, 5), cache_update_index=0),
        "cache",
        "(3, 2, 9, 4, 5)",
    ),
    (
        lambda: attention()(X, X, cache=zeros(3, 9, 4, 6), cache_update_index=0),
        "cache",
        "(3, 9, 4, 6)",
    ),
    (
        lambda: attention()(X, X, cache=zeros(3, 2, 9, 4, 6), cache_update_index=5),
        "cache_update_index",
        "5",
    ),
    (lambda: attention()(X, X, cache_update_index=2), "cache_update_index", "2"),
    (
        lambda: attention(value_dim=5)(
            X, X, cache=zeros(3, 2, 9, 4, 6), cache_update_index=0
        ),
        "value_dim",
        "5",
    ),
    (
        lambda: decoder()(X, Y, self_attention_cache=zeros(3, 2, 9, 4, 2)),
        "cross_attention_cache",
        "missing",
    ),
    (
        lambda: attention(implementation="chunked")(X, X, return_attention_scores=True),
        "return_attention_scores",
        "'chunked'",
    ),
    (lambda: attention(implementation="flash")(X, X), "implementation", "'tensorflow'"),
]


@pytest.mark.parametrize("index", range(len(ROWS)))
def test_a_message_names_the_argument_and_what_was_given(index):
    refused(*ROWS[index])


def test_there_are_many():
    assert len(ROWS) >= 60


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="of TensorFlow")
@pytest.mark.parametrize("kind", ["RaggedTensor", "SparseTensor"])
@pytest.mark.parametrize(
    "make",
    [
        lambda x: FeedForward(8)(x),
        lambda x: TransformerEncoder(8, 2)(x),
        lambda x: TransformerDecoder(8, 2)(x, x),
        lambda x: MultiHeadAttention(2, 2)(x, x),
    ],
)
def test_ragged_and_sparse_tensors_are_named(make, kind):
    import tensorflow as tf

    rows = [[[1.0, 2, 3, 4]], [[1.0, 2, 3, 4], [5.0, 6, 7, 8]]]
    ragged = tf.ragged.constant(rows, ragged_rank=1)
    whole = ragged.to_tensor()
    given = ragged if kind == "RaggedTensor" else tf.sparse.from_dense(whole)
    with pytest.raises(ValueError, match=f"given a {kind}. Fill it up"):
        make(given)
