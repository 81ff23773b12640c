"""GGUF: what the package's own writer wrote is read; what lies is refused."""

import struct

import numpy as np
import pytest

from tlkeras.checkpoints.formats import GGUF, open_weights

gguf = pytest.importorskip("gguf")
KINDS = gguf.GGMLQuantizationType
PLAIN = {"F32": "float32", "F16": "float16", "I32": "int32", "F64": "float64"}
# The largest error of a number between -1 and 1: half a step of its block.
QUANTISED = {"Q8_0": 1 / 127, "Q4_0": 1 / 7, "Q4_1": 1 / 7, "Q5_1": 1 / 15}


def written(path, tensors=(), **values):
    """A file of the package's own writer; tensors are names, arrays and types."""
    writer = gguf.GGUFWriter(path, "toy")
    for name, value in values.items():
        kind = {str: "string", bool: "bool", float: "float32", list: "array"}
        add = getattr(writer, f"add_{kind.get(type(value), 'uint32')}")
        add(name.replace("__", "."), value)
    for name, array, kind in tensors:
        if kind in PLAIN:
            writer.add_tensor(name, array)
        else:
            packed = gguf.quants.quantize(array, KINDS[kind])
            writer.add_tensor(name, packed, raw_dtype=KINDS[kind])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.mark.parametrize("kind", PLAIN)
def test_numbers_come_back_as_they_were(tmp_path, rng, kind):
    array = (10 * rng.normal(size=(3, 5))).astype(PLAIN[kind])
    vector = np.arange(7).astype(PLAIN[kind])
    path = written(tmp_path / "a.gguf", [("a", array, kind), ("b", vector, kind)])
    weights = open_weights(path)
    assert isinstance(weights, GGUF)
    assert weights.names() == ("a", "b")
    assert weights.shape("a") == (3, 5)
    assert weights.dtype("a") == kind
    assert weights["a"].dtype == array.dtype
    np.testing.assert_array_equal(weights["a"], array)
    np.testing.assert_array_equal(weights["b"], vector)


@pytest.mark.parametrize("kind", [*QUANTISED, "BF16"])
def test_quantised_numbers_are_near(tmp_path, rng, kind):
    array = rng.uniform(-1, 1, size=(6, 64)).astype("float32")
    path = written(tmp_path / "a.gguf", [("a", array, kind)])
    weights = GGUF(path)
    assert weights.shape("a") == (6, 64)
    assert weights.dtype("a") == kind
    assert weights.count() == 6 * 64
    found = weights["a"]
    assert found.dtype == np.float32
    assert 0 < np.abs(found - array).max() <= QUANTISED.get(kind, 2**-8)
    kept = gguf.GGUFReader(path).tensors[0]
    expected = gguf.quants.dequantize(kept.data, kept.tensor_type)
    np.testing.assert_array_equal(found, expected)


def test_metadata(tmp_path):
    path = written(
        tmp_path / "a.gguf",
        toy__block_count=3,
        toy__epsilon=0.5,
        toy__flag=True,
        tokenizer__tokens=["a", "ü", ""],
        tokenizer__types=[3, -1],
    )
    weights = GGUF(path)
    assert weights.kind == "gguf>toy"
    assert weights.names() == ()
    assert weights.metadata == {
        "general.architecture": "toy",
        "toy.block_count": 3,
        "toy.epsilon": 0.5,
        "toy.flag": True,
        "tokenizer.tokens": ["a", "ü", ""],
        "tokenizer.types": [3, -1],
    }


# Files written here, byte by byte


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def tensor(name, shape, kind=0, place=0):
    sizes = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
    return text(name) + sizes + struct.pack("<IQ", kind, place)


def file(tensors=(), values=(), data=b"", version=3, counts=None):
    counts = counts or (len(tensors), len(values))
    head = b"GGUF" + struct.pack("<IQQ", version, *counts)
    head += b"".join(values) + b"".join(tensors)
    return head + b"\0" * (-len(head) % 32) + data


