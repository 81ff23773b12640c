"""What lesson 18 trains: a small model that hears English and writes something else.

One encoder of speech under two heads: one that says English letters (CTC, lesson 17),
and a decoder that writes German or Chinese, whichever its first token asks for. Beside
it a small Transformer that translates written English, for the cascade.
"""

import math

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from tlkeras.checkpoints import from_preset
from tlkeras.ctc import beam_decode, ctc_loss, greedy_decode
from tlkeras.datasets import spoken_numbers
from tlkeras.generation import generate
from tlkeras.models import Seq2Seq, SpeechEncoder, Transformer

LETTERS = " adefghilnorstuvwxyz"  # of English numbers; 0 is the blank
WRITES = {"de": spoken_numbers.in_german, "zh": spoken_numbers.in_chinese}
TEXTS = {code: [write(n) for n in range(1000)] for code, write in WRITES.items()}
CHARACTERS = "".join(sorted(set("".join(TEXTS["de"] + TEXTS["zh"]))))
PAD, END = 0, 1
TAGS = {"de": 2, "zh": 3}  # the token that a row begins with
FIRST = 4  # the number of the first character
VOCABULARY = FIRST + len(CHARACTERS)
LONGEST = 2 + max(map(len, TEXTS["de"]))  # tokens, with tag and end
ROOM = max(len(spoken_numbers.in_english(n)) for n in range(1000))  # English letters
WIDTH, BATCH, BATCHES = 96, 32, 4  # BATCHES of like length are drawn at once
FRAMES, STRIDE = 60, 4  # rows have a multiple of so many frames; frames a token


# ── texts as numbers ──────────────────────────────────────────────────────────────────


def letters_of(texts):
    """Labels `(N, ROOM)` of English texts, from 1; behind the end stand zeros."""
    rows = np.zeros((len(texts), ROOM), "int32")
    for row, text in zip(rows, texts, strict=True):
        found = [1 + LETTERS.index(letter) for letter in text[:ROOM]]
        row[: len(found)] = found
    return rows


def english_of(labels):
    """The English text of some labels."""
    return "".join(LETTERS[label - 1] for label in labels if label)


def tokens_of(texts, language):
    """Tokens `(N, LONGEST)`: tag, characters, end, padding."""
    rows = np.full((len(texts), LONGEST), PAD, "int32")
    for row, text in zip(rows, texts, strict=True):
        characters = [FIRST + CHARACTERS.index(character) for character in text]
        row[: len(text) + 2] = [TAGS[language], *characters, END]
    return rows


def text_of(tokens):
    """The characters of a row of tokens, up to its end."""
    tokens = [int(token) for token in tokens]
    end = tokens.index(END) if END in tokens else len(tokens)
    return "".join(CHARACTERS[x - FIRST] for x in tokens[:end] if x >= FIRST)


def targets_of(numbers):
    """What is to be written, tokens `(2, N, LONGEST)`: German, Chinese."""
    rows = [tokens_of([TEXTS[code][n] for n in numbers], code) for code in ("de", "zh")]
    return np.stack(rows)


# ── sound ─────────────────────────────────────────────────────────────────────────────


def in_noise(recordings, decibels, seed):
    """The recordings in white noise, so many decibels below (or above) the voice.

    Args:
        recordings: `Recordings`.
        decibels: a number, or one for each recording.
        seed: of the noise.
    """
    rng = np.random.default_rng(seed)
    x, keep = recordings.waveforms, recordings.padding_mask
    power = (x**2).sum(1) / keep.sum(1) * 10 ** (-np.asarray(decibels) / 10)
    noise = rng.normal(size=x.shape) * np.sqrt(power)[:, None]
    return recordings._replace(waveforms=(x + noise * keep).astype("float32"))


