"""What lesson 10 trains its children with: small Transformers for one more language.

The parent is `tlkeras://translator`. A child has the parent's shape and English pieces,
and pieces of its own for the language that it is to write.
"""

import json
import math

import keras
import numpy as np
from keras import ops

from tlkeras import shipped
from tlkeras.datasets import text
from tlkeras.datasets.text.byte_pairs import learn_merges, pretokens
from tlkeras.generation import generate, jit
from tlkeras.models import LabelSmoothedCrossEntropy, Transformer

WIDTHS = (16, 28, 44)  # tokens in a row: of short, of most, of the longest phrases
MERGES, BATCH, AT_ONCE = 100, 16, 50
READS = ("source_embedding", "encoder")  # how the weights that read English begin


def vocabularies():
    """The parent's English pieces, and its pieces of seven languages."""
    file = shipped.checked("translator") / "pieces.json"
    kept = json.loads(file.read_text("utf-8"))
    english = text.BytePairs(kept["english"])
    return english, text.BytePairs(kept["translation"], kept["tags"])


def own_pieces(translations, tag):
    """Pieces learned from a child's own translations, and its tag."""
    words = [word for one in translations for word in pretokens(one)]
    return text.BytePairs(learn_merges(words, MERGES), [tag])


class Children:
    """One model in which one child after the other learns.

    Args:
        parent: a `Transformer`.
        english: the English pieces of the children; the parent's, as a rule.
        size: how many pieces a child has.
        compiled: whether XLA compiles training and writing; half a minute. Defaults to
            `True`; otherwise both run eagerly, which is sooner done for a few steps.
    """

    def __init__(self, parent, english, size, compiled=True):
        shape = parent.get_config()
        sizes = {"source_vocabulary_size": len(english), "target_vocabulary_size": size}
        self.shape = {**shape, **sizes, "name": "child"}
        self.parent, self.english = parent, english
        self.model = self.fresh(0)
        self.model.compile(
            keras.optimizers.Adam(1e-3, beta_2=0.98),
            LabelSmoothedCrossEntropy(0.1),
            jit_compile=compiled,
            run_eagerly=not compiled,
        )
        self.model.optimizer.build(self.model.trainable_variables)
        self._write = jit(self._greedy, self.model) if compiled else self._greedy

    def fresh(self, seed):
        """A child that has learned nothing."""
        keras.utils.set_random_seed(seed)
        return Transformer.from_config(self.shape)

    def start(self, seed, table=None, encoder=True, decoder=True, source=None):
        """First weights of a child, in the order of `model.weights`.

        Args:
            seed: of what is random.
            table: floats (V, D), the vectors of its pieces. Defaults to random ones.
            encoder, decoder: whether these are the parent's. Default to `True`.
            source: the vectors of English pieces. Defaults to the parent's, with its
                encoder.
        """
        theirs = {weight.path: weight for weight in self.parent.weights}
        given = {"target_embedding/embeddings": table}
        given |= {"source_embedding/embeddings": source}
        weights = []
        for weight in self.fresh(seed).weights:
            path = weight.path
            taken = encoder if path.startswith(READS) else decoder
            if path.startswith("target_embedding"):
                taken = False
            value = given.get(path)
            if value is None:
                value = ops.convert_to_numpy(theirs[path] if taken else weight)
            weights.append(value)
        return weights

    def rows(self, phrases, pieces, tag):
        """English and translations as integers, (count, 44) each."""
        translations = [phrase.translation for phrase in phrases]
        return (
            self.english.encode([phrase.english for phrase in phrases], WIDTHS[-1]),
            pieces.encode(translations, WIDTHS[-1], begin=tag),
        )

    def learn(self, source_ids, target_ids, start, rate, steps, seed):
        """Train from first weights; the rate rises, then falls along a cosine to 0."""
        self.model.set_weights(start)
        for variable in self.model.optimizer.variables:
            variable.assign(ops.zeros(variable.shape, variable.dtype))

        def set_rate(step, logs):
            rise, fall = (step + 1) / (0.1 * steps), (step + 1) / steps
            now = rate * min(rise, (1 + math.cos(math.pi * fall)) / 2)
            self.model.optimizer.learning_rate = now

        self.model.fit(
            text.by_length(source_ids, target_ids, WIDTHS, BATCH, seed),
            steps_per_epoch=steps,
            shuffle=False,
            verbose=0,
            callbacks=[keras.callbacks.LambdaCallback(on_train_batch_begin=set_rate)],
        )

    def write(self, source_ids, begin):
        """Translate greedily: integers (count, 44)."""
        count, written = len(source_ids), []
        for first in range(0, count, AT_ONCE):
            rows = source_ids[first : first + AT_ONCE]
            rows = np.pad(rows, ((0, AT_ONCE - len(rows)), (0, 0)), "edge")
            written.append(
                self._write(ops.array(rows), ops.full((AT_ONCE, 1), begin, "int32"))
            )
        return np.concatenate([ops.convert_to_numpy(rows) for rows in written])[:count]

    def _greedy(self, source_ids, begin):
        cache = self.model.initial_cache(source_ids, max_length=WIDTHS[-1])
        return generate(
            self.model.step, begin, WIDTHS[-1], end_id=text.END, cache=cache
        )
