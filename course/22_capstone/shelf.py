"""Seven tasks that no body was trained on, six bodies, and what each of them costs."""

import functools
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from tlkeras import shipped
from tlkeras.checkpoints import from_preset, load_tokenizer, preprocessor
from tlkeras.datasets import digits, docstrings, emoji, spoken_numbers, stickers
from tlkeras.datasets.audio import synthetic_speech
from tlkeras.models import BertClassifier, Classifier

LEARN, VALIDATE, TEST = 60, 40, 300  # examples; of the test there may be fewer
TOKENS = 32  # of a text
SAMPLES = 8000  # one second
BODIES = {
    "picture": ("vit_digits", "vit_stickers"),
    "text": ("bert_docstrings", "gpt_docstrings"),
    "speech": ("speech_digits", "speech_letters"),
}
RAW = {"picture": "pixels", "text": "words", "speech": "spectrum"}
KINDS = {  # code points of Unicode, first and last
    "animal": ((0x1F400, 0x1F43E), (0x1F980, 0x1F9AE)),
    "food": ((0x1F32D, 0x1F32F), (0x1F345, 0x1F37F), (0x1F950, 0x1F96F)),
    "face": ((0x1F600, 0x1F644), (0x1F910, 0x1F917), (0x1F970, 0x1F976)),
    "vehicle": ((0x1F680, 0x1F6A4), (0x1F6F3, 0x1F6FC)),
    "place": ((0x1F3D4, 0x1F3F0), (0x1F5FB, 0x1F5FF)),
}
TONES = [f"{code:x}" for code in range(0x1F3FB, 0x1F400)]


class Task(NamedTuple):
    """Examples with labels; no thing, voice or file is in two parts.

    Args:
        given: kind of input (`"picture"`, `"text"`, `"speech"`) to N inputs.
        labels: integers (N,).
        part: integers (N,): 0 to learn from, 1 to validate on, 2 to test.
    """

    given: dict
    labels: np.ndarray
    part: np.ndarray


def task(name):
    """A task: digits, tones, packages, accents, artists, kinds or hundreds."""
    return TASKS[name]()


