"""T² · KL(teacher ‖ student), both softened, on average over the batch."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, keras, mistakes


def log_softmax(x, axis=-1):
    """Logarithms of probabilities, without an exponential that overflows."""
    x = x - x.max(axis, keepdims=True)
    return x - np.log(np.exp(x).sum(axis, keepdims=True))


def softened(logits, temperature):
    """Logits that are nearer to each other."""
    return logits / temperature


def divergence(teacher, student):
    """KL(teacher ‖ student) of log probabilities: (B, C) to (B,)."""
    return (np.exp(teacher) * (teacher - student)).sum(-1)


def distillation_loss(
    teacher_logits,
    student_logits,
    temperature,
    *,
    of_teacher=softened,
    of_student=softened,
    logs=log_softmax,
    distance=divergence,
    mean=np.mean,
    rescale=lambda loss, temperature: temperature**2 * loss,
):
    """T² · KL(teacher ‖ student), both softened, on average over the batch."""
    teacher = logs(of_teacher(teacher_logits, temperature))
    student = logs(of_student(student_logits, temperature))
    return rescale(mean(distance(teacher, student)), temperature)


def opinions(batch, classes, temperature, scale=2.0):
    """Logits of a teacher and a student, and a temperature."""
    return lambda rng: (
        floats(rng, batch, classes, scale=scale),
        floats(rng, batch, classes, scale=scale),
        temperature,
    )


def one_opinion(rng):
    """A student that says what the teacher says, but for a constant a row."""
    teacher = floats(rng, 4, 6, scale=2)
    return teacher, teacher + floats(rng, 4, 1), 3.0


def nearly_one_opinion(rng):
    """A student that differs little from a teacher."""
    teacher = floats(rng, 3, 5, scale=2)
    return teacher, teacher + floats(rng, 3, 5, scale=0.3), 4.0


def far_from_zero(rng):
    """Logits around 2000 that differ little: exp alone is infinite."""
    teacher, student, temperature = opinions(3, 6, 2.0)(rng)
    return teacher + np.float32(2000), student + np.float32(2000), temperature


def of_probabilities(change):
    """A distance between probabilities, for steps that are handed their logarithms."""
    return lambda teacher, student: change(np.exp(teacher), np.exp(student))


wrong = mistakes("distil", section="distil")

EXERCISE = Exercise(
    name="distillation_loss",
    section="distil",
    points=4,
    reference=distillation_loss,
    cases=(
        Case("two", opinions(4, 5, 2.0)),
        Case("one", opinions(3, 7, 1.0)),
        Case("five", opinions(6, 4, 5.0)),
        Case("same", one_opinion),
        Case("nearly-same", nearly_one_opinion),
        Case("far-from-zero", far_from_zero, tolerance=1e-3),
        Case("sure", opinions(9, 5, 2.0, scale=900.0)),
        Case("square", opinions(5, 5, 3.0), diagnostic=True),
    ),
    misconceptions=(
        wrong("not-rescaled", rescale=identity),
        wrong("rescaled-once", rescale=lambda loss, t: t * loss),
        wrong("rescaled-the-other-way", rescale=lambda loss, t: loss / t**2),
        wrong("teacher-not-softened", of_teacher=identity),
        wrong("student-not-softened", of_student=identity),
        wrong(
            "sharpened",
            of_teacher=lambda logits, t: logits * t,
            of_student=lambda logits, t: logits * t,
        ),
        wrong(
            "probabilities-divided",
            of_teacher=identity,
            of_student=identity,
            distance=lambda teacher, student: divergence(teacher, student),
            rescale=lambda loss, t: loss * t,
        ),
        wrong(
            "reversed", distance=lambda teacher, student: divergence(student, teacher)
        ),
        wrong(
            "cross-entropy",
            distance=lambda teacher, student: -(np.exp(teacher) * student).sum(-1),
        ),
        wrong(
            "labels-of-the-teacher",
            distance=lambda teacher, student: (
                -np.take_along_axis(student, teacher.argmax(-1)[:, None], -1)[:, 0]
            ),
        ),
        wrong(
            "squared-probabilities",
            distance=of_probabilities(lambda p, q: ((p - q) ** 2).sum(-1)),
        ),
        wrong(
            "squared-logits",
            logs=identity,
            distance=lambda teacher, student: ((teacher - student) ** 2).sum(-1),
        ),
        wrong(
            "not-weighted",
            distance=lambda teacher, student: (teacher - student).sum(-1),
        ),
        wrong("sign", distance=lambda teacher, student: -divergence(teacher, student)),
        wrong(
            "mean-over-classes",
            distance=lambda teacher, student: (
                np.exp(teacher) * (teacher - student)
            ).mean(-1),
        ),
        wrong("summed", mean=np.sum),
        wrong("each-example", mean=identity),
        wrong("softmax-over-batch", logs=lambda x: log_softmax(x, axis=0)),
        wrong(
            "overflow",
            logs=lambda x: np.log(np.exp(x) / np.exp(x).sum(-1, keepdims=True)),
        ),
        wrong("log-of-zero", logs=lambda x: np.log(np.exp(log_softmax(x)))),
        wrong(
            "clipped", logs=lambda x: np.log(np.maximum(np.exp(log_softmax(x)), 1e-7))
        ),
        wrong("tiny-added", logs=lambda x: np.log(np.exp(log_softmax(x)) + 1e-9)),
    ),
    accepted={
        "cross-entropy minus entropy": lambda *a: _distil_by_entropies(*a),
        "loops": lambda *a: _distil_in_loops(*a),
        "keras.ops": lambda *a: _distil_with_keras(*a),
        "tensorflow": lambda *a: _distil_with_tensorflow(*a),
        "library": lambda teacher, student, t: keras().ops.mean(
            _transfer().distillation_loss(teacher, student, t)
        ),
        "float64": lambda teacher, student, t: distillation_loss(
            teacher.astype(np.float64), student.astype(np.float64), t
        ),
    },
)


def _distil_by_entropies(teacher, student, temperature):
    teacher, student = log_softmax(teacher / temperature), student / temperature
    p = np.exp(teacher)
    surprise = -(p * log_softmax(student)).sum(-1)
    entropy = -(p * teacher).sum(-1)
    return temperature**2 * (surprise - entropy).sum() / len(student)


def _distil_in_loops(teacher, student, temperature):
    total = 0.0
    for one, other in zip(teacher, student, strict=True):
        one, other = log_softmax(one / temperature), log_softmax(other / temperature)
        total += sum(np.exp(p) * (p - q) for p, q in zip(one, other, strict=True))
    return total / len(teacher) * temperature**2


def _distil_with_keras(teacher, student, temperature):
    ops = keras().ops
    teacher = ops.log_softmax(teacher / temperature, axis=-1)
    gap = teacher - ops.log_softmax(student / temperature, axis=-1)
    return ops.mean(ops.sum(ops.exp(teacher) * gap, axis=-1)) * temperature**2


def _distil_with_tensorflow(teacher, student, temperature):
    import tensorflow as tf

    p = tf.nn.softmax(teacher / temperature)
    surprise = tf.nn.softmax_cross_entropy_with_logits(p, student / temperature)
    entropy = tf.nn.softmax_cross_entropy_with_logits(p, teacher / temperature)
    return temperature**2 * tf.reduce_mean(surprise - entropy)


def _transfer():
    import tlkeras.transfer

    return tlkeras.transfer
