"""The first call of a compiled model: tracing and compiling, with weights at hand.

python benchmarks/first_call.py --clock processor
"""

import numpy as np
from _bench import compiled, main, wait

CASES = {
    "encoder, 6 layers of 384": {"layers": 6, "hidden": 384, "heads": 6},
    "BERT, 6 layers of 384": {"layers": 6, "hidden": 384, "heads": 12},
}
BATCH, LENGTH, VOCABULARY = 8, 128, 30522


def prepare(peer, case, options):
    """A function that compiles a model anew each time, and calls it once."""
    from keras import ops

    make = _bert if case["heads"] == 12 else _encoder
    model, inputs = make(peer, case, np.random.default_rng(0))
    inputs = {name: ops.convert_to_tensor(x) for name, x in inputs.items()}

    def first_call():
        fresh = compiled(lambda inputs: model(inputs, training=False))
        return wait(fresh(inputs))

    return first_call


def _encoder(peer, case, rng):
    import keras

    if peer == "keras_hub":
        from keras_hub.layers import TransformerEncoder
    else:
        from tlkeras.layers import TransformerEncoder
    shape = (LENGTH, case["hidden"])
    inputs = outputs = keras.Input(shape, name="x")
    for _ in range(case["layers"]):
        outputs = TransformerEncoder(4 * case["hidden"], case["heads"])(outputs)
    model = keras.Model({"x": inputs}, outputs)
    return model, {"x": rng.standard_normal((BATCH, *shape)).astype("float32")}


def _bert(peer, case, rng):
    sizes = {
        "vocabulary_size": VOCABULARY,
        "num_layers": case["layers"],
        "num_heads": case["heads"],
        "hidden_dim": case["hidden"],
        "intermediate_dim": 4 * case["hidden"],
        "max_sequence_length": 512,
    }
    if peer == "keras_hub":
        from keras_hub.models import BertBackbone
    else:
        from tlkeras.models import Bert as BertBackbone
    ids = rng.integers(1, VOCABULARY, (BATCH, LENGTH)).astype("int32")
    inputs = {"token_ids": ids, "segment_ids": 0 * ids, "padding_mask": 0 * ids + 1}
    model = BertBackbone(**sizes)
    return model, inputs


if __name__ == "__main__":
    main(
        __doc__,
        prepare,
        peers=("tlkeras", "keras_hub"),
        cases=CASES,
        rounds=7,
    )
