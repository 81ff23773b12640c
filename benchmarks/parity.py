"""Each layer against its peers with the same weights: the largest error, in float32.

python benchmarks/parity.py

The tests run the same comparisons and hold each error below its limit.
"""

import importlib.util
import tempfile

import _bert_parity as berts
import _clip_parity as clips
import _dit_parity
import _gpt_parity as gpts
import _t5_parity as t5s
import _yolos_parity
import keras
import numpy as np
from _torch_weights import (
    attention_weights,
    convolution_weights,
    decoder_weights,
    encoder_weights,
)
from keras import ops

from tlkeras import layers, masks

B, T, S, D, N, F = 4, 33, 27, 48, 4, 96  # batch, lengths, sizes; D / N = 12
LIMIT = 1e-5  # relative to the largest value, if that is above 1
LIMITS = dict.fromkeys(  # float32 spectra under a logarithm
    ("LogMelSpectrogram", "SpeechEncoder", "SpeechEncoder, 128 mels"), 1e-4
)


class Data:
    """Inputs and masks, the same for both sides of a comparison."""

    def __init__(self, seed=0):
        self.random = np.random.default_rng(seed)
        self.x, self.source = self.floats(B, T, D), self.floats(B, S, D)
        self.token_ids = self.random.integers(0, 100, (B, T))
        self.keep = np.arange(T) < self.random.integers(1, T, B)[:, None]  # (B, T)
        self.keep_source = np.arange(S) < self.random.integers(1, S, B)[:, None]
        self.pairs = (self.random.random((T, T)) < 0.5) | np.eye(T, dtype=bool)
        self.pairs[:, 0] = True  # so that each query sees something that is kept
        self.causal = np.tri(T, dtype=bool)

    def floats(self, *shape):
        return self.random.normal(size=shape).astype("float32")

    def same(self, ours, theirs, *inputs):
        """Build both layers and give both the same random weights."""
        for layer in (ours, theirs):
            layer(*inputs)
        weights = [0.3 * self.floats(*w.shape) for w in ours.weights]
        ours.set_weights(weights)
        theirs.set_weights(weights)
        return ours, theirs


# Keras and KerasHub: the same arguments, and the weights in the same order.


