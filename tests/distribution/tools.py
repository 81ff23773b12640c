"""Each tool of `tlkeras.transfer` in use, to be run on one device and on several."""

import numpy as np
from hosts import data, make, train, with_momentum

from tlkeras import transfer

TOLERANCE = 1e-5
TEXTS, LABELS = data()


def fit(model, *arguments, **keywords):
    train(model, TEXTS, LABELS, *arguments, **keywords)
    return model


def everything(model):
    return fit(model)


def lora(model):
    return fit(transfer.add_lora(model, rank=2, trainable="head", seed=1))


def adapters(model):
    return fit(transfer.add_adapters(model, size=4, trainable="head"))


def rates(model):
    rates = transfer.layerwise_decay(model, 0.5)
    return fit(
        model, optimizer=transfer.discriminative_rates(model, with_momentum(), rates)
    )


def gradual_unfreezing(model):
    return fit(model, callbacks=[transfer.GradualUnfreezing()])


def distillation(model):
    return fit(transfer.Distiller(model, make()))


TOOLS = (everything, lora, adapters, rates, gradual_unfreezing, distillation)


def check_same(wanted, found):
    """Two models learned the same, and something."""
    for one, other in zip(wanted.get_weights(), found.get_weights(), strict=True):
        np.testing.assert_allclose(other, one, rtol=TOLERANCE, atol=TOLERANCE)
    losses = wanted.history.history["loss"]
    assert losses[-1] < losses[0]
    np.testing.assert_allclose(found.history.history["loss"], losses, rtol=TOLERANCE)
