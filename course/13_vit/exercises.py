"""What lesson 13 asks for: right answers, inputs that tell, and known wrong answers.

Each reference is float64 NumPy written in steps; a misconception replaces a step (see
`tlkeras.grading.Exercise`). Axes: B batch, H height, W width, C channels, h and w rows
and columns of patches, p and q rows and columns within a patch, P = h · w patches,
D model size, L layers, N heads, T = 1 + P tokens.
"""

from pathlib import Path

import numpy as np

from tlkeras.grading import Case, Exercise, Messages, Misconception
from tlkeras.grading.authoring import floats, identity, keras, slope

MESSAGES = Messages(Path(__file__).parent)


# ── patchify ──────────────────────────────────────────────────────────────────────────


def cut(images, size):
    """A grid of patches: (B, h, w, p, q, C)."""
    batch, height, width, channels = images.shape
    grid = images.reshape(
        batch, height // size, size, width // size, size, channels
    )  # (B, h, p, w, q, C)
    return grid.transpose(0, 1, 3, 2, 4, 5)


def in_reading_order(images, size):
    """Numbers as they lie in memory, as if a patch were a piece of that."""
    batch, height, width, channels = images.shape
    return images.reshape(batch, height // size, width // size, size, size, channels)


def without_transposing(images, size):
    """Rows of a patch mistaken for columns of the grid."""
    batch, height, width, channels = images.shape
    return images.reshape(batch, height // size, size, width // size, size, channels)


def interleaved(images, size):
    """Every (H / p)th pixel, as if the grid were inside of the patch."""
    batch, height, width, channels = images.shape
    grid = images.reshape(
        batch, size, height // size, size, width // size, channels
    )  # (B, p, h, q, w, C)
    return grid.transpose(0, 2, 4, 1, 3, 5)


def sliding(step):
    """Windows that overlap: a new one every `step(p)` pixels."""

    def take(images, size):
        _, height, width, _ = images.shape
        rows = range(0, height - size + 1, step(size))
        columns = range(0, width - size + 1, step(size))
        windows = [
            [images[:, y : y + size, x : x + size] for x in columns] for y in rows
        ]
        return np.moveaxis(np.array(windows), 2, 0)  # (B, h, w, p, q, C)

    return take


def patch_rows_first(patches):
    """Patches row by row: (B, P, p, q, C)."""
    batch, rows, columns, *rest = patches.shape
    return patches.reshape(batch, rows * columns, *rest)


def patch_columns_first(patches):
    """Patches column by column."""
    return patch_rows_first(patches.swapaxes(1, 2))


def flatten(patches):
    """Each patch as one row of numbers: (B, P, p · q · C)."""
    return patches.reshape(*patches.shape[:2], -1)


def patchify(
    images,
    patch_size,
    *,
    take=cut,
    order=patch_rows_first,
    within=identity,
    values=flatten,
):
    """Images to sequences of patches: (B, H, W, C) to (B, P, p · p · C)."""
    return values(within(order(take(images, patch_size))))


def image_inputs(batch, height, width, channels, size):
    """Images whose sides, grid, patch and channels are all of different lengths."""
    return lambda rng: (floats(rng, batch, height, width, channels), size)


def _patches(name, **steps):
    return Misconception(f"patches.{name}", "patches", **steps)


PATCHIFY = Exercise(
    name="patchify",
    section="patches",
    points=4,
    reference=patchify,
    messages=MESSAGES,
    cases=(
        Case("grey", image_inputs(3, 8, 12, 1, 2)),
        Case("colour", image_inputs(5, 8, 12, 3, 2)),
        Case("large-patches", image_inputs(3, 10, 20, 2, 5)),
        Case("one-patch", image_inputs(3, 4, 4, 2, 4)),
        Case("square", image_inputs(2, 9, 9, 3, 3), diagnostic=True),
        Case("one-image", image_inputs(1, 6, 12, 2, 3)),
        Case("pixels", image_inputs(2, 3, 5, 4, 1)),
    ),
    misconceptions=(
        _patches("reshape-scrambles", take=in_reading_order),
        _patches("not-transposed", take=without_transposing),
        _patches("every-other-pixel", take=interleaved),
        _patches("overlapping-windows", take=sliding(lambda size: 1)),
        _patches("half-overlapping", take=sliding(lambda size: max(1, size // 2))),
        _patches("column-order", order=patch_columns_first),
        _patches("pixels-transposed", within=lambda x: x.swapaxes(2, 3)),
        _patches("channels-first", within=lambda x: np.moveaxis(x, 4, 2)),
        _patches("channels-reversed", within=lambda x: x[..., ::-1]),
        _patches("upside-down", within=lambda x: x[:, :, ::-1]),
        _patches("patches-reversed", within=lambda x: x[:, ::-1]),
        _patches("not-flattened", values=identity),
        _patches("batch-merged", values=lambda x: flatten(x).reshape(-1, x[0, 0].size)),
        _patches("patch-averaged", values=lambda x: x.mean(axis=(2, 3))),
        _patches("values-first", values=lambda x: flatten(x).swapaxes(1, 2)),
    ),
    accepted={
        "loops": lambda x, p: _patchify_with_loops(x, p),
        "splits": lambda x, p: _patchify_with_splits(x, p),
        "keras.ops": lambda x, p: _patchify_with_keras(x, p),
        "tensorflow": lambda x, p: _patchify_with_tensorflow(x, p),
        "sliding windows, strided": lambda x, p: _patchify_with_windows(x, p),
        "einsum": lambda x, p: np.einsum(
            "bhpwqc->bhwpqc", without_transposing(x, p)
        ).reshape(len(x), -1, p * p * x.shape[-1]),
        "lists": lambda x, p: patchify(x, p).tolist(),
    },
)


def _patchify_with_loops(images, size):
    _, height, width, _ = images.shape
    return np.stack(
        [
            images[:, y : y + size, x : x + size].reshape(len(images), -1)
            for y in range(0, height, size)
            for x in range(0, width, size)
        ],
        axis=1,
    )


def _patchify_with_splits(images, size):
    rows = np.split(images, images.shape[1] // size, axis=1)
    patches = [p for row in rows for p in np.split(row, row.shape[2] // size, axis=2)]
    return np.stack([p.reshape(len(images), -1) for p in patches], axis=1)


def _patchify_with_keras(images, size):
    ops = keras().ops
    batch, height, width, channels = images.shape
    shape = (batch, height // size, size, width // size, size, channels)
    grid = ops.transpose(ops.reshape(images, shape), (0, 1, 3, 2, 4, 5))
    return ops.reshape(grid, (batch, -1, size * size * channels))


def _patchify_with_tensorflow(images, size):
    import tensorflow as tf

    patches = tf.image.extract_patches(
        images, [1, size, size, 1], [1, size, size, 1], [1, 1, 1, 1], "VALID"
    )
    return tf.reshape(patches, (len(images), -1, patches.shape[-1]))


def _patchify_with_windows(images, size):
    windows = np.lib.stride_tricks.sliding_window_view(images, (size, size), (1, 2))
    windows = windows[:, ::size, ::size]  # (B, h, w, C, p, q)
    return np.moveaxis(windows, 3, 5).reshape(
        len(images), -1, size**2 * images.shape[3]
    )


# ── embedding by convolution ──────────────────────────────────────────────────────────


def project(patches, kernel, bias):
    """Each patch times the kernel, as one matrix: (B, h, w, D)."""
    return np.tensordot(patches, kernel, 3) + bias


def to_sequence(grid):
    """Patches row by row: (B, P, D)."""
    return grid.reshape(len(grid), -1, grid.shape[-1])


def embed_patches(
    images,
    kernel,
    bias,
    *,
    take=cut,
    turn=identity,
    colours=identity,
    add=identity,
    multiply=project,
    sequence=to_sequence,
):
    """A convolution whose stride is its kernel: (B, H, W, C) to (B, P, D)."""
    patches = take(colours(images), len(kernel))  # (B, h, w, p, q, C)
    return sequence(multiply(patches, turn(kernel), add(bias)))


def convolution_inputs(batch, height, width, channels, size, hidden):
    """Images, a kernel (p, p, C, D) that is not symmetric, and a bias."""
    return lambda rng: (
        floats(rng, batch, height, width, channels),
        floats(rng, size, size, channels, hidden, scale=0.4),
        floats(rng, hidden),
    )


def padded(images, size):
    """Windows at every pixel, zeros around, as stride 1 and "same" give."""
    low = (size - 1) // 2
    around = (low, size - 1 - low)
    padded = np.pad(images, ((0, 0), around, around, (0, 0)))
    return sliding(lambda size: 1)(padded, size)


def _embedding(name, **steps):
    return Misconception(f"embedding.{name}", "embedding", **steps)


EMBED_PATCHES = Exercise(
    name="embed_patches",
    section="embedding",
    points=3,
    reference=embed_patches,
    messages=MESSAGES,
    cases=(
        Case("grey", convolution_inputs(3, 8, 12, 1, 2, 5)),
        Case("colour", convolution_inputs(2, 8, 20, 3, 4, 7)),
        Case("one-patch", convolution_inputs(3, 4, 4, 2, 4, 6)),
        Case("one-image", convolution_inputs(1, 6, 9, 2, 3, 4)),
        Case("pixels", convolution_inputs(2, 3, 5, 4, 1, 6)),
        Case("square", convolution_inputs(2, 9, 9, 3, 3, 9), diagnostic=True),
    ),
    misconceptions=(
        _embedding("stride-one", take=sliding(lambda size: 1)),
        _embedding("stride-one-padded", take=padded),
        _embedding("overlapping", take=sliding(lambda size: max(1, size // 2))),
        _embedding("scrambled", take=in_reading_order),
        _embedding("kernel-transposed", turn=lambda k: k.swapaxes(0, 1)),
        _embedding("kernel-flipped", turn=lambda k: k[::-1, ::-1]),
        _embedding("channels-reversed", colours=lambda x: x[..., ::-1]),
        _embedding("no-bias", add=np.zeros_like),
        _embedding("bias-subtracted", add=np.negative),
        _embedding("grid-returned", sequence=identity),
        _embedding("column-order", sequence=lambda x: to_sequence(x.swapaxes(1, 2))),
        _embedding("features-first", sequence=lambda x: to_sequence(x).swapaxes(1, 2)),
    ),
    accepted={
        "patches times a matrix": lambda x, k, b: (
            patchify(x, len(k)) @ k.reshape(-1, k.shape[-1]) + b
        ),
        "tensorflow": lambda x, k, b: _embedded_with_tensorflow(x, k, b),
        "a Conv2D layer": lambda x, k, b: _embedded_with_a_layer(x, k, b),
        "tlkeras.layers": lambda x, k, b: _embedded_with_ours(x, k, b),
        "einsum": lambda x, k, b: to_sequence(
            np.einsum("bhwpqc,pqcd->bhwd", cut(x, len(k)), k) + b
        ),
        "float64": lambda x, k, b: embed_patches(x.astype(float), k, b),
    },
)


def _embedded_with_tensorflow(images, kernel, bias):
    import tensorflow as tf

    grid = tf.nn.conv2d(images, kernel, len(kernel), "VALID") + bias
    return tf.reshape(grid, (len(images), -1, kernel.shape[-1]))


def _embedded_with_a_layer(images, kernel, bias):
    import keras

    size, hidden = len(kernel), kernel.shape[-1]
    layer = keras.layers.Conv2D(hidden, size, strides=size)
    layer.build(images.shape)
    layer.set_weights([kernel, bias])
    return keras.layers.Reshape((-1, hidden))(layer(images))


def _embedded_with_ours(images, kernel, bias):
    from tlkeras.layers import PatchEmbedding

    layer = PatchEmbedding(len(kernel), kernel.shape[-1])
    layer.build(images.shape)
    layer.set_weights([kernel, bias])
    return layer(images)


# ── class token ───────────────────────────────────────────────────────────────────────


def in_front(patches, token):
    """The token before the patches of every image: (B, 1 + P, D)."""
    token = np.broadcast_to(token, (len(patches), 1, len(token)))
    return np.concatenate([token, patches], axis=1)


def plus(tokens, positions):
    """A position for each token."""
    return tokens + positions


def first_image_only(patches, token):
    """A token of zeros for all images but the first."""
    tokens = in_front(patches, token)
    tokens[1:, 0] = 0
    return tokens


def patches_alone(tokens, positions):
    """Positions for the patches, none for the token."""
    return np.concatenate([tokens[:, :1], tokens[:, 1:] + positions[1:]], axis=1)


def token_alone(tokens, positions):
    """A position for the token, none for the patches."""
    return np.concatenate([tokens[:, :1] + positions[:1], tokens[:, 1:]], axis=1)


def patches_from_zero(tokens, positions):
    """The patches take the positions from 0 on, the token the last."""
    return tokens + np.roll(positions, 1, axis=0)


def patches_from_zero_alone(tokens, positions):
    """The patches take the positions from 0 on, the token none."""
    return np.concatenate([tokens[:, :1], tokens[:, 1:] + positions[:-1]], axis=1)


def class_token(patches, token, positions, *, place=in_front, locate=plus):
    """[class, patches] + positions."""
    return locate(place(patches, token), positions)


def token_inputs(batch, patches, hidden):
    """Embedded patches, a token, and positions for all."""
    return lambda rng: (
        floats(rng, batch, patches, hidden),
        floats(rng, hidden),
        floats(rng, 1 + patches, hidden),
    )


def _token(name, **steps):
    return Misconception(f"token.{name}", "token", **steps)


ADD_CLASS_TOKEN = Exercise(
    name="add_class_token",
    section="token",
    points=2,
    reference=class_token,
    messages=MESSAGES,
    cases=(
        Case("batch", token_inputs(3, 6, 5)),
        Case("one-image", token_inputs(1, 4, 7)),
        Case("one-patch", token_inputs(3, 1, 5)),
        Case("square", token_inputs(4, 4, 4), diagnostic=True),
    ),
    misconceptions=(
        _token(
            "at-the-end",
            place=lambda x, t: np.roll(in_front(x, t), -1, axis=1),
        ),
        _token("added-to-patches", place=lambda x, t: in_front(x + t, 0 * t)),
        _token("of-zeros", place=lambda x, t: in_front(x, 0 * t)),
        _token("first-image-only", place=first_image_only),
        _token("mean-of-patches", place=lambda x, t: in_front(x, 0 * t) + _mean(x)),
        _token("no-positions", locate=lambda x, p: x),
        _token("without-position", locate=patches_alone),
        _token("position-of-the-token-alone", locate=token_alone),
        _token("positions-shifted", locate=patches_from_zero),
        _token("positions-from-zero", locate=patches_from_zero_alone),
        _token("positions-multiplied", locate=lambda x, p: x * p),
        _token("positions-reversed", locate=lambda x, p: x + p[::-1]),
        _token(
            "positions-appended",
            locate=lambda x, p: np.concatenate(
                [x, np.broadcast_to(p, x.shape)], axis=-1
            ),
        ),
    ),
    accepted={
        "loops": lambda x, t, p: [np.vstack([t, one]) + p for one in x],
        "keras.ops": lambda x, t, p: _token_with_keras(x, t, p),
        "tensorflow": lambda x, t, p: _token_with_tensorflow(x, t, p),
        "insert": lambda x, t, p: np.insert(x, 0, t, axis=1) + p,
        "written into an empty array": lambda x, t, p: _token_written(x, t, p),
    },
)


def _mean(patches):
    """The mean of the patches at place 0, zeros elsewhere."""
    mean = patches.mean(axis=1, keepdims=True)
    return np.concatenate([mean, np.zeros_like(patches)], axis=1)


def _token_with_keras(patches, token, positions):
    ops = keras().ops
    token = ops.tile(token[None, None], (len(patches), 1, 1))
    return ops.concatenate([token, patches], axis=1) + positions


def _token_with_tensorflow(patches, token, positions):
    import tensorflow as tf

    token = tf.broadcast_to(token, (len(patches), 1, len(token)))
    return tf.concat([token, patches], axis=1) + positions[None]


def _token_written(patches, token, positions):
    output = np.empty((len(patches), *positions.shape), patches.dtype)
    output[:, 0], output[:, 1:] = token, patches
    output += positions
    return output


# ── positions for another size ────────────────────────────────────────────────────────


def resample(grid, rows, columns):
    """A grid (h, w, D) mixed along its rows and columns: (h', w', D)."""
    return np.einsum("ih,jw,hwd->ijd", rows, columns, grid)


def to_grid(patches, height, width):
    """One vector for each patch, row by row, as a grid (h, w, D)."""
    return patches.reshape(height, width, -1)


def first_apart(positions):
    """The position of the class token, and those of the patches."""
    return positions[:1], positions[1:]


def stretch_positions(
    positions,
    rows,
    columns,
    *,
    split=first_apart,
    grid=to_grid,
    mix=resample,
    row_by_row=identity,
    join=lambda first, patches: np.concatenate([first, patches]),
):
    """Positions (1 + h · w, D) for another grid: (1 + h' · w', D)."""
    first, patches = split(positions)
    new = mix(grid(patches, rows.shape[1], columns.shape[1]), rows, columns)
    return join(first, row_by_row(new).reshape(-1, positions.shape[-1]))


def position_inputs(old, new, hidden):
    """A table of positions, and matrices (h', h) and (w', w) with rows of sum 1."""

    def matrix(rng, rows, columns):
        values = rng.random((rows, columns)) ** 2
        return (values / values.sum(axis=1, keepdims=True)).astype(np.float32)

    return lambda rng: (
        floats(rng, 1 + old[0] * old[1], hidden),
        matrix(rng, new[0], old[0]),
        matrix(rng, new[1], old[1]),
    )


def rows_alone(grid, rows, columns):
    """Mixed along the rows, repeated along the columns."""
    mixed = np.einsum("ih,hwd->iwd", rows, grid)
    return mixed[:, np.arange(len(columns)) * grid.shape[1] // len(columns)]


def columns_alone(grid, rows, columns):
    """Mixed along the columns, repeated along the rows."""
    mixed = np.einsum("jw,hwd->hjd", columns, grid)
    return mixed[np.arange(len(rows)) * grid.shape[0] // len(rows)]


def nearest(grid, rows, columns):
    """Each new place takes the old one that weighs most."""
    return grid[rows.argmax(axis=1)][:, columns.argmax(axis=1)]


def _positions(name, **steps):
    return Misconception(f"positions.{name}", "positions", **steps)


STRETCH_POSITIONS = Exercise(
    name="stretch_positions",
    section="positions",
    points=3,
    reference=stretch_positions,
    messages=MESSAGES,
    cases=(
        Case("larger", position_inputs((2, 3), (4, 5), 7)),
        Case("smaller", position_inputs((5, 4), (2, 3), 6)),
        Case("wider", position_inputs((3, 2), (3, 7), 5)),
        Case("one-row", position_inputs((1, 4), (3, 2), 6)),
        Case("square", position_inputs((3, 3), (3, 3), 4), diagnostic=True),
    ),
    misconceptions=(
        _positions("class-token-dropped", join=lambda first, patches: patches),
        _positions(
            "class-token-last",
            join=lambda first, patches: np.concatenate([patches, first]),
        ),
        _positions("class-token-taken-from-the-end", split=lambda x: (x[-1:], x[:-1])),
        _positions(
            "class-token-zeroed",
            join=lambda first, patches: np.concatenate([0 * first, patches]),
        ),
        _positions(
            "class-token-averaged",
            join=lambda first, patches: np.concatenate(
                [patches.mean(0, keepdims=True), patches]
            ),
        ),
        _positions(
            "grid-transposed", grid=lambda x, h, w: to_grid(x, w, h).swapaxes(0, 1)
        ),
        _positions(
            "features-first",
            grid=lambda x, h, w: np.moveaxis(x.reshape(-1, h, w), 0, 2),
        ),
        _positions("column-by-column", row_by_row=lambda x: x.swapaxes(0, 1)),
        _positions("rows-only", mix=rows_alone),
        _positions("columns-only", mix=columns_alone),
        _positions("nearest", mix=nearest),
    ),
    accepted={
        "two products": lambda x, r, c: _stretched_in_two_steps(x, r, c),
        "one Kronecker product": lambda x, r, c: np.vstack(
            [x[:1], np.kron(r, c) @ x[1:]]
        ),
        "keras.ops": lambda x, r, c: _stretched_with_keras(x, r, c),
        "tensorflow": lambda x, r, c: _stretched_with_tensorflow(x, r, c),
        "feature by feature": lambda x, r, c: _stretched_by_feature(x, r, c),
        "columns first": lambda x, r, c: stretch_positions(
            x, r, c, mix=lambda g, r, c: np.einsum("ih,hjd->ijd", r, c @ g)
        ),
    },
)


def _stretched_in_two_steps(positions, rows, columns):
    grid = positions[1:].reshape(rows.shape[1], columns.shape[1], -1)
    grid = np.tensordot(rows, grid, 1)  # (h', w, D)
    grid = np.tensordot(columns, grid, (1, 1)).swapaxes(0, 1)  # (h', w', D)
    return np.vstack([positions[:1], grid.reshape(-1, grid.shape[-1])])


def _stretched_with_keras(positions, rows, columns):
    ops = keras().ops
    grid = ops.reshape(positions[1:], (rows.shape[1], columns.shape[1], -1))
    grid = ops.einsum("ih,jw,hwd->ijd", rows, columns, grid)
    grid = ops.reshape(grid, (-1, positions.shape[-1]))
    return ops.concatenate([positions[:1], grid], axis=0)


def _stretched_with_tensorflow(positions, rows, columns):
    import tensorflow as tf

    grid = tf.reshape(positions[1:], (rows.shape[1], columns.shape[1], -1))
    grid = tf.einsum("ih,hwd->iwd", rows, grid)
    grid = tf.matmul(columns[None], grid)  # (h', w', D)
    return tf.concat([positions[:1], tf.reshape(grid, (-1, grid.shape[-1]))], axis=0)


def _stretched_by_feature(positions, rows, columns):
    features = positions[1:].T.reshape(-1, rows.shape[1], columns.shape[1])
    new = [(rows @ one @ columns.T).ravel() for one in features]
    return np.concatenate([positions[:1], np.array(new).T])


# ── head swap ─────────────────────────────────────────────────────────────────────────

RATE = 0.2  # of the one step of training that a probe makes


def softmax(x):
    """Positive numbers that sum to one along the last axis."""
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def as_asked(frozen):
    """Which of first layer, second layer and head learn."""
    return (0.0, 0.0, 1.0) if frozen else (1.0, 1.0, 1.0)


def new_head(old, head):
    """The new head alone, on what the old one read."""
    return (head,)


def outputs(images, weights, answer):
    """Linear layers one after another, and perhaps something after the last."""
    x = images.reshape(len(images), -1)
    for weight in weights:
        x = x @ weight
    return answer(x)


def swapped(
    images,
    first,
    second,
    old,
    head,
    targets,
    frozen,
    *,
    learns=as_asked,
    heads=new_head,
    answer=identity,
):
    """Outputs before and after one step of training with the squared error."""
    weights = [first, second, *heads(old, head)]
    rates = learns(frozen)
    rates = (*rates[:2], *[rates[1]] * (len(weights) - 3), rates[2])
    before = outputs(images, weights, answer)

    def loss():
        return np.mean((outputs(images, weights, answer) - targets) ** 2)

    slopes = [
        slope(loss, weight) if rate else 0.0
        for weight, rate in zip(weights, rates, strict=True)
    ]
    after = [w - RATE * s for w, s in zip(weights, slopes, strict=True)]
    return before, outputs(images, after, answer)


def probe_swap(answer, images, first, second, old, head, targets, frozen):
    """Hand over a classifier and a head; see what comes back, and train it once."""
    import keras

    def dense(kernel, size):
        layer = keras.layers.Dense(kernel.shape[1], use_bias=False)
        layer.build((None, size))
        layer.kernel.assign(kernel)
        return layer

    backbone = [dense(first, first.shape[0]), dense(second, second.shape[0])]
    classifier = keras.Sequential(
        [
            keras.Input(images.shape[1:]),
            keras.layers.Flatten(),
            *backbone,
            dense(old, old.shape[0]),
        ]
    )
    model = answer(classifier, dense(head, head.shape[0]), frozen)
    before = keras.ops.convert_to_numpy(model(images))
    model.compile(keras.optimizers.SGD(RATE), loss="mse", run_eagerly=True)
    if model.trainable_variables:
        model.train_on_batch(images, targets)
    return before, keras.ops.convert_to_numpy(model(images))


def swap_inputs(frozen, classes=4, old_classes=3):
    """Images, kernels, targets of the new task, and whether to freeze."""
    return lambda rng: (
        floats(rng, 5, 2, 3, 1),
        floats(rng, 6, 8, scale=0.5),
        floats(rng, 8, 7, scale=0.5),
        floats(rng, 7, old_classes, scale=0.5),
        floats(rng, 7, classes, scale=0.5),
        floats(rng, 5, classes, scale=3),
        frozen,
    )


def _head(name, **steps):
    return Misconception(f"head.{name}", "head", **steps)


def when_frozen(*learning):
    """These learn when the backbone should be frozen; everything does otherwise."""
    return lambda frozen: learning if frozen else (1.0, 1.0, 1.0)


SWAP_HEAD = Exercise(
    name="swap_head",
    section="head",
    points=4,
    reference=swapped,
    messages=MESSAGES,
    probe=probe_swap,
    cases=(
        Case("frozen", swap_inputs(True)),
        Case("thawed", swap_inputs(False)),
        Case("many-classes", swap_inputs(True, classes=9)),
        # An old head as wide as what it reads, or as the new one: more mistakes fit.
        Case("wide-old-head", swap_inputs(True, old_classes=7), diagnostic=True),
        Case("wide-old-head-thawed", swap_inputs(False, 4, 7), diagnostic=True),
        Case("as-many-classes", swap_inputs(True, 4, 4), diagnostic=True),
    ),
    misconceptions=(
        _head("nothing-frozen", learns=lambda frozen: (1.0, 1.0, 1.0)),
        _head("always-frozen", learns=lambda frozen: (0.0, 0.0, 1.0)),
        _head("inverted", learns=lambda frozen: as_asked(not frozen)),
        _head("everything-frozen", learns=when_frozen(0.0, 0.0, 0.0)),
        _head("head-frozen-instead", learns=when_frozen(1.0, 1.0, 0.0)),
        _head("only-first-layer-frozen", learns=when_frozen(0.0, 1.0, 1.0)),
        _head("only-last-layer-frozen", learns=when_frozen(1.0, 0.0, 1.0)),
        _head("old-head-kept", heads=lambda old, head: (old,)),
        _head("on-top-of-the-old", heads=lambda old, head: (old, head)),
        _head("probabilities", answer=softmax),
    ),
    accepted={
        "functional": lambda m, head, frozen: _swap_functional(m, head, frozen),
        "layer by layer": lambda m, head, frozen: _swap_layers(m, head, frozen),
        "pop and add": lambda m, head, frozen: _swap_popped(m, head, frozen),
        "tlkeras.transfer": lambda m, head, frozen: _swap_with_ours(m, head, frozen),
        "a copy": lambda m, head, frozen: _swap_copy(m, head, frozen),
    },
)


def _swap_functional(classifier, head, frozen):
    import keras

    backbone = keras.Model(classifier.inputs, classifier.layers[-2].output)
    backbone.trainable = not frozen
    inputs = keras.Input(backbone.input_shape[1:])
    return keras.Model(inputs, head(backbone(inputs, training=False)))


def _swap_layers(classifier, head, frozen):
    for layer in classifier.layers[:-1]:
        layer.trainable = not frozen
    return keras().Sequential([*classifier.layers[:-1], head])


def _swap_popped(classifier, head, frozen):
    classifier.pop()
    for layer in classifier.layers:
        layer.trainable = not frozen
    classifier.add(head)
    return classifier


def _swap_with_ours(classifier, head, frozen):
    from tlkeras.transfer import freeze

    kept = classifier.layers[:-1]
    import keras

    model = keras.Sequential([keras.Input(classifier.input_shape[1:]), *kept, head])
    names = [layer.name for layer in kept if layer.weights]
    return freeze(model, [f"^{name}/" for name in names]) if frozen else model


def _swap_copy(classifier, head, frozen):
    import keras

    copy = keras.models.clone_model(classifier)
    copy.set_weights(classifier.get_weights())
    return _swap_functional(copy, head, frozen)


# ── attention rollout ─────────────────────────────────────────────────────────────────


def mean_over_heads(scores):
    """(L, N, T, T) to (L, T, T)."""
    return scores.mean(axis=1)


def half_residual(layers):
    """Half of each token stays where it is: ½ A + ½ I."""
    return 0.5 * layers + 0.5 * np.eye(layers.shape[-1])


def last_times_first(layers):
    """A_L · … · A₂ · A₁."""
    product = layers[0]
    for layer in layers[1:]:
        product = layer @ product
    return product


def first_times_last(layers):
    """A₁ · A₂ · … · A_L."""
    return last_times_first(layers[::-1])


def class_row(rollout):
    """What the class token took from each patch."""
    return rollout[0, 1:]


def attention_rollout(
    scores,
    *,
    heads=mean_over_heads,
    residual=half_residual,
    combine=last_times_first,
    read=class_row,
):
    """How much of each patch reaches the class token: (L, N, T, T) to (P,)."""
    return read(combine(residual(heads(scores))))


def score_inputs(layers, heads, tokens, scale=1.5):
    """Attention scores whose rows sum to one, sharp enough to differ."""
    return lambda rng: (
        softmax(floats(rng, layers, heads, tokens, tokens, scale=scale)).astype(
            np.float32
        ),
    )


def normalised(rollout):
    """The class token's row over the patches, made to sum to one."""
    row = class_row(rollout)
    return row / row.sum()


def _rollout(name, **steps):
    return Misconception(f"rollout.{name}", "rollout", **steps)


ATTENTION_ROLLOUT = Exercise(
    name="attention_rollout",
    section="rollout",
    points=4,
    reference=attention_rollout,
    messages=MESSAGES,
    cases=(
        Case("three-layers", score_inputs(3, 2, 5), tolerance=1e-5),
        Case("one-layer", score_inputs(1, 3, 7), tolerance=1e-5),
        Case("one-head", score_inputs(3, 1, 4), tolerance=1e-5),
        Case("one-patch", score_inputs(2, 3, 2), tolerance=1e-5),
        Case("deep", score_inputs(6, 4, 10), tolerance=1e-5),
        Case("sharp", score_inputs(4, 3, 6, scale=4), tolerance=1e-5),
    ),
    misconceptions=(
        _rollout("no-residual", residual=identity),
        _rollout("residual-not-halved", residual=lambda x: 2 * half_residual(x)),
        _rollout(
            "residual-once",
            residual=identity,
            combine=lambda x: half_residual(last_times_first(x)),
        ),
        _rollout("residual-of-ones", residual=lambda x: 0.5 * x + 0.5 / x.shape[-1]),
        _rollout("order-reversed", combine=first_times_last),
        _rollout("last-layer-only", combine=lambda x: x[-1]),
        _rollout("first-layer-only", combine=lambda x: x[0]),
        _rollout("layers-averaged", combine=lambda x: x.mean(axis=0)),
        _rollout("layers-summed", combine=lambda x: x.sum(axis=0)),
        _rollout("element-by-element", combine=lambda x: x.prod(axis=0)),
        _rollout("heads-summed", heads=lambda x: x.sum(axis=1)),
        _rollout("first-head-only", heads=lambda x: x[:, 0]),
        _rollout("largest-head", heads=lambda x: x.max(axis=1)),
        _rollout("column-read", read=lambda x: x[1:, 0]),
        _rollout("class-token-included", read=lambda x: x[0]),
        _rollout("last-token-read", read=lambda x: x[-1, :-1]),
        _rollout("matrix-returned", read=identity),
        _rollout("all-tokens-averaged", read=lambda x: x.mean(axis=0)[1:]),
        _rollout("normalised", read=normalised),
    ),
    accepted={
        "row by row": lambda scores: _rollout_by_row(scores),
        "multi_dot": lambda scores: _rollout_with_multi_dot(scores),
        "rows made to sum to one": lambda scores: _rollout_normalised(scores),
        "keras.ops": lambda scores: _rollout_with_keras(scores),
        "tensorflow": lambda scores: _rollout_with_tensorflow(scores),
        "from the identity": lambda scores: _rollout_from_identity(scores),
        "float64": lambda scores: attention_rollout(scores.astype(float)),
    },
)


def _rollout_by_row(scores):
    row = np.eye(scores.shape[-1])[0]
    for layer in scores[::-1]:
        row = (row + row @ layer.mean(axis=0)) / 2
    return row[1:]


def _rollout_with_multi_dot(scores):
    layers = half_residual(mean_over_heads(scores))
    if len(layers) == 1:
        return layers[0, 0, 1:]
    return np.linalg.multi_dot(list(layers[::-1]))[0, 1:]


def _rollout_normalised(scores):
    layers = mean_over_heads(scores) + np.eye(scores.shape[-1])
    layers = layers / layers.sum(axis=-1, keepdims=True)
    return class_row(last_times_first(layers))


def _rollout_with_keras(scores):
    ops = keras().ops
    eye = ops.eye(scores.shape[-1])
    rollout = eye
    for layer in scores:
        rollout = ops.matmul((ops.mean(layer, axis=0) + eye) / 2, rollout)
    return rollout[0, 1:]


def _rollout_with_tensorflow(scores):
    import tensorflow as tf

    layers = (tf.reduce_mean(scores, axis=1) + tf.eye(scores.shape[-1])) / 2
    rollout = layers[0]
    for layer in layers[1:]:
        rollout = layer @ rollout
    return rollout[0, 1:]


def _rollout_from_identity(scores):
    rollout = np.eye(scores.shape[-1])
    for layer in scores:
        rollout = 0.5 * rollout + 0.5 * layer.mean(0) @ rollout
    return rollout[0, 1:]


EXERCISES = (
    PATCHIFY,
    EMBED_PATCHES,
    ADD_CLASS_TOKEN,
    STRETCH_POSITIONS,
    SWAP_HEAD,
    ATTENTION_ROLLOUT,
)
