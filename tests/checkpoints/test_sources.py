"""Where a preset lies: folders, what is in them, and the hub."""

import json

import pytest
from safetensors.numpy import save_file

from checkpoints.small import (
    LEAST,
    bert,
    randomized,
    refused,
    same,
    their_tensors,
    write,
)
from tlkeras.checkpoints import from_preset, sources
from tlkeras.checkpoints.weight_files import sha256_of


@pytest.mark.parametrize(
    ("names", "match"),
    [
        (("tf_model.h5",), "format of other libraries.*save_pretrained"),
        (("flax_model.msgpack",), "format of other libraries.*save_pretrained"),
        (("pytorch_model.bin",), "Pickled weights are refused.*save_pretrained"),
        (("model.safetensors.index.json",), "index.json must be JSON"),
        ((), "There are no weights in it"),
    ],
)
def test_weights_of_another_kind(tmp_path, names, match):
    (tmp_path / "config.json").write_text(json.dumps(LEAST))
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    refused(tmp_path, match)


def test_a_file_instead_of_a_folder(preset):
    folder = preset("ours")
    refused(folder / "config.json", "give the folder it is in")
    for wrong in ("", None, 3, b"x"):
        refused(wrong, "preset must be")
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").mkdir()
    refused(folder, "must hold model.safetensors")


def test_folders_that_are_none(tmp_path):
    with pytest.raises(ValueError, match="not a folder"):
        from_preset(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"must hold a config\.json"):
        from_preset(tmp_path)
    (tmp_path / "config.json").write_text("{")
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(ValueError, match="must be JSON"):
        from_preset(tmp_path)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub that hands out files of a folder, as its cache would keep them."""
    hub = pytest.importorskip("huggingface_hub")
    asked = []

    def download(name, filename, revision):
        asked.append((name, filename, revision))
        if not (tmp_path / filename).is_file():
            raise hub.errors.EntryNotFoundError(filename)
        return str(tmp_path / filename)

    monkeypatch.setattr(hub, "hf_hub_download", download)
    write(tmp_path, their_tensors(randomized(bert())))
    return tmp_path, asked


def test_the_hub_is_asked_for_one_commit(hub):
    folder, asked = hub
    commit, right = "a" * 40, sha256_of(folder / "model.safetensors")
    for revision in (None, "main", "a" * 7):
        with pytest.raises(ValueError, match="revision must be a commit"):
            from_preset("hf://owner/name", revision=revision)
    same(
        from_preset("hf://owner/name", revision=commit, sha256=right),
        randomized(bert()),
    )
    assert {revision for *_, revision in asked} == {commit}
    with pytest.raises(ValueError, match="SHA-256"):
        from_preset("hf://owner/name", revision=commit, sha256="0" * 64)
    with pytest.raises(ValueError, match="sha256 must be given"):
        from_preset("hf://owner/name", revision=commit)


def test_the_hub_says_its_own_hash(hub):
    folder, _ = hub
    weights = folder / "model.safetensors"
    right = sha256_of(weights)
    weights.rename(folder / right)
    weights.symlink_to(folder / right)
    from_preset("hf://owner/name", revision="b" * 40)
    data = bytearray((folder / right).read_bytes())
    data[-1] ^= 1
    (folder / right).write_bytes(data)
    with pytest.raises(ValueError, match="SHA-256"):
        from_preset("hf://owner/name", revision="b" * 40)


def test_a_known_repository_needs_no_revision(hub):
    name = next(iter(sources.PINNED))
    with pytest.raises(ValueError, match=sources.PINNED[name][1]):
        from_preset(f"hf://{name}")  # the hub here hands out something else


def test_a_hub_with_pickles_only(hub):
    folder, _ = hub
    (folder / "model.safetensors").unlink()
    with pytest.raises(ValueError, match="Pickled weights are refused"):
        from_preset("hf://owner/name", revision="b" * 40)


# Weights in several files


def shards(folder):
    """A BERT in two files and their index; the hash of each file."""
    tensors = their_tensors(randomized(bert()))
    write(folder, tensors)
    (folder / "model.safetensors").unlink()
    where, halves = {}, (sorted(tensors)[::2], sorted(tensors)[1::2])
    for number, names in enumerate(halves):
        file = f"model-{number}.safetensors"
        save_file({name: tensors[name] for name in names}, folder / file)
        where |= dict.fromkeys(names, file)
    index = json.dumps({"weight_map": where})
    (folder / "model.safetensors.index.json").write_text(index)
    return {name: sha256_of(folder / name) for name in set(where.values())}


def test_several_files(tmp_path):
    sums = shards(tmp_path)
    same(from_preset(tmp_path), randomized(bert()))
    from_preset(tmp_path, sha256=sums)
    wrong = {**sums, "model-1.safetensors": "0" * 64}
    with pytest.raises(ValueError, match=r"model-1\.safetensors must have the SHA-256"):
        from_preset(tmp_path, sha256=wrong)
    first = "model-0.safetensors"
    with pytest.raises(ValueError, match=r"that of model-1\.safetensors is missing"):
        from_preset(tmp_path, sha256={first: sums[first]})
    with pytest.raises(ValueError, match="must be a dictionary with the hash of each"):
        from_preset(tmp_path, sha256=sums[first])


def test_several_files_of_the_hub(hub):
    folder, asked = hub
    sums = shards(folder)
    commit = "b" * 40
    with pytest.raises(ValueError, match="sha256 must be given"):
        from_preset("hf://owner/name", revision=commit)
    same(
        from_preset("hf://owner/name", revision=commit, sha256=sums),
        randomized(bert()),
    )
    assert {name for _, name, _ in asked} >= set(sums)
    wrong = {**sums, "model-1.safetensors": "0" * 64}
    with pytest.raises(ValueError, match="must have the SHA-256 0000"):
        from_preset("hf://owner/name", revision=commit, sha256=wrong)
