"""Models give the same numbers on every backend: those that are shipped, and a GPT."""

import os
import subprocess
import sys

import numpy as np
import pytest
from layers.helpers import FAST_COMPILER

SMALL = "tlkeras://vit_digits", "tlkeras://speech_digits", "tlkeras://bert_docstrings"
CODE = """
import sys
import numpy as np
from keras import ops
from tlkeras.checkpoints import from_preset
from tlkeras.checkpoints.llama import FORM
from tlkeras.diffusion import FlowMatching
from tlkeras.models import CLIP, GPT, Bert, CLIPTextEncoder, DiffusionTransformer
from tlkeras.models import Seq2Seq, VideoEncoder, ViT
vit, speech, bert = sys.argv[2:]
rng = np.random.default_rng(0)
ids = rng.integers(5, 6000, (2, 9), dtype="int32")
batch = {"token_ids": ids, "segment_ids": 0 * ids, "padding_mask": 0 * ids + 1}
found = {
    "vit": from_preset(vit)(rng.random((2, 8, 8, 1)))["pooled_output"],
    "speech": from_preset(speech)({"waveform": rng.normal(size=(2, 4000))}),
    "masked_lm": from_preset(bert, head="masked_lm")(batch),
}

# Logits of all places at once, and of the last after steps with a cache.
def gpt(name, **arguments):
    model = GPT(50, 2, 4, 16, 24, max_sequence_length=12, **arguments)
    for weight in model.weights:
        weight.assign(0.5 * rng.normal(size=weight.shape))
    tokens = ids % 50
    _, cache = model.step(tokens[:, :7], model.initial_cache(tokens, 9), 0)
    _, cache = model.step(tokens[:, 7:8], cache, 7)
    found[name] = model(tokens)
    found[f"{name}_step"], _ = model.step(tokens[:, 8:], cache, 8)

# The same of a model that writes from a text, and copies some of its words.
def seq2seq(copy):
    encoder = Bert(50, 1, 4, 16, 24)
    model = Seq2Seq(encoder, 2, 4, 24, share_embedding=True, copy=copy)
    for weight in model.weights:
        weight.assign(0.5 * rng.normal(size=weight.shape))
    source = {**batch, "token_ids": ids % 50, "padding_mask": ids % 3}
    source["padding_mask"] = np.minimum(source["padding_mask"], 1)
    target = ids[:, ::-1] % 50
    cache = model.initial_cache(source, 9)
    _, cache = model.step(target[:, :7], cache, 0)
    name = f"seq2seq_{copy}"
    found[name] = model({"source": source, "target_ids": target})
    found[f"{name}_step"], _ = model.step(target[:, 7:8], cache, 7)

# A prediction, and images drawn in a compiled loop.
def dit():
    model = DiffusionTransformer((4, 4, 1), 2, 1, 2, 8, 12, num_classes=3)
    for weight in model.weights:
        weight.assign(0.3 * rng.normal(size=weight.shape))
    noise, labels = rng.normal(size=(2, 4, 4, 1)).astype("float32"), np.array([2, 0])
    times = np.array([9.5, 700.0], "float32")
    given = {"images": noise, "times": times, "labels": labels}
    found["dit"] = model(given)["prediction"]
    flow = FlowMatching(model)
    found["drawn"] = flow.sample(labels, steps=3, guidance=2.0, noise=noise)

# All logits of images, or videos, and texts; and what a pooling query reads.
def clip(name, image, shape):
    text = CLIPTextEncoder(50, 1, 4, 16, 24, end_id=int(ids[0, 5]) % 50)
    model = CLIP(image, text, 6)
    for weight in model.weights:
        weight.assign(0.5 * rng.normal(size=weight.shape))
    images = rng.random((2, *shape)).astype("float32")
    found[name] = model({"images": images, "texts": ids % 50})["logits"]

pooling = {"use_class_token": False, "use_attention_pooling": True}
clip("clip", ViT((8, 8, 1), 4, 1, 4, 16, 24, **pooling), (8, 8, 1))
clip("clip_video", VideoEncoder((4, 8, 8, 1), 2, 1, 4, 16, 24), (4, 8, 8, 1))
dit()
seq2seq(False)
seq2seq(True)
gpt("gpt2")
gpt("llama", num_key_value_heads=2, **FORM)
np.savez(sys.argv[1], **{name: ops.convert_to_numpy(x) for name, x in found.items()})
"""


def outputs(backend, folder):
    """What the models make of the same inputs, in a process of its own."""
    path = folder / f"{backend}.npz"
    subprocess.run(
        [sys.executable, "-c", CODE, str(path), *SMALL],
        env={**os.environ, "KERAS_BACKEND": backend, **FAST_COMPILER},
        check=True,
        timeout=600,
    )
    with np.load(path) as kept:
        return dict(kept)


@pytest.mark.slow
@pytest.mark.parametrize(
    "backend", ["jax", pytest.param("torch", marks=pytest.mark.parity)]
)
def test_same_numbers(backend, tmp_path):
    ours, theirs = (outputs(name, tmp_path) for name in ("tensorflow", backend))
    for name in ours:
        scale = np.abs(ours[name]).max()
        assert np.abs(ours[name] - theirs[name]).max() < 1e-4 * scale, name