def disturbed(features, keep, rng):
    """Features as of another throat, faster or slower, with stripes hidden.

    Args:
        features: floats `(B, F, M)`.
        keep: booleans `(B, F)`, the real ones first.
        rng: a generator of random numbers.
    """
    batch, frames, mels = features.shape
    real = keep.sum(axis=1)  # (B,)
    longer = np.exp(rng.uniform(-0.15, 0.25, batch))  # mostly slower: room for letters
    new = np.minimum(frames, (real * longer).astype(int))  # (B,)
    x = _resampled(features, np.arange(frames) * (real / new)[:, None], real)
    stretch = np.exp(rng.normal(0, 0.08, batch))[:, None]
    x = _resampled(x.swapaxes(1, 2), np.arange(mels) * stretch, np.full(batch, mels))
    x = x.swapaxes(1, 2)  # (B, F, M)
    keep = np.arange(frames) < new[:, None]
    seen = keep.copy()
    heights = np.ones((batch, mels), bool)
    for _ in range(2):
        seen &= ~_stripes(frames, new, 8, rng)
        heights &= ~_stripes(mels, np.full(batch, mels), 5, rng)
    return x * (seen[:, :, None] & heights[:, None, :]), keep


def _resampled(x, place, length):
    """Rows `(B, A, C)` read at places `(B, A)` between their steps."""
    place = np.clip(place, 0, (length - 1.001)[:, None])
    low = place.astype(int)
    share = (place - low)[..., None].astype("float32")
    left = np.take_along_axis(x, low[..., None], axis=1)
    right = np.take_along_axis(x, low[..., None] + 1, axis=1)
    return left * (1 - share) + right * share


def _stripes(size, inside, widest, rng):
    """One stripe for each row, `(B, size)`, True where it hides."""
    width = rng.integers(widest + 1, size=len(inside))
    first = (rng.random(len(inside)) * np.maximum(1, inside - width)).astype(int)
    place = np.arange(size)
    return (place >= first[:, None]) & (place < (first + width)[:, None])


# ── training ──────────────────────────────────────────────────────────────────────────


def cross_entropy(tokens, logits):
    """Nats for each token that is no padding; the first one is given."""
    wanted = ops.cast(tokens[:, 1:], "int32")  # (B, T − 1)
    chances = ops.log_softmax(ops.cast(logits[:, :-1], "float32"))
    each = ops.take_along_axis(chances, wanted[..., None], -1)[..., 0]
    real = ops.cast(wanted != PAD, "float32")
    return -ops.sum(each * real) / ops.sum(real)


def letter_loss(letters, logits, keep):
    """Nats for each letter; recordings that are too short for theirs are left out."""
    real = ops.cast(letters > 0, "int32")  # (B, U)
    again = ops.cast(letters[:, 1:] == letters[:, :-1], "int32") * real[:, 1:]
    needed = ops.sum(real, axis=1) + ops.sum(again, axis=1)
    fits = ops.cast(ops.sum(ops.cast(keep, "int32"), axis=1) >= needed, "int32")  # (B,)
    losses = ctc_loss(letters * fits[:, None], logits, keep)  # finite: no text fits
    total = ops.sum(losses * ops.cast(fits, "float32"))
    count = ops.sum(real * fits[:, None])
    return total / ops.maximum(1.0, ops.cast(count, "float32"))


class Trainer:
    """Steps of AdamW on a loss; the rate rises, then falls along a cosine to 0.

    Args:
        loss: a function of a batch.
        variables: that are trained.
        compiled: whether steps are compiled.
        **options: of the compiling, as `tf.function` has them.
    """

    def __init__(self, loss, variables, compiled, **options):
        self.optimizer = keras.optimizers.AdamW(1e-3, weight_decay=0.01, clipnorm=1.0)
        self.optimizer.build(variables)

        def step(*batch):
            with tf.GradientTape() as tape:
                value = loss(*batch)
            found = tape.gradient(
                value,
                [variable.value for variable in variables],
                unconnected_gradients="zero",
            )
            self.optimizer.apply(found, variables)
            return value

        options["autograph"] = False  # no Python of ours asks tensors
        self._step = tf.function(step, **options) if compiled else step

    def run(self, batches, rate, steps, progress=None):
        """Take so many steps; the losses."""
        for variable in self.optimizer.variables:
            variable.assign(ops.zeros(variable.shape, variable.dtype))
        losses = []
        for step in progress(range(steps), "training") if progress else range(steps):
            rise, fall = (step + 1) / (0.1 * steps), (step + 1) / steps
            now = rate * min(1.0, rise) * (1 + math.cos(math.pi * fall)) / 2
            self.optimizer.learning_rate.assign(now)
            losses.append(float(self._step(*map(tf.constant, next(batches)))))
        return losses


