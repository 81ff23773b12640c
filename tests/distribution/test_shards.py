"""Shards: each process caches and streams its own, and together they miss nothing."""

import keras
import numpy as np
import pytest
import streams
from streams import shard

from tlkeras.transfer import cached_features, caching

PROCESSES = 3
ROWS = 20  # no multiple of 3, nor of the batch
WAYS = pytest.mark.parametrize("way", [streams.tf_data, streams.grain])


def batches(stream):
    """All that a stream gives in an epoch, as NumPy arrays."""
    return [[np.asarray(x) for x in batch] for batch in stream]


@pytest.fixture
def body():
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])


@pytest.fixture
def examples(rng):
    return rng.normal(size=(ROWS, 3)).astype("float32")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_features_of_shards_are_those_of_the_whole(body, examples, tmp_path):
    whole = body.predict(examples, verbose=0)
    for number in range(PROCESSES):
        found = cached_features(body, shard(examples, number, PROCESSES), tmp_path)
        wanted = shard(whole, number, PROCESSES)
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)
    assert len(list(tmp_path.iterdir())) == PROCESSES  # none took another's place


def test_a_shard_is_computed_once(body, examples, tmp_path, monkeypatch):
    first = np.array(cached_features(body, shard(examples, 1, PROCESSES), tmp_path))
    monkeypatch.setattr(caching, "_compute", None)  # whoever computes now fails
    again = cached_features(body, shard(examples, 1, PROCESSES), tmp_path)
    np.testing.assert_array_equal(again, first)


@WAYS
@pytest.mark.parametrize("seed", [None, 7])
def test_all_rows_are_read_once(way, seed):
    rows, labels = np.arange(ROWS)[:, None], np.arange(ROWS)
    read = []
    for number in range(PROCESSES):
        parts = [shard(x, number, PROCESSES) for x in (rows, labels)]
        for x, y in batches(way(*parts, batch_size=4, seed=seed)):
            np.testing.assert_array_equal(x[:, 0], y)
            assert len(y) <= 4
            read += y.tolist()
    assert sorted(read) == list(range(ROWS))


@WAYS
def test_a_seed_gives_one_order_and_not_that_of_the_rows(way):
    rows = np.arange(ROWS)
    one, other = (
        np.concatenate([y for _, y in batches(way(rows, rows, 4, seed=7))])
        for _ in range(2)
    )
    np.testing.assert_array_equal(one, other)
    assert one.tolist() != rows.tolist()


@WAYS
def test_a_head_learns_from_a_stream_what_it_learns_from_arrays(
    way, body, examples, tmp_path
):
    features = cached_features(body, examples, tmp_path)
    labels = np.arange(ROWS) % 2

    def trained(*data, **arguments):
        keras.utils.set_random_seed(0)
        head = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        head.compile("sgd", loss)
        for _ in range(2):  # a stream is one epoch
            head.fit(*data, verbose=0, shuffle=False, **arguments)
        return head.get_weights()

    wanted = trained(np.array(features), labels, batch_size=4)
    found = trained(way(features, labels, batch_size=4))
    for one, two in zip(wanted, found, strict=True):
        np.testing.assert_allclose(two, one, rtol=1e-6, atol=1e-6)