def _keras_attention(data):
    ours, theirs = data.same(
        layers.MultiHeadAttention(N, D // N),
        keras.layers.MultiHeadAttention(N, D // N),
        *(data.x, data.source),
    )
    arguments = {"value_mask": data.keep_source, "return_attention_scores": True}
    return [f(data.x, data.source, **arguments) for f in (ours, theirs)]


def _keras_equation(data):
    q, k, v = (data.floats(B, t, N, D // N) for t in (T, S, S))  # (B, length, N, H)
    mask = data.keep_source[:, None, None]
    ours = layers.scaled_dot_product_attention(
        *(np.swapaxes(x, 1, 2) for x in (q, k, v)), mask=mask
    )  # (B, N, T, H)
    return ops.swapaxes(ours, 1, 2), ops.dot_product_attention(q, k, v, mask=mask)


def _hub_encoder(data, **arguments):
    import keras_hub

    pair = data.same(
        layers.TransformerEncoder(F, N, activation="gelu", **arguments),
        keras_hub.layers.TransformerEncoder(F, N, activation="gelu", **arguments),
        data.x,
    )
    given = {"padding_mask": data.keep}
    return [layer(data.x, **given) for layer in pair]


def _hub_decoder(data, **arguments):
    import keras_hub

    pair = data.same(
        layers.TransformerDecoder(F, N, **arguments),
        keras_hub.layers.TransformerDecoder(F, N, **arguments),
        *(data.x, data.source),
    )
    given = {
        "decoder_padding_mask": data.keep,
        "encoder_padding_mask": data.keep_source,
    }
    return [layer(data.x, data.source, **given) for layer in pair]


def _hub_layer(name, *arguments, inputs="x"):
    """A comparison of two layers of one name that take one input."""

    def compare(data):
        import keras_hub

        x = getattr(data, inputs)
        ours, theirs = (
            getattr(module, name)(*arguments) for module in (layers, keras_hub.layers)
        )
        return [layer(x, start_index=3) for layer in data.same(ours, theirs, x)]

    return compare


def _keras_patches(make, convolution, *shape):
    def compare(data):
        x = data.floats(B, *shape, 3)
        ours, theirs = data.same(make(), convolution(), x)
        return ours(x), ops.reshape(theirs(x), (B, -1, D))

    return compare


# PyTorch: other names and orders, masks turned round by `masks.to_torch`.


def _seeded_torch():
    """PyTorch, whose layers then begin with the same weights in every run."""
    import torch

    torch.manual_seed(0)
    return torch


def _torch_mask(mask):
    import torch

    return torch.from_numpy(np.ascontiguousarray(masks.to_torch(mask)))


def _tensors(*arrays):
    import torch

    return [torch.from_numpy(np.ascontiguousarray(x)) for x in arrays]


def _torch_attention(data):
    torch = _seeded_torch()

    theirs = torch.nn.MultiheadAttention(D, N, batch_first=True)
    ours = layers.MultiHeadAttention(num_heads=N, key_dim=D // N)
    ours.build(data.x.shape, data.source.shape)
    ours.set_weights(attention_weights(theirs))
    x, source = _tensors(data.x, data.source)
    expected = theirs(
        x,
        source,
        source,
        key_padding_mask=_torch_mask(data.keep_source),
        average_attn_weights=False,
    )
    return (
        ours(
            query=data.x,
            value=data.source,
            value_mask=data.keep_source,
            return_attention_scores=True,
        ),
        expected,
    )


def _torch_encoder(data, **arguments):
    torch = _seeded_torch()

    theirs = torch.nn.TransformerEncoderLayer(
        D, N, F, dropout=0.0, activation="gelu", batch_first=True, **arguments
    ).eval()
    ours = layers.TransformerEncoder(
        F, N, activation="gelu", normalize_first=arguments.get("norm_first", False)
    )
    ours.build(data.x.shape)
    ours.set_weights(encoder_weights(theirs))
    (x,) = _tensors(data.x)
    expected = theirs(
        x,
        src_mask=_torch_mask(data.pairs),
        src_key_padding_mask=_torch_mask(data.keep),
    )
    return ours(data.x, padding_mask=data.keep, attention_mask=data.pairs), expected


def _torch_decoder(data):
    torch = _seeded_torch()

    theirs = torch.nn.TransformerDecoderLayer(D, N, F, dropout=0.0, batch_first=True)
    ours = layers.TransformerDecoder(F, N)
    ours.build(data.x.shape, data.source.shape)
    ours.set_weights(decoder_weights(theirs))
    expected = theirs(
        *_tensors(data.x, data.source),
        tgt_mask=_torch_mask(data.causal),
        memory_key_padding_mask=_torch_mask(data.keep_source),
    )
    return ours(data.x, data.source, encoder_padding_mask=data.keep_source), expected


def _torch_equation(data):
    torch = _seeded_torch()

    q, k, v = (data.floats(B, N, t, D // N) for t in (T, S, S))  # (B, N, length, H)
    mask = data.keep_source[:, None, None]
    theirs = torch.nn.functional.scaled_dot_product_attention(
        *_tensors(q, k, v),
        attn_mask=torch.from_numpy(mask),  # keeps, as ours
    )
    return layers.scaled_dot_product_attention(q, k, v, mask=mask), theirs


def _torch_patches(make, convolution, *sizes):
    def compare(data):
        torch = _seeded_torch()

        theirs = getattr(torch.nn, convolution)(3, D, sizes, stride=sizes)
        x, ours = data.floats(B, *(4 * n for n in sizes), 3), make()
        ours.build(x.shape)
        ours.set_weights(convolution_weights(theirs))
        (first,) = _tensors(np.moveaxis(x, -1, 1))
        return ours(x), theirs(first).flatten(2).transpose(1, 2)

    return compare


def _torch_subsampling(data):
    torch = _seeded_torch()

    theirs = [torch.nn.Conv1d(D, D, 3, stride=n, padding=1) for n in (1, 2)]
    ours = layers.ConvSubsampling(D)
    ours.build(data.x.shape)
    ours.set_weights([w for module in theirs for w in convolution_weights(module)])
    (x,) = _tensors(np.moveaxis(data.x, -1, 1))
    for module in theirs:
        x = torch.nn.functional.gelu(module(x))
    return ours(data.x), x.transpose(1, 2)


def _torch_gelu(data):
    torch = _seeded_torch()

    (x,) = _tensors(data.x)
    return layers.gelu_tanh(data.x), torch.nn.functional.gelu(x, approximate="tanh")


def _whisper_features(data):
    from transformers import WhisperFeatureExtractor

    waveform = 0.3 * data.floats(2, 16000)
    theirs = WhisperFeatureExtractor()(
        list(waveform), sampling_rate=16000, padding="longest", return_tensors="np"
    )["input_features"]
    return layers.LogMelSpectrogram()(waveform), np.swapaxes(theirs, 1, 2)


def _whisper_encoder(data, mels=80):
    """Features, hidden states, scores and output of a Whisper with random weights."""
    import transformers

    from tlkeras.checkpoints import from_preset

    torch = _seeded_torch()
    positions = 50  # one second
    special = ("pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id")
    config = transformers.WhisperConfig(
        **{"d_model": D, "encoder_layers": 2, "encoder_attention_heads": N},
        **{"encoder_ffn_dim": F, "num_mel_bins": mels, "vocab_size": 8},
        **{"max_source_positions": positions, "decoder_layers": 1},
        **dict.fromkeys(special, 0),
        attn_implementation="eager",
    )
    theirs = transformers.WhisperModel(config).eval()
    for weight in theirs.parameters():
        weight.data += 0.1 * torch.randn_like(weight)
    extractor = transformers.WhisperFeatureExtractor(feature_size=mels)
    with tempfile.TemporaryDirectory() as folder:
        theirs.save_pretrained(folder)
        extractor.save_pretrained(folder)
        ours = from_preset(folder)
    waveform = 0.3 * data.floats(2, 320 * positions)
    features = extractor(
        list(waveform), sampling_rate=16000, padding="longest", return_tensors="pt"
    )["input_features"]
    with torch.no_grad():
        wanted = theirs.get_encoder()(
            features, output_hidden_states=True, output_attentions=True
        )
    found = ours(
        {"waveform": waveform}, return_hidden_states=True, return_attention_scores=True
    )
    # The last of their hidden states is normalised, as the output is.
    states = [*found["hidden_states"][:-1], found["sequence_output"]]
    return (
        [ours.features(waveform)["features"], *states, *found["attention_scores"]],
        [features.mT, *wanted.hidden_states, *wanted.attentions],
    )


def _patches():
    return layers.PatchEmbedding((4, 6), D)


def _tubelets():
    return layers.TubeletEmbedding((2, 4, 6), D)


def _pre(compare, **arguments):
    return lambda data: compare(data, **arguments)


# Layer, peer, comparison.
ROWS = [
    ("scaled_dot_product_attention", "keras", _keras_equation),
    ("scaled_dot_product_attention", "torch", _torch_equation),
    ("MultiHeadAttention", "keras", _keras_attention),
    ("MultiHeadAttention", "torch", _torch_attention),
    ("TransformerEncoder", "keras_hub", _hub_encoder),
    (
        "TransformerEncoder, normalize_first",
        "keras_hub",
        _pre(_hub_encoder, normalize_first=True),
    ),
    ("TransformerEncoder", "torch", _torch_encoder),
    (
        "TransformerEncoder, normalize_first",
        "torch",
        _pre(_torch_encoder, norm_first=True),
    ),
    ("TransformerDecoder", "keras_hub", _hub_decoder),
    (
        "TransformerDecoder, normalize_first",
        "keras_hub",
        _pre(_hub_decoder, normalize_first=True),
    ),
    ("TransformerDecoder", "torch", _torch_decoder),
    ("gelu_tanh", "torch", _torch_gelu),
    ("SinePositionEncoding", "keras_hub", _hub_layer("SinePositionEncoding")),
    ("PositionEmbedding", "keras_hub", _hub_layer("PositionEmbedding", 64)),
    ("RotaryEmbedding", "keras_hub", _hub_layer("RotaryEmbedding")),
    (
        "TokenAndPositionEmbedding",
        "keras_hub",
        _hub_layer("TokenAndPositionEmbedding", 100, 64, D, inputs="token_ids"),
    ),
    (
        "PatchEmbedding",
        "keras",
        _keras_patches(
            _patches, lambda: keras.layers.Conv2D(D, (4, 6), strides=(4, 6)), 16, 24
        ),
    ),
    ("PatchEmbedding", "torch", _torch_patches(_patches, "Conv2d", 4, 6)),
    (
        "TubeletEmbedding",
        "keras",
        _keras_patches(
            _tubelets,
            lambda: keras.layers.Conv3D(D, (2, 4, 6), strides=(2, 4, 6)),
            *(8, 16, 24),
        ),
    ),
    ("TubeletEmbedding", "torch", _torch_patches(_tubelets, "Conv3d", 2, 4, 6)),
    ("ConvSubsampling", "torch", _torch_subsampling),
    ("LogMelSpectrogram", "transformers", _whisper_features),
    ("SpeechEncoder", "transformers", _whisper_encoder),
    (
        "SpeechEncoder, 128 mels",
        "transformers",
        _pre(_whisper_encoder, mels=128),
    ),
    ("Bert, MiniLM's weights", "transformers", berts.minilm),
    ("Bert, 3 layers of 48", "transformers", berts.random_bert(berts.WIDE)),
    ("Bert, 5 layers of 24", "transformers", berts.random_bert(berts.NARROW)),
    ("Bert, a KerasHub preset", "keras_hub", berts.keras_hub_preset),
    ("Bert, a RoBERTa", "transformers", berts.roberta),
    ("Bert, a DistilBERT", "transformers", berts.distilbert),
    ("BertMaskedLM", "transformers", berts.masked_lm),
    ("GPT, a GPT-2", "transformers", gpts.gpt2),
    ("GPT, a Llama", "transformers", gpts.llama),
    ("Seq2Seq, a T5", "transformers", t5s.t5),
    ("Seq2Seq, a Flan-T5", "transformers", t5s.flan_t5),
    ("CLIP", "transformers", clips.clip),
    ("CLIP, a SigLIP", "transformers", clips.siglip),
    ("Detector, a YOLOS", "transformers", _yolos_parity.yolos),
    ("DiffusionTransformer, a DiT", "diffusers", _dit_parity.dit),
]


def errors(compare, seed=0):
    """The largest absolute error, and the largest absolute value expected."""
    ours, theirs = (keras.tree.flatten(x) for x in compare(Data(seed)))
    pairs = [
        (ops.convert_to_numpy(a), b.detach().numpy() if hasattr(b, "detach") else b)
        for a, b in zip(ours, theirs, strict=True)
    ]
    pairs = [(a, ops.convert_to_numpy(b)) for a, b in pairs]
    assert all(a.shape == b.shape and a.dtype == "float32" for a, b in pairs)
    return max(np.abs(a - b).max() for a, b in pairs), max(
        np.abs(b).max() for _, b in pairs
    )


def main():
    """Print the table, in Markdown."""
    print("| layer | peer | largest error | largest value | limit |")
    print("|---|---|---|---|---|")
    for layer, peer, compare in ROWS:
        limit = LIMITS.get(layer, LIMIT)
        if importlib.util.find_spec(peer) is None:
            print(f"| {layer} | {peer} | not installed | | |")
            continue
        error, largest = errors(compare)
        print(f"| {layer} | {peer} | {error:.1e} | {largest:.3g} | {limit:g} |")
    print("\nThe tests multiply a limit by the largest value where that is above 1:")
    print("a value of 36.5 may be off by 36.5 × 1e-05 = 3.7e-04.")


if __name__ == "__main__":
    main()
