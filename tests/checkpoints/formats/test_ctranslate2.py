"""CTranslate2's model.bin: files written here byte by byte, sound ones and others."""

import struct

import ml_dtypes
import numpy as np
import pytest

from tlkeras.checkpoints.formats import CTranslate2, open_weights

TYPES = ("float32", "int8", "int16", "int32", "float16", "bfloat16")


def text(value):
    data = value.encode() + b"\0"
    return struct.pack("<H", len(data)) + data


def variable(name, array, size=None, kind=None):
    array = np.asarray(array)
    kind = TYPES.index(str(array.dtype)) if kind is None else kind
    head = struct.pack(f"<B{array.ndim}I", array.ndim, *array.shape)
    size = array.nbytes if size is None else size
    return text(name) + head + struct.pack("<BI", kind, size) + array.tobytes()


def file(
    variables=(),
    aliases=(),
    version=6,
    count=None,
    alias_count=None,
    specification="ToySpec",
):
    count = len(variables) if count is None else count
    alias_count = len(aliases) if alias_count is None else alias_count
    head = (
        struct.pack("<I", version) + text(specification) + struct.pack("<II", 3, count)
    )
    pairs = b"".join(text(name) for pair in aliases for name in pair)
    return head + b"".join(variables) + struct.pack("<I", alias_count) + pairs


@pytest.fixture
def opened(tmp_path):
    def opened(content):
        path = tmp_path / "model.bin"
        path.write_bytes(content)
        return open_weights(path)

    return opened


@pytest.mark.parametrize("version", [4, 5, 6])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "int32"])
def test_numbers_come_back_as_they_were(opened, rng, version, dtype):
    kind = ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype
    array = (10 * rng.normal(size=(3, 5))).astype(kind)
    weights = opened(file([variable("a/weight", array)], version=version))
    assert isinstance(weights, CTranslate2)
    assert weights.kind == "ctranslate2>ToySpec"
    assert weights.names() == ("a/weight",)
    assert weights.shape("a/weight") == (3, 5)
    assert weights.dtype("a/weight") == dtype
    assert weights["a/weight"].dtype == array.dtype
    np.testing.assert_array_equal(weights["a/weight"], array)
    assert weights.metadata == {
        "version": version,
        "specification": "ToySpec",
        "revision": 3,
    }


def test_int8_is_divided_by_the_scale_of_its_row(opened, rng):
    array = rng.normal(size=(4, 6)).astype("float32")
    scale = (127 / np.abs(array).max(axis=1)).astype("float32")
    packed = np.rint(array * scale[:, None]).astype("int8")
    weights = opened(
        file([variable("a/weight", packed), variable("a/weight_scale", scale)])
    )
    assert weights.names() == ("a/weight",)
    assert weights.dtype("a/weight") == "int8"
    assert weights["a/weight"].dtype == np.float32
    gap = np.abs(weights["a/weight"] - array) * scale[:, None]
    assert 0 < gap.max() <= 0.5 + 1e-5  # half a step


def test_a_square_matrix_is_scaled_by_its_rows(opened):
    packed = np.array([[10, 20], [30, 40]], "int8")
    scale = np.array([10, 100], "float32")
    weights = opened(
        file([variable("weight", packed), variable("weight_scale", scale)])
    )
    np.testing.assert_allclose(weights["weight"], [[1, 2], [0.3, 0.4]])


def test_int16_has_one_scale(opened):
    packed = np.array([[1000, -500, 250]], "int16")
    scale = np.float32(500)
    weights = opened(
        file([variable("weight", packed), variable("weight_scale", scale)])
    )
    np.testing.assert_array_equal(weights["weight"], [[2, -1, 0.5]])


def test_settings_and_aliases(opened):
    table = np.arange(6, dtype="int8").reshape(2, 3)
    scale = np.array([1, 2], "float32")
    weights = opened(
        file(
            [
                variable("embeddings/weight", table),
                variable("embeddings/weight_scale", scale),
                variable("num_heads", np.int16(6)),
            ],
            [("projection/weight", "embeddings/weight"), ("other", "num_heads")],
        )
    )
    assert weights.names() == ("embeddings/weight", "projection/weight")
    assert weights.count() == table.size  # once
    np.testing.assert_array_equal(weights["projection/weight"], table / scale[:, None])
    assert weights.metadata["num_heads"] == weights.metadata["other"] == 6


