"""Wrong answers to lessons 06 to 22, each written as a learner would.

None uses the references of the lessons. Beside each stands what it should be called:
the ids of misconceptions, or nothing where a slip has no idea behind it.
"""

import itertools
import math
import re
from collections import Counter

import numpy as np

WRONG = []  # (lesson, exercise, ids, answer)


def wrong(exercise, *ids):
    """Note a wrong answer to `lesson/exercise`, and what it should be called."""
    lesson, exercise = exercise.split("/")

    def note(answer):
        WRONG.append((lesson, exercise, ids, answer))
        return answer

    return note


def of_keras(make):
    """A class or model that is made when it is called: Keras loads late."""
    return lambda *inputs: make(__import__("keras"))(*inputs)


# ── 06 mean_vector ────────────────────────────────────────────────────────────────────

MEAN = "06_three_ways/mean_vector"
wrong(MEAN)(
    lambda v, m: np.squeeze(
        np.einsum("btd,bt->bd", v, m.astype(float)) / np.maximum(m.sum(1), 1)[:, None]
    )
)
wrong(MEAN, "mean.beginning")(
    lambda v, m: [
        x[: int(n)].mean(0) if n else 0 * x[0] for x, n in zip(v, m.sum(1), strict=True)
    ]
)
wrong(MEAN, "mean.divided-by-zero")(
    lambda v, m: np.ma.average(
        v, axis=1, weights=np.broadcast_to(m[..., None], v.shape).astype(float)
    ).filled(np.nan)
)
wrong(MEAN, "mean.divided-by-length")(lambda v, m: (v * (m[..., None] != 0)).mean(1))
wrong(MEAN, "mean.padding-counted")(lambda v, m: v.mean(axis=-2))


@wrong(MEAN)
def mean_of_texts_of_two_or_more(vectors, mask):
    return [
        v[m.astype(bool)].mean(0) if m.sum() > 1 else np.zeros(v.shape[-1])
        for v, m in zip(vectors, mask, strict=True)
    ]


# ── 06 Frozen ─────────────────────────────────────────────────────────────────────────


def _frozen(prepare, run):
    def make(keras):
        class Frozen(keras.layers.Layer):
            def __init__(self, backbone):
                super().__init__()
                self.backbone = backbone
                prepare(self, backbone)

            def call(self, inputs):
                return run(self.backbone, inputs)

        return Frozen

    return of_keras(make)


def _freeze_whole(layer, body):
    body.trainable = False


def _freeze_first(layer, body):
    next(x for x in body.layers if x.weights).trainable = False


def _freeze_weights(layer, body):
    for weight in body.weights:
        weight.trainable = False


FROZEN = "06_three_ways/Frozen"
wrong(FROZEN, "freeze.dropout-on")(_frozen(_freeze_whole, lambda b, x: b(x)))
wrong(FROZEN, "freeze.norm-learns")(
    _frozen(_freeze_first, lambda b, x: b(x, training=False))
)
wrong(FROZEN, "freeze.still-learns")(
    _frozen(lambda layer, body: None, lambda b, x: b(x, training=False))
)
wrong(FROZEN, "freeze.always-training")(
    _frozen(_freeze_whole, lambda b, x: b(x, training=True))
)
wrong(FROZEN, "freeze.statistics-move")(_frozen(_freeze_weights, lambda b, x: b(x)))

# ── 06 remembered_features ────────────────────────────────────────────────────────────


def _by_row(key):
    """One by one, with a key made of place and row."""

    def remember(encode, token_ids, memory):
        for place, row in enumerate(token_ids):
            if key(place, row) not in memory:
                memory[key(place, row)] = encode(row[None])[0]
        return np.stack([memory[key(i, row)] for i, row in enumerate(token_ids)])

    return remember


def _at_once(key):
    """All new ones in one call."""

    def remember(encode, token_ids, memory):
        keys = [key(i, row) for i, row in enumerate(token_ids)]
        new = {}
        for k, row in zip(keys, token_ids, strict=True):
            if k not in memory:
                new.setdefault(k, row)
        if new:
            found = encode(np.stack(list(new.values())))
            memory.update(zip(new, found, strict=True))
        return np.stack([memory[k] for k in keys])

    return remember


MEMORY = "06_three_ways/remembered_features"
wrong(MEMORY, "memory.place-as-key")(_at_once(lambda place, row: place))
wrong(MEMORY, "memory.place-as-key", "memory.one-by-one")(
    _by_row(lambda place, row: place)
)
wrong(MEMORY, "memory.order-ignored")(_at_once(lambda place, row: frozenset(row)))
wrong(MEMORY, "memory.sum-as-key")(_at_once(lambda place, row: int(row.sum())))
wrong(MEMORY, "memory.one-by-one")(_by_row(lambda place, row: bytes(row)))
wrong(MEMORY, "memory.place-and-row")(
    _at_once(lambda place, row: (place, row.tobytes()))
)
wrong(MEMORY, "memory.end-as-key")(_at_once(lambda place, row: int(row[-1])))
wrong(MEMORY)(
    lambda *given: np.squeeze(_at_once(lambda place, row: row.tobytes())(*given))
)


@wrong(MEMORY, "memory.batch-as-key")
def remember_batches(encode, token_ids, memory):
    if token_ids.tobytes() not in memory:
        memory[token_ids.tobytes()] = encode(token_ids)
    return memory[token_ids.tobytes()]


@wrong(MEMORY, "memory.first-batch")
def remember_the_first_batch(encode, token_ids, memory):
    if "features" not in memory:
        memory["features"] = encode(token_ids)
    return memory["features"]


@wrong(MEMORY, "memory.place-as-key")
def remember_by_place_of_batch(encode, token_ids, memory):
    missing = [i for i in range(len(token_ids)) if i not in memory]
    if missing:
        for i, vector in zip(missing, encode(token_ids[missing]), strict=True):
            memory[i] = vector
    return [memory[i] for i in range(len(token_ids))]


# ── 06 copy_parameters ────────────────────────────────────────────────────────────────

COPY = "06_three_ways/copy_parameters"


@wrong(COPY, "copy.until-one-fails")
def copy_and_return_at_once(source, target):
    known = {w.path: w for w in source.weights}
    report = {}
    for weight in target.weights:
        old = known.get(weight.path)
        if old is None or old.shape != weight.shape:
            report[weight.path] = "shape" if old is not None else "missing"
        elif not report:
            weight.assign(old)
    return report


@wrong(COPY, "copy.trainable-only")
def copy_what_learns(source, target):
    known = {w.path: w for w in source.trainable_variables}
    report = {}
    for weight in target.trainable_variables:
        if weight.path in known and known[weight.path].shape == weight.shape:
            weight.assign(known[weight.path])
        else:
            report[weight.path] = "shape" if weight.path in known else "missing"
    return report


@wrong(COPY, "copy.nothing-copied")
def copy_by_naming(source, target):
    known = {w.path: w for w in source.weights}
    report = {}
    for weight in target.weights:
        if weight.path not in known:
            report[weight.path] = "missing"
        elif known[weight.path].shape != weight.shape:
            report[weight.path] = "shape"
        else:
            weight = known[weight.path]
    return report


@wrong(COPY)
def copy_all_but_biases(source, target):
    known = {w.path: w for w in source.weights if "bias" not in w.path}
    report = {}
    for weight in target.weights:
        if weight.path not in known:
            report[weight.path] = "missing"
        elif known[weight.path].shape != weight.shape:
            report[weight.path] = "shape"
        else:
            weight.assign(known[weight.path])
    return report


# ── 06 fine_tune ──────────────────────────────────────────────────────────────────────


def _tuner(learns=lambda step, frozen: step >= frozen, change=lambda w, d: w - d):
    def tune(body, head, slopes, batches, body_rate, head_rate, frozen):
        for step, batch in enumerate(batches):
            for_body, for_head = slopes(body, head, batch)
            head = [change(w, head_rate * s) for w, s in zip(head, for_head)]  # noqa: B905
            if learns(step, frozen):
                body = [change(w, body_rate * s) for w, s in zip(body, for_body)]  # noqa: B905
        return body, head

    return tune


TUNE = "06_three_ways/fine_tune"
wrong(TUNE, "tune.in-place")(_tuner(change=lambda w, d: np.subtract(w, d, out=w)))
wrong(TUNE, "tune.frozen-one-longer")(_tuner(lambda step, frozen: not step <= frozen))
wrong(TUNE, "tune.never-frozen")(_tuner(lambda step, frozen: frozen >= 0))
wrong(TUNE, "tune.uphill")(_tuner(change=np.add))
wrong(TUNE)(_tuner(lambda step, frozen: step == frozen))


@wrong(TUNE, "tune.head-moved-first")
def tune_one_after_another(body, head, slopes, batches, body_rate, head_rate, frozen):
    for step, batch in enumerate(batches):
        change = slopes(body, head, batch)[1]
        head = [w - head_rate * s for w, s in zip(head, change, strict=True)]
        if step >= frozen:
            change = slopes(body, head, batch)[0]
            body = [w - body_rate * s for w, s in zip(body, change, strict=True)]
    return body, head


# ── 06 paired_gain ────────────────────────────────────────────────────────────────────


def _interval(gains, factor):
    error = gains.std(1, ddof=1) / gains.shape[1] ** 0.5
    return gains.mean(1), factor(gains.shape[1]) * error


def _t(seeds):
    from scipy import stats

    return stats.t(seeds - 1).interval(0.95)[1]


GAIN = "06_three_ways/paired_gain"
wrong(GAIN, "gain.absolute")(lambda s, b: _interval(np.abs(s - b), _t))
wrong(GAIN)(lambda s, b: (np.abs(_interval(s - b, _t)[0]), _interval(s - b, _t)[1]))
wrong(GAIN)(lambda s, b: (np.maximum(0, (s - b).mean(1)), _interval(s - b, _t)[1]))
wrong(GAIN)(lambda s, b: tuple(map(np.squeeze, _interval(s - b, _t))))
wrong(GAIN, "gain.normal")(lambda s, b: _interval(s - b, lambda n: 1.96))
wrong(GAIN)(lambda s, b: _interval(s - b, lambda n: {3: 4.3027, 5: 2.7764}.get(n, 2)))

# ── 07 low_rank, LoRADense, merge ─────────────────────────────────────────────────────


def _sum_of_parts(parts, size=lambda value: value):
    def nearest(change, rank):
        u, s, v = np.linalg.svd(change)
        total = np.zeros_like(change)
        for i in parts(rank, len(s)):
            total += size(s[i]) * np.outer(u[:, i], v[i])
        return total

    return nearest


RANK = "07_few_parameters/low_rank"
wrong(RANK, "rank.one-too-few")(_sum_of_parts(lambda r, n: range(r - 1)))
wrong(RANK, "rank.one-too-many")(_sum_of_parts(lambda r, n: range(min(r + 1, n))))
wrong(RANK, "rank.smallest-kept")(_sum_of_parts(lambda r, n: range(n - r, n)))
wrong(RANK)(_sum_of_parts(lambda r, n: range(1, r + 1 if r < n else n)))
wrong(RANK)(
    lambda change, r: np.squeeze(_sum_of_parts(lambda r, n: range(r))(change, r))
)
wrong(RANK)(lambda change, r: change[:, :r] @ np.linalg.pinv(change[:, :r]) @ change)


def _lora(scale, a="he_uniform", b="zeros", frozen=True):
    def make(keras):
        class Lora(keras.layers.Layer):
            def __init__(self, dense, rank, alpha):
                super().__init__()
                dense.trainable = not frozen
                self.dense, self.scale = dense, scale(alpha, rank)
                size, outputs = dense.kernel.shape
                self.a = self.add_weight(shape=(size, rank), initializer=a)
                self.b = self.add_weight(shape=(rank, outputs), initializer=b)

            def call(self, x):
                return self.dense(x) + self.scale * ((x @ self.a) @ self.b)

        return Lora

    return of_keras(make)