class Speech:
    """One model in which one start after the other learns to translate speech.

    Args:
        compiled: whether steps and writing are compiled, which pays from some dozen on.
            Defaults to `True`.
        share: of the letters in the loss; the rest is attention's. Defaults to 0.5.
        longest: tokens that are written at most, tag and end among them.
    """

    def __init__(self, compiled=True, share=0.5, longest=LONGEST):
        self.longest = longest
        self.front = from_preset("tlkeras://speech_letters").backbone
        self.share = share
        self.encoder, self.decoder, self.head = self._parts()
        variables = {
            id(variable): variable
            for variable in [
                *self.decoder.trainable_variables,
                *self.head.trainable_variables,
            ]
        }
        mels = self.front.get_config()["num_mels"]
        batch = (  # of any number of frames, so that one trace serves all
            tf.TensorSpec((BATCH, None, mels), "float32"),
            tf.TensorSpec((BATCH, None), "bool"),
            tf.TensorSpec((BATCH, ROOM), "int32"),
            tf.TensorSpec((BATCH, LONGEST), "int32"),
        )
        self.trainer = Trainer(
            self._loss, list(variables.values()), compiled, input_signature=batch
        )
        write = self._translation
        self._translate = tf.function(write, autograph=False) if compiled else write

    def _parts(self):
        encoder = SpeechEncoder.from_config(self.front.get_config())
        decoder = Seq2Seq(
            encoder,
            num_layers=1,
            num_heads=4,
            intermediate_dim=2 * WIDTH,
            vocabulary_size=VOCABULARY,
            max_sequence_length=LONGEST,
        )
        head = keras.layers.Dense(1 + len(LETTERS), name="letters")
        head.build((None, None, WIDTH))
        return encoder, decoder, head

    def start(self, pretrained, seed):
        """First weights: the encoder of `speech_letters` or a random one.

        Args:
            pretrained: which; the decoder and the letters' head are always random.
            seed: of what is random.
        """
        keras.utils.set_random_seed(seed)
        encoder, decoder, head = self._parts()
        if pretrained:
            encoder.set_weights(self.front.get_weights())
        self.set_weights([decoder.get_weights(), head.get_weights()])

    def get_weights(self):
        """Of everything; the decoder's hold the encoder's."""
        return [self.decoder.get_weights(), self.head.get_weights()]

    def set_weights(self, weights):
        """What `get_weights` gave."""
        self.decoder.set_weights(weights[0])
        self.head.set_weights(weights[1])

    def features(self, recordings):
        """What the encoder reads: a dictionary of arrays, (N, F, M) and (N, F)."""
        x, keep = recordings.waveforms, recordings.padding_mask
        some = [slice(i, i + 100) for i in range(0, len(x), 100)]
        parts = [self.front.features(x[rows], keep[rows]) for rows in some]
        return {
            name: np.concatenate([ops.convert_to_numpy(p[name]) for p in parts])
            for name in parts[0]
        }

    def losses(self, source, letters, tokens, training=False):
        """The two halves of the loss, each in nats for a symbol."""
        memory, keep = self.encoder.read(source, training)  # (B, S, D), (B, S)
        written = self.decoder.decode(
            tokens, memory, training=training, encoder_padding_mask=keep
        )  # (B, T, V)
        heard = letter_loss(letters, self.head(memory), keep)
        return heard, cross_entropy(tokens, written)

    def _loss(self, features, keep, letters, tokens):
        source = {"features": features, "padding_mask": keep}
        heard, written = self.losses(source, letters, tokens, training=True)
        return self.share * heard + (1 - self.share) * written

    def learn(self, inputs, letters, tokens, rate, steps, seed, progress=None):
        """Train from where the weights are; returns the losses.

        Args:
            inputs: as `features` gives them, N of them.
            letters: labels `(N, U)`.
            tokens: what is to be written, `(languages, N, T)`.
            rate: the highest.
            steps: of `BATCH` recordings, each with one of the languages.
            seed: of the batches and of what disturbs them.
            progress: what loops go through, as a lesson's `progress`.
        """
        rng = np.random.default_rng(seed)
        frames = inputs["padding_mask"].sum(axis=1)

        def batches():
            while True:
                some = rng.integers(len(letters), size=BATCH * BATCHES)
                some = some[np.argsort(frames[some], kind="stable")]
                for place in rng.permutation(BATCHES):
                    rows = some[place * BATCH : (place + 1) * BATCH]
                    x, keep = disturbed(*(inputs[k][rows] for k in inputs), rng)
                    most = min(x.shape[1], FRAMES * -(-keep.sum(1).max() // FRAMES))
                    language = rng.integers(len(tokens), size=BATCH)
                    yield (
                        x[:, :most],
                        keep[:, :most],
                        letters[rows],
                        tokens[language, rows],
                    )

        return self.trainer.run(batches(), rate, steps, progress)

    def log_probabilities(self, inputs):
        """Of each English letter at each token, floats (N, S, C), and the real ones."""
        found, real = [], []
        for source in _parts_of(inputs):
            memory, keep = self.encoder.read(source)
            found.append(ops.convert_to_numpy(ops.log_softmax(self.head(memory))))
            real.append(ops.convert_to_numpy(keep))
        return np.concatenate(found), np.concatenate(real)

    def hear(self, inputs):
        """The English letters of each recording, as the best path reads."""
        return [
            english_of(row) for row in greedy_decode(*self.log_probabilities(inputs))
        ]

    def hear_n(self, inputs, n, beams=8):
        """Of each recording the n best texts, with the logarithms of their chances."""
        found = beam_decode(*self.log_probabilities(inputs), num_beams=beams)
        return [
            [(english_of(text.labels), text.score) for text in texts[:n]]
            for texts in found
        ]

    def write(self, inputs, language, masked=True):
        """The translation of each recording, written greedily.

        Args:
            inputs: as `features` gives them.
            language: `"de"` or `"zh"`.
            masked: whether the decoder is kept from looking at padding.
        """
        texts = []
        for source in _parts_of(inputs):
            begin = np.full((len(source["features"]), 1), TAGS[language], "int32")
            rows = self._translate(source, begin, masked)
            texts += [text_of(row) for row in ops.convert_to_numpy(rows)]
        return texts

    def _translation(self, source, begin, masked):
        """The tokens `(B, longest)` that are written behind the first one."""
        keep = None if masked else ops.ones(_tokens(source), "bool")
        cache = self.decoder.initial_cache(source, self.longest, keep)
        return generate(self.decoder.step, begin, self.longest, END, cache)

    def forced(self, inputs, tokens):
        """The likeliest token at each place after the *right* ones, (N, T − 1)."""
        return self._attended(inputs, tokens)[0]

    def attention(self, inputs, tokens):
        """Where the decoder looks as it writes, (N, T, S): the mean of its heads."""
        return self._attended(inputs, tokens)[1]

    def _attended(self, inputs, tokens):
        found, looks = [], []
        for i, source in enumerate(_parts_of(inputs)):
            rows = tokens[100 * i : 100 * i + 100]
            logits, scores = self.decoder(
                {"source": source, "target_ids": rows}, return_attention_scores=True
            )
            found.append(ops.convert_to_numpy(logits).argmax(axis=-1)[:, :-1])
            looks.append(ops.convert_to_numpy(scores["memory"][-1]).mean(axis=1))
        return np.concatenate(found), np.concatenate(looks)


def _parts_of(inputs):
    """A hundred recordings at a time."""
    for i in range(0, len(inputs["features"]), 100):
        yield {name: x[i : i + 100] for name, x in inputs.items()}


def _tokens(source):
    """The shape of a mask of tokens, (B, S)."""
    batch, frames = source["padding_mask"].shape
    return batch, -(-frames // STRIDE)


class Translator:
    """From written English to German or Chinese, letter by letter.

    Args:
        compiled: whether steps are compiled. Defaults to `True`.
        longest: tokens that are written at most, tag and end among them.
    """

    def __init__(self, compiled=True, longest=LONGEST):
        self.longest = longest
        self.model = self._fresh()
        self.trainer = Trainer(
            self._loss, self.model.trainable_variables, compiled, jit_compile=True
        )
        write = self._translation
        self._translate = tf.function(write, autograph=False) if compiled else write

    def _fresh(self):
        sizes = {"hidden_dim": 64, "num_heads": 4, "intermediate_dim": 128}
        return Transformer(
            1 + len(LETTERS),
            VOCABULARY,
            num_encoder_layers=1,
            num_decoder_layers=1,
            max_sequence_length=max(ROOM, LONGEST),
            normalize_first=True,
            **sizes,
        )

    def _loss(self, letters, tokens):
        inputs = {"source_ids": letters, "target_ids": tokens}
        return cross_entropy(tokens, self.model(inputs, training=True))

    def learn(self, letters, tokens, rate, steps, seed, misheard=0.1, progress=None):
        """Train from random weights; returns the losses.

        Args:
            letters: labels `(N, ROOM)`.
            tokens: what is to be written, `(languages, N, T)`.
            rate: the highest.
            steps: of `BATCH` texts, each with one of the languages.
            seed: of all that is random.
            misheard: the share of letters that are left out or changed, so that the
                model gets used to what an ear makes of a text. Defaults to 0.1.
            progress: what loops go through, as a lesson's `progress`.
        """
        keras.utils.set_random_seed(seed)
        self.model.set_weights(self._fresh().get_weights())
        rng = np.random.default_rng(seed)

        def batches():
            while True:
                rows = rng.integers(len(letters), size=BATCH)
                language = rng.integers(len(tokens), size=BATCH)
                yield _misheard(letters[rows], misheard, rng), tokens[language, rows]

        return self.trainer.run(batches(), rate, steps, progress)

    def write(self, texts, language):
        """The translation of each text, and the logarithm of its probability."""
        rows = letters_of(texts)
        rows[:, 0] = np.maximum(rows[:, 0], 1)  # an empty text is a space
        begin = np.full((len(rows), 1), TAGS[language], "int32")
        found, chances = self._translate(rows, begin)
        scores = ops.convert_to_numpy(ops.sum(chances, axis=1))
        return [text_of(row) for row in ops.convert_to_numpy(found)], scores

    def _translation(self, letters, begin):
        """Tokens `(B, longest)` and the logarithms of their probabilities."""
        cache = self.model.initial_cache(letters, max_length=self.longest)
        return generate(
            self.model.step,
            begin,
            self.longest,
            END,
            cache,
            return_log_probabilities=True,
        )


def _misheard(letters, share, rng):
    """Some letters left out, some changed."""
    rows = np.zeros_like(letters)
    for row, old in zip(rows, letters, strict=True):
        text = old[old > 0]
        chance = rng.random(len(text))
        other = rng.integers(1, 1 + len(LETTERS), len(text))
        text = np.where(chance < share / 2, other, text)[chance < 1 - share / 2]
        row[: len(text)] = text
    return rows
