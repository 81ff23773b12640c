"""Greedy decoding with a cache: GPT-2's shape, 128 new tokens after a prompt of 16.

`weights alone` is no decoder: it only multiplies by every weight matrix, once a token.
Nothing in float32 on the same compiler can be faster.

python benchmarks/decode.py --backend tensorflow --device cpu --threads 1
"""

import numpy as np
from _bench import main, wait

SIZES = {
    "layers": 6,
    "hidden": 256,
    "heads": 4,
    "vocabulary": 5000,
    "prompt": 16,
    "new": 128,
}
CASES = {f"batch {batch}": {**SIZES, "batch": batch} for batch in (1, 8)}


def prepare(peer, case, options):
    """A function that continues a batch of prompts, greedily, to the same length."""
    rng = np.random.default_rng(0)
    shape = (case["batch"], case["prompt"])
    prompt = rng.integers(1, case["vocabulary"], shape).astype("int32")
    makers = {
        "tlkeras": _tlkeras,
        "keras_hub": _keras_hub,
        "transformers": _torch,
        "weights alone": _weights_alone,
    }
    return makers[peer](case, prompt, options)


def _tlkeras(case, prompt, options):
    from keras import ops

    from tlkeras import generation
    from tlkeras.models import GPT

    length = case["prompt"] + case["new"]
    model = GPT(
        vocabulary_size=case["vocabulary"],
        num_layers=case["layers"],
        num_heads=case["heads"],
        hidden_dim=case["hidden"],
        intermediate_dim=4 * case["hidden"],
        max_sequence_length=length,
    )

    def generate(prompt):
        cache = model.initial_cache(prompt, length)
        return generation.generate(model.step, prompt, length, cache=cache)

    compiled = generation.jit(generate, model)
    prompt = ops.convert_to_tensor(prompt)
    return lambda: wait(compiled(prompt))


def _keras_hub(case, prompt, options):
    import keras
    from keras_hub.models import GPT2Backbone, GPT2CausalLM

    length = case["prompt"] + case["new"]
    backbone = GPT2Backbone(
        vocabulary_size=case["vocabulary"],
        num_layers=case["layers"],
        num_heads=case["heads"],
        hidden_dim=case["hidden"],
        intermediate_dim=4 * case["hidden"],
        max_sequence_length=length,
    )
    model = GPT2CausalLM(backbone, preprocessor=None)
    model.compile(sampler="greedy", jit_compile=True)
    padding = ((0, 0), (0, case["new"]))
    inputs = {
        "token_ids": keras.ops.convert_to_tensor(np.pad(prompt, padding)),
        "padding_mask": keras.ops.convert_to_tensor(
            np.pad(np.ones_like(prompt), padding)
        ),
    }
    generate = model.make_generate_function()
    return lambda: wait(generate(inputs))


def _torch(case, prompt, options):
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.set_num_threads(options.threads)
    device = "cuda" if options.device == "gpu" else "cpu"
    config = GPT2Config(
        vocab_size=case["vocabulary"],
        n_positions=case["prompt"] + case["new"],
        n_embd=case["hidden"],
        n_layer=case["layers"],
        n_head=case["heads"],
        bos_token_id=0,
        eos_token_id=None,
        pad_token_id=0,
    )
    model = GPT2LMHeadModel(config).to(device).eval()
    prompt = torch.from_numpy(prompt).long().to(device)

    @torch.inference_mode()
    def run():
        tokens = model.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            max_new_tokens=case["new"],
            min_new_tokens=case["new"],
            do_sample=False,
        )
        assert tokens.shape[1] == case["prompt"] + case["new"]
        return wait(tokens)

    return run


def _weights_alone(case, prompt, options):
    from keras import ops

    from tlkeras import generation

    hidden = case["hidden"]
    sizes = [(hidden, 3 * hidden), (hidden, hidden)]
    sizes += [(hidden, 4 * hidden), (4 * hidden, hidden)]
    sizes = sizes * case["layers"] + [(hidden, case["vocabulary"])]
    rng = np.random.default_rng(0)
    weights = [ops.convert_to_tensor(rng.normal(size=s, scale=0.01)) for s in sizes]
    weights = [ops.cast(weight, "float32") for weight in weights]

    def token(index, x):
        for weight in weights:
            wide = ops.matmul(x, weight)
            if wide.shape[1] != 4 * hidden:  # every column counts, or XLA drops it
                wide = wide[:, :hidden] + ops.max(wide, axis=1, keepdims=True)
            x = wide
        return index + 1, x

    def run(x):
        return ops.while_loop(lambda index, x: index < case["new"], token, (0, x))[1]

    compiled = generation.jit(run)
    x = ops.ones((case["batch"], hidden))
    return lambda: wait(compiled(x))


if __name__ == "__main__":
    main(
        __doc__,
        prepare,
        peers=("tlkeras", "keras_hub", "transformers", "weights alone"),
        cases=CASES,
        rounds=5,
    )