LORA = "07_few_parameters/LoRADense"
wrong(LORA)(_lora(lambda alpha, rank: alpha // rank))
wrong(LORA, "lora.a-all-alike")(_lora(lambda alpha, rank: alpha / rank, a="ones"))
wrong(LORA, "lora.both-zero")(_lora(lambda alpha, rank: alpha / rank, a="zeros"))
wrong(LORA, "lora.none-zero")(_lora(lambda alpha, rank: alpha / rank, b="normal"))
wrong(LORA, "lora.nothing-frozen")(_lora(lambda alpha, r: alpha / r, frozen=False))
wrong(LORA, "lora.divided-by-root")(_lora(lambda alpha, rank: alpha / rank**0.5))

MERGE = "07_few_parameters/merge"
wrong(MERGE)(lambda k, a, b, alpha: k + alpha // len(b) * (a @ b))
wrong(MERGE, "merge.rank-from-second-axis")(
    lambda k, a, b, alpha: k + alpha / a.shape[1] * np.einsum("...r,rf->...f", a, b)
)
wrong(MERGE, "merge.change-alone")(lambda k, a, b, alpha: alpha / len(b) * (a @ b))


@wrong(MERGE)
def merge_in_place(kernel, a, b, alpha):
    kernel += alpha / len(b) * (a @ b)
    return kernel


# ── 07 layerwise_step, thaw, distillation_loss ────────────────────────────────────────


def _steps(factor):
    def step(kernels, gradients, rate, decay):
        n = len(kernels)
        return [
            k - factor(rate, decay, i, n) * g
            for i, (k, g) in enumerate(zip(kernels, gradients, strict=True))
        ]

    return step


RATES = "07_few_parameters/layerwise_step"
wrong(RATES, "rates.from-the-input")(_steps(lambda rate, d, i, n: rate * d**i))
wrong(RATES, "rates.last-decayed-too")(
    _steps(lambda rate, d, i, n: rate * d ** (n - i))
)
wrong(RATES, "rates.growing")(_steps(lambda rate, d, i, n: rate / d ** (n - 1 - i)))
wrong(RATES)(_steps(lambda rate, d, i, n: rate * d ** min(n - 1 - i, 3)))
wrong(RATES)(_steps(lambda rate, d, i, n: (rate * d) ** (n - 1 - i)))


@wrong(RATES)
def steps_in_place(kernels, gradients, rate, decay):
    for i in range(len(kernels)):
        kernels[i] -= rate * decay ** (len(kernels) - 1 - i) * gradients[i]
    return kernels


def _one_block(which):
    def thaw(blocks, epoch, every):
        for block in blocks:
            block.trainable = False
        blocks[which(len(blocks), epoch // every)].trainable = True

    return thaw


THAW = "07_few_parameters/thaw"
wrong(THAW, "thaw.one-at-a-time-none-left")(_one_block(lambda n, turn: -1 - turn))
wrong(THAW, "thaw.one-at-a-time-first-stays")(
    _one_block(lambda n, turn: max(0, n - 1 - turn))
)
wrong(THAW, "thaw.one-at-a-time-again")(_one_block(lambda n, turn: n - 1 - turn % n))


@wrong(THAW, "thaw.one-at-a-time")
def thaw_one(blocks, epoch, every):
    for depth, block in enumerate(reversed(blocks)):
        block.trainable = depth == epoch // every


@wrong(THAW, "thaw.an-epoch-too-late")
def thaw_late(blocks, epoch, every):
    for i, block in enumerate(blocks):
        block.trainable = (len(blocks) - 1 - i) * every < max(1, epoch)


@wrong(THAW)
def thaw_all_but_the_first(blocks, epoch, every):
    for i in range(1, len(blocks)):
        blocks[i].trainable = i >= len(blocks) - 1 - epoch // every
    blocks[0].trainable = len(blocks) == 1


@wrong(THAW)
def thaw_by_counting_epochs(blocks, epoch, every):
    learning = sum(block.trainable for block in blocks)
    if epoch == 0:
        learning = 1
    elif epoch % every == 0:
        learning = min(learning + 1, len(blocks) - 1)
    for i, block in enumerate(blocks):
        block.trainable = i >= len(blocks) - learning


def _softmax(x, axis=-1):
    powers = np.exp(x - x.max(axis, keepdims=True))
    return powers / powers.sum(axis, keepdims=True)


DISTIL = "07_few_parameters/distillation_loss"


def _kl(teacher, student, p_of=_softmax, floor=0.0):
    p, q = p_of(teacher).astype(float), p_of(student).astype(float)
    p, q = (np.clip(x, floor, 1) for x in (p, q))
    return (p * np.log(p / q)).sum(-1).mean()


wrong(DISTIL, "distil.clipped")(lambda p, q, t: t**2 * _kl(p / t, q / t, floor=1e-7))
wrong(DISTIL, "distil.log-of-zero")(lambda p, q, t: t**2 * _kl(p / t, q / t))
wrong(DISTIL, "distil.reversed", "distil.log-of-zero")(
    lambda p, q, t: t**2 * _kl(q / t, p / t)
)


@wrong(DISTIL, "distil.clipped")
def distil_with_keras_losses(teacher, student, temperature):
    import keras

    p, q = (keras.ops.softmax(x / temperature) for x in (teacher, student))
    return temperature**2 * keras.losses.KLDivergence()(p, q)


# ── 08 wordpiece, bert_input ──────────────────────────────────────────────────────────


def _wordpiece(ends=lambda start, n: range(n, start, -1), stop=0, missing=None):
    def cut(word, vocabulary):
        ids, start = [], 0
        while start < len(word) - stop:
            for end in ends(start, len(word)):
                piece = "##" * bool(start) + word[start:end]
                if vocabulary.get(piece, missing) not in (missing, None):
                    ids, start = [*ids, vocabulary[piece]], end
                    break
            else:
                return [vocabulary["[UNK]"]]
        return ids

    return cut


PIECE = "08_bert/wordpiece"
wrong(PIECE, "piece.zero-is-missing")(_wordpiece(missing=0))
wrong(PIECE)(_wordpiece(stop=1))
wrong(PIECE, "piece.single-letters-left-out")(
    _wordpiece(lambda start, n: range(n, start + 1, -1))
)
wrong(PIECE, "piece.shortest-first")(_wordpiece(lambda s, n: range(s + 1, n + 1)))
wrong(PIECE, "piece.whole-word-only")(_wordpiece(lambda s, n: [n]))


def _layer_norm(x, gamma, beta):
    mean = np.mean(x, -1, keepdims=True)
    return (x - mean) / np.sqrt(np.var(x, -1, keepdims=True)) * gamma + beta


INPUT = "08_bert/bert_input"
wrong(INPUT)(
    lambda i, s, t, k, p, g, b: np.squeeze(
        _layer_norm(t[i] + k[s] + p[: i.shape[1]], g, b)
    )
)
wrong(INPUT, "input.segment-swapped")(
    lambda i, s, t, k, p, g, b: _layer_norm(t[i] + k[::-1][s] + p[: len(i[0])], g, b)
)
wrong(INPUT, "input.position-from-the-end")(
    lambda i, s, t, k, p, g, b: _layer_norm(t[i] + k[s] + p[::-1][: i.shape[1]], g, b)
)
wrong(INPUT, "input.padding-zeroed")(
    lambda i, s, t, k, p, g, b: _layer_norm(
        t[i] * (i != 0)[..., None] + k[s] + p[: i.shape[1]], g, b
    )
)

# ── 08 mask_tokens, masked_lm_loss ────────────────────────────────────────────────────


def _masked(below=lambda x: x < 0.15, hide=lambda x: x < 0.8, swap=lambda x: x < 0.9):
    def mask(ids, special, mask_id, choice, fate, random_ids):
        inputs, labels = ids.copy(), np.zeros_like(ids)
        for place in np.ndindex(ids.shape):
            if ids[place] in special or not below(choice[place]):
                continue
            labels[place] = ids[place]
            if hide(fate[place]):
                inputs[place] = mask_id
            elif swap(fate[place]):
                inputs[place] = random_ids[place]
        return inputs, labels

    return mask


MASK = "08_bert/mask_tokens"
wrong(MASK, "mask.border-chosen")(_masked(below=lambda x: x <= 0.15))
wrong(MASK, "mask.border-masked")(_masked(hide=lambda x: x <= 0.8))
wrong(MASK, "mask.border-random")(_masked(swap=lambda x: x <= 0.9))
wrong(MASK)(_masked(below=lambda x: 0 < x < 0.15))
wrong(MASK)(_masked(hide=lambda x: 0 < x < 0.8))
wrong(MASK, "mask.never-kept")(_masked(swap=lambda x: True))
wrong(MASK, "mask.random-is-mask")(_masked(hide=lambda x: x < 0.9))


def _mlm_loss(asked=lambda labels: labels != 0, part=np.s_[:, :], states_part=None):
    def loss(states, labels, table, bias):
        keep = asked(labels[part])
        logits = states[states_part or part][keep] @ table.T + bias
        most = logits.max(1, keepdims=True)
        log_sum = most[:, 0] + np.log(np.exp(logits - most).sum(1))
        return np.mean(log_sum - logits[np.arange(len(logits)), labels[part][keep]])

    return loss


LOSS = "08_bert/masked_lm_loss"
wrong(LOSS, "loss.ends-left-out")(_mlm_loss(part=np.s_[:, 1:-1]))
wrong(LOSS, "loss.first-left-out")(_mlm_loss(part=np.s_[:, 1:]))
wrong(LOSS, "loss.last-left-out")(_mlm_loss(part=np.s_[:, :-1]))
wrong(LOSS, "loss.special-left-out")(_mlm_loss(asked=lambda labels: labels > 4))
wrong(LOSS)(_mlm_loss(asked=lambda labels: labels > 1))
wrong(LOSS, "loss.everywhere")(_mlm_loss(asked=lambda labels: labels >= 0))
wrong(LOSS, "loss.next-token")(_mlm_loss(part=np.s_[:, 1:], states_part=np.s_[:, :-1]))

# ── 08 text_logits, calibration_error ─────────────────────────────────────────────────


def _head(mean, cls=lambda states, keep: states[:, 0]):
    def logits(states, keep, kernel, bias, pooling):
        vector = (mean if pooling == "mean" else cls)(states, keep)
        return np.dot(vector, kernel) + bias

    return logits


def _mean(states, keep):
    return np.stack([s[k].mean(0) for s, k in zip(states, keep, strict=True)])


HEAD = "08_bert/text_logits"
wrong(HEAD, "head.beginning")(
    _head(
        lambda s, k: np.stack([x[: m.sum()].mean(0) for x, m in zip(s, k, strict=True)])
    )
)
wrong(HEAD)(lambda *given: np.squeeze(_head(_mean)(*given)))
wrong(HEAD, "head.padding-counted")(_head(lambda s, k: s.mean(1)))
wrong(HEAD)(_head(lambda s, k: _mean(s[:, :-1], k[:, :-1])))
wrong(HEAD, "head.cls-is-very-last")(_head(_mean, lambda s, k: s[:, -1]))


def _ece(number):
    def error(probabilities, labels, bins):
        sure = probabilities.max(1).astype(float)
        right = (probabilities.argmax(1) == labels).astype(float)
        total, places = 0.0, number(sure, bins)
        for b in range(bins):
            mine = places == b
            if mine.any():
                total += mine.sum() * abs(right[mine].mean() - sure[mine].mean())
        return total / len(labels)

    return error


ECE = "08_bert/calibration_error"
EDGE = "calibration.edge-in-the-bin-above"
wrong(ECE, EDGE)(_ece(lambda c, m: np.minimum(np.floor(c * m), m - 1)))
wrong(ECE, EDGE)(_ece(lambda c, m: np.digitize(c, np.linspace(0, 1, m + 1)[1:-1])))
wrong(ECE, EDGE, "calibration.certain-left-out")(_ece(lambda c, m: np.floor(c * m)))
wrong(ECE, "calibration.edges-left-out")(
    lambda p, y, m: sum(
        abs((p.argmax(1) == y)[k].mean() - p.max(1)[k].mean()) * k.mean()
        for k in ((p.max(1) > b / m) & (p.max(1) < (b + 1) / m) for b in range(m))
        if k.any()
    )
)
wrong(ECE, "calibration.bins-by-rounding")(
    _ece(lambda c, m: np.minimum(np.rint(c * m), m - 1))
)
wrong(ECE, "calibration.bins-of-equal-count")(
    _ece(lambda c, m: c.argsort().argsort() * m // len(c))
)


@wrong(ECE, EDGE)
def ece_by_histogram(probabilities, labels, bins):
    sure, right = probabilities.max(1), probabilities.argmax(1) == labels
    sums = [
        np.histogram(sure, bins, (0, 1), weights=w.astype(float))[0]
        for w in (right, sure)
    ]
    return np.abs(sums[0] - sums[1]).sum() / len(labels)


# ── 10 join_pair ──────────────────────────────────────────────────────────────────────

JOIN = "10_translation/join_pair"


def _joined(advance=2, most=99, fits=lambda two, pair: two == list(pair)):
    def join(word, pair, piece):
        found, i, count = [], 0, 0
        while i < len(word):
            if fits(list(word[i : i + 2]), pair) and count < most:
                found.append(piece)
                i, count = i + advance, count + 1
            else:
                found.append(word[i])
                i += 1
        return found

    return join


wrong(JOIN, "join.first-only")(_joined(most=1))
wrong(JOIN, "join.overlapping")(_joined(advance=1))
wrong(JOIN, "join.either-order")(
    _joined(fits=lambda two, pair: sorted(two) == sorted(pair))
)
wrong(JOIN)(_joined(most=2))
wrong(JOIN)(lambda word, pair, piece: _joined()(word[::-1], pair[::-1], piece)[::-1])
wrong(JOIN)(lambda word, pair, piece: list(dict.fromkeys(_joined()(word, pair, piece))))


@wrong(JOIN, "join.last-lost")
def join_in_a_range(word, pair, piece):
    found, skip = [], False
    for left, right in itertools.pairwise(word):
        if skip:
            skip = False
        elif (left, right) == pair:
            found.append(piece)
            skip = True
        else:
            found.append(left)
    return found


@wrong(JOIN)
def join_text(word, pair, piece):
    text = ",".join(map(str, word)).replace(",".join(map(str, pair)), str(piece))
    return [int(number) for number in text.split(",")][: len(word) - 1]


# ── 10 learn_merges ───────────────────────────────────────────────────────────────────

MERGES = "10_translation/learn_merges"


def _merges(weigh=lambda times: times, best=None, again=True, start=256):
    best = best or (lambda pairs: min(pairs, key=lambda p: (-pairs[p], p)))

    def learn(words, counts, number):
        merges, pairs = [], {}
        words = [list(word.encode()) for word in words]
        for turn in range(number):
            if again or not turn:
                pairs = {}
                for word, times in zip(words, counts, strict=True):
                    for i in range(1, len(word)):
                        pair = (word[i - 1], word[i])
                        pairs[pair] = pairs.get(pair, 0) + weigh(times)
            if not pairs:
                break
            merges.append(best(pairs))
            del pairs[merges[-1]]
            words = [_joined()(word, merges[-1], start + turn) for word in words]
        return merges

    return learn


wrong(MERGES, "merges.counts-left-out")(_merges(weigh=lambda times: 1))
wrong(MERGES, "merges.stale-counts")(_merges(again=False))
wrong(MERGES, "merges.pieces-from-257")(_merges(start=257))
wrong(MERGES, "merges.rarest")(
    _merges(best=lambda pairs: sorted(pairs, key=lambda p: (pairs[p], p))[0])
)
wrong(MERGES, "merges.largest-of-ties")(
    _merges(best=lambda pairs: sorted(pairs, key=lambda p: (pairs[p], p))[-1])
)
wrong(MERGES, "merges.counts-left-out", "merges.stale-counts")(
    _merges(weigh=lambda times: 1, again=False)
)
wrong(MERGES)(lambda words, counts, number: _merges()(words, counts, number)[::-1])
wrong(MERGES)(lambda words, counts, number: _merges()(words, counts, 1))
wrong(MERGES)(
    lambda words, counts, number: _merges()(words, counts, max(1, number - 1))
)
wrong(MERGES)(lambda *a: [(b, c) for c, b in _merges()(*a)])


# ── 10 corpus_bleu ────────────────────────────────────────────────────────────────────

BLEU = "10_translation/corpus_bleu"


def _grams(tokens, n):
    found = {}
    for i in range(len(tokens) - n + 1):
        key = " ".join(tokens[i : i + n])
        found[key] = found.get(key, 0) + 1
    return found


def _bleu(clip=min, power=0.25, brevity=lambda c, r: min(1, math.exp(1 - r / c)), n=4):
    def bleu(candidates, references):
        score = 100.0
        for order in range(1, n + 1):
            right = total = 0
            for c, r in zip(candidates, references, strict=True):
                ours, theirs = _grams(c.split(), order), _grams(r.split(), order)
                right += sum(clip(k, theirs[g]) for g, k in ours.items() if g in theirs)
                total += sum(ours.values())
            score *= (right / total if total else 0) ** power
        c, r = (len(" ".join(side).split()) for side in (candidates, references))
        return score * brevity(c, r)

    return bleu


wrong(BLEU, "bleu.not-clipped")(_bleu(clip=lambda ours, theirs: ours))
wrong(BLEU, "bleu.product")(_bleu(power=1))
wrong(BLEU, "bleu.no-brevity")(_bleu(brevity=lambda c, r: 1))
wrong(BLEU, "bleu.brevity-inverted")(
    _bleu(brevity=lambda c, r: math.exp(1 - c / r) if c > r else 1)
)
wrong(BLEU, "bleu.brevity-ratio")(_bleu(brevity=lambda c, r: min(c / r, 1)))
wrong(BLEU, "bleu.from-0-to-1")(lambda c, r: _bleu()(c, r) / 100)
wrong(BLEU, "bleu.sentences-averaged")(
    lambda c, r: np.mean([_bleu()([x], [y]) if x else 0 for x, y in zip(c, r)])  # noqa: B905
)
wrong(BLEU)(_bleu(n=5, power=0.2))
wrong(BLEU)(_bleu(clip=lambda ours, theirs: theirs))
wrong(BLEU)(lambda c, r: round(_bleu()(c, r)))


# ── 10 chrf ───────────────────────────────────────────────────────────────────────────

CHRF = "10_translation/chrf"


def _chrf(
    n=6, beta=2, plain=lambda text: text.replace(" ", ""), swap=False, every=False
):
    def chrf(candidates, references):
        ps, rs = [], []
        for order in range(1, n + 1):
            right = ours = theirs = 0
            for c, r in zip(candidates, references, strict=True):
                a, b = _grams(list(plain(c)), order), _grams(list(plain(r)), order)
                right += sum(min(k, b.get(g, 0)) for g, k in a.items())
                ours += sum(a.values()) if b or every else 0
                theirs += sum(b.values())
            if ours and theirs:
                ps.append(right / ours)
                rs.append(right / theirs)
        p, r = np.mean(ps), np.mean(rs)
        p, r = (r, p) if swap else (p, r)
        return 100 * (1 + beta**2) * p * r / max(beta**2 * p + r, 1e-9)

    return chrf


wrong(CHRF, "chrf.f1")(_chrf(beta=1))
wrong(CHRF, "chrf.precision-weighted")(_chrf(swap=True))
wrong(CHRF, "chrf.four-orders")(_chrf(n=4))
wrong(CHRF, "chrf.spaces-counted")(_chrf(plain=lambda text: text.replace(" ", "_")))
wrong(CHRF, "chrf.from-0-to-1")(lambda c, r: _chrf()(c, r) / 100)
wrong(CHRF, "chrf.sentences-averaged")(
    lambda c, r: np.mean([_chrf()([x], [y]) if x else 0 for x, y in zip(c, r)])  # noqa: B905
)
wrong(CHRF, "chrf.unasked-counted")(_chrf(every=True))
wrong(CHRF)(_chrf(beta=3))
wrong(CHRF)(_chrf(n=5))
wrong(CHRF)(_chrf(plain=lambda text: text.lower().replace("a", "")))
wrong(CHRF)(lambda c, r: _chrf()(c[:1], r[:1]))


# ── 10 beam_scores ────────────────────────────────────────────────────────────────────

BEAMS = "10_translation/beam_scores"


def _scored(include=1, extra=0, penalty=lambda n, a: ((5 + n) / 6) ** a):
    def score(tokens, logs, alpha):
        found = []
        for row, log in zip(tokens, logs, strict=True):
            ends = np.flatnonzero(row == 2)
            n = ends[0] + include if len(ends) else len(row)
            found.append(log[:n].sum() / penalty(n + extra, alpha))
        return np.array(found)

    return score


wrong(BEAMS, "beams.end-left-out")(_scored(include=0))
wrong(BEAMS, "beams.begin-counted")(_scored(extra=1))
wrong(BEAMS, "beams.end-not-in-length")(
    lambda t, log, a: np.where(
        (t == 2).any(1),
        _scored(extra=-1)(t, log, a),
        _scored()(t, log, a),
    )
)
wrong(BEAMS, "beams.plain-length")(_scored(penalty=lambda n, a: n**a))
wrong(BEAMS, "beams.not-divided")(_scored(penalty=lambda n, a: 1))
wrong(BEAMS, "beams.multiplied")(_scored(penalty=lambda n, a: ((5 + n) / 6) ** -a))
wrong(BEAMS, "beams.padding-counted")(
    lambda t, log, a: log.sum(1) / ((5 + t.shape[1]) / 6) ** a
)
wrong(BEAMS)(_scored(penalty=lambda n, a: ((5 + n) / 5) ** a))
wrong(BEAMS)(lambda t, log, a: _scored()(t, log, 0.6))
wrong(BEAMS)(lambda t, log, a: np.sort(_scored()(t, log, a)))


# ── 10 transplant ─────────────────────────────────────────────────────────────────────

MOVED = "10_translation/transplant"


def _moved(new=lambda row: row, use=True, first=False):
    def move(fresh, pieces, parent, parent_pieces, alike):
        table = []
        for piece, row in zip(pieces, fresh, strict=True):
            names = [piece, alike.get(piece)] if use else [piece]
            names = names[::-1] if first else names
            places = [parent_pieces.index(x) for x in names if x in parent_pieces]
            table.append(parent[places[0]] if places else new(row))
        return np.array(table)

    return move


wrong(MOVED, "transplant.alike-forgotten")(_moved(use=False))
wrong(MOVED, "transplant.alike-first")(_moved(first=True))
wrong(MOVED, "transplant.zeros-for-new")(_moved(new=lambda row: 0 * row))
wrong(MOVED, "transplant.nothing-taken")(lambda fresh, *_: fresh)
wrong(MOVED, "transplant.averaged")(lambda *a: (_moved()(*a) + a[0]) / 2)
wrong(MOVED)(_moved(new=lambda row: row + 1))
wrong(MOVED)(lambda *a: _moved()(*a) * 0.5)
wrong(MOVED)(lambda *a: _moved()(*a)[::-1])


@wrong(MOVED, "transplant.by-number")
def moved_by_number(fresh, pieces, parent, parent_pieces, alike):
    table = fresh.copy()
    count = min(len(fresh), len(parent))
    table[:count] = parent[:count]
    return table


@wrong(MOVED)
def moved_but_the_last(fresh, *rest):
    table = _moved()(fresh, *rest)
    table[-1] = fresh[-1]
    return table + 1e-3


# ── 09 next_token_loss ────────────────────────────────────────────────────────────────

NEXT = "09_gpt/next_token_loss"


def log_p_of(logits):
    x = logits.astype(float)
    most = x.max(-1, keepdims=True)
    return x - most - np.log(np.exp(x - most).sum(-1, keepdims=True))


def picked(log_p, ids):
    b, t = np.indices(ids.shape)
    return log_p[b, t, ids]


wrong(NEXT, "next.not-shifted")(lambda x, ids, m: -picked(log_p_of(x), ids)[m].mean())
wrong(NEXT, "next.shifted-back")(
    lambda x, ids, m: -picked(log_p_of(x)[:, 1:], ids[:, :-1])[m[:, :-1]].mean()
)
wrong(NEXT, "next.padding-counted")(
    lambda x, ids, m: -picked(log_p_of(x)[:, :-1], ids[:, 1:]).mean()
)
wrong(NEXT, "next.mask-not-shifted")(
    lambda x, ids, m: -picked(log_p_of(x)[:, :-1], ids[:, 1:])[m[:, :-1]].mean()
)
wrong(NEXT, "next.sign")(
    lambda x, ids, m: picked(log_p_of(x)[:, :-1], ids[:, 1:])[m[:, 1:]].mean()
)
wrong(NEXT, "next.perplexity")(
    lambda x, ids, m: np.exp(-picked(log_p_of(x)[:, :-1], ids[:, 1:])[m[:, 1:]].mean())
)
wrong(NEXT)(  # the same, and an OverflowError where NumPy says infinity
    lambda x, ids, m: math.exp(
        -picked(log_p_of(x)[:, :-1], ids[:, 1:])[m[:, 1:]].mean()
    )
)
wrong(NEXT, "next.in-bits")(
    lambda x, ids, m: (
        -picked(log_p_of(x)[:, :-1], ids[:, 1:])[m[:, 1:]].mean() * math.log2(math.e)
    )
)
wrong(NEXT, "next.in-a-ring")(
    lambda x, ids, m: (
        -(picked(log_p_of(x), np.concatenate([ids[:, 1:], ids[:, :1]], 1)) * m).sum()
        / m.sum()
    )
)


@wrong(NEXT)
def loss_without_token_zero(logits, token_ids, padding_mask):
    """Takes token 0 for padding."""
    said, following = log_p_of(logits)[:, :-1], token_ids[:, 1:]
    return -picked(said, following)[following != 0].mean()


# ── 09 next_probabilities ─────────────────────────────────────────────────────────────

DRAW = "09_gpt/next_probabilities"


def drawing(
    divide=lambda x, t: x / t, count=lambda k: k, crossed=True, again=True, first=True
):
    """A sampler in loops, with something to get wrong."""

    def answer(logits, temperature, top_k, top_p):
        x = divide(logits.astype(float), temperature)
        p = np.exp(x - x.max())
        p = p / p.sum()
        order = sorted(range(len(p)), key=lambda v: (-p[v], v))[: count(top_k)]
        total = sum(p[v] for v in order) if first else 1.0
        kept, reached = [], 0.0
        for v in order:
            if not crossed and kept and reached + p[v] / total >= top_p:
                break
            kept.append(v)
            reached += p[v] / total
            if reached >= top_p:
                break
        result = np.zeros(len(p))
        result[kept] = p[kept]
        return result / result.sum() if again else result

    return answer


wrong(DRAW, "sampling.multiplied")(drawing(divide=lambda x, t: x * t))
wrong(DRAW, "sampling.temperature-left-out")(drawing(divide=lambda x, t: x))
wrong(DRAW, "sampling.count-left-out")(drawing(count=lambda k: None))
# Its sums round otherwise, so that with top_p = 1 it keeps other tokens than the idea.
wrong(DRAW)(drawing(crossed=False))
wrong(DRAW, "sampling.at-once")(drawing(first=False))
wrong(DRAW)(drawing(divide=lambda x, t: x / t**2))
wrong(DRAW)(drawing(count=lambda k: k + 1))
wrong(DRAW, "sampling.share-left-out")(lambda x, t, k, p: drawing()(x, t, k, 1.0))


# ── 09 cached_attention ───────────────────────────────────────────────────────────────

STEP = "09_gpt/cached_attention"


def stepping(place=lambda i, n: i, end=lambda i, n: i + 1, root=True, begin=0):
    """A step in loops, with something to get wrong."""

    def answer(query, key, value, keys, values, index):
        keys, values = keys.copy(), values.copy()
        heads, length, size = keys.shape
        output = np.zeros((heads, size))
        for h in range(heads):
            keys[h, place(index, length)] = key[h]
            values[h, place(index, length)] = value[h]
            x = keys[h, begin : end(index, length)].astype(float) @ query[h]
            x = x / math.sqrt(size) if root else x
            w = np.exp(x - x.max())
            output[h] = w @ values[h, begin : end(index, length)] / w.sum()
        return output, keys, values

    return answer


wrong(STEP, "cache.sees-all-places")(stepping(end=lambda i, n: n))
wrong(STEP, "cache.not-itself")(stepping(end=lambda i, n: max(i, 1)))
wrong(STEP, "cache.one-too-far")(stepping(end=lambda i, n: i + 2))
wrong(STEP, "cache.at-the-front")(stepping(place=lambda i, n: 0))
wrong(STEP, "cache.at-the-end")(stepping(place=lambda i, n: -1))
wrong(STEP, "cache.one-late")(stepping(place=lambda i, n: min(i + 1, n - 1)))
wrong(STEP, "cache.not-scaled")(stepping(root=False))
wrong(STEP, "cache.old-cache-returned")(
    lambda q, k, v, keys, values, i: (
        stepping()(q, k, v, keys, values, i)[0],
        keys,
        values,
    )
)


# ── 09 perplexity_and_bits ────────────────────────────────────────────────────────────

BITS = "09_gpt/perplexity_and_bits"


def measured(count=len, size=None, bits=1.4426950408889634):
    """Two numbers, with something to get wrong."""
    size = size or (lambda texts: len("".join(texts).encode()))

    def answer(nats, texts):
        every = [float(x) for n in nats for x in n]
        power = math.exp(sum(every) / count(every))
        return power, sum(every) * bits / size(texts)

    return answer


wrong(BITS, "bits.characters")(measured(size=lambda texts: sum(map(len, texts))))
wrong(BITS, "bits.nats")(measured(bits=1.0))
wrong(BITS, "bits.logarithm-of-ten")(measured(bits=0.4342944819))
wrong(BITS, "bits.of-a-text")(measured(size=len))
wrong(BITS, "bits.stripped")(
    measured(size=lambda texts: sum(len(t.strip().encode()) for t in texts))
)
wrong(BITS, "bits.of-the-whole")(measured(count=lambda every: 1))
wrong(BITS, "bits.swapped")(lambda n, t: measured()(n, t)[::-1])
wrong(BITS)(measured(size=lambda texts: sum(len(t.encode()) + 1 for t in texts)))


# ── 09 copied_share ───────────────────────────────────────────────────────────────────

COPY = "09_gpt/copied_share"


def grams(texts, n, last=1):
    return [tuple(t[i : i + n]) for t in texts for i in range(len(t) - n + last)]


def joined(texts):
    return [token for text in texts for token in text]


def share(mine, known):
    return sum(m in known for m in mine) / max(1, len(mine))


wrong(COPY, "copied.one-short")(
    lambda w, r, n: share(grams(w, n, 0), set(grams(r, n, 0)))
)
wrong(COPY, "copied.different-once")(
    lambda w, r, n: share(set(grams(w, n)), set(grams(r, n)))
)
wrong(COPY, "copied.of-what-was-read")(
    lambda w, r, n: share(grams(r, n), set(grams(w, n)))
)
wrong(COPY, "copied.across-texts")(
    lambda w, r, n: share(grams([joined(w)], n), set(grams([joined(r)], n)))
)
wrong(COPY, "copied.new-ones")(lambda w, r, n: 1 - share(grams(w, n), set(grams(r, n))))
wrong(COPY, "copied.n-plus-1")(
    lambda w, r, n: share(grams(w, n + 1), set(grams(r, n + 1)))
)
wrong(COPY, "copied.order-ignored")(
    lambda w, r, n: share(
        [tuple(sorted(g)) for g in grams(w, n)],
        {tuple(sorted(g)) for g in grams(r, n)},
    )
)
wrong(COPY)(lambda w, r, n: float(share(grams(w, n), set(grams(r, n))) > 0))


# ── 13 patchify, embed_patches, add_class_token ───────────────────────────────────────


def _patches(images, p, ends=lambda size, p: size, look=lambda patch: patch.ravel()):
    return np.array(
        [
            [
                look(x[i : i + p, j : j + p])
                for i in range(0, ends(x.shape[0], p), p)
                for j in range(0, ends(x.shape[1], p), p)
            ]
            for x in images
        ]
    )


PATCH = "13_vit/patchify"
wrong(PATCH)(lambda x, p: _patches(x, p).squeeze(0) if len(x) == 1 else _patches(x, p))
wrong(PATCH)(lambda x, p: _patches(x, p, lambda size, p: max(p, size - p)))
wrong(PATCH)(lambda x, p: _patches(x, max(p, 2)))
wrong(PATCH, "patches.channels-first")(
    lambda x, p: _patches(x, p, look=lambda patch: patch.transpose(2, 0, 1).ravel())
)
wrong(PATCH, "patches.pixels-transposed")(
    lambda x, p: _patches(x, p, look=lambda patch: patch.swapaxes(0, 1).ravel())
)
wrong(PATCH, "patches.column-order")(
    lambda x, p: _patches(
        x.swapaxes(1, 2), p, look=lambda patch: patch.swapaxes(0, 1).ravel()
    )
)


@wrong(PATCH, "patches.overlapping-windows")
def patches_with_stride_one(images, size):
    import tensorflow as tf

    found = tf.image.extract_patches(
        images, [1, size, size, 1], [1, 1, 1, 1], [1, 1, 1, 1], "VALID"
    )
    return tf.reshape(found, (len(images), -1, found.shape[-1]))


def _convolved(**options):
    def embed(images, kernel, bias):
        from keras import ops

        grid = ops.conv(images, kernel, data_format="channels_last", **options)
        return ops.reshape(grid + bias, (len(images), -1, kernel.shape[-1]))

    return embed


EMBED = "13_vit/embed_patches"
wrong(EMBED, "embedding.stride-one")(_convolved(strides=1))
wrong(EMBED, "embedding.stride-one-padded")(_convolved(padding="same"))
wrong(EMBED)(_convolved(strides=2))
wrong(EMBED)(
    lambda x, k, b: np.squeeze(_patches(x, len(k)) @ k.reshape(-1, len(b)) + b)
)
wrong(EMBED, "embedding.no-bias")(
    lambda x, k, b: _patches(x, len(k)) @ k.reshape(-1, len(b))
)

TOKEN = "13_vit/add_class_token"
wrong(TOKEN, "token.positions-from-zero")(
    lambda x, t, p: np.stack([np.vstack([t, one + p[:-1]]) for one in x])
)
wrong(TOKEN, "token.at-the-end")(
    lambda x, t, p: np.stack([np.vstack([one, t]) for one in x]) + p
)
wrong(TOKEN, "token.position-of-the-token-alone")(
    lambda x, t, p: np.insert(x, 0, t + p[0], axis=1)
)
wrong(TOKEN)(lambda x, t, p: np.squeeze(np.insert(x, 0, t, axis=1) + p))

# ── 13 stretch_positions, swap_head, attention_rollout ────────────────────────────────


def _stretched(x, r, c, order="C", first=slice(0, 1)):
    grid = x[1:].reshape(r.shape[1], c.shape[1], -1, order=order)
    new = [
        sum(r[i, h] * c[j, w] * grid[h, w] for h, w in np.ndindex(grid.shape[:2]))
        for i in range(len(r))
        for j in range(len(c))
    ]
    return np.concatenate([x[first], np.array(new)])


STRETCH = "13_vit/stretch_positions"
wrong(STRETCH, "positions.class-token-dropped")(
    lambda x, r, c: _stretched(x, r, c, first=slice(0, 0))
)
wrong(STRETCH, "positions.grid-transposed")(
    lambda x, r, c: np.vstack(
        [
            x[:1],
            np.einsum(
                "ih,jw,whd->ijd", r, c, x[1:].reshape(c.shape[1], r.shape[1], -1)
            ).reshape(-1, x.shape[1]),
        ]
    )
)
wrong(STRETCH, "positions.column-by-column")(
    lambda x, r, c: np.vstack(
        [
            x[:1],
            np.einsum(
                "ih,jw,hwd->jid", r, c, x[1:].reshape(r.shape[1], c.shape[1], -1)
            ).reshape(-1, x.shape[1]),
        ]
    )
)
wrong(STRETCH)(lambda x, r, c: x if len(r) == r.shape[1] else _stretched(x, r, c))


def _swapped(keep, learns):
    def swap(classifier, head, frozen):
        import keras

        layers = keep(classifier.layers)
        for layer in layers:
            layer.trainable = learns(frozen)
        return keras.Sequential([*layers, head])

    return swap


SWAP = "13_vit/swap_head"
wrong(SWAP, "head.inverted")(_swapped(lambda x: x[:-1], lambda frozen: frozen))
wrong(SWAP, "head.always-frozen")(_swapped(lambda x: x[:-1], lambda frozen: False))
wrong(SWAP)(_swapped(lambda x: x[:-2], lambda frozen: not frozen))


@wrong(SWAP, "head.everything-frozen")
def swap_and_freeze_all(classifier, head, frozen):
    import keras

    model = keras.Sequential([*classifier.layers[:-1], head])
    model.trainable = not frozen
    return model


def _rolled(scores, mix=lambda a: (a + np.eye(len(a))) / 2, order=list):
    total = np.eye(scores.shape[-1])
    for layer in order(scores):
        total = mix(layer.mean(0)) @ total
    return total[0, 1:]


ROLL = "13_vit/attention_rollout"
wrong(ROLL, "rollout.order-reversed")(lambda s: _rolled(s, order=lambda x: x[::-1]))
wrong(ROLL, "rollout.no-residual")(lambda s: _rolled(s, mix=lambda a: a))
wrong(ROLL)(lambda s: _rolled(s, order=lambda x: x[1:] if len(x) > 1 else x))
wrong(ROLL)(lambda s: _rolled(np.squeeze(s)[None] if s.shape[1] == 1 else s))
wrong(ROLL, "rollout.residual-once")(
    lambda s: _rolled(s, mix=lambda a: a) / 2  # off the diagonal ½ I changes nothing
)

# ── 12 answer_tokens ──────────────────────────────────────────────────────────────────

HELD = "12_question_answering/answer_tokens"


def held(offsets, start, end):
    """By characters: which token each of them is in."""
    pairs = []
    for row in np.asarray(offsets):
        where = {c: t for t, (b, e) in enumerate(row) for c in range(int(b), int(e))}
        pairs.append((where.get(start), where.get(end - 1)))
    return pairs


wrong(HELD, "tokens.minus-one")(
    lambda o, a, b: [(-1, -1) if None in pair else pair for pair in held(o, a, b)]
)
wrong(HELD, "tokens.one-past")(
    lambda o, a, b: [(0, 0) if None in p else (p[0], p[1] + 1) for p in held(o, a, b)]
)
wrong(HELD, "tokens.windows-dropped")(
    lambda o, a, b: np.reshape([p for p in held(o, a, b) if None not in p], (-1, 2))
)
wrong(HELD, "tokens.end-is-last")(
    lambda o, a, b: [(0, 0) if None in pair else pair for pair in held(o, a, b + 1)]
)
wrong(HELD)(lambda o, a, b: [(0, 0) if None in p else p[::-1] for p in held(o, a, b)])
wrong(HELD, "tokens.half-of-it")(
    lambda o, a, b: [(p[0] or 0, p[1] or 0) for p in held(o, a, b)]
)


@wrong(HELD, "tokens.part-of-it")
def all_that_overlap(offsets, start, end):
    hit = (offsets[..., 0] < end) & (offsets[..., 1] > start)
    last = hit.shape[1] - 1 - hit[:, ::-1].argmax(1)
    return np.stack([hit.argmax(1), np.where(hit.any(1), last, 0)], 1)


@wrong(HELD, "tokens.must-begin-there")
def held_from_its_beginning(offsets, start, end):
    pairs = []
    for row in offsets:
        first = np.flatnonzero((row[:, 0] == start) & (row[:, 1] > start))
        last = np.flatnonzero((row[:, 0] < end) & (row[:, 1] >= end))
        pairs.append((first[0], last[0]) if len(first) and len(last) else (0, 0))
    return np.array(pairs)


# ── 12 best_span ──────────────────────────────────────────────────────────────────────

PAIR = "12_question_answering/best_span"


def pair_of(rank, legal, within=True):
    """The best pair by some rank, of those that are legal."""

    def find(start, end, passage, most):
        count = len(start)
        pairs = [
            (i, j)
            for i, j in itertools.product(range(count), repeat=2)
            if legal(i, j, most) and (not within or (passage[i] and passage[j]))
        ]
        return max(pairs, key=lambda p: rank(float(start[p[0]]), float(end[p[1]])))

    return find


def fits(i, j, most):
    return 0 <= j - i < most


wrong(PAIR, "span.any-length")(pair_of(lambda s, e: s + e, lambda i, j, n: i <= j))
wrong(PAIR, "span.one-too-long")(
    pair_of(lambda s, e: s + e, lambda i, j, n: 0 <= j - i <= n)
)
wrong(PAIR, "span.never-alone")(
    pair_of(lambda s, e: s + e, lambda i, j, n: 0 < j - i < n)
)
wrong(PAIR, "span.question-too")(pair_of(lambda s, e: s + e, fits, within=False))
wrong(PAIR, "span.product")(pair_of(lambda s, e: s * e, fits))
wrong(PAIR)(pair_of(min, fits))


def loop_from(least, start_within, end_within):
    """Two loops that keep the best so far."""

    def find(start, end, passage, most):
        best, found = least, (0, 0)
        for i in range(len(start)):
            for j in range(i, min(i + most, len(end))):
                inside = (passage[i] or not start_within) and (
                    passage[j] or not end_within
                )
                if inside and start[i] + end[j] > best:
                    best, found = start[i] + end[j], (i, j)
        return found

    return find


wrong(PAIR, "span.zero-for-nothing")(loop_from(0, True, True))
wrong(PAIR, "span.end-anywhere")(loop_from(-math.inf, True, False))
wrong(PAIR, "span.start-anywhere")(loop_from(-math.inf, False, True))
wrong(PAIR)(pair_of(lambda s, e: s, fits))


@wrong(PAIR, "span.independent")
def two_largest(start, end, passage, most):
    real = np.flatnonzero(passage)
    return real[start[real].argmax()], real[end[real].argmax()]


# ── 12 window_bounds ──────────────────────────────────────────────────────────────────

CUT = "12_question_answering/window_bounds"


def bounds_by(step):
    def bounds(length, room, stride):
        found, begin = [], 0
        while True:
            found.append((begin, min(length, begin + room)))
            if begin + room >= length:
                return found
            begin += max(1, step(room, stride))

    return bounds


wrong(CUT, "windows.stride-is-shared")(bounds_by(lambda room, stride: room - stride))
wrong(CUT, "windows.nothing-shared")(bounds_by(lambda room, stride: room))
wrong(CUT, "windows.last-token")(
    lambda *a: [(b, e - 1) for b, e in bounds_by(lambda r, s: s)(*a)]
)
wrong(CUT, "windows.goes-on")(
    lambda n, r, s: [(b, min(n, b + r)) for b in range(0, max(n, 1), s)]
)
wrong(CUT, "windows.goes-on", "windows.none-of-nothing")(
    lambda n, r, s: [(b, min(n, b + r)) for b in range(0, n, s)]
)
wrong(CUT, "windows.full-ones-only")(
    lambda n, r, s: [(b, b + r) for b in range(0, n - r + 1, s)]
)
wrong(CUT, "windows.last-lost")(
    lambda n, r, s: [(b, min(n, b + r)) for b in range(0, n - r, s)]
)
wrong(CUT, "windows.short-unread")(
    lambda n, r, s: [(b, min(n, b + r)) for b in range(0, n - r + s, s)]
)
wrong(CUT)(lambda n, r, s: [(b, b + s) for b in range(0, max(n, 1), s)])
wrong(CUT)(lambda *a: bounds_by(lambda r, s: s)(*a)[::-1])

# ── 12 english_f1 ─────────────────────────────────────────────────────────────────────

BAG = "12_question_answering/english_f1"
ARTICLES = ("a", "an", "the")


def bag(text):
    kept = "".join(c for c in text.lower() if c.isalnum() or c.isspace())
    return [word for word in kept.split() if word not in ARTICLES]


def f1_of(cut=bag, common=None, score=None, best=max):
    common = common or (lambda g, w: sum(min(g.count(x), w.count(x)) for x in set(g)))
    score = score or (lambda c, g, w: 2 * c / (g + w))

    def f1(prediction, answers):
        given, found = cut(prediction), []
        for wanted in map(cut, answers):
            same = common(given, wanted)
            both = given and wanted
            found.append(
                score(same, len(given), len(wanted)) if both else float(given == wanted)
            )
        return best(found)

    return f1


wrong(BAG, "english.sets")(f1_of(common=lambda g, w: len({*g} & {*w})))
wrong(BAG, "english.recall")(f1_of(score=lambda c, g, w: c / w))
wrong(BAG, "english.precision")(f1_of(score=lambda c, g, w: c / g))
wrong(BAG, "english.first-answer")(f1_of(best=lambda found: found[0]))
wrong(BAG, "english.not-clipped")(f1_of(common=lambda g, w: sum(x in w for x in g)))
wrong(BAG, "english.of-both")(f1_of(score=lambda c, g, w: c / (g + w - c)))
wrong(BAG)(f1_of(score=lambda c, g, w: (c / g * c / w) ** 0.5))


def bare(text):
    return "".join(c for c in text if c.isalnum() or c.isspace())


def told(words):
    return [word for word in words if word not in ARTICLES]


wrong(BAG, "english.articles-first")(
    f1_of(cut=lambda text: bare(" ".join(told(text.lower().split()))).split())
)
wrong(BAG, "english.empty-words")(
    f1_of(cut=lambda text: told([bare(word) for word in text.lower().split()]))
)
wrong(BAG, "english.underscores-kept")(
    f1_of(cut=lambda text: told(re.sub(r"[^\w\s]", "", text.lower()).split()))
)
wrong(BAG, "english.capital-articles-kept")(
    f1_of(cut=lambda text: [word.lower() for word in told(bare(text).split())])
)
wrong(BAG, "english.digits-lost")(
    f1_of(cut=lambda text: told(re.sub("[^a-z ]", "", text.lower()).split()))
)
wrong(BAG, "english.signs-to-spaces")(
    f1_of(cut=lambda text: told(re.findall("[a-z0-9]+", text.lower())))
)
wrong(BAG)(lambda p, a: 1 - f1_of()(p, a))


# ── 12 chinese_f1 ─────────────────────────────────────────────────────────────────────

RUNS = "12_question_answering/chinese_f1"
HAN = "[\u4e00-\u9fa5]"


def han_tokens(text):
    for sign in "-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』":
        text = text.replace(sign, "")
    return re.sub(f"({HAN})", r" \1 ", text.lower()).split()


def run_f1(cut=han_tokens, common=None, factor=2):
    def longest(given, wanted):
        sizes = [0]
        for i, j in itertools.product(range(len(given)), range(len(wanted))):
            same = [x == y for x, y in zip(given[i:], wanted[j:], strict=False)]
            sizes.append((*same, False).index(False))
        return max(sizes)

    def f1(prediction, answer):
        given, wanted = cut(prediction), cut(answer)
        if not given or not wanted:
            return 1.0 if given == wanted else 0.0
        return factor * (common or longest)(given, wanted) / (len(given) + len(wanted))

    return f1


wrong(RUNS, "chinese.counted-anywhere")(
    run_f1(common=lambda g, w: sum(min(g.count(x), w.count(x)) for x in set(g)))
)
wrong(RUNS, "chinese.not-doubled")(run_f1(factor=1))
wrong(RUNS, "chinese.letters-alone")(
    run_f1(cut=lambda text: list("".join(han_tokens(text))))
)
wrong(RUNS, "chinese.cut-at-spaces")(
    run_f1(cut=lambda text: re.sub(r"[，。：？！《》、]", "", text.lower()).split())
)
wrong(RUNS, "chinese.exact")(run_f1(common=lambda g, w: int(g == w) * len(g)))


def unsigned(text, by="", more=""):
    return "".join(by if c in "-:，。！《》、" + more else c for c in text.lower())


wrong(RUNS, "chinese.chinese-swallowed")(
    run_f1(cut=lambda text: re.findall(rf"{HAN}|\S+", unsigned(text)))
)
wrong(RUNS, "chinese.space-before-only")(
    run_f1(cut=lambda text: re.sub(f"(?={HAN})", " ", unsigned(text)).split())
)
wrong(RUNS, "chinese.words-lost")(run_f1(cut=lambda text: re.findall(HAN, text)))
wrong(RUNS, "chinese.signs-to-spaces")(
    run_f1(cut=lambda text: han_tokens(unsigned(text, " ")))
)
wrong(RUNS, "chinese.point-lost")(
    run_f1(cut=lambda text: han_tokens(unsigned(text, more=".")))
)
wrong(RUNS, "chinese.plain-letters-only")(
    run_f1(cut=lambda text: re.findall(f"{HAN}|[a-z0-9]+", unsigned(text)))
)
wrong(RUNS)(lambda p, a: run_f1()(p, a) ** 2)


# ── 12 answer_of_windows ──────────────────────────────────────────────────────────────

ALL = "12_question_answering/answer_of_windows"


def answered(
    none=min, sign=1, scale=lambda x: x, null=lambda s, e: s + e, rank=lambda s, n: s
):
    find = pair_of(lambda s, e: s + e, fits)

    def answer(start, end, passage, most, threshold):
        start, end = scale(start.astype(float)), scale(end.astype(float))
        spans = [find(*row, most) for row in zip(start, end, passage, strict=True)]
        scores = [start[w, i] + end[w, j] for w, (i, j) in enumerate(spans)]
        nulls = [null(s[0], e[0]) for s, e in zip(start, end, strict=True)]
        ranks = [rank(*both) for both in zip(scores, nulls, strict=True)]
        best = ranks.index(max(ranks))
        if none(nulls) - scores[best] > sign * threshold:
            return 0, 0, 0
        return best, *spans[best]

    return answer


wrong(ALL, "answer.largest-null")(answered(none=max))
wrong(ALL, "answer.nulls-averaged")(answered(none=np.mean))
wrong(ALL, "answer.threshold-turned")(answered(sign=-1))
wrong(ALL, "answer.always-answers")(answered(none=lambda nulls: -math.inf))
wrong(ALL, "answer.half-a-null")(answered(null=lambda s, e: s))
wrong(ALL, "answer.softmax-in-each-window")(
    answered(scale=lambda x: x - np.log(np.exp(x).sum(1, keepdims=True)))
)
wrong(ALL, "answer.null-of-the-first")(answered(none=lambda nulls: nulls[0]))
wrong(ALL, "answer.null-of-the-last")(answered(none=lambda nulls: nulls[-1]))
wrong(ALL, "answer.window-of-the-null")(answered(rank=lambda s, n: -n))
wrong(ALL, "answer.furthest-ahead")(answered(rank=lambda s, n: s - n))
wrong(ALL)(answered(rank=lambda s, n: -s - n))
wrong(ALL)(lambda *a: answered()(*a)[::-1])
wrong(ALL)(answered(null=lambda s, e: s + e + 1))


# ── 16 frames, mel_filters ────────────────────────────────────────────────────────────


def _hann(n):
    return np.sin(np.pi * np.arange(n) / n) ** 2


def _frames(starts, window=_hann):
    def cut(x, length, step):
        pieces = [
            x[:, start : start + length] * window(length)
            for start in starts(x.shape[1], length, step)
        ]
        return np.stack(pieces, axis=1)

    return cut


def _frames_by_place(count):
    def cut(x, length, step):
        starts = step * np.arange(count(x.shape[1], length, step))
        return x[:, starts[:, None] + np.arange(length)] * _hann(length)

    return cut


FRAMES = "16_speech/frames"
wrong(FRAMES, "frames.exact-end-lost-none-left")(
    _frames(lambda s, n, step: range(0, s - n, step))
)
wrong(FRAMES, "frames.exact-end-lost")(
    _frames_by_place(lambda s, n, step: -(-(s - n) // step))
)
wrong(FRAMES, "frames.last-one-lost")(
    _frames_by_place(lambda s, n, step: (s - n) // step)
)
wrong(FRAMES, "frames.last-one-lost-none-left")(
    _frames(lambda s, n, step: [f * step for f in range((s - n) // step)])
)
wrong(FRAMES, "frames.symmetric-window")(
    _frames(lambda s, n, step: range(0, s - n + 1, step), np.hanning)
)
wrong(FRAMES)(
    lambda x, n, step: np.squeeze(
        _frames(lambda s, n, step: range(0, s - n + 1, step))(x, n, step)
    )
)
wrong(FRAMES)(_frames(lambda s, n, step: range(step, s - n + 1, step)))
wrong(FRAMES, "frames.step-is-overlap-none-left")(
    _frames(lambda s, n, step: range(0, s - n + 1, n - step))
)


def _mel_filters(top=0.5, reach=0.5, rate_of=float, low=0.0):
    def filters(num_mels, fft_length, sample_rate):
        def mel(hertz):
            return 2595 * math.log10(1 + hertz / 700)

        rate = rate_of(sample_rate)
        marks = np.linspace(mel(low), mel(top * rate), num_mels + 2)
        edges = [700 * (10 ** (m / 2595) - 1) for m in marks]
        found = np.zeros((fft_length // 2 + 1, num_mels))
        for k, f in enumerate(np.linspace(0, reach * rate, len(found))):
            for m in range(num_mels):
                found[k, m] = np.interp(f, edges[m : m + 3], [0, 1, 0])
        return found

    return filters


MEL = "16_speech/mel_filters"
wrong(MEL, "mel.edges-up-to-the-sample-rate")(_mel_filters(top=1))
wrong(MEL, "mel.up-to-the-sample-rate")(_mel_filters(reach=1))
wrong(MEL, "mel.edges-up-to-the-sample-rate", "mel.up-to-the-sample-rate")(
    _mel_filters(top=1, reach=1)
)
wrong(MEL)(_mel_filters(rate_of=lambda rate: rate // 2 * 2))
wrong(MEL)(_mel_filters(low=20.0))
wrong(MEL)(lambda *given: np.squeeze(_mel_filters()(*given)))


def _mels(hertz):
    return 2595 * np.log10(1 + hertz / 700)


def _by_three_edges(frequencies, edges):
    columns = []
    for left, peak, right in zip(edges, edges[1:], edges[2:], strict=False):
        sides = (
            (frequencies - left) / (peak - left),
            (right - frequencies) / (right - peak),
        )
        columns.append(np.clip(np.minimum(*sides), 0, None))
    return np.stack(columns, axis=1)


@wrong(MEL, "mel.straight-in-mels")
def triangles_over_mels(num_mels, fft_length, sample_rate):
    frequencies = _mels(np.fft.rfftfreq(fft_length, 1 / sample_rate))
    return _by_three_edges(
        frequencies, np.linspace(0, _mels(sample_rate / 2), num_mels + 2)
    )


@wrong(MEL, "mel.bins-for-hertz")
def edges_over_numbers(num_mels, fft_length, sample_rate):
    mels = np.linspace(0, _mels(sample_rate / 2), num_mels + 2)
    edges = 700 * (10 ** (mels / 2595) - 1)
    return _by_three_edges(np.arange(fft_length // 2 + 1), edges)


@wrong(MEL, "mel.whole-bins")
def filters_of_many_tutorials(num_mels, fft_length, sample_rate):
    mels = np.linspace(0, _mels(sample_rate / 2), num_mels + 2)
    edges = 700 * (10 ** (mels / 2595) - 1)
    bins = np.floor((fft_length + 1) * edges / sample_rate).astype(int)
    found = np.zeros((fft_length // 2 + 1, num_mels))
    for m in range(num_mels):
        left, peak, right = bins[m : m + 3]
        for k in range(left, peak):
            found[k, m] = (k - left) / (peak - left)
        for k in range(peak, right):
            found[k, m] = (right - k) / (right - peak)
    return found


# ── 16 log_mel, pooled_mean, hide_stripes ─────────────────────────────────────────────


def _log_mel(floor):
    return lambda x, filters: np.log(
        floor(np.einsum("bfk,km->bfm", np.abs(np.fft.rfft(x)) ** 2, filters))
    )


LOG_MEL = "16_speech/log_mel"
wrong(LOG_MEL, "log-mel.added")(_log_mel(lambda x: x + 1e-10))
wrong(LOG_MEL, "log-mel.zero-alone")(_log_mel(lambda x: np.where(x == 0, 1e-10, x)))
wrong(LOG_MEL, "log-mel.high-floor")(_log_mel(lambda x: np.maximum(x, 1e-3)))
wrong(LOG_MEL)(_log_mel(lambda x: np.maximum(x, 1e-8)))
wrong(LOG_MEL)(_log_mel(lambda x: np.squeeze(np.maximum(x, 1e-10))))
wrong(LOG_MEL)(
    lambda x, filters: _log_mel(lambda x: np.maximum(x, 1e-10))(
        x[..., : x.shape[-1] // 2 * 2], filters
    )
)

wrong(LOG_MEL, "log-mel.window-again")(
    lambda x, filters: _log_mel(lambda x: np.maximum(x, 1e-10))(
        x * _hann(x.shape[-1]), filters
    )
)
wrong(LOG_MEL, "log-mel.floor-before-mels")(
    lambda x, filters: np.log(np.maximum(np.abs(np.fft.rfft(x)) ** 2, 1e-10) @ filters)
)

POOLED = "16_speech/pooled_mean"
wrong(POOLED, "pooled.one-vector-for-all")(lambda x, m: x[m].mean(axis=0))
wrong(POOLED, "pooled.one-too-many")(
    lambda x, m: np.einsum("btd,bt->bd", x, m) / (m.sum(axis=1, keepdims=True) + 1)
)
wrong(POOLED, "pooled.beginning")(
    lambda x, m: [
        r[: k.sum()].sum(0) / max(1, k.sum()) for r, k in zip(x, m, strict=True)
    ]
)
wrong(POOLED)(
    lambda x, m: np.squeeze(
        (x * m[..., None]).sum(1) / np.maximum(m.sum(1), 1)[:, None]
    )
)
wrong(POOLED, "pooled.empty-row")(
    lambda x, m: np.nanmean(np.where(m[..., None], x, np.nan), axis=1)
)
wrong(POOLED, "pooled.divided-by-all")(lambda x, m: np.mean(x * m[..., None], axis=1))


def _stripes(first=lambda start: start, end=lambda start, width: start + width):
    def hide(x, time_start, time_width, mel_start, mel_width):
        x = x.copy()
        for b in range(len(x)):
            for s, w in zip(time_start[b], time_width[b], strict=True):
                x[b, first(s) : end(s, w)] = 0
            for s, w in zip(mel_start[b], mel_width[b], strict=True):
                x[b, :, first(s) : end(s, w)] = 0
        return x

    return hide


STRIPES = "16_speech/hide_stripes"
wrong(STRIPES, "stripes.axes-exchanged")(
    lambda x, *stripes: np.swapaxes(_stripes()(np.swapaxes(x, 1, 2), *stripes), 1, 2)
)


@wrong(STRIPES, "stripes.everybodys")
def stripes_over_the_batch(x, time_start, time_width, mel_start, mel_width):
    x = x.copy()
    for start, width in zip(time_start.ravel(), time_width.ravel(), strict=True):
        x[:, start : start + width] = 0
    for start, width in zip(mel_start.ravel(), mel_width.ravel(), strict=True):
        x[:, :, start : start + width] = 0
    return x


wrong(STRIPES, "stripes.one-too-wide")(_stripes(end=lambda s, w: s + w + 1))
wrong(STRIPES, "stripes.width-is-end")(_stripes(end=lambda s, w: w))
wrong(STRIPES, "stripes.one-too-narrow")(_stripes(end=lambda s, w: max(s, s + w - 1)))
wrong(STRIPES)(_stripes(first=lambda s: max(s, 1)))
wrong(STRIPES)(lambda x, *stripes: np.squeeze(_stripes()(x, *stripes)))
wrong(STRIPES, "stripes.last-one-only")(
    lambda x, *stripes: _stripes()(x, *(s[:, -1:] for s in stripes))
)


@wrong(STRIPES)
def stripes_never_all(x, *stripes):
    hidden = _stripes()(x, *stripes)
    everything = (hidden == 0).all((1, 2), keepdims=True)
    return np.where(everything, x, hidden)


# ── 16 adapt ──────────────────────────────────────────────────────────────────────────


def _adapted(first, second, stages=2):
    def adapt(encoder, head, train, head_rate, body_rate):
        import keras

        model = keras.Model(encoder.input, head(encoder.output["pooled_output"]))
        learned = [layer for layer in encoder.layers if layer.trainable]
        for on, rate in ((first, head_rate), (second, body_rate))[:stages]:
            for layer in learned:
                layer.trainable = on
            train(model, rate)
        return model

    return adapt


ADAPT = "16_speech/adapt"
wrong(ADAPT, "adapt.never-frozen")(_adapted(True, True))
wrong(ADAPT, "adapt.never-thawed")(_adapted(False, False))
wrong(ADAPT, "adapt.head-alone")(_adapted(False, True, stages=1))


# ── 11 units_of ───────────────────────────────────────────────────────────────────────

UNITS = "11_summaries/units_of"


def _units(alone=lambda c: "\u3400" <= c <= "\u9fff", word=str.isalnum, low=str.lower):
    def units(text):
        found, before = [], False
        for c in low(text):
            joins = word(c) and not alone(c)
            if joins and before:
                found[-1] += c
            elif word(c):
                found.append(c)
            before = joins
        return found

    return units


wrong(UNITS, "units.case-kept")(_units(low=str))
wrong(UNITS, "units.chinese-together")(_units(alone=lambda c: False))
wrong(UNITS, "units.every-letter")(_units(alone=lambda c: True))
wrong(UNITS, "units.underscores-kept")(_units(word=lambda c: c.isalnum() or c == "_"))
wrong(UNITS, "units.chinese-lost")(_units(word=lambda c: c.isascii() and c.isalnum()))
wrong(UNITS, "units.digits-lost")(_units(word=str.isalpha))
wrong(UNITS, "units.cut-at-spaces")(lambda text: text.lower().split())
wrong(UNITS, "units.chinese-swallowed")(
    lambda text: re.findall(r"[\u3400-\u9fff]|[^\W_]+", text.lower())
)
wrong(UNITS, "units.word-characters")(lambda text: re.findall(r"\w+", text.lower()))
wrong(UNITS, "units.chinese-swallowed-underscores")(
    lambda text: re.findall(r"[\u3400-\u9fff]|\w+", text.lower())
)
wrong(UNITS)(lambda text: sorted(_units()(text)))
wrong(UNITS)(lambda text: _units()(text)[:-1])
wrong(UNITS)(lambda text: _units(low=str.upper)(text))


# ── 11 rouge_n ────────────────────────────────────────────────────────────────────────

ROUGE_N = "11_summaries/rouge_n"


def _rouge_n(clip=min, order=lambda *x: x, f=lambda p, r: 2 * p * r / (p + r), step=1):
    def rouge(candidate, reference, n):
        runs = [
            [tuple(x[i : i + n]) for i in range(0, len(x) - n + 1, step)]
            for x in (candidate, reference)
        ]
        ours, theirs = runs
        right = sum(clip(ours.count(g), theirs.count(g)) for g in {*ours} & {*theirs})
        if not right:
            return 0.0, 0.0, 0.0
        p, r = right / len(ours), right / len(theirs)
        return order(p, r, f(p, r))

    return rouge


wrong(ROUGE_N, "rouge-n.not-clipped")(_rouge_n(clip=lambda ours, theirs: ours))
wrong(ROUGE_N, "rouge-n.counted-once")(_rouge_n(clip=lambda ours, theirs: 1))
wrong(ROUGE_N, "rouge-n.swapped")(_rouge_n(order=lambda p, r, f: (r, p, f)))
wrong(ROUGE_N, "rouge-n.f-first")(_rouge_n(order=lambda p, r, f: (f, p, r)))
wrong(ROUGE_N, "rouge-n.plain-mean")(_rouge_n(f=lambda p, r: p / 2 + r / 2))
wrong(ROUGE_N, "rouge-n.f-halved")(_rouge_n(f=lambda p, r: p * r / (p + r)))
wrong(ROUGE_N, "rouge-n.words-only")(lambda a, b, n: _rouge_n()(a, b, 1))


def _counted(runs):
    """With a Counter of runs."""

    def rouge(candidate, reference, n):
        ours, theirs = Counter(runs(candidate, n)), Counter(runs(reference, n))
        right = (ours & theirs).total()
        if right == 0:
            return 0, 0, 0
        p, r = right / ours.total(), right / theirs.total()
        return p, r, 2 * p * r / (p + r)

    return rouge


wrong(ROUGE_N, "rouge-n.last-lost")(
    _counted(lambda x, n: [tuple(x[i : i + n]) for i in range(len(x) - n)])
)
wrong(ROUGE_N, "rouge-n.short-ones")(
    _counted(lambda x, n: [tuple(x[i : i + n]) for i in range(len(x))])
)
wrong(ROUGE_N, "rouge-n.joined")(
    _counted(lambda x, n: ["".join(x[i : i + n]) for i in range(len(x) - n + 1)])
)
wrong(ROUGE_N)(_rouge_n(clip=max))
wrong(ROUGE_N)(_rouge_n(f=min))
wrong(ROUGE_N)(lambda a, b, n: _rouge_n()(a, b, n + 1))


# ── 11 rouge_l ────────────────────────────────────────────────────────────────────────

ROUGE_L = "11_summaries/rouge_l"


def _common(a, b):
    """Lengths of subsequences, one row after the other."""
    row = [0] * (len(b) + 1)
    for x in a:
        left = 0
        for j, y in enumerate(b, start=1):
            left, row[j] = row[j], left + 1 if x == y else max(row[j], row[j - 1])
    return row[-1]


def _rouge_l(common=_common, over=lambda a, b: (len(a), len(b)), turn=1):
    def rouge(a, b):
        k, (m, n) = common(a, b), over(a, b)
        if not k:
            return 0.0, 0.0, 0.0
        return (*(k / m, k / n)[::turn], 2 * k / (m + n))

    return rouge


def _run(a, b):
    pieces = [a[i:j] for j in range(len(a) + 1) for i in range(j)]
    joined = f" {' '.join(b)} "
    return max((len(p) for p in pieces if f" {' '.join(p)} " in joined), default=0)


def _left_to_right(a, b):
    rest, count = list(b), 0
    for x in a:
        if x in rest:
            del rest[: rest.index(x) + 1]
            count += 1
    return count


wrong(ROUGE_L, "rouge-l.longest-run")(_rouge_l(_run))
wrong(ROUGE_L, "rouge-l.greedy")(_rouge_l(_left_to_right))
wrong(ROUGE_L, "rouge-l.any-order")(
    _rouge_l(lambda a, b: sum(min(a.count(x), b.count(x)) for x in set(a)))
)
wrong(ROUGE_L, "rouge-l.same-places")(
    _rouge_l(lambda a, b: sum(map(lambda x, y: x == y, a, b)))
)
wrong(ROUGE_L, "rouge-l.swapped")(_rouge_l(turn=-1))
wrong(ROUGE_L, "rouge-l.over-longer")(
    _rouge_l(over=lambda a, b: (max(len(a), len(b)),) * 2)
)


def _table(table, first, a, b):
    """A table that is given, filled from some place on."""
    for i in range(first, len(a) + first):
        for j in range(first, len(b) + first):
            beside = max(table[i - 1][j], table[i][j - 1])
            same = a[i - first] == b[j - first]
            table[i][j] = table[i - 1][j - 1] + 1 if same else beside
    return table[-1][-1] if a and b else 0


wrong(ROUGE_L, "rouge-l.matched-left")(
    _rouge_l(lambda a, b: _table([[0] * (len(b) + 1)] * (len(a) + 1), 1, a, b))
)
wrong(ROUGE_L, "rouge-l.wrapped")(
    _rouge_l(lambda a, b: _table([[0] * len(b) for _ in a], 0, a, b))
)
wrong(ROUGE_L, "rouge-l.never-filled")(
    _rouge_l(lambda a, b: _table(np.zeros((len(a) + 1, len(b) + 1)), 0, a, b))
)
wrong(ROUGE_L)(_rouge_l(lambda a, b: _common(a[::-1], b)))
wrong(ROUGE_L)(_rouge_l(over=lambda a, b: (len(a) + 1, len(b) + 1)))
wrong(ROUGE_L)(lambda a, b: np.round(_rouge_l()(a, b), 1))


# ── 11 source_rows ────────────────────────────────────────────────────────────────────

ROWS = "11_summaries/source_rows"


def _rows(
    cut=lambda t, n: t[:n], room=2, make=lambda t: [2, *t, 3], real=lambda x: x > 0
):
    def rows(texts, width):
        table = np.zeros((len(texts), width), "int64")
        for i, tokens in enumerate(texts):
            row = make(cut(tokens, width - room))[:width]
            table[i, : len(row)] = row
        return table, real(table)

    return rows


wrong(ROWS, "rows.head-cut")(_rows(cut=lambda t, n: t[-n:]))
wrong(ROWS, "rows.end-lost")(_rows(room=0))
wrong(ROWS, "rows.no-end")(_rows(room=1, make=lambda t: [2, *t]))
wrong(ROWS, "rows.no-begin")(_rows(room=1, make=lambda t: [*t, 3]))
wrong(ROWS, "rows.one-short")(_rows(room=3))
wrong(ROWS, "rows.mask-inverted")(_rows(real=lambda x: x == 0))
wrong(ROWS, "rows.end-hidden")(_rows(real=lambda x: (x != 0) & (x != 3)))
wrong(ROWS, "rows.mask-too-short")(
    lambda texts, width: (
        _rows()(texts, width)[0],
        [[i < min(len(t), width - 2) for i in range(width)] for t in texts],
    )
)
wrong(ROWS)(_rows(make=lambda t: [3, *t, 2]))
wrong(ROWS)(_rows(cut=lambda t, n: sorted(t[:n])))


# ── 11 copy_mixture ───────────────────────────────────────────────────────────────────

COPY = "11_summaries/copy_mixture"


def _mixture(
    spread=np.add.at, mix=lambda g, w, c: g * w + (1 - g) * c, soft=True, attend=None
):
    def mixture(logits, gate, attention, source_ids):
        z = np.asarray(logits, float)
        z = z - z.max(1, keepdims=True) if soft else z
        written = np.exp(z) / np.exp(z).sum(1, keepdims=True) if soft else z
        copied = np.zeros_like(written)
        attention = attend(attention) if attend else attention
        spread(copied, (slice(None), source_ids), attention)
        return mix(gate[:, None], written, copied)

    return mixture


def _assign(copied, places, attention):
    copied[places] = attention


def _larger(copied, places, attention):
    np.maximum.at(copied, places, attention)


wrong(COPY, "copy.last-stays")(_mixture(spread=_assign))
wrong(COPY, "copy.largest")(_mixture(spread=_larger))
wrong(COPY, "copy.gate-inverted")(_mixture(mix=lambda g, w, c: w + g * (c - w)))
wrong(COPY, "copy.gate-left-out")(_mixture(mix=lambda g, w, c: c + w))
wrong(COPY, "copy.hard-switch")(_mixture(mix=lambda g, w, c: np.where(g >= 0.5, w, c)))
wrong(COPY, "copy.logits-as-they-are")(_mixture(soft=False))
wrong(COPY, "copy.copy-not-weighted")(_mixture(mix=lambda g, w, c: c + w * g))


@wrong(COPY, "copy.softmax-of-all")
def mixture_of_one_softmax(logits, gate, attention, source_ids):
    written = np.exp(logits - logits.max())
    written /= written.sum()
    copied = attention @ np.eye(logits.shape[1])[source_ids]
    return (written.T * gate + copied.T * (1 - gate)).T


@wrong(COPY, "copy.one-maximum")
def mixture_with_one_maximum(logits, gate, attention, source_ids):
    written = np.exp(logits - logits.max())
    written /= written.sum(axis=1, keepdims=True)
    copied = attention @ np.eye(logits.shape[1])[source_ids]
    return (written.T * gate + copied.T * (1 - gate)).T


wrong(COPY)(_mixture(mix=lambda g, w, c: np.maximum(g * w, (1 - g) * c)))
wrong(COPY)(_mixture(mix=lambda g, w, c: g**2 * w + (1 - g) ** 2 * c))
wrong(COPY)(_mixture(attend=lambda a: a[:, ::-1]))


# ── 11 no_repeat ──────────────────────────────────────────────────────────────────────

REPEAT = "11_summaries/no_repeat"


def _no_repeat(ban=-np.inf, more=0, places=lambda found: found, key=tuple):
    def no_repeat(logits, tokens, n):
        logits, n = np.array(logits), n + more
        if n < 1 or len(tokens) < n:
            return logits
        last = key(tokens[len(tokens) - n + 1 :])
        ends = [
            i for i in range(n - 1, len(tokens)) if key(tokens[i - n + 1 : i]) == last
        ]
        for i in places(ends):
            logits[tokens[i]] = ban
        return logits

    return no_repeat


wrong(REPEAT, "repeat.zero")(_no_repeat(ban=0))
wrong(REPEAT, "repeat.runs-too-long")(_no_repeat(more=1))
wrong(REPEAT, "repeat.runs-too-short")(_no_repeat(more=-1))
wrong(REPEAT, "repeat.latest-only")(_no_repeat(places=lambda found: found[-1:]))
wrong(REPEAT, "repeat.earliest-only")(_no_repeat(places=lambda found: found[:1]))
wrong(REPEAT, "repeat.order-ignored")(_no_repeat(key=lambda run: tuple(sorted(run))))
wrong(REPEAT, "repeat.all-tokens")(
    lambda logits, tokens, n: [
        -1e9 if i in tokens else float(x) for i, x in enumerate(logits)
    ]
)
wrong(REPEAT)(_no_repeat(ban=-1.0))
wrong(REPEAT, "repeat.pairs-only")(
    lambda logits, tokens, n: _no_repeat()(logits, tokens, 2)
)


@wrong(REPEAT, "repeat.minus-zero")
def no_repeat_from_the_end(logits, tokens, n):
    last = tokens[-(n - 1) :]
    for i in range(len(tokens) - n + 1):
        if tokens[i : i + n - 1] == last:
            logits[tokens[i + n - 1]] = -np.inf
    return logits


wrong(REPEAT, "repeat.nothing-banned")(lambda logits, tokens, n: logits + 0)


# ── 14 corners ────────────────────────────────────────────────────────────────────────

CORNERS = "14_detection/corners"


def _corners(half=2.0, width_first=True, scaled=True):
    def corners(boxes, width, height):
        x, y, w, h = (boxes[:, i].astype("float64") for i in range(4))
        if scaled:
            a, b = (width, height) if width_first else (height, width)
            x, y, w, h = x * a, y * b, w * a, h * b
        return np.stack([x - w / half, y - h / half, x + w / half, y + h / half], 1)

    return corners


wrong(CORNERS, "corners.not-halved")(_corners(half=1.0))
wrong(CORNERS, "corners.sides-exchanged")(_corners(width_first=False))
wrong(CORNERS, "corners.shares-kept")(_corners(scaled=False))
wrong(CORNERS)(_corners(half=3.0))
wrong(CORNERS, "corners.rounded")(lambda *a: np.rint(_corners()(*a)))
wrong(CORNERS)(lambda *a: np.trunc(_corners()(*a)))
wrong(CORNERS)(lambda *a: _corners()(*a) - [0, 0, 1, 1])
wrong(CORNERS)(lambda *a: _corners()(*a)[:, [0, 3, 2, 1]])
wrong(CORNERS)(lambda boxes, w, h: _corners()(boxes, w - 1, h - 1))


# ── 14 box_iou ────────────────────────────────────────────────────────────────────────

IOU = "14_detection/box_iou"


def _iou(side=lambda x: max(x, 0.0), below=lambda a, b, i: a + b - i):
    def box_iou(boxes1, boxes2):
        found = np.zeros((len(boxes1), len(boxes2)))
        for n, (a, b, c, d) in enumerate(boxes1.tolist()):
            for m, (e, f, g, h) in enumerate(boxes2.tolist()):
                shared = side(min(c, g) - max(a, e)) * side(min(d, h) - max(b, f))
                areas = (c - a) * (d - b), (g - e) * (h - f)
                found[n, m] = shared / below(*areas, shared)
        return found

    return box_iou


wrong(IOU, "iou.negative-overlap")(_iou(side=lambda x: x))
wrong(IOU, "iou.absolute-overlap")(_iou(side=abs))
wrong(IOU, "iou.union-is-sum")(_iou(below=lambda a, b, i: a + b))
wrong(IOU, "iou.of-the-smaller")(_iou(below=lambda a, b, i: min(a, b)))
wrong(IOU)(_iou(below=lambda a, b, i: math.sqrt(a * b)))
wrong(IOU, "iou.of-the-larger")(_iou(below=lambda a, b, i: max(a, b)))
wrong(IOU, "iou.turned")(lambda one, other: _iou()(other, one))
wrong(IOU)(lambda one, other: 1 - _iou()(one, other))
wrong(IOU)(lambda one, other: (_iou()(one, other) >= 0.5) * 1.0)


# ── 14 generalized_iou ────────────────────────────────────────────────────────────────

GIOU = "14_detection/generalized_iou"


def _giou(last=lambda iou, union, hull, shared: iou - (hull - union) / hull):
    def generalized_iou(boxes1, boxes2):
        found = []
        for (a, b, c, d), (e, f, g, h) in zip(boxes1, boxes2, strict=True):
            shared = max(min(c, g) - max(a, e), 0) * max(min(d, h) - max(b, f), 0)
            union = (c - a) * (d - b) + (g - e) * (h - f) - shared
            hull = (max(c, g) - min(a, e)) * (max(d, h) - min(b, f))
            found.append(last(shared / union, union, hull, shared))
        return np.array(found)

    return generalized_iou


wrong(GIOU, "giou.iou-only")(_giou(lambda iou, u, c, i: iou))
wrong(GIOU, "giou.of-the-union")(_giou(lambda iou, u, c, i: iou - (c - u) / u))
wrong(GIOU, "giou.minus-intersection")(_giou(lambda iou, u, c, i: iou - (c - i) / c))
wrong(GIOU, "giou.a-loss")(_giou(lambda iou, u, c, i: 1 - iou + (c - u) / c))
wrong(GIOU)(_giou(lambda iou, u, c, i: iou - ((c - u) / c) ** 2))
wrong(GIOU, "giou.only-apart")(
    _giou(lambda iou, u, c, i: iou if i > 0 else (u - c) / c)
)
wrong(GIOU)(_giou(lambda iou, u, c, i: (iou - (c - u) / c + 1) / 2))
wrong(GIOU)(_giou(lambda iou, u, c, i: i / c))
wrong(GIOU)(_giou(lambda iou, u, c, i: iou * u / c))


# ── 14 match ──────────────────────────────────────────────────────────────────────────

MATCH = "14_detection/match"


def _match(named=1.0, far=5.0, over=2.0, pick=None, last=True):
    def match(logits, boxes, true_classes, true_boxes):
        from scipy.optimize import linear_sum_assignment

        p = np.exp(logits.astype("float64"))
        p = p / (p if last else p[:, :-1]).sum(axis=1, keepdims=True)
        cost = np.zeros((len(boxes), len(true_boxes)))
        for g, (name, truth) in enumerate(zip(true_classes, true_boxes, strict=True)):
            same = np.repeat(truth[None], len(boxes), axis=0)
            cost[:, g] = -named * p[:, name] - over * _giou()(boxes, same)
            cost[:, g] += far * np.abs(boxes - truth).sum(axis=1)
        if pick:
            return pick(cost)
        rows, columns = linear_sum_assignment(cost)
        return [int(rows[list(columns).index(g)]) for g in range(len(true_boxes))]

    return match


wrong(MATCH, "match.class-cost-turned")(_match(named=-1.0))
wrong(MATCH, "match.no-giou")(_match(over=0.0))
wrong(MATCH, "match.no-distance")(_match(far=0.0))
wrong(MATCH, "match.nothing-left-out")(_match(last=False))
wrong(MATCH, "match.cheapest-of-each")(
    _match(pick=lambda cost: [int(np.argmin(column)) for column in cost.T])
)
wrong(MATCH)(_match(named=5.0))
wrong(MATCH)(_match(far=1.0))
wrong(MATCH, "match.averaged")(_match(far=1.25))


# ── 14 set_loss ───────────────────────────────────────────────────────────────────────

SET = "14_detection/set_loss"


def _set_loss(light=lambda x: x, divide=lambda total, weight, q: total / weight, by=1):
    def set_loss(logits, boxes, true_classes, true_boxes, queries, no_object):
        total = weight = 0.0
        names = dict(zip(queries.tolist(), true_classes.tolist(), strict=True))
        for q, row in enumerate(logits.astype("float64")):
            w = 1.0 if q in names else light(no_object)
            log = row[names.get(q, -1)] - np.log(np.exp(row).sum())
            total, weight = total - w * log, weight + w
        apart = 0.0
        for q, truth in zip(queries, true_boxes, strict=True):
            apart += by * 5 * np.abs(boxes[q] - truth).sum()
            apart += 2 - 2 * _giou()(boxes[q][None], truth[None])[0]
        return divide(total, weight, len(logits)), apart / max(len(queries), 1)

    return set_loss


wrong(SET, "loss.no-weight")(_set_loss(light=lambda x: 1.0))
wrong(SET, "loss.mean-of-queries")(_set_loss(divide=lambda t, w, q: t / q))
wrong(SET, "loss.summed")(_set_loss(divide=lambda t, w, q: t))
wrong(SET, "loss.distance-averaged")(_set_loss(by=0.25))
wrong(SET)(_set_loss(light=lambda x: x**2))
wrong(SET)(lambda *a: _set_loss()(*a)[::-1])
wrong(SET)(_set_loss(by=0.4))


@wrong(SET, "loss.nothing-left-out")
def loss_of_things_only(logits, boxes, true_classes, true_boxes, queries, no_object):
    rows = logits[queries].astype("float64")
    logs = rows - np.log(np.exp(rows).sum(axis=1, keepdims=True))
    named = logs[np.arange(len(rows)), true_classes]
    right = _set_loss()(logits, boxes, true_classes, true_boxes, queries, no_object)
    return -named.sum() / max(len(rows), 1), right[1]


# ── 14 average_precision ──────────────────────────────────────────────────────────────

PRECISION = "14_detection/average_precision"


def _precision(enough=lambda x, t: x >= t, once=True, of=len, curve=max, here=True):
    def average_precision(scores, pictures, overlaps, true_pictures, threshold):
        found, hits = set(), []
        for d in sorted(range(len(scores)), key=lambda d: -scores[d]):
            legal = [
                g
                for g in range(len(true_pictures))
                if (not here or true_pictures[g] == pictures[d])
                and not (once and g in found)
            ]
            best = max(legal, key=lambda g: overlaps[d, g], default=None)
            hits.append(best is not None and enough(overlaps[d, best], threshold))
            if hits[-1]:
                found.add(best)
        precision = [sum(hits[: n + 1]) / (n + 1) for n in range(len(hits))]
        total = sum(
            curve(precision[n:]) for n, hit in enumerate(hits) if hit
        )  # a step of recall for each
        return total / max(of(true_pictures) if of is len else of(hits), 1)

    return average_precision


wrong(PRECISION, "ap.above-threshold")(_precision(enough=lambda x, t: x > t))
wrong(PRECISION, "ap.always-half")(_precision(enough=lambda x, t: x >= 0.5))
wrong(PRECISION, "ap.twice-is-right")(_precision(once=False))
wrong(PRECISION, "ap.any-picture")(_precision(here=False))
wrong(PRECISION, "ap.missed-forgotten")(_precision(of=sum))
wrong(PRECISION, "ap.no-envelope")(_precision(curve=lambda rest: rest[0]))
wrong(PRECISION)(_precision(curve=min))
wrong(PRECISION)(_precision(curve=lambda rest: sum(rest) / len(rest)))
wrong(PRECISION)(_precision(enough=lambda x, t: x >= t - 0.1))


# ── 17 collapse ───────────────────────────────────────────────────────────────────────

COLLAPSE = "17_speech_to_text/collapse"
wrong(COLLAPSE, "collapse.blanks-first")(
    lambda path: [s for s, _ in itertools.groupby(s for s in path if s > 0)]
)
wrong(COLLAPSE, "collapse.not-merged")(lambda path: np.array(path)[np.array(path) > 0])
wrong(COLLAPSE, "collapse.blanks-kept")(
    lambda path: [path[i] for i in range(len(path)) if i == 0 or path[i] != path[i - 1]]
)
wrong(COLLAPSE, "collapse.round-the-corner")(
    lambda path: [s for s, before in zip(path, np.roll(path, 1)) if s and s != before]  # noqa: B905
)
wrong(COLLAPSE)(lambda path: [s for s, _ in itertools.groupby(path) if s][::-1])


# ── 17 spare_tokens ───────────────────────────────────────────────────────────────────

SPARE = "17_speech_to_text/spare_tokens"


def _spare(up=math.ceil, repeats=lambda row: sum(map(int.__eq__, row, row[1:]))):
    def spare(samples, labels, step, strides):
        found = []
        for count, row in zip(samples.tolist(), labels.tolist(), strict=True):
            tokens = count // step
            for stride in strides:
                tokens = up(tokens / stride)
            row = row[: row.index(0)] if 0 in row else row
            found.append(tokens - len(row) - repeats(row))
        return found

    return spare


wrong(SPARE, "spare.floor")(_spare(up=math.floor))
wrong(SPARE, "spare.before-subsampling")(
    lambda samples, labels, step, strides: _spare()(samples, labels, step, ())
)
wrong(SPARE, "spare.repeats-forgotten")(_spare(repeats=lambda row: 0))
wrong(SPARE, "spare.repeats-anywhere")(_spare(repeats=lambda r: len(r) - len({*r})))
wrong(SPARE)(_spare(up=round))


# ── 17 ctc_log_probability ────────────────────────────────────────────────────────────

CTC = "17_speech_to_text/ctc_log_probability"


def _ctc(
    ends=2, begins=2, may_skip=lambda now, before: now != before, plus=np.logaddexp
):
    def ctc(log_probs, labels):
        x, row = np.asarray(log_probs, float), [0]
        for label in labels:
            row += [int(label), 0]
        alpha = {s: x[0, row[s]] for s in range(min(begins, len(row)))}
        for frame in x[1:]:
            new = {}
            for s, value in alpha.items():
                for n in (s, s + 1, s + 2):
                    if n >= len(row) or (
                        n == s + 2 and not (row[n] and may_skip(row[n], row[s]))
                    ):
                        continue
                    new[n] = plus(new.get(n, -np.inf), value + frame[row[n]])
            alpha = new
        last = [alpha.get(s, -np.inf) for s in range(len(row))][-ends:]
        total = -np.inf
        for value in last:
            total = plus(total, value)
        return total

    return ctc


wrong(CTC, "ctc.skip-over-equal")(_ctc(may_skip=lambda now, before: True))
wrong(CTC, "ctc.never-skipped")(_ctc(may_skip=lambda now, before: False))
wrong(CTC, "ctc.last-blank-only")(_ctc(ends=1))
wrong(CTC, "ctc.begins-with-blank")(_ctc(begins=1))
wrong(CTC, "ctc.best-path")(_ctc(plus=max))


# ── 17 best_path ──────────────────────────────────────────────────────────────────────

PATH = "17_speech_to_text/best_path"


def _viterbi(ends=2, begins=2, turn=False, may_skip=lambda now, before: now != before):
    def best(log_probs, labels):
        row = [0, *(x for label in labels for x in (int(label), 0))]
        ways = {s: (log_probs[0][row[s]], [row[s]]) for s in range(len(row))[:begins]}
        for frame in log_probs[1:]:
            new = {}
            for s, (score, path) in ways.items():
                for n in (s, s + 1, s + 2):
                    jump = n == s + 2
                    if n >= len(row) or (jump and (not row[n])):
                        continue
                    if jump and not may_skip(row[n], row[s]):
                        continue
                    found = (score + frame[row[n]], [*path, row[n]])
                    if n not in new or found[0] > new[n][0]:
                        new[n] = found
            ways = new
        last = [ways[s] for s in range(len(row))[-ends:] if s in ways]
        path = max(last)[1]
        return path[::-1] if turn else path

    return best


wrong(PATH, "path.skip-over-equal")(_viterbi(may_skip=lambda now, before: True))
wrong(PATH)(_viterbi(may_skip=lambda now, before: False))
wrong(PATH, "path.ends-anywhere")(_viterbi(ends=99))
wrong(PATH, "path.backwards")(_viterbi(turn=True))
wrong(PATH)(lambda log_probs, labels: log_probs.argmax(axis=1))


# ── 17 word_error_rate ────────────────────────────────────────────────────────────────

WER = "17_speech_to_text/word_error_rate"


def _wer(cut=str.split, change=1, insert=1, count=lambda said, heard: len(said)):
    def distance(a, b):
        if not a or not b:
            return len(a) + insert * len(b)
        table = [[j * insert for j in range(len(b) + 1)]]
        for i, word in enumerate(a):
            row = [i + 1]
            for j, other in enumerate(b):
                same = table[-1][j] + change * (word != other)
                row.append(min(same, table[-1][j + 1] + 1, row[j] + insert))
            table.append(row)
        return table[-1][-1]

    def rate(references, hypotheses):
        pairs = [(cut(a), cut(b)) for a, b in zip(references, hypotheses, strict=True)]
        total = sum(count(a, b) for a, b in pairs)
        return sum(distance(a, b) for a, b in pairs) / max(total, 1)

    return rate


wrong(WER, "wer.characters")(_wer(cut=list))
wrong(WER, "wer.changes-twice")(_wer(change=2))
wrong(WER, "wer.insertions-free")(_wer(insert=0))
wrong(WER, "wer.heard-length")(_wer(count=lambda said, heard: len(heard)))
wrong(WER, "wer.mean-of-texts")(
    lambda said, heard: np.mean([_wer()([a], [b]) for a, b in zip(said, heard)])  # noqa: B905
)


# ── 17 prefix_beam_search ─────────────────────────────────────────────────────────────

BEAM = "17_speech_to_text/prefix_beam_search"


def _prefixes(repeat=lambda b, n: (n, b), rank=np.logaddexp, change=np.logaddexp):
    def search(log_probs, width):
        beams = {(): np.array([0.0, -np.inf])}
        for frame in np.asarray(log_probs, float):
            new = {}
            for text, (b, n) in beams.items():
                moves = [(text, 0, np.logaddexp(b, n) + frame[0])]
                for c in range(1, len(frame)):
                    if text[-1:] == (c,):
                        same, longer = repeat(b, n)
                        moves.append((text, 1, same + frame[c]))
                        moves.append(((*text, c), 1, longer + frame[c]))
                    else:
                        moves.append(((*text, c), 1, change(b, n) + frame[c]))
                for longer, end, value in moves:
                    pair = new.setdefault(longer, np.full(2, -np.inf))
                    pair[end] = np.logaddexp(pair[end], value)
            order = sorted(new, key=lambda text: rank(*new[text]), reverse=True)
            beams = {text: new[text] for text in order[:width]}
        best = max(beams, key=lambda text: np.logaddexp(*beams[text]))
        return best, np.logaddexp(*beams[best])

    return search


wrong(BEAM, "beam.repeat-extends")(
    _prefixes(repeat=lambda b, n: (n, np.logaddexp(b, n)))
)
wrong(BEAM, "beam.repeat-never-extends")(
    _prefixes(repeat=lambda b, n: (np.logaddexp(b, n), -np.inf))
)
wrong(BEAM, "beam.repeat-lost")(_prefixes(repeat=lambda b, n: (-np.inf, b)))
wrong(BEAM, "beam.label-after-blank-only")(_prefixes(change=lambda b, n: b))
wrong(BEAM, "beam.ranked-by-label")(_prefixes(rank=lambda b, n: n))


# ── 15 straight_way, steered ──────────────────────────────────────────────────────────

WAY = "15_image_generation/straight_way"


def _along(start, end, t):
    """From one end to the other, image by image."""
    pairs = zip(start, end, t, strict=True)
    return np.array([a + s * (b - a) for a, b, s in pairs]).reshape(start.shape)


wrong(WAY, "way.turned-round")(lambda y, e, t: (_along(y, e, t), y - e))
wrong(WAY, "way.sign")(lambda y, e, t: (_along(e, y, t), -y + e))
wrong(WAY, "way.noise-stays")(
    lambda y, e, t: (np.einsum("b,b...->b...", t, y) + e, np.subtract(y, e))
)
wrong(WAY, "way.what-is-left")(
    lambda y, e, t: (_along(e, y, t), (1 - t.reshape(-1, 1, 1, 1)) * (y - e))
)
wrong(WAY, "way.time-along-channels")(lambda y, e, t: (e + t * (y - e), y - e))
wrong(WAY)(lambda y, e, t: (_along(e, y, np.sin(t * np.pi / 2)), y - e))
wrong(WAY)(lambda y, e, t: (_along(e, y, 0 * t + t.mean()), y - e))
wrong(WAY)(lambda y, e, t: (_along(e, y, t).clip(-1, 1), y - e))


@wrong(WAY, "way.circle")
def a_bow_by_arc_sine(images, noise, times):
    angle = np.arcsin(times)[:, None, None, None]
    return np.sin(angle) * images + np.cos(angle) * noise, images - noise


STEERED = "15_image_generation/steered"


def _steered(
    axis=-1,
    ddof=0,
    bend=None,
    order="shift scale gate",
    gate=lambda g: g,
    root=lambda variance: np.sqrt(variance + 1e-6),
):
    def steered(x, c, weight, bias, part):
        c = (bend or (lambda z: z / (1 + np.exp(-z))))(c.astype("float64"))
        thirds = np.split(c @ weight + bias, 3, axis=1)
        s = {k: v[:, None] for k, v in zip(order.split(), thirds, strict=True)}
        variance = x.var(axis=axis, ddof=ddof, keepdims=True)
        y = (x - x.mean(axis=axis, keepdims=True)) / root(variance)
        y = np.einsum("btd,de->bte", y + y * s["scale"] + s["shift"], part)
        return x + gate(s["gate"]) * np.tanh(y)

    return steered


wrong(STEERED, "steered.scale-first")(_steered(order="scale shift gate"))
wrong(STEERED, "steered.gate-first")(_steered(order="gate shift scale"))
wrong(STEERED, "steered.no-silu")(_steered(bend=np.copy))
wrong(STEERED, "steered.over-patches")(_steered(axis=1))
wrong(STEERED, "steered.one-and-gate")(_steered(gate=lambda g: g + 1))
wrong(STEERED)(_steered(bend=np.tanh))
wrong(STEERED, "steered.added-to-the-root")(_steered(root=lambda v: v**0.5 + 1e-6))
wrong(STEERED)(_steered(root=lambda v: np.sqrt(v + 1e-3)))
wrong(STEERED)(_steered(ddof=1))
wrong(STEERED)(_steered(order="shift gate scale", gate=np.abs))


# ── 15 euler, guided ──────────────────────────────────────────────────────────────────

EULER = "15_image_generation/euler"


def _euler(times, length=lambda s: 1 / s):
    def euler(velocity, noise, steps):
        x = np.array(noise, "float64")
        for t in times(steps):
            x += length(steps) * velocity(x, np.repeat(t, len(x)))
        return x

    return euler


wrong(EULER, "euler.end-times")(_euler(lambda s: np.linspace(0, 1, s + 1)[1:]))
wrong(EULER, "euler.last-time-too")(
    _euler(lambda s: [k / max(s - 1, 1) for k in range(s)])
)
wrong(EULER, "euler.step-numbers")(_euler(range))
wrong(EULER, "euler.whole-steps")(
    _euler(lambda s: np.arange(0, 1, 1 / s)[:s], lambda s: 1)
)
wrong(EULER)(_euler(lambda s: (np.arange(s) + 0.5) / s))
wrong(EULER)(_euler(lambda s: np.arange(s) / s, lambda s: 1 / (s + 1)))
wrong(EULER)(_euler(lambda s: 1 - np.arange(s) / s))


@wrong(EULER)
def one_time_for_all_rows(velocity, noise, steps):
    for k in range(steps):
        noise = noise + velocity(noise, k / steps) / steps
    return noise


@wrong(EULER)
def clipped_at_each_step(velocity, noise, steps):
    x = noise
    for k in range(steps):
        x = (x + velocity(x, np.full(len(x), k / steps)) / steps).clip(-1, 1)
    return x


@wrong(EULER, "euler.velocity-of-noise")
def mean_of_velocities_at_the_noise(velocity, noise, steps):
    told = [velocity(noise, np.full(len(noise), k / steps)) for k in range(steps)]
    return noise + np.mean(told, axis=0)


GUIDED = "15_image_generation/guided"
wrong(GUIDED, "guided.one-more")(
    lambda both, w: (1 + w) * both[: len(both) // 2] - w * both[len(both) // 2 :]
)
wrong(GUIDED, "guided.exchanged")(
    lambda both, w: np.tensordot([1 - w, w], both.reshape(2, -1, both.shape[1]), 1)
)
wrong(GUIDED, "guided.every-other")(
    lambda both, w: np.einsum(
        "k,bkd->bd", [w, 1 - w], both.reshape(-1, 2, both.shape[1])
    )
)
wrong(GUIDED, "guided.stretched")(lambda both, w: w * both[: len(both) // 2])
wrong(GUIDED, "guided.untold-only")(lambda both, w: both[len(both) // 2 :])
wrong(GUIDED)(lambda both, w: np.concatenate([both[len(both) // 2 :]] * 2))
wrong(GUIDED)(
    lambda both, w: (
        both[len(both) // 2 :]
        + min(w, 2) * (both[: len(both) // 2] - both[len(both) // 2 :])
    )
)


# ── 15 frechet ────────────────────────────────────────────────────────────────────────

FRECHET = "15_image_generation/frechet"


def _frechet(both=2.0, gap=lambda g: (g**2).sum(), moments=None, end=float):
    def frechet(first, second):
        (m, a), (n, b) = ((moments or _mean_and_cov)(x) for x in (first, second))
        roots = np.sqrt(np.linalg.eigvals(a @ b).real.clip(0)).sum()
        return end(gap(m - n) + a.trace() + b.trace() - both * roots)

    return frechet


def _mean_and_cov(x, **options):
    x = x.astype("float64")
    return x.mean(axis=0), np.cov(x.T, **options).reshape(x.shape[1], -1)


wrong(FRECHET, "frechet.once")(_frechet(both=1.0))
wrong(FRECHET, "frechet.not-squared")(_frechet(gap=np.linalg.norm))
wrong(FRECHET, "frechet.gap-averaged")(_frechet(gap=lambda g: (g**2).mean()))
wrong(FRECHET, "frechet.divided-by-count")(
    _frechet(moments=lambda x: _mean_and_cov(x, ddof=0))
)
wrong(FRECHET, "frechet.variances-only")(
    lambda a, b: (
        (a.mean(0) - b.mean(0)) ** 2 + (a.std(0, ddof=1) - b.std(0, ddof=1)) ** 2
    ).sum()
)
wrong(FRECHET)(_frechet(end=lambda d: np.sqrt(max(d, 0.0))))
wrong(FRECHET)(_frechet(both=2.5))
wrong(FRECHET)(_frechet(gap=lambda g: np.abs(g).sum()))
wrong(FRECHET)(_frechet(gap=lambda g: g.sum() ** 2))


# ── 18 cross_attention ────────────────────────────────────────────────────────────────

CROSS = "18_speech_translation/cross_attention"


def _cross(
    up=math.ceil,
    tokens=None,
    last=False,
    hidden=-np.inf,
    scale=math.sqrt,
    places=None,
    end=lambda weights, value: (weights @ value, weights),
):
    """Written token by token, with one thing changed."""

    def attend(query, key, value, frames, strides):
        shape = (len(query), query.shape[1], key.shape[1])
        weights = np.zeros(shape)
        for b, count in enumerate(frames.tolist()):
            for stride in strides[-1:] if last else strides:
                count = up(count / stride)
            count = tokens(count, shape[2]) if tokens else count
            for t in range(shape[1]):
                x = key[b].astype(float) @ query[b, t] / scale(query.shape[2])
                real = np.arange(shape[2]) < count
                if places:
                    real &= places(t, np.arange(shape[2]))
                x = np.where(real, x, hidden)
                x = np.exp(x - x.max()) if np.isfinite(x.max()) else np.ones(shape[2])
                weights[b, t] = x / x.sum()
        return end(weights, value)

    return attend


wrong(CROSS, "cross.lengths-ignored")(_cross(tokens=lambda n, s: s))
wrong(CROSS, "cross.frames-for-tokens")(
    lambda q, k, v, frames, strides: _cross()(q, k, v, frames, ())
)
wrong(CROSS, "cross.floor")(
    lambda q, k, v, frames, strides: _cross()(q, k, v, frames // math.prod(strides), ())
)
wrong(CROSS, "cross.last-stride")(_cross(last=True))
wrong(CROSS, "cross.strides-added")(
    lambda q, k, v, frames, strides: _cross()(
        q, k, v, frames, (sum(strides),) if strides else ()
    )
)
wrong(CROSS, "cross.one-too-many")(_cross(tokens=lambda n, s: n + 1))
wrong(CROSS, "cross.longest-for-all")(
    lambda q, k, v, frames, strides: _cross()(
        q, k, v, np.repeat(frames.max(), len(frames)), strides
    )
)
wrong(CROSS, "cross.zeros-before")(_cross(hidden=0.0))
wrong(CROSS, "cross.unscaled")(_cross(scale=lambda d: 1))
wrong(CROSS, "cross.divided-by-width")(_cross(scale=float))
wrong(CROSS, "cross.causal-too")(_cross(places=lambda t, s: s < t + 1))


@wrong(CROSS, "cross.after-softmax")
def hides_what_it_has_weighed(query, key, value, frames, strides):
    x = np.einsum("btd,bsd->bts", query, key, dtype=float) / query.shape[2] ** 0.5
    weights = np.exp(x) / np.exp(x).sum(axis=2, keepdims=True)
    for stride in strides:
        frames = (frames + stride - 1) // stride
    for row, count in zip(weights, frames, strict=True):
        row[:, count:] = 0
    return weights @ value, weights


@wrong(CROSS, "cross.softmax-over-queries")
def shares_tokens_among_places(query, key, value, frames, strides):
    x = np.einsum("btd,bsd->bts", query, key, dtype=float) / query.shape[2] ** 0.5
    for stride in strides:
        frames = np.ceil(frames / stride)
    x[np.broadcast_to(frames[:, None, None] <= np.arange(x.shape[2]), x.shape)] = -1e30
    weights = np.exp(x - x.max(axis=1, keepdims=True))
    weights = weights / weights.sum(axis=1)[:, None]
    return weights @ value, weights


wrong(CROSS)(_cross(tokens=lambda n, s: max(1, n - 1)))
wrong(CROSS)(_cross(end=lambda weights, value: (weights @ value, weights**2)))
wrong(CROSS)(_cross(scale=lambda d: math.sqrt(d + 1)))


# ── 18 joint_loss ─────────────────────────────────────────────────────────────────────

JOINT = "18_speech_translation/joint_loss"


def _joint(
    shift=1,
    counted=lambda token: token != 0,
    mix=lambda heard, written, share: share * heard + (1 - share) * written,
    heard=lambda ctc, n: sum(ctc) / max(1, sum(n)),
    written=lambda rows: sum(map(sum, rows)) / sum(map(len, rows)),
    fits=math.isfinite,
    nats=lambda x: -x,
    skip=lambda loss: False,
):
    """Loops over rows and places, with one thing changed."""

    def joint(ctc, letters, log_probs, tokens, share):
        good = [b for b, loss in enumerate(ctc.tolist()) if fits(loss)]
        rows = []
        for b, row in enumerate(tokens.tolist()):
            if skip(float(ctc[b])):
                continue
            chances = log_probs[b].astype(float)
            rows.append(
                [
                    nats(chances[t - shift, token])
                    for t, token in enumerate(row)
                    if t >= shift and counted(token)
                ]
            )
        first = heard([float(ctc[b]) for b in good], [int(letters[b]) for b in good])
        return mix(first, written(rows), share)

    return joint


wrong(JOINT, "joint.not-shifted")(_joint(shift=0))
wrong(JOINT, "joint.padding-counted")(_joint(counted=lambda token: True))
wrong(JOINT, "joint.end-left-out")(_joint(counted=lambda token: token > 1))
wrong(JOINT, "joint.shares-swapped")(_joint(mix=lambda h, w, s: s * w + h - s * h))
wrong(JOINT, "joint.attention-whole")(_joint(mix=lambda h, w, s: w + s * h))
wrong(JOINT, "joint.added")(_joint(mix=lambda h, w, s: h + w))
wrong(JOINT, "joint.ctc-per-recording")(
    _joint(heard=lambda ctc, n: sum(ctc) / max(1, len(n)))
)
wrong(JOINT, "joint.attention-per-recording")(
    _joint(written=lambda rows: sum(map(sum, rows)) / len(rows))
)
wrong(JOINT, "joint.ctc-summed")(_joint(heard=lambda ctc, n: math.fsum(ctc)))
wrong(JOINT, "joint.attention-mean-of-rows")(
    _joint(written=lambda rows: np.mean([np.mean(row) for row in rows]))
)
wrong(JOINT, "joint.ctc-mean-of-rows")(
    _joint(heard=lambda x, n: np.mean(np.divide(x, n)) if n else 0.0)
)
wrong(JOINT, "joint.infinite-kept")(_joint(fits=lambda loss: True))
wrong(JOINT, "joint.sign")(_joint(nats=lambda x: x))
wrong(JOINT, "joint.probabilities")(_joint(nats=lambda x: -math.expm1(x)))
wrong(JOINT)(_joint(nats=lambda x: -x / math.log(2)))
wrong(JOINT)(_joint(fits=lambda loss: loss < 100))
wrong(JOINT)(_joint(mix=lambda h, w, s: (s * h + (1 - s) * w) / 2))


@wrong(JOINT, "joint.infinite-as-zero")
def infinity_becomes_nothing(ctc, letters, log_probs, tokens, share):
    finite = np.nan_to_num(ctc.astype(float), posinf=0.0)
    rest = _joint(heard=lambda x, n: 0.0)(ctc, letters, log_probs, tokens, share)
    return rest + share * finite.sum() / letters.sum()


# ── 18 translate_n_best ───────────────────────────────────────────────────────────────

N_BEST = "18_speech_translation/translate_n_best"


def _n_best(
    most=lambda n, heard: n,
    order=lambda pair: -pair[1],
    way=lambda a, b: a + b,
    join=np.logaddexp,
    offers=lambda found: found,
    score=lambda value, rows: value,
    choose=lambda value, text, ways: value,
):
    """A list of all ways, then one pass over it; one thing changed."""

    def translate(heard, translations, n):
        rows = [
            (translation, way(chance, more))
            for text, chance in sorted(heard, key=order)[: most(n, heard)]
            for translation, more in offers(translations[text])
        ]
        sums, ways = {}, Counter()
        for translation, value in rows:
            known = translation in sums
            sums[translation] = join(sums[translation], value) if known else value
            ways[translation] += 1
        best = max(sums, key=lambda text: choose(sums[text], text, ways))
        return best, score(sums[best], rows)

    return translate


wrong(N_BEST, "nbest.one-best")(_n_best(most=lambda n, heard: 1))
wrong(N_BEST, "nbest.not-added")(_n_best(join=max))
wrong(N_BEST, "nbest.speech-ignored")(_n_best(way=lambda a, b: b))
wrong(N_BEST, "nbest.translator-ignored")(_n_best(way=lambda a, b: a))
wrong(N_BEST, "nbest.first-n")(_n_best(order=lambda pair: 0))
wrong(N_BEST, "nbest.all-texts")(_n_best(most=lambda n, heard: len(heard)))
wrong(N_BEST, "nbest.worst-n")(_n_best(order=lambda pair: pair[1]))
wrong(N_BEST, "nbest.best-translation-only")(
    _n_best(offers=lambda found: sorted(found, key=lambda pair: -pair[1])[:1])
)
wrong(N_BEST, "nbest.logarithms-added")(_n_best(join=lambda a, b: a + b))
wrong(N_BEST, "nbest.probability")(_n_best(score=lambda value, rows: math.exp(value)))
wrong(N_BEST, "nbest.normalized")(
    _n_best(score=lambda value, rows: value - np.logaddexp.reduce([x for _, x in rows]))
)
wrong(N_BEST, "nbest.votes")(
    _n_best(choose=lambda value, text, ways: (ways[text], value))
)
wrong(N_BEST, "nbest.last-way")(_n_best(join=lambda a, b: b))
wrong(N_BEST, "nbest.per-character")(
    _n_best(choose=lambda value, text, ways: value / len(text))
)
wrong(N_BEST, "nbest.least")(_n_best(choose=lambda value, text, ways: -value))
wrong(N_BEST)(_n_best(most=lambda n, heard: n + 1))
wrong(N_BEST)(_n_best(way=lambda a, b: (a + b) / 2))


# ── 18 two_scores ─────────────────────────────────────────────────────────────────────

TWO = "18_speech_translation/two_scores"


def _two(
    form="NFC",
    same=lambda a, b: a == b,
    costs=(1, 1, 1),
    below=lambda wanted, found: sum(map(len, wanted)),
    exact=lambda right: sum(right) / len(right),
    end=lambda rate: 1 - rate,
    distance=None,
):
    """A table of costs for each pair, with one thing changed."""

    def table(a, b):
        change, drop, insert = costs
        cost = np.zeros((len(a) + 1, len(b) + 1))
        cost[:, 0] = drop * np.arange(len(a) + 1)
        cost[0] = insert * np.arange(len(b) + 1)
        for i, j in np.ndindex(len(a), len(b)):
            cost[i + 1, j + 1] = min(
                cost[i, j] + change * (a[i] != b[j]),
                cost[i, j + 1] + drop,
                cost[i + 1, j] + insert,
            )
        return cost[-1, -1]

    def scores(references, hypotheses):
        import unicodedata

        wanted, found = (
            [unicodedata.normalize(form, x) if form else x for x in texts]
            for texts in (references, hypotheses)
        )
        pairs = list(zip(wanted, found, strict=True))
        errors = sum((distance or table)(a, b) for a, b in pairs)
        right = exact([same(a, b) for a, b in pairs])
        return right, end(errors / max(1, below(wanted, found)))

    return scores


wrong(TWO, "score.codes")(_two(form=None))
wrong(TWO, "score.marks-counted")(_two(form="NFD"))
wrong(TWO, "score.compatible")(_two(form="NFKC"))
wrong(TWO, "score.written-length")(_two(below=lambda a, b: sum(map(len, b))))
wrong(TWO, "score.longer-length")(
    _two(below=lambda a, b: sum(max(len(x), len(y)) for x, y in zip(a, b, strict=True)))
)
wrong(TWO, "score.error-rate")(_two(end=lambda rate: rate))
wrong(TWO, "score.never-negative")(_two(end=lambda rate: max(0, 1 - rate)))
wrong(TWO, "score.beginning-is-enough")(_two(same=lambda a, b: b[: len(a)] == a))
wrong(TWO, "score.all-or-nothing")(_two(exact=lambda right: int(min(right))))
wrong(TWO, "score.counted")(_two(exact=lambda right: right.count(True)))
wrong(TWO, "score.percent")(_two(exact=lambda x: 100 * x.count(True) / len(x)))
wrong(TWO, "score.changes-twice")(_two(costs=(2, 1, 1)))
wrong(TWO, "score.insertions-free")(_two(costs=(1, 1, 0)))
wrong(TWO, "score.omissions-free")(_two(costs=(1, 0, 1)))
wrong(TWO, "score.place-by-place")(
    _two(
        distance=lambda a, b: sum(x != y for x, y in itertools.zip_longest(a, b)),
    )
)
wrong(TWO, "score.any-order")(
    _two(
        distance=lambda a, b: max(
            (Counter(a) - Counter(b)).total(), (Counter(b) - Counter(a)).total()
        )
    )
)
wrong(TWO)(_two(costs=(1, 1, 2)))
wrong(TWO)(_two(end=lambda rate: 1 - rate / 2))


@wrong(TWO, "score.mean-of-texts")
def rates_are_averaged(references, hypotheses):
    each = [_two()([a], [b]) for a, b in zip(references, hypotheses, strict=True)]
    return tuple(np.mean(each, axis=0))


def _changed_before(change):
    def scores(references, hypotheses):
        return _two()([change(x) for x in references], [change(x) for x in hypotheses])

    return scores


wrong(TWO, "score.lowered")(_changed_before(str.casefold))
wrong(TWO, "score.spaces-dropped")(_changed_before(lambda x: "".join(x.split())))
wrong(TWO)(_changed_before(str.strip))


@wrong(TWO, "score.swap-is-one")
def neighbours_may_swap(references, hypotheses):
    def distance(a, b):
        if not a or not b:
            return len(a) + len(b)
        if a[0] == b[0]:
            return distance(a[1:], b[1:])
        ways = [distance(a[1:], b[1:]), distance(a[1:], b), distance(a, b[1:])]
        if a[:2] == b[1::-1]:
            ways.append(distance(a[2:], b[2:]))
        return 1 + min(ways)

    return _two(distance=distance)(references, hypotheses)


# ── 18 write_alone ────────────────────────────────────────────────────────────────────

ALONE = "18_speech_translation/write_alone"


def _alone(
    first="truth",
    second="own",
    stops=True,
    counted=lambda token: token != 0,
    exact=lambda rows: sum(map(all, rows)) / len(rows),
    share=lambda rows: sum(map(sum, rows)) / sum(map(len, rows)),
    again=None,
):
    """Row by row in lists, with one thing changed."""

    def run(table, row, behind, stops):
        written, before = [], row[0]
        for t, chances in enumerate(table):
            before = row[t] if behind == "truth" else before
            before = int(chances[before].argmax())
            written.append(before)
            if stops and before == 1:
                break
        return written + [0] * (len(row) - 1 - len(written))

    def scores(log_probs, tokens):
        rights = []
        for behind, ends in ((first, False), (second, stops)):
            rights.append(
                [
                    [
                        a == b
                        for a, b in zip(
                            run(table, row, behind, ends), row[1:], strict=True
                        )
                        if counted(b)
                    ]
                    for table, row in zip(log_probs, tokens.tolist(), strict=True)
                ]
            )
        return share(rights[0]), (again or share)(rights[1]), exact(rights[1])

    return scores


wrong(ALONE, "alone.truth-behind")(_alone(second="truth", stops=False))
wrong(ALONE, "alone.swapped")(_alone(first="own", second="truth", stops=False))
wrong(ALONE, "alone.end-ignored")(_alone(stops=False))
wrong(ALONE, "alone.padding-counted")(_alone(counted=lambda token: True))
wrong(ALONE, "alone.end-left-out")(_alone(counted=lambda token: token > 1))
wrong(ALONE, "alone.mean-of-rows")(
    _alone(share=lambda rows: np.mean([np.mean(row) for row in rows]))
)
wrong(ALONE, "alone.exact-of-tokens")(
    _alone(exact=lambda rows: sum(map(sum, rows)) / sum(map(len, rows)))
)
wrong(ALONE, "alone.all-rows")(_alone(exact=lambda rows: float(all(map(all, rows)))))
wrong(ALONE, "alone.exact-by-end")(
    _alone(exact=lambda rows: np.mean([row[-1] for row in rows]))
)
wrong(ALONE, "alone.until-first-error")(
    _alone(
        again=lambda rows: (
            sum(len(list(itertools.takewhile(bool, row))) for row in rows)
            / sum(map(len, rows))
        )
    )
)
wrong(ALONE)(_alone(exact=lambda rows: 1 - sum(map(all, rows)) / len(rows)))
wrong(ALONE)(_alone(exact=lambda rows: np.mean([row[0] for row in rows])))
wrong(ALONE)(_alone(share=lambda rows: float(sum(map(sum, rows)))))
wrong(ALONE)(_alone(exact=lambda rows: np.mean([np.mean(row) > 0.5 for row in rows])))
wrong(ALONE)(_alone(exact=lambda rows: np.mean([np.mean(row) > 0.9 for row in rows])))


@wrong(ALONE, "alone.one-tag")
def always_german(log_probs, tokens):
    forced = _alone()(log_probs, tokens)[0]
    german = np.insert(tokens[:, 1:], 0, 2, axis=1)
    return forced, *_alone()(log_probs, german)[1:]


@wrong(ALONE, "alone.alone-twice")
def alone_from_the_beginning(log_probs, tokens):
    _, alone, exact = _alone()(log_probs, tokens)
    return alone, alone, exact


# ── 19 merge ──────────────────────────────────────────────────────────────────────────

MERGE = "19_efficient/merge"


def _scaled(first, second):
    """Largest logit, and a factor of each part."""
    m = np.where(first[0] > second[0], first[0], second[0])
    return m, np.exp(first[0] - m), np.exp(second[0] - m)


wrong(MERGE, "merge.not-rescaled")(
    lambda a, b: (np.max([a[0], b[0]], axis=0), a[1] + b[1], a[2] + b[2])
)
wrong(MERGE, "merge.totals-not-rescaled")(
    lambda a, b: (
        (s := _scaled(a, b))[0],
        np.sum([a[1], b[1]], axis=0),
        a[2] * s[1][:, None] + b[2] * s[2][:, None],
    )
)
wrong(MERGE, "merge.outputs-not-rescaled")(
    lambda a, b: (
        (s := _scaled(a, b))[0],
        a[1] * s[1] + b[1] * s[2],
        np.stack([a[2], b[2]]).sum(0),
    )
)


@wrong(MERGE, "merge.only-first-rescaled")
def merged_as_in_a_loop(first, second):
    m = np.maximum(first[0], second[0])
    shrink = np.exp(first[0] - m)
    return m, first[1] * shrink + second[1], first[2] * shrink[:, None] + second[2]


@wrong(MERGE, "merge.exponent-turned")
def merged_growing(first, second):
    m = np.maximum(first[0], second[0])
    by = [1 / np.exp(part[0] - m) for part in (first, second)]
    return (
        m,
        first[1] * by[0] + second[1] * by[1],
        first[2] * by[0][:, None] + second[2] * by[1][:, None],
    )


@wrong(MERGE, "merge.largest-of-first")
def merged_with_the_first_maximum(first, second):
    by = np.exp(second[0] - first[0])
    return first[0], first[1] + second[1] * by, first[2] + second[2] * by[:, None]


@wrong(MERGE, "merge.largest-of-second")
def merged_with_the_second_maximum(first, second):
    by = np.exp(first[0] - second[0])
    return second[0], first[1] * by + second[1], first[2] * by[:, None] + second[2]


@wrong(MERGE, "merge.factors-crossed")
def merged_crosswise(first, second):
    m, a, b = _scaled(first, second)
    return (
        m,
        first[1] * b + second[1] * a,
        first[2] * b[:, None] + second[2] * a[:, None],
    )


@wrong(MERGE, "merge.mean-of-outputs")
def merged_mean(first, second):
    m, a, b = _scaled(first, second)
    parts = [first[2] * a[:, None], second[2] * b[:, None]]
    return m, first[1] * a + second[1] * b, np.mean(parts, axis=0)


@wrong(MERGE, "merge.smallest")
def merged_with_the_smaller_maximum(first, second):
    m = -np.maximum(-first[0], -second[0])
    a, b = np.exp(first[0] - m), np.exp(second[0] - m)
    return (
        m,
        first[1] * a + second[1] * b,
        first[2] * a[:, None] + second[2] * b[:, None],
    )


@wrong(MERGE)
def merged_and_divided(first, second):
    m, a, b = _scaled(first, second)
    total = first[1] * a + second[1] * b
    return (
        m,
        total,
        (first[2] * a[:, None] + second[2] * b[:, None]) / total[:, None],
    )


@wrong(MERGE)
def merged_without_a_maximum(first, second):
    a, b = np.exp(first[0]), np.exp(second[0])
    return (
        np.zeros_like(first[0]),
        first[1] * a + second[1] * b,
        first[2] * a[:, None] + second[2] * b[:, None],
    )


@wrong(MERGE)
def merged_weighted_by_totals(first, second):
    m, a, b = _scaled(first, second)
    total = first[1] * a + second[1] * b
    share = first[1] * a / total
    return m, total, share[:, None] * first[2] + (1 - share)[:, None] * second[2]


@wrong(MERGE)
def merged_with_one_maximum_for_all(first, second):
    m = max(first[0].max(), second[0].max())
    a, b = np.exp(first[0] - m), np.exp(second[0] - m)
    return (
        np.full_like(first[0], m),
        first[1] * a + second[1] * b,
        first[2] * a[:, None] + second[2] * b[:, None],
    )


@wrong(MERGE)
def merged_in_base_two(first, second):
    m = np.maximum(first[0], second[0])
    a, b = 2 ** (first[0] - m), 2 ** (second[0] - m)
    return (
        m,
        first[1] * a + second[1] * b,
        first[2] * a[:, None] + second[2] * b[:, None],
    )


@wrong(MERGE)
def merged_with_a_floor_under_exponents(first, second):
    m = np.maximum(first[0], second[0])
    a, b = (np.exp(np.clip(part[0] - m, -10, 0)) for part in (first, second))
    return (
        m,
        first[1] * a + second[1] * b,
        first[2] * a[:, None] + second[2] * b[:, None],
    )


@wrong(MERGE)
def merged_by_the_larger_alone(first, second):
    more = first[0] > second[0]
    total = np.where(more, first[1], second[1])
    return (
        np.maximum(first[0], second[0]),
        total,
        np.where(more[:, None], first[2], second[2]),
    )


@wrong(MERGE)
def merged_to_one_logarithm(first, second):
    m, a, b = _scaled(first, second)
    total = first[1] * a + second[1] * b
    output = first[2] * a[:, None] + second[2] * b[:, None]
    return m + np.log(total), np.ones_like(total), output / total[:, None]


# ── 19 local_mask ─────────────────────────────────────────────────────────────────────

LOCAL = "19_efficient/local_mask"


def _seen(rule, first=lambda t, s: s - t):
    """A mask by a rule of places: query, key, window, causal."""
    return lambda t, s, w, causal: np.array(
        [
            [rule(i, j, w, causal) for j in range(s)]
            for i in range(first(t, s), first(t, s) + t)
        ]
    )


wrong(LOCAL, "local.one-too-many")(
    _seen(lambda i, j, w, c: i - w <= j <= i + (0 if c else w))
)
wrong(LOCAL, "local.one-too-few")(
    _seen(lambda i, j, w, c: i - w + 1 < j < i + (1 if c and w > 1 else w - 1))
)
wrong(LOCAL, "local.half-a-window")(
    _seen(lambda i, j, w, c: abs(i - j) <= w // 2 and not (c and j > i))
)
wrong(LOCAL, "local.looks-ahead")(_seen(lambda i, j, w, c: abs(i - j) < w))
wrong(LOCAL, "local.always-causal")(_seen(lambda i, j, w, c: i - w < j <= i))
wrong(LOCAL, "local.own-hidden")(
    _seen(lambda i, j, w, c: i - w < j < i if c else abs(i - j) < w)
)
wrong(LOCAL, "local.only-ahead")(
    _seen(lambda i, j, w, c: i <= j < i + w if c else abs(i - j) < w)
)
wrong(LOCAL, "local.no-window")(_seen(lambda i, j, w, c: j <= i or not c))
wrong(LOCAL, "local.blocks")(
    _seen(lambda i, j, w, c: i // w == j // w and (j <= i or not c))
)
wrong(LOCAL, "local.hides-the-window")(
    _seen(lambda i, j, w, c: abs(i - j) >= w and (j <= i or not c))
)
wrong(LOCAL, "local.queries-first")(
    _seen(lambda i, j, w, c: i - w < j < i + (1 if c else w), first=lambda t, s: 0)
)
wrong(LOCAL, "local.one-place-early")(
    _seen(
        lambda i, j, w, c: i - w < j < i + (1 if c else w),
        first=lambda t, s: s - t - 1,
    )
)
wrong(LOCAL)(
    lambda t, s, w, c: (
        _seen(lambda i, j, w, c: i - w < j < i + (1 if c else w))(t, s, w, c).T
    )
)
wrong(LOCAL)(_seen(lambda i, j, w, c: 0.0 if i - w < j < i + (1 if c else w) else -1e9))
wrong(LOCAL)(_seen(lambda i, j, w, c: i - w < j < i + (1 if c else w) and j > 0))


@wrong(LOCAL)
def turned_for_both_sides(queries, keys, window, causal):
    distance = np.arange(keys - queries, keys)[:, None] - np.arange(keys)
    mask = (distance >= 0) & (distance < window)
    return mask if causal else mask | mask[::-1, ::-1]


wrong(LOCAL)(_seen(lambda i, j, w, c: i - j < w and j - i < (1 if c else w - 1)))
wrong(LOCAL)(_seen(lambda i, j, w, c: -((w - 1) // 2) <= j - i <= (0 if c else w // 2)))
wrong(LOCAL)(_seen(lambda i, j, w, c: j <= i if c else abs(i - j) < w))


# ── 19 linear_attention ───────────────────────────────────────────────────────────────

LINEAR = "19_efficient/linear_attention"


def _weighted(change=np.tril, total=lambda w, q, k: w.sum(1, keepdims=True)):
    """By a table of weights, which may be changed, and what it is divided by."""

    def attend(q, k, v):
        weights = change(q @ k.T)
        return weights @ v / total(weights, q, k)

    return attend


wrong(LINEAR, "linear.sees-the-future")(_weighted(lambda w: w))
wrong(LINEAR, "linear.not-normalised")(_weighted(total=lambda w, q, k: 1))
wrong(LINEAR, "linear.backwards")(_weighted(np.triu))
wrong(LINEAR, "linear.nothing-remembered")(_weighted(lambda w: np.diag(np.diag(w))))
wrong(LINEAR, "linear.mean-of-tokens")(
    _weighted(total=lambda w, q, k: np.arange(1, len(q) + 1)[:, None])
)
wrong(LINEAR, "linear.normaliser-of-the-future")(
    _weighted(total=lambda w, q, k: (q @ k.T).sum(1, keepdims=True))
)
wrong(LINEAR, "linear.keys-not-summed")(
    _weighted(total=lambda w, q, k: np.einsum("th,th->t", q, k)[:, None])
)
wrong(LINEAR, "linear.sum-of-keys")(
    _weighted(total=lambda w, q, k: np.cumsum(k.sum(1))[:, None])
)
wrong(LINEAR, "linear.sum-of-query")(
    _weighted(total=lambda w, q, k: q.sum(1, keepdims=True))
)


@wrong(LINEAR, "linear.memory-of-the-future")
def with_one_memory(q, k, v):
    return q @ (k.T @ v) / np.tril(q @ k.T).sum(1, keepdims=True)


@wrong(LINEAR, "linear.own-left-out")
def reads_before_it_adds(q, k, v):
    memory, total, rows = np.zeros((k.shape[1], v.shape[1])), np.zeros(k.shape[1]), []
    for i in range(len(q)):
        rows.append(q[i] @ memory / (q[i] @ total))
        memory, total = memory + np.outer(k[i], v[i]), total + k[i]
    return np.array(rows)


@wrong(LINEAR)
def with_a_softmax(q, k, v):
    weights = np.tril(np.exp(q @ k.T))
    return weights / weights.sum(1, keepdims=True) @ v


@wrong(LINEAR)
def scaled_by_the_size(q, k, v):
    weights = np.tril(q @ k.T)
    return weights @ v / (weights.sum(1, keepdims=True) * q.shape[1] ** 0.5)


@wrong(LINEAR)
def normalised_by_columns(q, k, v):
    weights = np.tril(q @ k.T)
    return weights / weights.sum(0, keepdims=True) @ v


@wrong(LINEAR)
def that_forgets(q, k, v):
    memory, total, rows = np.zeros((k.shape[1], v.shape[1])), np.zeros(k.shape[1]), []
    for i in range(len(q)):
        memory = 0.9 * memory + np.outer(k[i], v[i])
        total = 0.9 * total + k[i]
        rows.append(q[i] @ memory / (q[i] @ total))
    return np.array(rows)


wrong(LINEAR, "linear.nothing-remembered")(  # the cumsum runs along the features
    lambda q, k, v: (
        np.einsum("th,thv->tv", q, np.cumsum(k[:, :, None] * v[:, None], axis=1))
        / (q * np.cumsum(k, axis=1)).sum(1, keepdims=True)
    )
)
wrong(LINEAR)(lambda q, k, v: _weighted()(k, q, v))
wrong(LINEAR)(lambda q, k, v: _weighted()(q + 1, k + 1, v))
wrong(LINEAR)(_weighted(total=lambda w, q, k: w.sum(1, keepdims=True) + 1))
wrong(LINEAR)(_weighted(total=lambda w, q, k: w[-1].sum()))


# ── 19 quantise ───────────────────────────────────────────────────────────────────────

INT8 = "19_efficient/quantise"


def _by(scale_of, whole=np.rint, low=-128, high=127):
    def quantise(kernel):
        scale = np.asarray(scale_of(kernel.astype("float64")))
        scale = np.broadcast_to(scale, kernel.shape[1:])
        return np.clip(whole(kernel / scale), low, high).astype(int), scale

    return quantise


def _or_one(scale):
    return np.where(scale > 0, scale, 1.0)


def _columns(kernel):
    return _or_one(np.abs(kernel).max(0) / 127)


wrong(INT8, "int8.one-scale")(_by(lambda k: np.abs(k).max() / 127))
wrong(INT8, "int8.towards-zero")(
    lambda k: ((k / _columns(k)).astype(np.int8), _columns(k))
)
wrong(INT8, "int8.rounded-down")(
    lambda k: ((k / _columns(k) // 1).astype(int), _columns(k))
)
wrong(INT8, "int8.by-128")(_by(lambda k: _or_one(np.abs(k).max(0) / 2**7)))
wrong(INT8, "int8.by-255")(_by(lambda k: _or_one(np.abs(k).max(0) / 255)))
wrong(INT8, "int8.by-7")(_by(lambda k: _or_one(np.abs(k).max(0) / 7)))
wrong(INT8, "int8.mean")(_by(lambda k: _or_one(np.mean(np.abs(k), 0) / 127)))
wrong(INT8, "int8.sign-forgotten")(_by(lambda k: _or_one(np.max(k, 0).clip(0) / 127)))
wrong(INT8, "int8.range-halved")(_by(lambda k: _or_one(np.ptp(k, axis=0) / 254)))
wrong(INT8, "int8.zero-scale")(
    _by(lambda k: np.where((k != 0).any(0), np.abs(k).max(0) / 127, 1e-7))
)


@wrong(INT8)
def with_the_inverse_scale(kernel):
    scale = _columns(kernel)
    return np.round(kernel / scale).astype(int), 1 / scale


@wrong(INT8)
def for_each_input(kernel):
    scale = _or_one(np.abs(kernel).max(1) / 127)
    return np.round(kernel / scale[:, None]).astype(int), scale


@wrong(INT8)
def shifted_to_unsigned(kernel):
    scale = _columns(kernel)
    return np.round(kernel / scale).astype(int) + 128, scale


@wrong(INT8)
def rounded_up(kernel):
    scale = _columns(kernel)
    return np.ceil(kernel / scale).astype(int), scale


wrong(INT8)(_by(lambda k: _or_one(k.std(0) * 3 / 127)))


wrong(INT8)(_by(lambda k: _or_one(np.abs(k.max(0)) / 127)))  # abs outside
wrong(INT8)(_by(lambda k: np.abs(k).max(0) / 127 + 1e-3))
wrong(INT8)(_by(lambda k: _or_one(np.abs(k).max(0) / 127.5)))


@wrong(INT8)
def without_whole_numbers(kernel):
    return kernel / _columns(kernel), _columns(kernel)


@wrong(INT8)
def wrapped_to_bytes(kernel):
    return np.round(kernel / _columns(kernel)).astype(np.uint8), _columns(kernel)


# ── 19 unpack ─────────────────────────────────────────────────────────────────────────

Q4 = "19_efficient/unpack"


def _q4(order=lambda q: [q % 16, q // 16], of=lambda n, d, m: d * n + m, kind="<f2"):
    """Block by block, byte by byte."""

    def unpack(blocks):
        rows = []
        for block in blocks.astype(np.uint8):
            d, m = np.frombuffer(block[:4].tobytes(), kind).astype(float)
            rows.append(of(np.hstack(order(block[4:].astype(int))), d, m))
        return np.hstack(rows)

    return unpack


wrong(Q4, "q4.high-first")(_q4(lambda q: [q // 16, q % 16]))
wrong(Q4, "q4.neighbours")(_q4(lambda q: [np.c_[q % 16, q // 16].ravel()]))
wrong(Q4, "q4.neighbours-high-first")(_q4(lambda q: [np.c_[q // 16, q % 16].ravel()]))
wrong(Q4, "q4.not-shifted")(_q4(lambda q: [q & 0x0F, q & 0xF0]))
wrong(Q4, "q4.head-exchanged")(_q4(of=lambda n, m, d: d * n + m))
wrong(Q4, "q4.big-endian")(_q4(kind=">f2"))
wrong(Q4, "q4.eight-subtracted")(_q4(of=lambda n, d, m: d * (n - 8) + m))
wrong(Q4, "q4.twos-complement")(
    _q4(of=lambda n, d, m: d * np.where(n < 8, n, n - 16) + m)
)
wrong(Q4, "q4.minimum-forgotten")(_q4(of=lambda n, d, m: d * n))
wrong(Q4, "q4.minimum-subtracted")(_q4(of=lambda n, d, m: d * n - m))
wrong(Q4, "q4.moved-then-scaled")(_q4(of=lambda n, d, m: (m + n) * d))


@wrong(Q4, "q4.first-block-for-all")
def with_the_first_head(blocks):
    d, m = np.frombuffer(blocks[0, :4].astype(np.uint8).tobytes(), "<f2").astype(float)
    return np.hstack([np.hstack([b[4:] & 15, b[4:] >> 4]) * d + m for b in blocks])


wrong(Q4)(_q4(of=lambda n, d, m: d * n / 15 + m))
wrong(Q4)(_q4(of=lambda n, d, m: d * n + m / 2))


@wrong(Q4)
def with_bytes_turned(blocks):
    return _q4()(np.concatenate([blocks[:, :4], blocks[:, :3:-1]], axis=1))


@wrong(Q4)
def all_low_halves_first(blocks):
    rows = _q4()(blocks).reshape(len(blocks), 2, 16)
    return np.hstack([rows[:, 0].ravel(), rows[:, 1].ravel()])


@wrong(Q4, "q4.in-halves")
def as_numpy_does_with_halves(blocks):
    heads = blocks[:, :4].astype(np.uint8).copy().view(np.float16)
    packed = blocks[:, 4:].astype(np.uint8)
    numbers = np.concatenate([packed & 15, packed >> 4], axis=1)
    return (numbers * heads[:, :1] + heads[:, 1:]).ravel()


wrong(Q4)(_q4(order=lambda q: [q % 16, q % 16]))
wrong(Q4)(_q4(order=lambda q: [q, q]))
wrong(Q4)(_q4(of=lambda n, d, m: d * n / 16 + m))


# ── 19 longest_text ───────────────────────────────────────────────────────────────────

ROOM = "19_efficient/longest_text"


def _fits(weights=None, token=None, end=lambda left, token: max(0, left // token)):
    def longest(budget, n, bits, block, extra, layers, heads, size, batch):
        taken = n * bits / 8 + n // block * extra / 8
        taken = taken if weights is None else weights(n, bits, block, extra)
        each = 2 * 2 * layers * heads * size * batch
        each = each if token is None else token(layers, heads, size, batch)
        return int(end(budget - taken, each))

    return longest


wrong(ROOM, "memory.bits-as-bytes")(_fits(lambda n, b, k, e: n * b + n // k * e))
wrong(ROOM, "memory.scales-forgotten")(_fits(lambda n, b, k, e: n * b // 8))
wrong(ROOM, "memory.scale-a-weight")(_fits(lambda n, b, k, e: n * (b + e) // 8))
wrong(ROOM, "memory.four-bytes-a-weight")(_fits(lambda n, b, k, e: n * 32 // 8))
wrong(ROOM, "memory.weights-forgotten")(_fits(lambda n, b, k, e: 0))
wrong(ROOM, "memory.keys-alone")(_fits(token=lambda n, k, h, b: n * k * h * b * 2))
wrong(ROOM, "memory.one-layer")(_fits(token=lambda n, k, h, b: 4 * (k * h) * b))
wrong(ROOM, "memory.one-head")(_fits(token=lambda n, k, h, b: 4 * n * (h * b)))
wrong(ROOM, "memory.one-text")(_fits(token=lambda n, k, h, b: 4 * (n * k * h)))
wrong(ROOM, "memory.floats")(_fits(token=lambda n, k, h, b: n * k * h * b * 2 * 4))
wrong(ROOM, "memory.rounded-up")(_fits(end=lambda a, b: max(0, math.ceil(a / b))))
wrong(ROOM, "memory.negative")(_fits(end=lambda a, b: math.floor(a / b)))
wrong(ROOM, "memory.square")(_fits(end=lambda a, b: math.sqrt(max(a, 0) / b)))
wrong(ROOM)(_fits(lambda n, b, k, e: n * b / 8 + n * k * e / 8))
wrong(ROOM)(_fits(end=lambda a, b: max(0, a * 8 // b)))
wrong(ROOM)(_fits(token=lambda n, k, h, b: 6 * n * k * h * b))  # queries, too
wrong(ROOM)(_fits(lambda n, b, k, e: n * b / 8 + n / k * e))  # extra bits as bytes
wrong(ROOM)(_fits(end=lambda a, b: abs(a // b)))
wrong(ROOM)(_fits(end=lambda a, b: max(1, a // b)))
wrong(ROOM)(_fits(end=lambda a, b: max(0, a // b - 1)))


# ── 21 keep_masks ─────────────────────────────────────────────────────────────────────

KEEP = "21_seeing_inside/keep_masks"


def _left(order, first=0, last=None):
    """Sets of what is left, row by row."""

    def keep_masks(importance):
        turn = list(order(importance))
        rows = range(first, len(turn) + 1 if last is None else len(turn) + last)
        return [[p not in turn[:k] for p in range(len(turn))] for k in rows]

    return keep_masks


def _by_importance(x):
    return sorted(range(len(x)), key=lambda i: -x[i])


wrong(KEEP, "masks.smallest-first")(_left(lambda x: np.argsort(x, kind="stable")))
wrong(KEEP, "masks.last-of-equals")(_left(lambda x: np.argsort(x, kind="stable")[::-1]))
wrong(KEEP, "masks.by-size")(_left(lambda x: _by_importance([abs(v) for v in x])))
wrong(KEEP, "masks.no-end")(_left(_by_importance, last=0))
wrong(KEEP, "masks.no-beginning")(_left(_by_importance, first=1))
wrong(KEEP, "masks.order-for-rank")(
    lambda x: np.array(_by_importance(x))[None] >= np.arange(len(x) + 1)[:, None]
)


@wrong(KEEP, "masks.one-at-a-time")
def one_missing(importance):
    rows = np.ones((len(importance) + 1, len(importance)), bool)
    for k, part in enumerate(_by_importance(importance)):
        rows[k + 1, part] = False
    return rows


@wrong(KEEP, "masks.inserted")
def deleted_not_kept(importance):
    rows = np.zeros((len(importance) + 1, len(importance)), bool)
    for k, part in enumerate(_by_importance(importance)):
        rows[k + 1 :, part] = True
    return rows


@wrong(KEEP)
def above_each_value(importance):
    limits = np.sort(np.append(importance, np.inf))[::-1]
    return importance[None] < limits[:, None]


@wrong(KEEP)
def turned(importance):
    return np.array(_left(_by_importance)(importance)).T


@wrong(KEEP)
def in_order_of_places(importance):
    return np.tri(len(importance) + 1, len(importance), -1) == 0


# ── 21 area ───────────────────────────────────────────────────────────────────────────

AREA = "21_seeing_inside/area"
wrong(AREA, "area.step-of-one")(np.trapezoid)
wrong(AREA, "area.mean-of-points")(np.mean)
wrong(AREA, "area.points-summed")(np.sum)
wrong(AREA, "area.left-sum")(lambda c: float(np.mean(c[:-1])))
wrong(AREA, "area.right-sum")(lambda c: float(np.mean(c[1:])))
wrong(AREA, "area.divided-by-points")(lambda c: np.trapezoid(c) / len(c))
wrong(AREA, "area.of-the-first")(lambda c: np.trapezoid(c / c[0]) / (len(c) - 1))
wrong(AREA, "area.above")(lambda c: 1 - np.trapezoid(c) / (len(c) - 1))
wrong(AREA, "area.loss-of-score")(lambda c: c[0] - np.trapezoid(c) / (len(c) - 1))
wrong(AREA)(lambda c: np.trapezoid(c, np.linspace(0, 100, len(c))))
wrong(AREA)(lambda c: (c[0] + c[-1]) / 2)
wrong(AREA)(lambda c: np.trapezoid(c, np.arange(len(c)) / len(c)) + c[-1] / len(c))
wrong(AREA)(lambda c: np.median(c))


# ── 21 induction_score ────────────────────────────────────────────────────────────────

COPY = "21_seeing_inside/induction_score"


def _copied(key=lambda t, p: t - p + 1, start=None, end=0, divide=None, turn=False):
    """Place by place, in loops."""

    def induction_score(scores, period):
        layers, heads, length, _ = scores.shape
        begin = length - period if start is None else start(length, period)
        ts = range(begin, length + end)
        found = np.zeros((layers, heads))
        for t in ts:
            s = key(t, period)
            found += scores[:, :, s, t] if turn else scores[:, :, t, s]
        return found / (len(ts) if divide is None else divide(length, period))

    return induction_score


wrong(COPY, "induction.same-token")(_copied(lambda t, p: t - p))
wrong(COPY, "induction.before-it")(_copied(lambda t, p: t - p - 1))
wrong(COPY, "induction.token-before")(_copied(lambda t, p: t - 1))
wrong(COPY, "induction.keys-as-queries")(_copied(turn=True))
wrong(COPY, "induction.summed")(_copied(divide=lambda n, p: 1))
wrong(COPY, "induction.over-all-places")(_copied(divide=lambda n, p: n))
wrong(COPY, "induction.last-place-missing")(_copied(end=-1))
wrong(COPY)(_copied(start=lambda n, p: n - p - 1))
wrong(COPY)(_copied(start=lambda n, p: n - p + 1))
wrong(COPY)(_copied(divide=lambda n, p: p - 1))


@wrong(COPY)
def the_whole_diagonal(scores, period):
    return np.diagonal(scores, 1 - period, 2, 3).mean(axis=-1)


@wrong(COPY)
def how_often_most(scores, period):
    t = np.arange(scores.shape[-1] - period, scores.shape[-1])
    return (scores.argmax(axis=-1)[:, :, t] == t - period + 1).mean(axis=-1)


@wrong(COPY)
def one_number_a_layer(scores, period):
    return _copied()(scores, period).mean(axis=1)


# ── 21 mean_ablate ────────────────────────────────────────────────────────────────────

ABLATE = "21_seeing_inside/mean_ablate"


def _without(value, heads_of=lambda which, n: which):
    """Head by head, over a copy."""

    def mean_ablate(heads, which, reference):
        result = np.array(heads)
        for n in heads_of(list(which), heads.shape[2]):
            result[:, :, n] = value(heads[:, :, n], reference[:, :, n])
        return result

    return mean_ablate


def _mean_of_other(x, r):
    return r.reshape(-1, r.shape[-1]).mean(axis=0)


wrong(ABLATE, "ablate.zero")(_without(lambda x, r: 0))
wrong(ABLATE, "ablate.of-this-text")(_without(lambda x, r: x.mean((0, 1))))
wrong(ABLATE, "ablate.of-each-text")(_without(lambda x, r: x.mean(1)[:, None]))
wrong(ABLATE, "ablate.one-number")(_without(lambda x, r: r.mean()))
wrong(ABLATE, "ablate.of-the-first-text")(_without(lambda x, r: r[0].mean(0)))
wrong(ABLATE, "ablate.mean-taken-off")(_without(lambda x, r: x - r.mean((0, 1))))
wrong(ABLATE, "ablate.first-only")(_without(_mean_of_other, lambda w, n: w[:1]))
wrong(ABLATE, "ablate.all-heads")(_without(_mean_of_other, lambda w, n: range(n)))
wrong(ABLATE, "ablate.the-others")(
    _without(_mean_of_other, lambda w, n: set(range(n)) - set(w))
)
wrong(ABLATE)(_without(lambda x, r: np.median(r, axis=(0, 1))))
wrong(ABLATE)(_without(lambda x, r: r[-1, -1]))
wrong(ABLATE)(_without(lambda x, r: (x + r.mean((0, 1))) / 2))
wrong(ABLATE)(_without(_mean_of_other, lambda w, n: [n - 1 - i for i in w]))


@wrong(ABLATE)
def axis_of_places(heads, which, reference):
    result, mean = heads.copy(), reference.mean(axis=(0, 1))
    for n in which:
        result[:, n % heads.shape[1]] = mean
    return result


@wrong(ABLATE)
def the_mean_alone(heads, which, reference):
    return reference.mean(axis=(0, 1))[which]


# ── 21 patch ──────────────────────────────────────────────────────────────────────────

PATCH = "21_seeing_inside/patch"


def _patched(write):
    """T copies of the changed text, one of them written into at a time."""

    def patch(original, changed):
        rows = [changed.copy() for _ in changed]
        for i, row in enumerate(rows):
            write(row, i, original)
        return np.array(rows)

    return patch


def _put(at, value=lambda old, new: new):
    def write(row, i, original):
        place = at(i, len(row))
        row[place] = value(row[place], original[place])

    return write


wrong(PATCH, "patch.up-to-here")(_patched(_put(lambda i, n: slice(0, i + 1))))
wrong(PATCH, "patch.from-here")(_patched(_put(lambda i, n: slice(i, None))))
wrong(PATCH, "patch.all-places")(_patched(_put(lambda i, n: slice(None))))
wrong(PATCH, "patch.nothing-put-in")(_patched(lambda *a: None))
wrong(PATCH, "patch.next-place")(_patched(_put(lambda i, n: (i + 1) % n)))
wrong(PATCH, "patch.from-behind")(_patched(_put(lambda i, n: n - 1 - i)))
wrong(PATCH, "patch.added")(_patched(_put(lambda i, n: i, lambda a, b: a + b)))
wrong(PATCH, "patch.difference")(_patched(_put(lambda i, n: i, lambda a, b: b - a)))
wrong(PATCH, "patch.exchanged")(lambda o, c: _patched(_put(lambda i, n: i))(c, o))
wrong(PATCH, "patch.zeros-around")(lambda o, c: np.eye(len(c))[..., None] * o)
wrong(PATCH)(_patched(_put(lambda i, n: i, lambda a, b: (a + b) / 2)))
wrong(PATCH)(_patched(_put(lambda i, n: i, lambda a, b: 0 * a)))
wrong(PATCH, "patch.before-here")(_patched(_put(lambda i, n: slice(0, i))))
wrong(PATCH)(_patched(_put(lambda i, n: slice(max(i - 1, 0), i + 2))))


@wrong(PATCH)
def always_the_first_vector(original, changed):
    rows = np.stack([changed] * len(changed))
    for i in range(len(changed)):
        rows[i, i] = original[0]
    return rows


@wrong(PATCH)
def one_feature(original, changed):
    rows = np.stack([changed] * len(changed))
    for i in range(len(changed)):
        feature = i % changed.shape[1]
        rows[i, :, feature] = original[:, feature]
    return rows


@wrong(PATCH, "patch.all-places")
def the_same_list(original, changed):
    rows, one = [], changed.copy()
    for i in range(len(changed)):
        one[i] = original[i]
        rows.append(one)
    return np.array(rows)


# ── 21 logit_lens ─────────────────────────────────────────────────────────────────────

LENS = "21_seeing_inside/logit_lens"


def _read(norm, of=lambda states: states, out=lambda logits: logits):
    """Vector by vector."""

    def logit_lens(states, gain, bias, table):
        normed = np.apply_along_axis(lambda x: norm(x, gain, bias), -1, of(states))
        return out(np.tensordot(normed, table, axes=(-1, -1)))

    return logit_lens


def _normed(x, gain, bias):
    return (x - x.mean()) / np.sqrt(x.var() + 1e-5) * gain + bias


wrong(LENS, "lens.no-norm")(lambda s, g, b, e: np.einsum("ltd,vd->ltv", s, e))
wrong(LENS, "lens.no-gain")(_read(lambda x, g, b: _normed(x, 1, 0)))
wrong(LENS, "lens.no-bias")(_read(lambda x, g, b: _normed(x, g, 0)))
wrong(LENS, "lens.length-one")(_read(lambda x, g, b: x / np.sqrt(x @ x) * g + b))
wrong(LENS, "lens.root-mean-square")(
    _read(lambda x, g, b: x / np.sqrt(np.mean(x * x) + 1e-5) * g + b)
)
wrong(LENS, "lens.probabilities")(
    _read(_normed, out=lambda z: np.exp(z) / np.exp(z).sum(-1, keepdims=True))
)
wrong(LENS)(_read(lambda x, g, b: (x - x.mean()) * g + b))
wrong(LENS)(_read(lambda x, g, b: (x - x.mean()) / (x.var() + 1e-5) * g + b))
wrong(LENS)(_read(lambda x, g, b: _normed(x, b, g)))
wrong(LENS)(_read(lambda x, g, b: (_normed(x, 1, 0) + b) * g))
wrong(LENS)(_read(_normed, out=lambda z: z[-1]))
wrong(LENS)(_read(_normed, out=lambda z: z[::-1]))
wrong(LENS)(_read(_normed, of=lambda s: s.cumsum(axis=0)))
wrong(LENS)(
    lambda s, g, b, e: _read(_normed)(s, g, b, e) - _read(_normed)(s, g, b, e)[:1]
)


# ── 21 cka ────────────────────────────────────────────────────────────────────────────

CKA = "21_seeing_inside/cka"


def _kernels(
    centre=lambda k: k, of=lambda x: x @ x.T, out=lambda a, b, c: a / (b * c) ** 0.5
):
    """By products of examples with examples."""

    def cka(x, y):
        k, m = (centre(of(z.astype(float))) for z in (x, y))
        return out((k * m).sum(), (k * k).sum(), (m * m).sum())

    return cka


def _both_ways(k):
    k = k - k.mean(axis=0)
    return k - k.mean(axis=1, keepdims=True)


wrong(CKA, "cka.not-centred")(_kernels())
wrong(CKA, "cka.not-squared")(
    _kernels(_both_ways, out=lambda a, b, c: (a / (b * c) ** 0.5) ** 0.5)
)
wrong(CKA, "cka.not-divided")(_kernels(_both_ways, out=lambda a, b, c: a))
wrong(CKA, "cka.squares-below")(_kernels(_both_ways, out=lambda a, b, c: a / (b * c)))
wrong(CKA, "cka.distance")(
    _kernels(_both_ways, out=lambda a, b, c: 1 - a / np.sqrt(b * c))
)
wrong(CKA, "cka.sum-below")(
    _kernels(_both_ways, out=lambda a, b, c: a / (b**0.5 + c**0.5))
)
wrong(CKA, "cka.standardised")(
    _kernels(_both_ways, of=lambda x: (x / x.std(0)) @ (x / x.std(0)).T)
)
wrong(CKA)(_kernels(_both_ways, of=lambda x: np.exp(-((x[:, None] - x) ** 2).sum(-1))))
wrong(CKA)(_kernels(_both_ways, of=lambda x: np.corrcoef(x)))
wrong(CKA)(_kernels(lambda k: k - k.mean(axis=0)))
wrong(CKA)(_kernels(_both_ways, out=lambda a, b, c: a / max(b, c)))


@wrong(CKA)
def mean_of_correlations(x, y):
    pairs = np.corrcoef(x.T, y.T)[: x.shape[1], x.shape[1] :]
    return np.abs(pairs).mean()


@wrong(CKA)
def cosine_of_means(x, y):
    a, b = x.mean(axis=1), y.mean(axis=1)
    return a @ b / np.sqrt((a @ a) * (b @ b))


@wrong(CKA, "cka.centred-over-features")
def centred_by_example(x, y):
    x, y = (z - z.mean(axis=1)[:, None] for z in (x, y))
    both, first, second = ((p.T @ q) ** 2 for p, q in ((x, y), (x, x), (y, y)))
    return both.sum() / np.sqrt(first.sum() * second.sum())


# ── 22 cost_card ──────────────────────────────────────────────────────────────────────

COST = "22_capstone/cost_card"


def _card(keep=None, held=None, handed=None, own=None):
    """A cost card in loops; a part of it may be another function of all inputs."""

    def card(weights, work, trained, slots):
        given = [int(w) for w in weights], [int(m) for m in work], list(trained), slots
        sizes, _, learns, slots = given
        of_trained = sum(w for w, t in zip(sizes, learns, strict=True) if t)
        kept = 4 * of_trained if keep is None else keep(*given)
        memory = 4 * (sum(sizes) + of_trained * (1 + slots))
        memory = memory if held is None else held(*given)
        down = _handed_down if handed is None else handed
        first = _own_gradients if own is None else own
        return kept, memory, sum(given[1]) + first(*given) + down(*given)

    return card


def _own_gradients(sizes, work, learns, slots):
    return sum(m for m, t in zip(work, learns, strict=True) if t)


def _handed_down(sizes, work, learns, slots):
    return sum(m for i, m in enumerate(work) if any(learns[:i]))


wrong(COST, "cost.keeps-all")(_card(keep=lambda w, m, t, s: 4 * sum(w)))
wrong(COST, "cost.numbers")(
    lambda w, m, t, s: (
        w[t].sum(),
        w.sum() + (s + 1) * w[t].sum(),
        _card()(w, m, t, s)[2],
    )
)
wrong(COST, "cost.state-of-all")(
    _card(held=lambda w, m, t, s: 4 * sum(w) * (2 + s)),
)
wrong(COST, "cost.no-gradients")(
    _card(held=lambda w, m, t, s: 4 * (sum(w) + s * np.dot(w, t)))
)
wrong(COST, "cost.always-adam")(
    _card(held=lambda w, m, t, s: 4 * sum(w) + 12 * np.dot(w, t))
)
wrong(COST, "cost.frozen-above-free")(_card(handed=_own_gradients))
wrong(COST, "cost.nothing-passed-down")(_card(handed=lambda *given: 0))
wrong(COST, "cost.lowest-passes-down")(
    _card(handed=lambda w, m, t, s: sum(x for i, x in enumerate(m) if any(t[: i + 1])))
)
wrong(COST, "cost.through-all")(_card(handed=lambda w, m, t, s: sum(m)))
wrong(COST, "cost.no-weight-gradients")(_card(own=lambda *given: 0))
wrong(COST)(_card(held=lambda w, m, t, s: 4 * (sum(w) + s + 1)))
wrong(COST)(lambda w, m, t, s: (4 * w[t].sum(), 4 * w.sum(), 3 * m[t].sum()))


@wrong(COST)
def with_argmax_alone(weights, work, trained, slots):
    lowest = int(np.argmax(trained))  # 0 where nothing is trained
    kept = 4 * weights[trained].sum()
    passes = work.sum() + work[trained].sum() + work[lowest + 1 :].sum()
    return kept, 4 * weights.sum() + (1 + slots) * kept, passes


# ── 22 early_stop ─────────────────────────────────────────────────────────────────────

STOP = "22_capstone/early_stop"


def _stopped(place=None, spread=None, merge=None, slack=0, equal=False, reset=True):
    """Early stopping by lists; what is read where may be something else."""

    def report(validation, test, patience):
        values = []
        for row, scores in zip(validation.tolist(), test.tolist(), strict=True):
            best, bad, e = 0, 0, 0
            while e + 1 < len(row) and bad < patience + slack:
                e += 1
                if row[e] > row[best] or (equal and row[e] == row[best]):
                    best, bad = e, 0 if reset else bad
                else:
                    bad += 1
            at = best if place is None else place(row, scores, best, e)
            values.append(scores[at])
        values = np.array(values)
        width = values.std(ddof=1) if len(values) > 1 else 0
        width = width if spread is None else spread(values)
        return (values.mean() if merge is None else merge(values)), width

    return report


wrong(STOP, "stop.where-it-stopped")(_stopped(lambda row, s, best, e: e))
wrong(STOP, "stop.last-epoch")(_stopped(lambda row, s, best, e: -1))
wrong(STOP, "stop.best-on-test")(
    _stopped(lambda row, s, best, e: s.index(max(s[: e + 1])))
)
wrong(STOP, "stop.best-of-all-test")(_stopped(lambda row, s, b, e: s.index(max(s))))
wrong(STOP, "stop.looks-past")(_stopped(lambda row, s, b, e: row.index(max(row))))
wrong(STOP, "stop.ties-count")(_stopped(equal=True))
wrong(STOP, "stop.never-reset")(_stopped(reset=False))
wrong(STOP, "stop.waits-one-more")(_stopped(slack=1))
wrong(STOP, "stop.population")(_stopped(spread=np.std))
wrong(STOP, "stop.best-seed")(_stopped(merge=max))
wrong(STOP, "stop.error-of-mean")(
    _stopped(
        spread=lambda v: v.std(ddof=1) / len(v) ** 0.5 if len(v) > 1 else 0,
    )
)
wrong(STOP, "stop.reports-validation")(lambda v, t, p: _stopped()(v, v, p))
wrong(STOP, "stop.stops-on-test")(lambda v, t, p: _stopped()(t, t, p))
wrong(STOP)(_stopped(spread=lambda v: v.std(ddof=1)))  # nan of one seed
wrong(STOP)(_stopped(merge=lambda v: np.sort(v)[1:].mean()))
wrong(STOP)(_stopped(lambda row, s, best, e: max(best - 1, 0)))


@wrong(STOP)
def the_seed_with_the_best_validation(validation, test, patience):
    row = int(validation.max(axis=1).argmax())
    _, spread = _stopped()(validation, test, patience)
    mean, _ = _stopped()(validation[row : row + 1], test[row : row + 1], patience)
    return mean, spread


# ── 22 log_evidence ───────────────────────────────────────────────────────────────────

EVIDENCE = "22_capstone/log_evidence"


def _evidence(change=None, noise=1.0, prior=1.0):
    """The density of the targets, by their covariance; then changed."""

    def log_p(x, y, alpha, beta):
        x, y, n = x.astype("float64"), y.astype("float64"), len(y)
        cov = prior * x @ x.T / alpha + noise * np.eye(n) / beta
        parts = [
            -0.5 * n * math.log(2 * math.pi),
            -0.5 * np.linalg.slogdet(cov)[1],
            -0.5 * y @ np.linalg.inv(cov) @ y,
        ]
        if change is not None:
            return change(parts, x, y, alpha, beta)
        return sum(parts) / n

    return log_p


def _off(term):
    """Right, but for something per example that depends on N, D, α and β."""
    return _evidence(
        lambda parts, x, y, a, b: sum(parts) / len(y) + term(*x.shape, a, b)
    )


wrong(EVIDENCE, "evidence.not-divided")(_evidence(lambda p, *_: sum(p)))
wrong(EVIDENCE, "evidence.turned")(_evidence(lambda p, x, y, *_: -sum(p) / len(y)))
wrong(EVIDENCE, "evidence.divided-by-features")(
    _evidence(lambda p, x, *_: sum(p) / x.shape[-1])
)
wrong(EVIDENCE, "evidence.no-circle")(
    _evidence(lambda p, x, y, *_: (p[1] + p[2]) / len(y))
)
wrong(EVIDENCE, "evidence.swapped")(lambda x, y, a, b: _evidence()(x, y, b, a))
wrong(EVIDENCE, "evidence.no-log-alpha")(
    _off(lambda n, d, a, b: -d * math.log(a) / (2 * n))
)
wrong(EVIDENCE, "evidence.no-log-beta")(_off(lambda n, d, a, b: -math.log(b) / 2))
wrong(EVIDENCE, "evidence.log-beta-whole")(_off(lambda n, d, a, b: math.log(b) / 2))
wrong(EVIDENCE)(_evidence(noise=2.0))
wrong(EVIDENCE)(_evidence(prior=0.5))
wrong(EVIDENCE)(_evidence(lambda p, x, y, *_: p[2] / len(y)))
wrong(EVIDENCE)(_evidence(lambda p, x, y, *_: sum(p) / math.log(2) / len(y)))
wrong(EVIDENCE)(lambda x, y, a, b: _evidence()(x - x.mean(axis=0), y, a, b))
wrong(EVIDENCE)(lambda x, y, a, b: _evidence()(x, y - y.mean(), a, b))
wrong(EVIDENCE)(lambda x, y, a, b: _evidence()(x, y, a**2, b**2))

# ── 22 regret ─────────────────────────────────────────────────────────────────────────

REGRET = "22_capstone/regret"


def _missed(of=lambda row: sum(row) / len(row), among=None, ends=lambda a, b: a - b):
    """The best of some candidates against the chosen one, in loops."""

    def missed(truth, fits, chosen):
        scores = [of(list(row)) for row in truth]
        able = [s for s, ok in zip(scores, fits, strict=True) if ok]
        return ends(max(able if among is None else among(scores, able)), scores[chosen])

    return missed


wrong(REGRET, "regret.budget-forgotten")(_missed(among=lambda scores, able: scores))
wrong(REGRET, "regret.best-seed")(_missed(of=max))
wrong(REGRET, "regret.first-seed")(_missed(of=lambda row: row[0]))
wrong(REGRET, "regret.summed")(_missed(of=sum))
wrong(REGRET, "regret.to-the-worst")(_missed(among=lambda s, able: [min(able)]))
wrong(REGRET, "regret.first-fitting")(_missed(among=lambda s, able: able[:1]))
wrong(REGRET, "regret.turned")(_missed(ends=lambda a, b: b - a))
wrong(REGRET, "regret.relative")(_missed(ends=lambda a, b: 1 - b / a))
wrong(REGRET, "regret.another-each-seed")(
    lambda truth, fits, chosen: np.mean(
        [max(column[fits]) - column[chosen] for column in truth.T]
    )
)
wrong(REGRET)(_missed(of=lambda row: row[-1]))
wrong(REGRET)(_missed(of=lambda row: math.prod(row) ** (1 / len(row))))
wrong(REGRET)(_missed(ends=lambda a, b: 100 * (a - b)))
wrong(REGRET)(
    lambda truth, fits, chosen: (
        sorted(truth[fits].mean(1))[-min(2, fits.sum())] - truth[chosen].mean()
    )
)

# ── 22 choose ─────────────────────────────────────────────────────────────────────────

CHOICE = "22_capstone/choose"


def _choice(of=np.mean, able=None, better=None, none=lambda costs: None):
    """Go through the candidates and keep the better one."""

    def choice(scores, costs, budget):
        best = None
        for k in range(len(scores)):
            fits = costs[k][0] <= budget[0] and costs[k][1] <= budget[1]
            if not (fits if able is None else able(costs[k], budget)):
                continue
            key = float(of(scores[k])), -costs[k][0]
            key = key if better is None else better(*key, costs[k])
            if best is None or key > best[0]:
                best = key, k
        return none(costs) if best is None else best[1]

    return choice


wrong(CHOICE, "choose.below-budget")(
    _choice(able=lambda c, b: c[0] < b[0] and c[1] < b[1])
)
wrong(CHOICE, "choose.any-cost")(
    _choice(able=lambda c, b: c[0] <= b[0] or c[1] <= b[1])
)
wrong(CHOICE, "choose.bytes-alone")(_choice(able=lambda c, b: c[0] <= b[0]))
wrong(CHOICE, "choose.budget-forgotten")(_choice(able=lambda c, b: True))
wrong(CHOICE, "choose.best-seed")(_choice(of=max))
wrong(CHOICE, "choose.first-seed")(_choice(of=lambda row: row[0]))
wrong(CHOICE, "choose.tie-first")(_choice(better=lambda s, price, c: s))
wrong(CHOICE, "choose.tie-dearest")(_choice(better=lambda s, price, c: (s, -price)))
wrong(CHOICE, "choose.lowest")(_choice(better=lambda s, price, c: (-s, price)))
wrong(CHOICE, "choose.first-if-none-fits")(_choice(none=lambda costs: 0))
wrong(CHOICE, "choose.cheapest-if-none-fits")(
    _choice(none=lambda costs: costs[:, 0].argmin())
)
wrong(CHOICE)(_choice(better=lambda s, price, c: (s / c[0],)))
wrong(CHOICE, "choose.cheapest-that-fits")(
    _choice(better=lambda s, price, c: (price, s))
)
wrong(CHOICE)(_choice(none=lambda costs: len(costs) - 1))
wrong(CHOICE, "choose.costs-added")(_choice(able=lambda c, b: c.mean() <= b.mean()))
wrong(CHOICE)(lambda scores, costs, budget: None)
wrong(CHOICE)(lambda scores, costs, budget: 0)

# ── 22 parallel_step ──────────────────────────────────────────────────────────────────

PARALLEL = "22_capstone/parallel_step"


def _devices(share=lambda n, total, counts: n / total, speed=lambda rate, n: rate):
    """Add up shares of gradients, device by device."""

    def step(weights, gradients, counts, rate):
        total, moved = int(sum(counts)), np.zeros(len(weights))
        for gradient, n in zip(gradients, counts, strict=True):
            if n > 0:
                moved = moved + share(n, total, counts) * gradient
        return weights - speed(rate, counts) * moved

    return step


wrong(PARALLEL, "parallel.summed")(_devices(lambda n, total, counts: 1))
wrong(PARALLEL, "parallel.not-divided")(_devices(lambda n, total, counts: n))
wrong(PARALLEL, "parallel.shards-alike")(
    _devices(lambda n, total, counts: 1 / np.count_nonzero(counts))
)
wrong(PARALLEL, "parallel.divided-by-all-devices")(
    _devices(lambda n, total, counts: 1 / len(counts))
)
wrong(PARALLEL, "parallel.by-the-largest-shard")(
    _devices(lambda n, total, counts: n / max(counts))
)
wrong(PARALLEL, "parallel.last-shard-dropped")(
    _devices(lambda n, t, counts: (n == max(counts)) / np.sum(counts == max(counts)))
)
wrong(PARALLEL, "parallel.rate-times-devices")(
    _devices(speed=lambda rate, counts: rate * len(counts))
)
wrong(PARALLEL, "parallel.rate-by-devices")(
    _devices(speed=lambda rate, counts: rate / len(counts))
)


@wrong(PARALLEL, "parallel.empty-not-left-out")
def with_zero_times_nan(weights, gradients, counts, rate):
    if not counts.any():
        return weights
    total = sum(n * g for n, g in zip(counts, gradients, strict=True))
    return weights - rate * total / counts.sum()


wrong(PARALLEL, "parallel.uphill")(_devices(speed=lambda rate, counts: -rate))
wrong(PARALLEL)(_devices(lambda n, total, counts: n**2 / (counts**2).sum()))
wrong(PARALLEL)(_devices(lambda n, total, counts: n / (total + 1)))
wrong(PARALLEL)(
    _devices(lambda n, total, counts: n / total if n > 1 else 0),
)
wrong(PARALLEL, "parallel.divided-by-all-devices")(
    lambda w, g, n, rate: w - rate * np.nan_to_num(g).mean(axis=0)
)
wrong(PARALLEL)(lambda w, g, n, rate: w * (1 - rate) - 0 * g[0])
wrong(PARALLEL)(lambda w, g, n, rate: w - rate * np.nanmedian(g, axis=0))


# ── 22, more of each ──────────────────────────────────────────────────────────────────


def _first_and_last(sizes, work, learns, slots):
    """Handed down between the lowest and the highest trained layer alone."""
    places = [i for i, t in enumerate(learns) if t]
    return sum(work[places[0] + 1 : places[-1] + 1]) if places else 0


def _if_first_is_trained(sizes, work, learns, slots):
    return sum(work[1:]) if learns[0] else 0


wrong(COST)(_card(handed=_first_and_last))
wrong(COST)(_card(handed=_if_first_is_trained))
wrong(COST)(_card(handed=lambda w, m, t, s: sum(m[1:]) if any(t) else 0))
wrong(COST)(_card(handed=lambda w, m, t, s: max([0, *m]) * (sum(t) - 1)))
wrong(COST, "cost.upside-down")(
    _card(
        handed=lambda w, m, t, s: sum(x for i, x in enumerate(m) if any(t[i + 1 :])),
    )
)
wrong(COST, "cost.weight-gradients-of-all")(_card(own=lambda w, m, t, s: sum(m)))
wrong(COST, "cost.keeps-frozen")(
    _card(keep=lambda w, m, t, s: 4 * (sum(w) - np.dot(w, t)))
)
wrong(COST, "cost.no-optimizer")(
    _card(held=lambda w, m, t, s: 4 * (sum(w) + np.dot(w, t)))
)
wrong(COST, "cost.only-trained-held")(
    _card(held=lambda w, m, t, s: 4 * np.dot(w, t) * (2 + s))
)
wrong(COST)(_card(held=lambda w, m, t, s: 4 * (sum(w) + s * np.dot(w, t) + sum(t))))
wrong(COST)(_card(keep=lambda w, m, t, s: 4 * sum(t)))
wrong(COST)(lambda w, m, t, s: _card()(w, m, t, s)[::-1])
wrong(COST)(lambda w, m, t, s: _card()(w, m, t, s)[:2])
wrong(COST)(_card(held=lambda w, m, t, s: 8 * (sum(w) + (1 + s) * np.dot(w, t))))


# A slip in the bound of a loop, a mean of means, a spread of what was not asked for.
wrong(STOP, "stop.ends-before-it-waits")(_stopped(slack=-1))
wrong(STOP, "stop.median-seed")(_stopped(merge=np.median))
wrong(STOP, "stop.first-seed")(_stopped(merge=lambda v: v[0]))
wrong(STOP, "stop.worst-seed")(_stopped(merge=min))
wrong(STOP, "stop.range")(_stopped(spread=lambda v: max(v) - min(v)))
wrong(STOP, "stop.variance")(
    _stopped(spread=lambda v: v.var(ddof=1) if len(v) > 1 else 0.0)
)
wrong(STOP, "stop.one-after")(
    _stopped(lambda row, s, best, e: min(best + 1, len(row) - 1))
)
wrong(STOP)(_stopped(spread=lambda v: np.abs(v - v.mean()).mean()))
wrong(STOP)(_stopped(spread=lambda v: 1.96 * v.std(ddof=1) if len(v) > 1 else 0))
wrong(STOP)(_stopped(spread=lambda v: v.std(ddof=2) if len(v) > 2 else 0.0))
wrong(STOP)(lambda v, t, p: _stopped()(np.round(v, 1), t, p))
wrong(STOP)(
    lambda v, t, p: _stopped()(v[:, 1:], t[:, 1:], p) if len(v[0]) > 1 else (0, 0)
)


@wrong(STOP)
def patience_since_the_last_rise(validation, test, patience):
    """Better than the epoch before, not than the best."""
    found = []
    for row, scores in zip(validation, test, strict=True):
        best, bad = 0, 0
        for e in range(1, len(row)):
            bad = 0 if row[e] > row[e - 1] else bad + 1
            best = e if row[e] > row[best] else best
            if bad >= patience:
                break
        found.append(scores[best])
    return np.mean(found), np.std(found, ddof=1) if len(found) > 1 else 0


@wrong(STOP)
def all_seeds_stop_with_the_first(validation, test, patience):
    """The runs end together, as soon as one ends."""
    ends = []
    for row in validation:
        best, e = 0, 0
        while e + 1 < len(row) and e - best < patience:
            e += 1
            best = e if row[e] > row[best] else best
        ends.append(e)
    seen = validation[:, : min(ends) + 1]
    found = test[np.arange(len(test)), seen.argmax(axis=1)]
    return found.mean(), found.std(ddof=1) if len(found) > 1 else 0


wrong(EVIDENCE, "evidence.no-width")(
    lambda x, y, a, b: (
        _evidence()(x, y, a, b)
        + np.linalg.slogdet(a * np.eye(x.shape[1]) + b * x.T @ x)[1] / 2 / len(y)
    )
)
wrong(EVIDENCE, "evidence.log-alpha-whole")(
    _off(lambda n, d, a, b: d * math.log(a) / (2 * n))
)
wrong(EVIDENCE, "evidence.log-alpha-turned")(
    _off(lambda n, d, a, b: -d * math.log(a) / n)
)
wrong(EVIDENCE, "evidence.log-beta-by-features")(
    _off(lambda n, d, a, b: (d - n) * math.log(b) / (2 * n))
)
wrong(EVIDENCE, "evidence.log-alpha-by-examples")(
    _off(lambda n, d, a, b: (n - d) * math.log(a) / (2 * n))
)
wrong(EVIDENCE, "evidence.circle-of-features")(
    _off(lambda n, d, a, b: (n - d) * math.log(2 * math.pi) / (2 * n))
)
wrong(EVIDENCE)(_off(lambda n, d, a, b: -math.log(2 * math.pi) / 2))
wrong(EVIDENCE)(_off(lambda n, d, a, b: math.log(b) / n))
wrong(EVIDENCE)(_off(lambda n, d, a, b: 1e-3))
wrong(EVIDENCE)(lambda x, y, a, b: math.exp(_evidence()(x, y, a, b)))
wrong(EVIDENCE)(lambda x, y, a, b: _evidence()(x, y, a, b) / 2)
wrong(EVIDENCE)(lambda x, y, a, b: _evidence()(x, y, 1 / a, 1 / b))
wrong(EVIDENCE)(
    lambda x, y, a, b: _evidence()(
        np.concatenate([x, np.ones((len(x), 1))], axis=1), y, a, b
    )
)
wrong(EVIDENCE)(lambda x, y, a, b: _evidence()(x / (1e-9 + x.std()), y, a, b))


@wrong(EVIDENCE)
def with_a_determinant_of_float32(x, y, alpha, beta):
    """It overflows, or is 0."""
    x = x.astype("float32")
    n, d = x.shape
    a = (alpha * np.eye(d) + beta * x.T @ x).astype("float16")
    m = beta * np.linalg.solve(a.astype("float64"), x.T @ y)
    total = n * math.log(beta) + d * math.log(alpha) - n * math.log(2 * math.pi)
    total -= beta * ((x @ m - y) ** 2).sum() + alpha * (m @ m)
    return (total - np.linalg.slogdet(a.astype("float64"))[1]) / 2 / n


wrong(REGRET, "regret.median-seed")(_missed(of=np.median))
wrong(REGRET, "regret.worst-seed")(_missed(of=min))
wrong(REGRET, "regret.to-the-mean")(
    _missed(among=lambda s, able: [sum(able) / len(able)])
)
wrong(REGRET, "regret.share")(_missed(ends=lambda a, b: b / a))
wrong(REGRET, "regret.best-reported")(_missed(ends=lambda a, b: a))
wrong(REGRET, "regret.squared")(_missed(ends=lambda a, b: (a - b) ** 2))
wrong(REGRET)(_missed(ends=lambda a, b: b))
wrong(REGRET)(_missed(ends=lambda a, b: a / b - 1))
wrong(REGRET)(_missed(among=lambda s, able: [able[-1]]))
wrong(REGRET)(_missed(of=lambda row: (max(row) + min(row)) / 2))
wrong(REGRET, "regret.to-the-mean")(
    lambda truth, fits, chosen: truth[fits].mean() - truth[chosen].mean()
)
wrong(REGRET)(
    lambda truth, fits, chosen: truth.mean(1)[fits].max() - truth[chosen].max()
)
wrong(REGRET, "regret.best-single-run")(
    lambda truth, fits, chosen: truth.max(1)[fits].max() - truth[chosen].mean()
)
wrong(REGRET)(
    lambda truth, fits, chosen: int((truth.mean(1)[fits] > truth[chosen].mean()).sum())
)


wrong(CHOICE, "choose.work-alone")(_choice(able=lambda c, b: c[1] <= b[1]))
wrong(CHOICE, "choose.worst-seed")(_choice(of=min))
wrong(CHOICE, "choose.median-seed")(_choice(of=np.median))
wrong(CHOICE, "choose.last-seed")(_choice(of=lambda row: row[-1]))
wrong(CHOICE, "choose.tie-least-work")(
    _choice(better=lambda s, price, c: (s, -c[1], price))
)
wrong(CHOICE, "choose.tie-last-of-cheapest")(
    lambda scores, costs, budget: max(
        (k for k in range(len(costs)) if all(costs[k] <= budget)),
        key=lambda k: (scores[k].mean(), -costs[k][0], k),
        default=None,
    )
)
wrong(CHOICE, "choose.tie-least-in-sum")(
    _choice(better=lambda s, price, c: (s, -(c[0] + c[1])))
)
wrong(CHOICE)(_choice(better=lambda s, price, c: (round(s, 1), price)))
wrong(CHOICE)(_choice(of=lambda row: np.mean(row) - np.std(row)))
wrong(CHOICE)(_choice(able=lambda c, b: c[0] <= 1.01 * b[0] and c[1] <= 1.01 * b[1]))
wrong(CHOICE)(_choice(none=lambda costs: -1))
wrong(CHOICE, "choose.place-among-fitting")(
    lambda scores, costs, budget: _choice()(
        scores[(costs <= budget).all(1)], costs[(costs <= budget).all(1)], budget
    )
)
wrong(CHOICE, "choose.best-or-nothing")(
    lambda scores, costs, budget: (lambda k: k if all(costs[k] <= budget) else None)(
        _choice(able=lambda c, b: True)(scores, costs, budget)
    )
)
wrong(CHOICE, "choose.best-of-all")(
    lambda scores, costs, budget: (
        _choice(able=lambda c, b: True)(scores, costs, budget)
        if (costs <= budget).all(1).any()
        else None
    )
)
wrong(CHOICE, "choose.tie-first", "choose.first-if-none-fits")(
    lambda scores, costs, budget: int(
        np.argmax(scores.mean(1) * (costs <= budget).all(1))
    )
)
wrong(CHOICE)(lambda scores, costs, budget: _choice()(scores, costs, budget) or None)


wrong(PARALLEL, "parallel.rate-times-busy")(
    _devices(speed=lambda rate, counts: rate * np.count_nonzero(counts))
)
wrong(PARALLEL, "parallel.rate-by-rows")(
    _devices(speed=lambda rate, counts: rate / max(1, sum(counts)))
)
wrong(PARALLEL, "parallel.rate-by-root")(
    _devices(speed=lambda rate, counts: rate * len(counts) ** 0.5)
)
wrong(PARALLEL, "parallel.no-rate")(_devices(speed=lambda rate, counts: 1))
wrong(PARALLEL, "parallel.rows-summed-by-devices")(
    _devices(lambda n, total, counts: n / len(counts))
)
wrong(PARALLEL, "parallel.gradient-returned", "parallel.zeros-when-idle")(
    lambda w, g, n, rate: w - _devices()(w, g, n, rate)
)
wrong(PARALLEL)(_devices(lambda n, total, counts: (n == max(counts)) * 1.0))
wrong(PARALLEL)(_devices(lambda n, total, counts: n / (total - 1 or 1)))
wrong(PARALLEL)(_devices(lambda n, t, counts: math.sqrt(n) / np.sqrt(counts).sum()))
wrong(PARALLEL)(_devices(lambda n, total, counts: (total - n) / total))
wrong(PARALLEL)(_devices(lambda n, total, counts: 1 / n))
wrong(PARALLEL)(_devices(speed=lambda rate, counts: rate**2))
wrong(PARALLEL)(lambda w, g, n, rate: _devices()(w, g, n, rate).mean() + 0 * w)
wrong(PARALLEL)(
    lambda w, g, n, rate: w - rate * np.average(g[n > 0], axis=0) if n.all() else w
)
wrong(PARALLEL)(lambda w, g, n, rate: _devices()(w, g[:, ::-1], n, rate))
wrong(PARALLEL)(lambda w, g, n, rate: _devices()(w, g, n[::-1], rate))

wrong(PARALLEL, "parallel.empty-not-left-out", "parallel.nan-when-idle")(
    lambda w, g, n, rate: w - rate * np.average(g, axis=0, weights=np.maximum(n, 1))
)
wrong(COST)(
    _card(handed=lambda w, m, t, s: sum(m[i] for i in range(len(m)) if any(t[: i - 1])))
)
wrong(COST)(
    _card(handed=lambda w, m, t, s: _handed_down(w, m, t, s) if not t[0] else sum(m))
)
wrong(CHOICE)(_choice(able=lambda c, b: np.hypot(*(c / b)) <= 1))
wrong(CHOICE)(_choice(better=lambda s, price, c: (s, price / c[1])))
wrong(CHOICE)(_choice(able=lambda c, b: c[0] < b[0] and c[1] <= b[1]))
wrong(CHOICE, "choose.below-budget")(
    _choice(able=lambda c, b: c[0] <= b[0] and c[1] < b[1])
)
wrong(STOP)(_stopped(lambda row, s, best, e: row.index(sorted(row)[-min(2, len(row))])))
wrong(REGRET)(_missed(ends=lambda a, b: max(a - b, 0.01)))


# ── 20 compare ────────────────────────────────────────────────────────────────────────

COMPARE = "20_multimodal/compare"


def _rows_to_one(x):
    return x / np.sqrt((x**2).sum(1))[:, None]


def _compared(
    images=_rows_to_one,
    texts=None,
    scale=lambda s: min(100.0, math.exp(s)),
    end=lambda cosines, e: e * cosines,
):
    texts = texts or images
    return lambda i, t, s: end(np.einsum("be,ce->bc", images(i), texts(t)), scale(s))


wrong(COMPARE, "compare.not-normalised")(_compared(images=np.copy))
wrong(COMPARE, "compare.only-texts")(
    _compared(images=np.copy, texts=_compared.__defaults__[0])
)
wrong(COMPARE, "compare.only-images")(_compared(texts=np.copy))
wrong(COMPARE, "compare.over-the-batch")(
    _compared(images=lambda x: x / np.linalg.norm(x, axis=0))
)
wrong(COMPARE, "compare.of-the-table")(
    _compared(images=lambda x: x / np.linalg.norm(x))
)
wrong(COMPARE, "compare.not-limited")(_compared(scale=math.exp))
wrong(COMPARE, "compare.not-limited")(_compared(scale=lambda s: math.exp(min(s, 100))))
wrong(COMPARE, "compare.divided")(_compared(end=lambda x, e: x / e))
wrong(COMPARE, "compare.no-exponential")(_compared(scale=lambda s: s))
wrong(COMPARE, "compare.turned")(_compared(end=lambda x, e: (e * x).T))
wrong(COMPARE, "compare.logits-limited-above")(
    _compared(scale=math.exp, end=lambda x, e: np.where(x * e > 100, 100, x * e))
)
wrong(COMPARE)(_compared(scale=lambda s: math.exp(min(s, 4.5))))
wrong(COMPARE)(_compared(images=lambda x: x - x.mean(axis=1, keepdims=True)))
wrong(COMPARE)(_compared(end=lambda x, e: e * np.abs(x)))
wrong(COMPARE)(_compared(images=lambda x: x / (1 + np.linalg.norm(x, axis=1)[:, None])))


# ── 20 contrastive_loss ───────────────────────────────────────────────────────────────

PAIRS = "20_multimodal/contrastive_loss"


def _row_losses(table, keep):
    out = []
    for i, row in enumerate(table):
        top = row.max()
        out.append(top + math.log(np.exp(row[keep[i]] - top).sum()) - row[i])
    return out


def _paired(keep=None, ways=(0, 1), mean=np.mean):
    def loss(logits, names):
        table, n = logits.astype("float64"), len(names)
        kept = np.array(
            [[i == j or names[i] != names[j] for j in range(n)] for i in range(n)]
        )
        kept = kept if keep is None else keep(kept)
        parts = [_row_losses((table, table.T)[way], kept) for way in ways]
        return mean(parts)

    return loss


wrong(PAIRS, "loss.twins-are-wrong")(_paired(keep=np.ones_like))
wrong(PAIRS, "loss.images-only")(_paired(ways=(0,)))
wrong(PAIRS, "loss.images-only")(_paired(ways=(0, 0)))
wrong(PAIRS, "loss.texts-only")(_paired(ways=(1,)))
wrong(PAIRS, "loss.ways-added")(_paired(mean=lambda parts: np.mean(np.sum(parts, 0))))
wrong(PAIRS, "loss.summed")(_paired(mean=lambda parts: np.sum(np.mean(parts, 0))))
wrong(PAIRS, "loss.sign")(_paired(mean=lambda parts: -np.mean(parts)))
wrong(PAIRS, "loss.ways-added", "loss.summed")(_paired(mean=np.sum))
wrong(PAIRS)(_paired(mean=np.median))
wrong(PAIRS)(_paired(mean=np.max))
wrong(PAIRS)(_paired(mean=lambda parts: np.mean(parts) / math.log(2)))
wrong(PAIRS)(_paired(keep=lambda kept: np.triu(kept)))


@wrong(PAIRS, "loss.twins-are-zero")
def twins_multiplied_away(logits, names):
    same = np.equal.outer(names, names) & ~np.eye(len(names), dtype=bool)
    table = logits.astype("float64") * ~same
    rows, columns = np.logaddexp.reduce(table, 1), np.logaddexp.reduce(table, 0)
    return (rows + columns).mean() / 2 - np.trace(table) / len(names)


@wrong(PAIRS, "loss.over-the-table")
def one_softmax(logits, names):
    same = np.equal.outer(names, names) & ~np.eye(len(names), dtype=bool)
    table = np.where(same, -1e9, logits.astype("float64")).ravel()
    return np.logaddexp.reduce(table) - np.trace(logits.astype("float64")) / len(names)


# ── 20 recall_at_k ────────────────────────────────────────────────────────────────────

RECALL = "20_multimodal/recall_at_k"


def _recalled(hit):
    def recall(similarities, right, k):
        rows = zip(similarities.tolist(), right.tolist(), strict=True)
        return sum(hit(row, row[r], r, k) for row, r in rows) / len(right)

    return recall


def _counts(row, own):
    return sum(x > own for x in row), sum(x == own for x in row)


wrong(RECALL, "recall.ties-count-for-you")(
    _recalled(lambda row, own, r, k: _counts(row, own)[0] <= k - 1)
)
wrong(RECALL, "recall.ties-count-against-you")(
    _recalled(lambda row, own, r, k: sum(_counts(row, own)) <= k)
)
wrong(RECALL, "recall.counts-itself")(
    _recalled(lambda row, own, r, k: sum(x >= own for x in row) <= k - 1)
)
wrong(RECALL, "recall.first-come")(
    _recalled(
        lambda row, own, r, k: (
            r in sorted(range(len(row)), key=lambda i: (-row[i], i))[:k]
        )
    )
)
wrong(RECALL, "recall.last-come")(
    _recalled(
        lambda row, own, r, k: (
            r in sorted(range(len(row)), key=lambda i: (row[i], i))[-k:]
        )
    )
)
wrong(RECALL, "recall.one-over-ties")(
    _recalled(
        lambda row, own, r, k: (
            1 / _counts(row, own)[1] if _counts(row, own)[0] < k else 0
        )
    )
)
wrong(RECALL)(_recalled(lambda row, own, r, k: k / len(row)))
wrong(RECALL)(_recalled(lambda row, own, r, k: own in sorted(set(row))[-k:]))
wrong(RECALL)(
    _recalled(
        lambda row, own, r, k: min(1, (k - _counts(row, own)[0]) / _counts(row, own)[1])
    )
)
wrong(RECALL)(
    _recalled(
        lambda row, own, r, k: (
            max(0, (k - _counts(row, own)[0])) / sum(_counts(row, own))
        )
    )
)


# ── 20 zero_shot ──────────────────────────────────────────────────────────────────────

NAMED = "20_multimodal/zero_shot"


def _unit_of(x):
    return x / np.sqrt(np.square(x).sum(-1))[..., None]


def _named(each=_unit_of, merge=lambda t: t.sum(1), whole=_unit_of, end=None, axis=1):
    def chances(images, texts, scale):
        vectors = whole(merge(each(texts.astype("float64"))))
        logits = (end or (lambda x, s: s * x))(images @ vectors.T, scale)
        e = np.exp(logits - logits.max())
        return e / e.sum(axis=axis, keepdims=True)

    return chances


wrong(NAMED, "zero-shot.averaged-first")(_named(each=np.copy))
wrong(NAMED, "zero-shot.not-unit-afterwards")(
    _named(merge=lambda t: t.mean(1), whole=np.copy)
)
wrong(NAMED, "zero-shot.averaged-first", "zero-shot.not-unit-afterwards")(
    _named(each=np.copy, merge=lambda t: t.mean(1), whole=np.copy)
)
wrong(NAMED, "zero-shot.first-prompt")(_named(merge=lambda t: t[:, 0]))
wrong(NAMED, "zero-shot.over-the-pictures")(_named(axis=0))
wrong(NAMED, "zero-shot.no-scale")(_named(end=lambda x, s: x))
wrong(NAMED, "zero-shot.divided")(_named(end=lambda x, s: x / s))
wrong(NAMED)(_named(merge=lambda t: t[:, -1]))
wrong(NAMED)(_named(whole=np.copy))
wrong(NAMED)(_named(axis=None))
wrong(NAMED)(_named(merge=lambda t: np.median(t, axis=1)))
wrong(NAMED)(_named(end=lambda x, s: np.exp(s) * x))


@wrong(NAMED, "zero-shot.chances-averaged")
def prompt_by_prompt(images, texts, scale):
    total = 0
    for p in range(texts.shape[1]):
        logits = scale * images @ _unit_of(texts[:, p]).T
        e = np.exp(logits - logits.max(1, keepdims=True))
        total = total + e / e.sum(1, keepdims=True)
    return total / texts.shape[1]


# ── 20 tubelets ───────────────────────────────────────────────────────────────────────

TUBES = "20_multimodal/tubelets"


def _tubes(order="fyx", inside=lambda block: block.ravel(), starts=None):
    def cut(video, size):
        steps = dict(zip("fyx", size, strict=True))
        sides = dict(zip("fyx", video.shape, strict=False))
        rows = []
        for place in itertools.product(*(range(0, sides[a], steps[a]) for a in order)):
            at = dict(zip(order, place, strict=True))
            window = tuple(slice(at[a], at[a] + steps[a]) for a in "fyx")
            rows.append(inside(video[window]))
        return np.array(rows)

    return cut


wrong(TUBES, "tubelets.only-reshaped")(
    lambda v, size: v.reshape(-1, int(np.prod(size)) * v.shape[-1])
)
wrong(TUBES, "tubelets.space-first")(_tubes("yxf"))
wrong(TUBES, "tubelets.columns-first")(_tubes("fxy"))
wrong(TUBES)(_tubes("xyf"))
wrong(TUBES, "tubelets.channels-first")(
    _tubes(inside=lambda b: np.moveaxis(b, -1, 0).ravel())
)
wrong(TUBES, "tubelets.frames-inside-last")(
    _tubes(inside=lambda b: b.transpose(1, 2, 0, 3).ravel())
)
wrong(TUBES, "tubelets.columns-inside-first")(
    _tubes(inside=lambda b: b.swapaxes(1, 2).ravel())
)
wrong(TUBES, "tubelets.frames-averaged")(_tubes(inside=lambda b: b.mean(0).ravel()))
wrong(TUBES, "tubelets.first-frame")(_tubes(inside=lambda b: b[0].ravel()))
wrong(TUBES, "tubelets.not-flattened")(_tubes(inside=np.copy))
wrong(TUBES, "tubelets.frame-by-frame")(
    lambda v, size: np.concatenate([_tubes()(x[None], (1, *size[1:])) for x in v])
)
wrong(TUBES)(_tubes(inside=lambda b: b[::-1].ravel()))
wrong(TUBES)(lambda v, size: _tubes()(v, size)[::-1])
wrong(TUBES)(_tubes(inside=lambda b: b[-1].ravel()))
