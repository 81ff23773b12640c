"""Where a preset lies: a folder here, or a repository of the Hugging Face hub."""

import contextlib
import os
import re
from pathlib import Path

from tlkeras import shipped
from tlkeras.checkpoints.formats import ctranslate2, hdf5
from tlkeras.checkpoints.formats.safetensors import FILE, INDEX, read_index
from tlkeras.checkpoints.weight_files import PICKLED, check_sha256, refuse_pickle

# Repository to its commit and the SHA-256 of its model.safetensors.
PINNED = {
    "sentence-transformers/all-MiniLM-L6-v2": (
        "c9745ed1d9f207416be6d2e6f8de32d1f16199bf",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
}
DIFFUSERS = "diffusion_pytorch_model.safetensors"  # as diffusers calls it
OURS = "tlkeras://"  # small presets that this project trained
OTHER_FORMATS = {"tf_model.h5", "flax_model.msgpack"}
# Taken when they are there.
OTHERS = (
    "vocab.txt",
    "tokenizer_config.json",
    "preprocessor_config.json",
    "processor_config.json",
)
# What a tokenizer is made of; a repository has some of them.
TOKENIZER_FILES = (
    "tokenizer.json",
    "vocab.json",
    "merges.txt",
    "tokenizer.model",
    "vocab.txt",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
)


def locate(preset, revision=None, sha256=None):
    """The folder of a preset, downloaded first if need be, its weights hash-checked.

    Args:
        preset: a folder, `"hf://owner/name"`, or `"tlkeras://name"` of this project; or
            a GGUF file, which needs no folder, and is returned itself.
        revision: the commit, 40 hexadecimal digits. Needed for `hf://`, except for the
            repositories in `PINNED`.
        sha256: of the weights; of several files, a dictionary by their names. For
            `hf://` it defaults to the one in `PINNED`, and then to what the hub itself
            says. Every file of `tlkeras://` is checked anyway.

    Raises:
        ValueError: there is nothing to load, or a hash is wrong.
    """
    name = str(preset)
    if name.startswith("hf://"):
        return _from_hub(name.removeprefix("hf://"), revision, sha256)
    if name.endswith(".gguf") and Path(preset).is_file():
        if sha256:
            check_sha256(preset, _hash_of(Path(preset), Path(preset), sha256))
        return Path(preset)
    folder = _folder(preset, "config.json and the weights beside it")
    weights = weights_in(folder)
    if sha256:
        for path in _files(weights):
            check_sha256(path, _hash_of(path, weights, sha256))
    return folder


def locate_tokenizer(preset, revision=None):
    """The folder of a preset that holds a tokenizer, and perhaps no weights.

    Args:
        preset: as in `locate`; of `hf://` only `TOKENIZER_FILES` are downloaded.
        revision: as in `locate`.

    Raises:
        ValueError: there is no such folder, or a hash of a shipped file is wrong.
    """
    name = str(preset)
    if not name.startswith("hf://"):
        return _folder(preset, "the files of a tokenizer")
    download = _hub(name.removeprefix("hf://"), revision)[0]
    found = [path for path in map(download, TOKENIZER_FILES) if path]
    if not found:
        raise ValueError(
            f"{name} holds none of {', '.join(TOKENIZER_FILES)}. Give the repository "
            "that its model was trained from."
        )
    return found[0].parent


def _folder(preset, content):
    """The folder of a preset that is here, which should hold `content`."""
    name = str(preset)
    if name.startswith(OURS):
        folder = _shipped(name.removeprefix(OURS))
    elif not name or not isinstance(preset, str | os.PathLike):
        raise ValueError(f"preset must be the path of a folder; given {preset!r}.")
    else:
        folder = Path(preset)
    refuse_pickle(folder)
    if not folder.is_dir():
        raise ValueError(
            f"preset must be a folder with {content}, or 'hf://owner/name'; given "
            f"{name!r}, which is not a folder. Of a file, give the folder it is in."
        )
    return folder


def _files(weights):
    """The files that hold the tensors: one, or those of an index."""
    if weights.name != INDEX:
        return [weights]
    _, where = read_index(weights)
    return [weights.parent / name for name in sorted(set(where.values()))]


def _hash_of(path, weights, sha256):
    """The hash that a file must have, of those that were given."""
    if not isinstance(sha256, dict):
        sha256 = {weights.name: sha256}
    if path.name not in sha256:
        raise ValueError(
            "sha256 must be a dictionary with the hash of each file where there are "
            f"several; that of {path.name} is missing."
        )
    return sha256[path.name]


def _shipped(name):
    known = sorted(path.parent.name for path in shipped.home().glob(f"*/{FILE}"))
    if name not in known:
        raise ValueError(
            f"preset must be {OURS} and one of {', '.join(known)}; given {name!r}."
        )
    return shipped.checked(name)


def weights_in(folder):
    """The file of weights in a folder.

    Raises:
        ValueError: there is none that may be loaded.
    """
    quantised = sorted(folder.glob("*.gguf"))
    if not quantised and not (folder / "config.json").is_file():
        raise ValueError(
            f"{folder} must hold a config.json; it does not. Get it from where the "
            "weights are from."
        )
    for name in (FILE, INDEX, hdf5.FILE, DIFFUSERS):
        if (folder / name).is_file():
            return folder / name
    other = folder / ctranslate2.FILE
    if other.is_file() and ctranslate2.looks_like_it(other):
        return other
    if len(quantised) == 1:
        return quantised[0]
    found = sorted(path.name for path in folder.iterdir())
    raise ValueError(
        f"{folder} must hold {FILE} (or {INDEX} and its files, {hdf5.FILE} of "
        f"KerasHub, {DIFFUSERS}, one GGUF file, or {ctranslate2.FILE} of CTranslate2); "
        f"it holds {', '.join(found)}. {_reason(found)}"
    )


def _reason(found):
    """Why none of the files in a folder will do, and what to do."""
    again = "transformers reads them, and save_pretrained() then writes one "
    if any(name.endswith(".gguf") for name in found):
        return "Leave one GGUF file in it."
    if any(Path(name).suffix in PICKLED for name in found):
        return (
            "Pickled weights are refused: loading a pickle can run any code. Where you "
            f"trust them, {again}{FILE}."
        )
    if OTHER_FORMATS & set(found):
        return f"These weights are in a format of other libraries: {again}{FILE}."
    return "There are no weights in it."


def _hub(name, revision):
    """What downloads a file of a repository, or gives `None`; the commit; its hash."""
    try:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "hf:// needs huggingface_hub. Run: pip install huggingface_hub",
            name=error.name,
        ) from error
    pinned_revision, pinned_hash = PINNED.get(name, (None, None))
    revision = revision or pinned_revision
    if not re.fullmatch(r"[0-9a-f]{40}", revision or ""):
        raise ValueError(
            "revision must be a commit, 40 hexadecimal digits, because a branch moves; "
            f"given {revision!r} for {name!r}. The hub shows it under Files, History."
        )

    def download(file):
        with contextlib.suppress(EntryNotFoundError):
            return Path(hf_hub_download(name, file, revision=revision))
        return None

    return download, revision, pinned_hash if revision == pinned_revision else None


def _from_hub(name, revision, sha256):
    download, revision, pinned = _hub(name, revision)
    sha256 = pinned if sha256 is None else sha256
    if not download("config.json"):
        raise ValueError(f"{name} holds no config.json at {revision}.")
    weights = download(FILE) or download(INDEX)
    if not weights:
        raise ValueError(
            f"{name} holds no {FILE} at {revision}. Pickled weights are refused: "
            "loading a pickle can run any code."
        )
    for path in _files(weights):
        part = path if weights.name == FILE else download(path.name)
        if not part:
            raise ValueError(f"{name} holds no {path.name}, which {INDEX} names.")
        check_sha256(
            part, _hash_of(path, weights, sha256) if sha256 else _hub_hash(part)
        )
    for other in OTHERS:
        download(other)
    return weights.parent


def _hub_hash(weights):
    """What the hub says of a large file: the name under which its cache keeps it."""
    name = weights.resolve().name
    if not re.fullmatch(r"[0-9a-f]{64}", name):
        raise ValueError(
            f"sha256 must be given: the hub's cache does not say that of {weights}."
        )
    return name
