"""What attention scores tell: rollout through the layers, and induction heads.

Axes: B batch, N heads, T tokens, L layers.
"""

from collections.abc import Sequence

import numpy as np
from keras import ops

from tlkeras import checks as check
from tlkeras.annotations import Tensor


def attention_rollout(
    attention_scores: Sequence[Tensor], residual: float = 0.5
) -> np.ndarray:
    """How much of each input reaches each output, if only attention mixed them.

        Aᵢ = r I + (1 − r) meanₕ(scoresᵢ),   rollout = Aₗ … A₂ A₁

    The identity stands for the residual path around each attention. The product has the
    last layer in front: row t of the result says where output t comes from, and sums
    to 1. Values, the feed-forward networks and signs are left out, so a rollout is a
    picture of paths, and no proof that an input matters.

    Masking: what no query attends to has weight 0.

    Args:
        attention_scores: one array `(B, N, T, T)` a layer, from input to output, as
            models return them with `return_attention_scores=True`.
        residual: r, the share of the residual path. Defaults to 0.5.

    Returns:
        `(B, T, T)`, outputs down and inputs across.

    Raises:
        ValueError: there are no scores, they are not square, or r is not in [0, 1].

    Example:

    >>> import numpy as np
    >>> first, second = np.array([[[[1.0, 0.0], [0.5, 0.5]]]] * 2)[:, None]
    >>> attention_rollout([first, second])[0].round(4).tolist()
    [[1.0, 0.0], [0.4375, 0.5625]]

    Reference:
        Abnar & Zuidema (2020), arXiv:2005.00928, section 3.
    """
    layers = _square(attention_scores)
    share = check.fraction("residual", residual)
    result = np.eye(layers[0].shape[-1])
    for scores in layers:
        mixed = share * np.eye(scores.shape[-1]) + (1 - share) * scores.mean(axis=1)
        result = mixed @ result  # (B, T, T)
    return result


def induction_scores(
    attention_scores: Sequence[Tensor], token_ids: np.ndarray
) -> np.ndarray:
    """How much each head looks at what followed the same token before.

    For a query at t and each earlier s with the same token, an induction head attends
    to s + 1. The score of a head is its attention to all such places, averaged over the
    queries that have one: 1 for a perfect head. A token right after itself points to
    itself and does not count.

    Args:
        attention_scores: one array `(B, N, T, T)` a layer.
        token_ids: integers `(B, T)`; random ones that come twice, as `repeated_tokens`
            makes them, keep meaning out of it.

    Returns:
        `(L, N)`, layers down and heads across.

    Raises:
        ValueError: shapes do not fit, or no token comes twice.

    Example:

    >>> import numpy as np
    >>> tokens = np.array([[7, 8, 7]])  # the second 7 should look at the 8
    >>> scores = np.array([[[[1, 0, 0], [0.5, 0.5, 0], [0.1, 0.7, 0.2]]]])
    >>> induction_scores([scores], tokens)
    array([[0.7]])

    Reference:
        Olsson et al. (2022), arXiv:2209.11895, section Key Concepts (prefix matching),
        and appendix, head activation evaluators.
    """
    layers = _square(attention_scores)
    ids = np.asarray(token_ids)
    check.axes("token_ids", ids.shape, "B T")
    batch, length = ids.shape
    if any(x.shape[0] != batch or x.shape[-1] != length for x in layers):
        raise ValueError(
            "attention_scores must be (B, N, T, T) for token_ids (B, T); given "
            f"{layers[0].shape} and {ids.shape}."
        )
    earlier = (ids[:, :, None] == ids[:, None, :]) & np.tri(length, k=-1, dtype=bool)
    follows = np.zeros_like(earlier)
    follows[:, :, 1:] = earlier[:, :, :-1]  # one step to the right
    follows &= np.tri(length, k=-1, dtype=bool)  # not the query itself
    counted = follows.any(axis=-1)  # (B, T)
    if not counted.any():
        raise ValueError("token_ids must hold a token that comes again; none does.")
    seen = [(x * follows[:, None]).sum(axis=-1) for x in layers]  # (B, N, T)
    return np.stack([np.swapaxes(x, 1, 2)[counted].mean(axis=0) for x in seen])


def repeated_tokens(
    batch: int,
    length: int,
    vocabulary_size: int,
    seed: int,
    first: int = 0,
    start_token: int | None = None,
) -> np.ndarray:
    """Random tokens, and the same ones again: what an induction head can predict.

    Args:
        batch: B, how many sequences.
        length: of the part that comes twice; its tokens differ from each other.
        vocabulary_size: tokens are below it.
        seed: of the draw.
        first: the smallest token that is drawn, above the special ones. Defaults to 0.
        start_token: put in front of each. Defaults to `None`: nothing is.

    Returns:
        Integers `(B, 2 · length)`, or one more with a start token.

    Raises:
        ValueError: there are fewer tokens than `length`.

    Example:

    >>> tokens = repeated_tokens(2, 5, vocabulary_size=100, seed=0, start_token=0)
    >>> tokens.shape, bool((tokens[:, 1:6] == tokens[:, 6:]).all())
    ((2, 11), True)

    Reference:
        Olsson et al. (2022), arXiv:2209.11895, section Head Activation Evaluators.
    """
    for name, value in (("batch", batch), ("length", length)):
        check.positive_integer(name, value)
    if vocabulary_size - first < length:
        raise ValueError(
            f"length must be at most vocabulary_size − first = "
            f"{vocabulary_size - first}; given {length}."
        )
    rng = np.random.default_rng(seed)
    rows = [rng.permutation(vocabulary_size - first)[:length] for _ in range(batch)]
    half = first + np.array(rows, dtype="int32")  # (B, length)
    start = [] if start_token is None else [np.full((batch, 1), start_token, "int32")]
    return np.concatenate([*start, half, half], axis=1)


def _square(attention_scores):
    """Attention scores as NumPy, found sound."""
    layers = [np.asarray(ops.convert_to_numpy(x)) for x in attention_scores]
    shapes = [x.shape for x in layers]
    sound = shapes and all(len(s) == 4 and s[2:] == (s[-1], s[-1]) for s in shapes)
    if not sound or len({(s[0], s[-1]) for s in shapes}) > 1:
        raise ValueError(
            "attention_scores must be one (B, N, T, T) a layer, of one B and T; given "
            f"{shapes or 'none'}."
        )
    return layers
