"""What several exercises of this lesson use."""


def between(rng, low, high):
    """A random integer, both ends included."""
    return int(rng.integers(low, high + 1))


def ten_thousand(_):
    """Ignore the λ that was asked for."""
    return 10000


def our_layers():
    """`tlkeras.layers`, loaded on first use."""
    from tlkeras import layers

    return layers