ONES = np.ones((2, 3), "float32")
ONE = variable("a", ONES)
HOSTILE = {
    "a word": (b"\4\0\0\0", "the specification would need 2 bytes, and 0 are left"),
    "version 3": (file(version=3), "of version 3"),
    "version 7": (file(version=7), "of version 7"),
    "many tensors": (file(count=2**32 - 1), "4,294,967,295 tensors would need"),
    "too many tensors": (file([ONE], count=2), "the name of a tensor does not end"),
    "many aliases": (file([ONE], alias_count=2**32 - 1), "aliases would need"),
    "long data": (
        file([variable("a", np.zeros(0, "f4"), 2**32 - 4)]).replace(
            struct.pack("<BI", 1, 0), struct.pack("<BI", 1, 2**30 - 1)
        ),
        "a would need 4,294,967,292 bytes",
    ),
    "a huge shape": (
        file([text("a") + struct.pack("<B3IBI", 3, *3 * [2**31], 0, 24) + bytes(24)]),
        "a has 24 bytes, for shape",
    ),
    "too few bytes": (file([variable("a", ONES, size=20)]), "a has 20 bytes"),
    "another type": (file([variable("a", ONES, kind=4)]), "of float16"),
    "no type": (file([variable("a", ONES, kind=6)]), "of type 6"),
    "a shape of 0": (file([variable("a", np.zeros((0, 3), "f4"))]), "for shape"),
    "twice": (file([ONE, ONE]), "a is there twice"),
    "an alias of nothing": (file([ONE], [("b", "c")]), "another name of c, which is"),
    "an alias that is there": (file([ONE], [("a", "a")]), "a is there twice"),
    "int8 without a scale": (
        file([variable("a/weight", ONES.astype("int8"))]),
        "a/weight_scale is not there",
    ),
    "scales of columns": (
        file(
            [
                variable("weight", ONES.astype("int8")),
                variable("weight_scale", np.ones(3, "f4")),
            ]
        ),
        r"weight_scale has shape \(3,\), for \(2, 3\)",
    ),
    "bytes behind": (file([ONE]) + b"\0" * 9, "9 bytes follow its end"),
    "a name without its 0": (
        file([struct.pack("<H", 3) + b"abc" + ONE[4:]]),
        "does not end with a 0",
    ),
    "a name of other letters": (
        file([struct.pack("<H", 2) + b"\xff\0" + ONE[4:]]),
        "no text in UTF-8",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_lies(opened, tmp_path, name):
    content, message = HOSTILE[name]
    with pytest.raises(ValueError, match=message) as caught:
        opened(content)
    assert str(tmp_path / "model.bin") in str(caught.value)
    assert "Get it again" in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"", b"\4\0", b"\x80\4N.", b"PK\3\4" + bytes(30), b"\x93NUMPY"]
)
def test_a_pickle_of_this_name_is_refused_as_one(opened, content):
    with pytest.raises(ValueError, match="loading a pickle can run any code"):
        opened(content)


def test_every_cut_and_many_changed_bytes(opened, rng):
    packed, scale = np.ones((2, 3), "int8"), np.ones(2, "f4")
    names = ("weight", "weight_scale")
    parts = [variable(n, x) for n, x in zip(names, (packed, scale), strict=True)]
    whole = file([*parts, ONE, variable("n", np.int8(4))], [("b", "a")])
    changed, refused = [bytearray(whole) for _ in range(400)], 0
    for data in changed:
        data[rng.integers(len(whole))] = rng.integers(256)
    cuts = [whole[:size] for size in range(len(whole))]
    for data in (*cuts, *changed):
        try:
            weights = opened(data)
            for name in weights:
                weights.read(name)
        except ValueError as error:
            assert "model.bin" in str(error)  # noqa: PT017 many, and some are sound
            refused += 1
    assert refused >= len(cuts) + 100
