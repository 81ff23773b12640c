"""What lesson 12 trains: a small BERT that marks answers in passages."""

import keras
import numpy as np
from keras import ops

from tlkeras.checkpoints import from_preset, load_tokenizer
from tlkeras.models import Bert, SpanClassifier
from tlkeras.spans import best_span, token_spans
from tlkeras.transfer import Retrainer

PRESET = "tlkeras://bert_docstrings"
LENGTH, STRIDE = 64, 32  # tokens of a window; how much further the next one begins
BATCH, MAX_TOKENS = 16, 12
COMMON = (
    "a an and as by can default does for have if in is it of or parameter that the "
)
COMMON += "this to type used what which . , : ? ( ) ' \" _ - ="


class Reader:
    """One compiled model in which one start after the other learns to answer.

    The tokens of a passage that the question has, too, are marked: their segment is 1,
    that of all others 0 (Chen et al. 2017, section 3.2: *exact match*).

    Args:
        jit_compile: whether XLA compiles a step; some seconds. If not, nothing is
            compiled, which is best for a few steps. Defaults to `True`.
        preset: of the encoder, a `Bert`. Defaults to the small one of lesson 08.
        length: tokens of a window. Defaults to `LENGTH`.
    """

    def __init__(self, jit_compile=True, preset=PRESET, length=LENGTH):
        self.tokenizer = load_tokenizer(preset)
        self.length, self.stride = length, length * STRIDE // LENGTH
        self.common = self.tokenizer.encode(COMMON, special=False)
        bert = from_preset(preset, use_pooler=False)
        self.shape, self.pretrained = bert.get_config(), bert.get_weights()
        spans = SpanClassifier(bert)
        both = ops.stack([spans.output["start"], spans.output["end"]], axis=1)
        self.model = keras.Model(spans.input, both)  # (B, 2, T)
        self.trainer = Retrainer(self.model, BATCH, jit_compile=jit_compile)
        self.model.run_eagerly = not jit_compile

    def first_weights(self, start, seed):
        """Those of the pretrained BERT, or random ones, and a head that is random.

        Args:
            start: `"pretrained"` or `"from scratch"`.
            seed: of what is random. The mark's vector always is: pretraining had none.
        """
        keras.utils.set_random_seed(seed)
        fresh = SpanClassifier(Bert.from_config(self.shape))
        values = {weight.path: ops.convert_to_numpy(weight) for weight in fresh.weights}
        if start == "pretrained":
            names = [weight.path for weight in fresh.backbone.weights]
            values |= dict(zip(names, self.pretrained, strict=True))
        for path, value in values.items():
            if path.startswith("segment_embedding"):
                segment = value.copy()
                draw = np.random.default_rng(seed).normal(size=segment.shape[1])
                segment[1] = segment[0] + 0.1 * draw
                values[path] = segment
        return list(values.values())

    def windows(self, question):
        """A question with each part of its passage: inputs, and offsets (W, T, 2)."""
        asked = self.tokenizer.encode(question.text, special=False)
        stride = min(self.stride, self.length - len(asked) - 3)
        batch = self.tokenizer.windows(
            question.text, question.passage, self.length, stride
        )
        offsets = batch.pop("offsets")
        rare = [token for token in asked if token not in self.common]
        shared = np.isin(batch["token_ids"], rare) & (offsets[..., 1] > 0)
        return batch | {"segment_ids": shared.astype("int32")}, offsets

    def rows(self, questions):
        """Windows to learn from, (N, T) each, and the places of answers, (N, 2).

        A question that has an answer gives the windows that hold it, one that has none
        gives its first.
        """
        parts, places = [], []
        for question in questions:
            batch, offsets = self.windows(question)
            place = np.zeros((1, 2), "int32")
            if question.answers:
                text, start = question.answers[0]
                place = token_spans(offsets, start, start + len(text))
            kept = np.flatnonzero(place[:, 1]) if question.answers else np.array([0])
            parts.append({name: x[kept] for name, x in batch.items()})
            places.append(place[kept])
        return _joined(parts), np.concatenate(places)

    def learn(self, questions, weights, rate, steps, seed):
        """Train from first weights, some steps of `BATCH` windows."""
        inputs, places = self.rows(questions)
        self.trainer.run(inputs, places, rate, steps, seed, weights)

    def logits(self, questions):
        """For each question logits (W, 2, T) and offsets (W, T, 2)."""
        parts = [self.windows(question) for question in questions]
        found = self.trainer.logits(_joined([batch for batch, _ in parts]), 128)
        offsets = [offset for _, offset in parts]
        ends = np.cumsum([len(offset) for offset in offsets])[:-1]
        return list(zip(np.split(found, ends), offsets, strict=True))

    def answers(self, questions, threshold=0.0, found=None):
        """What the model answers to each question; `""` where it sees no answer.

        Args:
            questions: the questions.
            threshold: as of `tlkeras.spans.best_span`.
            found: their `logits`. Defaults to `None`: computed here.
        """
        texts, found = [], found or self.logits(questions)
        for question, (logits, offsets) in zip(questions, found, strict=True):
            span = best_span(logits[:, 0], logits[:, 1], offsets, MAX_TOKENS, threshold)
            texts.append(
                "" if span is None else question.passage[span.start : span.end]
            )
        return texts


def _joined(parts):
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
