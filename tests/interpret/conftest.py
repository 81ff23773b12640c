import keras
import numpy as np
import pytest

from tlkeras.models import GPT, Bert, BertClassifier


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def spread(model, scale=0.5):
    """The same model with weights that make a difference; norms stay as they are."""
    rng = np.random.default_rng(1)
    for weight in model.weights:
        if "norm" not in weight.path and "seed" not in weight.path:
            weight.assign(scale * rng.normal(size=weight.shape))
    return model


@pytest.fixture(scope="module")
def gpt():
    keras.utils.set_random_seed(0)
    return spread(GPT(20, 2, 2, 8, 12, max_sequence_length=9))


@pytest.fixture(scope="module")
def classifier():
    keras.utils.set_random_seed(0)
    return spread(BertClassifier(Bert(20, 2, 2, 8, 12), num_classes=3))


@pytest.fixture
def tokens():
    return np.array([[3, 1, 4, 1, 5], [9, 2, 6, 9, 2]])
