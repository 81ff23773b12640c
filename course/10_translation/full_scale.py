"""Lesson 10 at full scale: real sentences, from the small parent and from scratch.

python course/10_translation/full_scale.py multi30k --steps 4000

English to German (Multi30k) or to Chinese (Tatoeba), cut into 1,000 byte pairs of their
own. The child has the small parent's shape and takes its weights, its vectors by piece;
the baseline begins at random. The data come from the folder named by `TLKERAS_MIRROR`,
or from GitHub. Writing is greedy.
"""

import argparse
import random
from pathlib import Path

import numpy as np

from tlkeras.checkpoints import from_preset
from tlkeras.datasets import multi30k, tatoeba, text
from tlkeras.datasets.text.byte_pairs import learn_merges, pretokens

MODULES = {"multi30k": (multi30k, "de", "13a"), "tatoeba": (tatoeba, "zh", "zh")}
MERGES, LONGEST = 1000, 44


def moved(fresh, own, parent, theirs, tag):
    """The parent's vectors for pieces that it has; of a tag it lacks, Swedish's."""
    place = {piece: i for i, piece in enumerate(theirs.tokens)}
    table = fresh.copy()
    for i, piece in enumerate(own.tokens):
        if piece == tag and tag not in place:
            piece = "<sv>"
        if piece in place:
            table[i] = parent[place[piece]]
    return table


def byte_pairs(sentences, tags=(), count=MERGES, most=5_000):
    """Pieces of at most so many sentences."""
    some = random.Random(0).sample(sentences, min(most, len(sentences)))
    words = [word for sentence in some for word in pretokens(sentence)]
    return text.BytePairs(learn_merges(words, count), tags)


def translate(name, steps=4000, rate=2e-3, tests=None, merges=MERGES):
    """Train both, translate the test split; BLEU and chrF of each.

    Args:
        name: `"multi30k"` or `"tatoeba"`.
        steps: of 16 sentences each.
        rate: the highest.
        tests: how many test sentences. Defaults to `None`: all.
        merges: of each side.

    Returns:
        start → (BLEU, chrF).
    """
    from runpy import run_path

    from sacrebleu.metrics import BLEU, CHRF

    child = run_path(str(Path(__file__).with_name("child.py")))
    module, code, tokenizer = MODULES[name]
    pairs, test = module.load_data("train"), module.load_data("test")[:tests]
    tag = f"<{code}>"
    english = byte_pairs([s for s, _ in pairs], count=merges)
    own = byte_pairs([t for _, t in pairs], [tag], merges)
    theirs_english, theirs = child["vocabularies"]()
    parent = from_preset("tlkeras://translator")
    learner = child["Children"](parent, english, len(own))
    fresh = learner.fresh(0)
    tables = {
        side: moved(
            getattr(fresh, f"{side}_embedding").embeddings.numpy(),
            ours,
            getattr(parent, f"{side}_embedding").embeddings.numpy(),
            other,
            tag,
        )
        for side, ours, other in (
            ("source", english, theirs_english),
            ("target", own, theirs),
        )
    }
    source, target = short(
        english.encode([s for s, _ in pairs]),
        own.encode([t for _, t in pairs], begin=tag),
    )
    found = {}
    for start in ("from scratch", "parent"):
        weights = fresh.get_weights()
        if start == "parent":
            weights = learner.start(0, tables["target"], source=tables["source"])
        learner.learn(source, target, weights, rate, steps, seed=0)
        ids = english.encode([s for s, _ in test])
        ids = np.pad(ids, ((0, 0), (0, LONGEST)))[:, :LONGEST]
        written = own.decode(learner.write(ids, begin=3))
        wanted = [t for _, t in test]
        found[start] = (
            BLEU(tokenize=tokenizer).corpus_score(written, [wanted]).score,
            CHRF().corpus_score(written, [wanted]).score,
        )
        print(
            f"{name}, {start}: BLEU {found[start][0]:.1f}, chrF {found[start][1]:.1f}"
        )
        for (sentence, reference), given in list(zip(test, written, strict=True))[:3]:
            print(f"   {sentence} → {given} ({reference})")
    return found


def short(source_ids, target_ids):
    """The pairs of which both sides have at most `LONGEST` tokens."""
    fits = (source_ids != 0).sum(1) <= LONGEST
    fits &= (target_ids != 0).sum(1) <= LONGEST
    return source_ids[fits, :LONGEST], target_ids[fits, :LONGEST]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=MODULES)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--tests", type=int, default=None)
    parser.add_argument("--merges", type=int, default=MERGES)
    translate(**vars(parser.parse_args()))
