"""A stack of Transformer encoders: forward, and one AdamW step of training.

python benchmarks/encoder.py --backend tensorflow --device cpu --threads 1
"""

import numpy as np
from _bench import compiled, main, wait

CPU = {"layers": 6, "hidden": 384, "wide": 1536, "heads": 6, "batch": 8, "length": 128}
GPU = {
    "layers": 24,
    "hidden": 1024,
    "wide": 4096,
    "heads": 16,
    "batch": 8,
    "length": 2048,
}
# The sizes of what the lessons train: hidden, batch, length.
SMALL = ((48, 32, 64), (96, 32, 64), (192, 16, 128))
CASES = {
    "forward": {**CPU, "training": False},
    "training step": {**CPU, "training": True},
    "large training step": {**GPU, "training": True},
}
CASES |= {
    f"{hidden} wide, training step": {
        **{"layers": 3, "hidden": hidden, "wide": 4 * hidden, "heads": 4},
        **{"batch": batch, "length": length, "training": True},
    }
    for hidden, batch, length in SMALL
}


def prepare(peer, case, options):
    """A function that runs one stack of encoders once, forward or a training step."""
    shape = (case["batch"], case["length"], case["hidden"])
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal(shape).astype("float32") for _ in range(2))
    make = _torch if peer == "torch" else _keras
    return make(peer, case, x, y, options)


def _keras(peer, case, x, y, options):
    import keras

    if options.device == "gpu":
        keras.config.set_dtype_policy("mixed_bfloat16")
    if peer == "keras_hub":
        from keras_hub.layers import TransformerEncoder
    else:
        from tlkeras.layers import TransformerEncoder
    inputs = outputs = keras.Input(x.shape[1:])
    for _ in range(case["layers"]):
        outputs = TransformerEncoder(case["wide"], case["heads"])(outputs)
    model = keras.Model(inputs, outputs)
    if not case["training"]:
        x = keras.ops.convert_to_tensor(x)
        forward = compiled(lambda x: model(x, training=False))
        return lambda: wait(forward(x))
    model.compile(keras.optimizers.AdamW(1e-4), loss="mse", jit_compile=True)
    x, y = (keras.ops.convert_to_tensor(a) for a in (x, y))
    return lambda: model.train_on_batch(x, y)


def _torch(peer, case, x, y, options):
    import torch

    torch.set_num_threads(options.threads)
    device = "cuda" if options.device == "gpu" else "cpu"
    layer = torch.nn.TransformerEncoderLayer(
        case["hidden"], case["heads"], case["wide"], dropout=0.0, batch_first=True
    )
    model = torch.nn.TransformerEncoder(layer, case["layers"]).to(device)
    x, y = (torch.from_numpy(a).to(device) for a in (x, y))
    if not case["training"]:
        model.eval()
        return lambda: wait(torch.inference_mode()(model)(x))
    if device == "cuda":
        model = torch.compile(model)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-4)

    def step():
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            loss = torch.nn.functional.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return wait(loss.detach())

    return step


def flops(case):
    """Matrix products of the projections, the feed-forward network and attention."""
    tokens = case["batch"] * case["length"]
    weights = 4 * case["hidden"] ** 2 + 2 * case["hidden"] * case["wide"]
    scores = 2 * case["length"] * case["hidden"]
    forward = 2 * tokens * case["layers"] * (weights + scores)
    return forward * 3 if case["training"] else forward


if __name__ == "__main__":
    main(
        __doc__,
        prepare,
        peers=("tlkeras", "keras_hub", "torch"),
        cases=CASES,
        flops=flops,
    )
