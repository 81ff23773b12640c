import numpy as np
import pytest

from tlkeras.diffusion import _process


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def compiled():
    """Asked for by tests of the compiled loop; the others run it as it is."""


@pytest.fixture(autouse=True)
def loop_as_it_is(request, monkeypatch):
    """XLA takes seconds for each loop, and does not change what is computed."""
    if "compiled" not in request.fixturenames:
        monkeypatch.setattr(_process, "jit", lambda function, *stateful: function)
