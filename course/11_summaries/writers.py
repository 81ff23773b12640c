"""What lesson 11 trains its writers with: a decoder on the BERT of lesson 08.

All writers have one shape and are trained in one model, compiled once: from random
weights, or with the encoder and the table of words that are trained already. Axes:
B batch, S source length, T target length, V vocabulary.
"""

import functools
import re
from collections import Counter

import keras
import numpy as np
from keras import ops

from tlkeras.checkpoints import from_preset, preprocessor
from tlkeras.generation import generate, jit
from tlkeras.models import Bert, Seq2Seq
from tlkeras.transfer.retraining import Retrainer

PRESET = "tlkeras://bert_docstrings"
SOURCE, TARGET = 48, 16  # tokens that are read, and written at most
BATCH, AT_ONCE = 16, 50
ALWAYS_WRITE = 30.0  # as the switch's bias: nothing is ever copied


class Writers:
    """One compiled model in which one writer after the other learns.

    Args:
        jit_compile: whether XLA compiles training and writing. If not, nothing is
            compiled. Defaults to `True`.
    """

    def __init__(self, jit_compile=True):
        self.tokenizer = preprocessor(PRESET).tokenizer
        self.begin, self.end = map(self.tokenizer.token_to_id, ("[CLS]", "[SEP]"))
        self.model = self.fresh(0, trained=True)
        self.trainer = Retrainer(
            self.model, BATCH, weight_decay=0.01, jit_compile=jit_compile, loss=loss
        )
        self.model.run_eagerly = not jit_compile
        self._compiled = jit_compile
        self._greedy = jit(self._write, self.model) if jit_compile else self._write

    def fresh(self, seed, trained):
        """A writer that has learned nothing; `trained`: on the encoder of lesson 08."""
        keras.utils.set_random_seed(seed)
        encoder = from_preset(PRESET)
        if not trained:
            encoder = Bert.from_config(encoder.get_config())
        return Seq2Seq(
            encoder,
            num_layers=1,
            num_heads=2,
            intermediate_dim=512,
            max_sequence_length=TARGET,
            share_embedding=True,
            copy=True,
        )

    @functools.cache  # noqa: B019, a lesson has one of these
    def start(self, seed, trained=True, copies=True):
        """First weights; without `copies` the switch always says *write*."""
        model = self.fresh(seed, trained)
        if not copies:
            kernel, bias = model.copy_switch.weights
            kernel.assign(0 * kernel)
            bias.assign(ALWAYS_WRITE + 0 * bias)
        return model.get_weights()

    def pieces(self, texts):
        """Each text's tokens, a list of integers."""
        return [np.asarray(self.tokenizer(text)).tolist() for text in texts]

    def inputs(self, rows, keep, target_ids):
        """What the model is called on; targets without their last place."""
        source = {"token_ids": rows, "segment_ids": 0 * rows, "padding_mask": keep}
        return {"source": source, "target_ids": target_ids[:, :-1]}

    def learn(self, rows, keep, target_ids, start, rate, steps, seed):
        """Train from first weights."""
        inputs = self.inputs(rows, keep, target_ids)
        self.trainer.run(inputs, target_ids[:, 1:], rate, steps, seed, start)

    def write(self, rows, keep):
        """The likeliest word after the other: integers (B, TARGET)."""
        count, written = len(rows), []
        for first in range(0, count, AT_ONCE):
            some = [x[first : first + AT_ONCE] for x in (rows, keep)]
            if self._compiled:  # for one number of rows
                padding = ((0, max(0, first + AT_ONCE - count)), (0, 0))
                some = [np.pad(x, padding, "edge") for x in some]
            written.append(ops.convert_to_numpy(self._greedy(*map(ops.array, some))))
        return np.concatenate(written)[:count]

    def _write(self, rows, keep):
        source = {"token_ids": rows, "segment_ids": 0 * rows, "padding_mask": keep}
        cache = self.model.initial_cache(source, max_length=TARGET)
        begin = ops.full((ops.shape(rows)[0], 1), self.begin, "int32")
        return generate(self.model.step, begin, TARGET, end_id=self.end, cache=cache)

    def texts(self, token_ids):
        """Written tokens as text, up to the end."""
        found = []
        for row in np.asarray(token_ids)[:, 1:].tolist():
            row = row[: row.index(self.end)] if self.end in row else row
            found.append(
                self.tokenizer.detokenize([t for t in row if t]) if row else ""
            )
        return found


def as_rows(writers, texts, width):
    """Begin, tokens, end and padding: integers (B, width), and which are real."""
    rows = np.zeros((len(texts), width), "int32")
    for row, tokens in zip(rows, writers.pieces(texts), strict=True):
        ids = [writers.begin, *tokens[: width - 2], writers.end]
        row[: len(ids)] = ids
    return rows, rows != 0


def rare_words(lines, count):
    """A function that leaves of a text what is not among the lines' `count` words."""
    everything = Counter(word for line in lines for word in words_of(line))
    frequent = {word for word, _ in everything.most_common(count)}
    return lambda text: " ".join(w for w in words_of(text) if w not in frequent)


def words_of(text):
    """As ROUGE cuts English."""
    return re.findall("[a-z0-9]+", text.lower())


def loss(labels, log_p):
    """Cross-entropy of each row's real tokens (padding is 0), their mean."""
    each = keras.losses.sparse_categorical_crossentropy(labels, log_p, from_logits=True)
    real = ops.cast(labels != 0, each.dtype)  # (B, T)
    return ops.sum(each * real) / ops.sum(real)
