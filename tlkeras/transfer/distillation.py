"""Teach a small model what a large one thinks."""

from typing import Any, Self

import keras
from keras import ops

from tlkeras import checks as check
from tlkeras.annotations import Tensor
from tlkeras.transfer._compiled import refresh


def distillation_loss(
    teacher_logits: Tensor, student_logits: Tensor, temperature: float = 2.0
) -> Tensor:
    """How far a student's softened opinion is from its teacher's.

    `T² · KL(softmax(teacher / T) ‖ softmax(student / T))`; T² keeps the size of the
    gradients when T changes. Axes: B batch, C classes.

    Args:
        teacher_logits: floats `(B, …, C)`.
        student_logits: floats `(B, …, C)`.
        temperature: T, above 0. Defaults to 2.

    Returns:
        Floats `(B, …)`.

    Reference:
        Hinton et al. (2015), arXiv:1503.02531, section 2.
    """
    teacher = ops.cast(teacher_logits, "float32") / temperature
    student = ops.cast(student_logits, "float32") / temperature
    wanted = ops.softmax(teacher)  # (B, …, C)
    gap = ops.log_softmax(teacher) - ops.log_softmax(student)
    return temperature**2 * ops.sum(wanted * gap, axis=-1)  # (B, …)


class _Agreement(keras.losses.Loss):
    """The mean of `distillation_loss`, weighted and shared out as Keras does it.

    In `tf.distribute` the losses of the devices are added, so each is divided by their
    number; Keras does that in its own losses alone.
    """

    def __init__(self, temperature):
        super().__init__(name="agreement")
        self.temperature = temperature

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return distillation_loss(y_true, y_pred, self.temperature)


@keras.saving.register_keras_serializable(package="tlkeras")
class Distiller(keras.Model):
    """Train a student on labels and on what a teacher thinks.

    `alpha · loss(y, student) + (1 − alpha) · T² KL(teacher ‖ student)`

    The teacher runs as at inference and does not learn. After `fit`, use `student`.

    Args:
        student: a `keras.Model` that gives logits `(B, C)`.
        teacher: a `keras.Model` that gives logits of the same shape.
        temperature: T, above 0. Defaults to 2.
        alpha: weight of the labels, from 0 to 1. Defaults to 0.5.

    Call arguments:
        inputs: what the student takes; the teacher must take the same.
        training: whether the student's dropout is on.

    Returns:
        The student's logits `(B, C)`.

    Raises:
        ValueError: `temperature` or `alpha` is out of range.

    Example:

    >>> import numpy as np
    >>> student, teacher = (
    ...     keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]) for _ in "ab"
    ... )
    >>> model = Distiller(student, teacher)
    >>> model.compile("adam", keras.losses.SparseCategoricalCrossentropy(True))
    >>> _ = model.fit(np.ones((2, 4)), np.array([0, 1]), verbose=0)

    Reference:
        Hinton et al. (2015), arXiv:1503.02531, section 2.
    """

    def __init__(self, student, teacher, temperature=2.0, alpha=0.5, **kwargs):
        super().__init__(**kwargs)
        self.student, self.teacher = student, teacher
        self.temperature = check.positive_number("temperature", temperature)
        self.alpha = check.fraction("alpha", alpha)
        self._agreement = _Agreement(self.temperature)
        self.teacher.trainable = False
        refresh(self.teacher)

    def call(self, inputs, training=None):
        return self.student(inputs, training=training)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Tensor | None = None,
        training: bool = True,
    ) -> Tensor:
        hard = super().compute_loss(x, y, y_pred, sample_weight, training)
        opinion = ops.stop_gradient(self.teacher(x, training=False))  # (B, C)
        soft = self._agreement(opinion, y_pred, sample_weight)
        return self.alpha * hard + (1 - self.alpha) * soft

    def get_config(self) -> dict[str, Any]:
        serialize = keras.saving.serialize_keras_object
        return {
            "name": self.name,
            "student": serialize(self.student),
            "teacher": serialize(self.teacher),
            "temperature": self.temperature,
            "alpha": self.alpha,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        make = keras.saving.deserialize_keras_object
        models = {name: make(config[name]) for name in ("student", "teacher")}
        return cls(**{**config, **models})