ZEROS = b"\0" * 64
MANY = 2**62
HOSTILE = {
    "nothing": (b"", "the first word would need 4 bytes, and 0 are left"),
    "another magic": (b"GGML" + ZEROS, "it begins with b'GGML'"),
    "version 1": (file(version=1), "of version 1"),
    "another byte order": (file(version=3 << 24), "ordinary machines"),
    "many tensors": (file(counts=(MANY, 0)), "tensors would need"),
    "many values": (file(counts=(0, MANY)), "values would need"),
    "a long name": (file([struct.pack("<Q", MANY)], data=ZEROS), "would need"),
    "a long text": (
        file(values=[text("a") + struct.pack("<IQ", 8, MANY)]),
        "a would need 4,611,686,018,427,387,904 bytes",
    ),
    "a long list": (
        file(values=[text("a") + struct.pack("<IIQ", 9, 0, 2**40)]),
        "a would need 1,099,511,627,776 bytes",
    ),
    "a long list of texts": (
        file(values=[text("a") + struct.pack("<IIQ", 9, 8, 2**40)]),
        "a list of 1,099,511,627,776 texts",
    ),
    "a list of lists": (
        file(values=[text("a") + struct.pack("<IIQ", 9, 9, 1)], data=ZEROS),
        "a is of kind 9",
    ),
    "a kind of value": (
        file(values=[text("a") + struct.pack("<I", 13)], data=ZEROS),
        "a is of kind 13",
    ),
    "no text": (
        file(values=[struct.pack("<Q", 1) + b"\xff" + bytes(12)]),
        "no text in UTF-8",
    ),
    "values twice": (
        file(values=2 * [text("a") + struct.pack("<IB", 0, 1)]),
        "'a' is there twice",
    ),
    "tensors twice": (
        file(2 * [tensor("a", (2,))], data=ZEROS),
        "'a' is there twice",
    ),
    "one on another": (
        file([tensor("a", (8,)), tensor("b", (8,), place=16)], data=ZEROS),
        "a claims the bytes from 0 to 32",
    ),
    "beyond the end": (
        file([tensor("a", (8,), place=64)], data=ZEROS),
        "a claims the bytes from 64 to 96 of the data",
    ),
    "far beyond": (
        file([tensor("a", (2,), place=2**63)], data=ZEROS),
        "a claims the bytes",
    ),
    "a huge shape": (
        file([tensor("a", (2**40, 2**40))], data=ZEROS),
        "a claims the bytes from 0 to",
    ),
    "a shape of 0": (file([tensor("a", (0, MANY))], data=ZEROS), "has shape"),
    "many axes": (file([tensor("a", (1,) * 9)], data=ZEROS), "a has 9 axes"),
    "half a block": (
        file([tensor("a", (33,), kind=8)], data=ZEROS),
        "in blocks of 32 numbers",
    ),
    "a type": (file([tensor("a", (2,), kind=999)], data=ZEROS), "of type 999"),
    "alignment": (
        file(values=[text("general.alignment") + struct.pack("<II", 4, 0)]),
        "must be a power of 2; it is 0",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_lies(tmp_path, name):
    content, message = HOSTILE[name]
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        GGUF(path)
    assert str(path) in str(caught.value)
    assert "Get it again" in str(caught.value)


def test_these_files_are_sound_but_for_the_lie(tmp_path):
    path = tmp_path / "model.gguf"
    values = [text("a") + struct.pack("<IIQ2h", 9, 3, 2, 5, -6)]
    numbers = np.arange(8, dtype="<f4")
    tensors = [tensor("b", (2, 3)), tensor("c", (2,), place=32)]
    data = numbers[:6].tobytes() + bytes(8) + numbers[6:].tobytes()
    path.write_bytes(file(tensors, values, data))
    weights = GGUF(path)
    assert weights.metadata == {"a": [5, -6]}
    np.testing.assert_array_equal(weights["b"], numbers[:6].reshape(3, 2))
    np.testing.assert_array_equal(weights["c"], numbers[6:])


def test_every_cut_and_many_changed_bytes(tmp_path, rng):
    whole = written(
        tmp_path / "a.gguf",
        [("a", np.ones((2, 64), "float32"), "Q8_0"), ("b", np.ones(3, "f4"), "F32")],
        tokenizer__tokens=["a", "b"],
    ).read_bytes()
    path, refused = tmp_path / "b.gguf", 0
    cuts = [whole[:size] for size in range(0, len(whole) - 20, 7)]
    changed = [bytearray(whole) for _ in range(300)]
    for data in changed:
        data[rng.integers(len(whole) // 2)] = rng.integers(256)
    for data in (*cuts, *changed):
        path.write_bytes(data)
        try:
            weights = GGUF(path)
            for name in weights:
                weights.read(name)
        except ValueError as error:
            assert str(path) in str(error)  # noqa: PT017 many, and some are sound
            refused += 1
    assert refused > len(cuts) + 20


def test_a_type_that_nobody_turns_into_numbers(tmp_path, monkeypatch):
    array = np.ones((1, 64), "float32")
    path = written(tmp_path / "a.gguf", [("a", array, "Q4_0")])
    monkeypatch.delitem(gguf.quants._type_traits, KINDS.Q4_0)
    with pytest.raises(ValueError, match=r"a\.gguf: a is of type Q4_0.*such as Q8_0"):
        GGUF(path).read("a")


def test_without_the_package(tmp_path, monkeypatch):
    path = written(tmp_path / "a.gguf")
    monkeypatch.setitem(__import__("sys").modules, "gguf", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install .*\[gguf\]"):
        GGUF(path)