def _digits():
    """The digits 5 to 9."""
    both = digits.load_data()
    images, labels = (np.concatenate(x) for x in zip(*both, strict=True))
    count = len(both[0][1])
    part = np.where(np.arange(len(labels)) < count, 0, 2)
    part[2 * count // 3 : count] = 1
    here = np.flatnonzero(labels >= 5)
    paper = np.repeat(1 - images[here, ..., None], 3, axis=-1)
    return Task({"picture": paper}, labels[here] - 5, part[here])


def _emoji():
    parts = [emoji.load_data(split) for split in emoji.SPLITS]
    return emoji.Emoji(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _tones():
    """Which of five tones of skin a person or a hand has."""
    data = _emoji()
    found = [[TONES.index(x) for x in c.split("-") if x in TONES] for c in data.codes]
    here = np.flatnonzero([len(tones) == 1 for tones in found])
    labels = np.array([found[i][0] for i in here])
    return Task({"picture": data.images[here]}, labels, _parts(data.concepts[here]))


def _kinds():
    """Animal, food, face, vehicle or place; as a picture and by its name."""
    data = _emoji()
    points = [int(code.split("-")[0], 16) for code in data.codes]
    alone = [code.removesuffix("-fe0f").count("-") == 0 for code in data.codes]
    labels = np.full(len(points), -1)
    for label, ranges in enumerate(KINDS.values()):
        for first, last in ranges:
            labels[(first <= np.array(points)) & (np.array(points) <= last)] = label
    here = np.flatnonzero(alone & (labels >= 0))
    given = {"picture": data.images[here], "text": data.english[here].tolist()}
    return Task(given, labels[here], _parts(data.concepts[here]))


def _artists():
    """Which of five artists drew a thing; none that `vit_stickers` has seen."""
    pictures, names = stickers.load_drawings()
    food = (shipped.checked("vit_stickers") / "food.txt").read_text("ascii").split()
    others = np.flatnonzero(~np.isin(names, food))
    seen = np.random.default_rng(0).permutation(others)[:100]  # as its train.py
    new = np.setdiff1d(np.arange(len(names)), seen)
    labels = np.repeat(np.arange(len(pictures)), len(new))
    drawn = pictures[:, new].reshape(-1, *pictures.shape[2:])
    return Task({"picture": drawn}, labels, _parts(np.tile(names[new], len(pictures))))


def _packages():
    """Which of five packages a sentence was written for."""
    texts, labels = zip(*docstrings.load_data(per_package=300), strict=True)
    part = np.repeat(np.arange(3), [len(x) for x in labels])
    return Task(
        {"text": [text for some in texts for text in some]},
        np.concatenate(labels),
        part,
    )


def _numbers():
    """The first second of all spoken numbers, their index, and their parts."""
    both = [spoken_numbers.load_data(split).recordings for split in ("train", "test")]
    rows, _ = synthetic_speech.utterances("spoken_numbers")
    voices = np.array([row["variant"] for row in rows])
    test = np.isin(voices, synthetic_speech.TEST_VARIANTS.split())
    order = np.concatenate([np.flatnonzero(~test), np.flatnonzero(test)])
    waveforms = np.concatenate([each.waveforms[:, :SAMPLES] for each in both])
    part = np.where(_parts(voices) == 1, 1, 0)  # a fifth of the voices
    part[test] = 2
    return waveforms, [rows[i] for i in order], part[order]


def _accents():
    """Which of eight accents of English a voice has."""
    waveforms, rows, part = _numbers()
    _, labels = np.unique([row["voice"] for row in rows], return_inverse=True)
    return Task({"speech": waveforms}, labels, part)


def _hundreds():
    """The first word of a number from 100 to 999."""
    waveforms, rows, part = _numbers()
    hundreds = np.array([int(row["number"]) // 100 for row in rows])
    here = hundreds > 0
    return Task({"speech": waveforms[here]}, hundreds[here] - 1, part[here])


def _parts(groups):
    """Of the groups two fifths to learn from, one to validate on, two to test."""
    names, place = np.unique(groups, return_inverse=True)
    order = np.random.default_rng(0).permutation(len(names))
    return np.digitize(order / len(names), [0.4, 0.6])[place]


TASKS = {
    "digits": _digits,
    "tones": _tones,
    "packages": _packages,
    "accents": _accents,
    "artists": _artists,
    "kinds": _kinds,
    "hundreds": _hundreds,
}
HIDDEN = ("artists", "kinds", "hundreds")


# ── bodies ────────────────────────────────────────────────────────────────────────────


@functools.cache
def body(name):
    """The model of a preset, to be read and not to be trained."""
    return _load(name)


def _load(name):
    more = {"use_pooler": False} if name == "bert_docstrings" else {}
    return from_preset(f"tlkeras://{name}", **more)


def encoder(name):
    """The part of a body that gives vectors."""
    model = body(name)
    return getattr(model, "backbone", model)


def inputs_of(name, given):
    """What a body reads, from pictures, texts or sound.

    Args:
        name: of the body.
        given: pictures (N, H, W, 3) on white, texts, or waveforms (N, 8000).
    """
    if name == "vit_stickers":
        return _resized(given, 24)
    if name == "vit_digits":
        return 1 - _resized(given, 8).mean(axis=-1, keepdims=True)
    if name == "bert_docstrings":
        made = preprocessor("tlkeras://bert_docstrings", TOKENS)(list(given))
        return {key: np.asarray(x) for key, x in made.items()}
    if name == "gpt_docstrings":
        return gpt_tokens(given, load_tokenizer("tlkeras://gpt_docstrings"))
    made = encoder(name).features(given)
    return {key: ops.convert_to_numpy(x) for key, x in made.items()}


def _resized(pictures, side):
    small = ops.image.resize(pictures, (side, side), antialias=True)
    return ops.convert_to_numpy(small)


def gpt_tokens(texts, tokenizer):
    """Token 0 first, then the text, then padding, as a GPT reads it."""
    tokens = np.zeros((len(texts), TOKENS), "int32")
    keep = np.zeros((len(texts), TOKENS), bool)
    for row, real, text in zip(tokens, keep, texts, strict=True):
        ids = [0, *tokenizer.encode(text)][:TOKENS]
        row[: len(ids)], real[: len(ids)] = ids, True
    return {"token_ids": tokens, "padding_mask": keep}


def features(model, inputs, batch_size=100, skip=0):
    """What a model, or a body by name, says at each depth: a list of (N, D).

    They are means over real tokens, without the first `skip`.
    """
    model = encoder(model) if isinstance(model, str) else model
    parts = []
    for start in range(0, len(keras.tree.flatten(inputs)[0]), batch_size):
        rows = slice(start, start + batch_size)
        batch = keras.tree.map_structure(lambda x, rows=rows: x[rows], inputs)
        states = model(batch, return_hidden_states=True)["hidden_states"]
        keep = _real(model, batch, states[0].shape[1])
        keep[:, :skip] = 0
        parts.append([_mean(ops.convert_to_numpy(state), keep) for state in states])
    return [np.concatenate(depth) for depth in zip(*parts, strict=True)]


def _mean(state, keep):
    """The mean over real tokens, (B, D)."""
    return np.einsum("btd,bt->bd", state, keep / keep.sum(axis=1, keepdims=True))


def _real(model, batch, length):
    """Which tokens are real, (B, T) as floats."""
    if not isinstance(batch, dict):
        return np.ones((len(batch), length), "float32")
    keep = batch["padding_mask"]
    if "features" in batch:  # frames, which the convolutions shorten
        keep = model.subsampling.compute_mask(batch["features"], keep)
    return np.array(ops.convert_to_numpy(keep), "float32")


def raw(kind, given, part):
    """No body at all: pixels, words or the mean spectrum, (N, D).

    Args:
        kind: of input.
        given: N inputs.
        part: of each, as in `Task`: words are counted where it is 0.
    """
    if kind == "picture":
        return np.asarray(given).reshape(len(given), -1)
    if kind == "text":
        from sklearn.feature_extraction.text import TfidfVectorizer

        words = TfidfVectorizer(sublinear_tf=True)
        words.fit([text for text, where in zip(given, part, strict=True) if not where])
        return words.transform(given).toarray()
    x = ops.convert_to_numpy(encoder("speech_digits").log_mel(given))  # (N, F, M)
    return np.concatenate([x.mean(axis=1), x.std(axis=1)], axis=1)


def classifier(name, classes):
    """A body of its own with a new linear head, to be trained as a whole."""
    model = _load(name)
    model = getattr(model, "backbone", model)
    if name == "bert_docstrings":
        return BertClassifier(model, classes, pooling="mean")
    if name == "gpt_docstrings":
        inputs = {
            key: keras.Input((TOKENS,), dtype="int32", name=key)
            for key in ("token_ids", "padding_mask")
        }
        state = model(inputs, return_hidden_states=True)["hidden_states"][-1]
        pooled = keras.layers.GlobalAveragePooling1D()(
            state, mask=ops.cast(inputs["padding_mask"], "bool")
        )
        return keras.Model(inputs, keras.layers.Dense(classes, name="head")(pooled))
    return Classifier(model, classes)


# ── costs ─────────────────────────────────────────────────────────────────────────────


class Cost(NamedTuple):
    """What an answer costs: bytes of weights, and multiply-adds an example."""

    bytes: int
    work: int


def cost(name, depth, tokens, classes):
    """The cost of a body that is read after some of its blocks, and of a linear head.

    Args:
        name: of the body.
        depth: blocks that are run.
        tokens: T that reach the first block.
        classes: of the head.
    """
    model = encoder(name)
    config = model.get_config()
    width, inner = config["hidden_dim"], config["intermediate_dim"]
    layers = [x for x in model.layers if "transformer_layer" not in x.name]
    start = sum(layer.count_params() for layer in layers)
    block = (model.count_params() - start) // config["num_layers"]
    first = sum(
        np.prod(weight.shape) * tokens * (2 if weight.shape[-2] < width else 1)
        for layer in layers
        if layer.name == "subsampling"  # whose first half runs at twice the frames
        for weight in layer.weights
        if len(weight.shape) == 3
    )
    if "patch_size" in config:
        first = np.prod(config["image_shape"]) * width  # each pixel in one patch
    each = tokens * (4 * width**2 + 2 * width * inner) + 2 * tokens**2 * width
    work = int(first) + depth * each + classes * width
    return Cost(4 * (start + depth * block + classes * (width + 1)), work)
