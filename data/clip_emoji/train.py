"""Train the small CLIP of the emoji: images of one artist, names in English.

python data/clip_emoji/train.py     # a few minutes; needs no network
"""

import csv
import json
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np

from tlkeras.checkpoints import load_tokenizer, save_to_preset
from tlkeras.datasets import emoji
from tlkeras.models import CLIP, CLIPTextEncoder, ViT
from tlkeras.scores import recall_at_k

HERE = Path(__file__).resolve().parent
VOCABULARY, LENGTH, WIDTH = 1024, 20, 64
STACK = {"hidden_dim": WIDTH, "intermediate_dim": 2 * WIDTH, "num_heads": 4}
IMAGE = {"image_shape": (32, 32, 3), "patch_size": 8, "num_layers": 4, **STACK}
TEXT = {"vocabulary_size": VOCABULARY, "num_layers": 2, **STACK}
STEPS, BATCH, RATE, SEED, MOVED = 300, 128, 2e-3, 0, 2
PICTURES = {  # how a picture becomes an input: as it is, over 255
    "do_resize": True,
    "size": {"height": 32, "width": 32},
    "resample": 3,
    "do_rescale": True,
    "do_normalize": False,
    "do_center_crop": False,
}


def write_tokenizer(names, folder):
    """Pieces of words, learned from the names that are trained on."""
    from tokenizers import (
        Tokenizer,
        decoders,
        models,
        normalizers,
        pre_tokenizers,
        processors,
        trainers,
    )

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    core = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    core.normalizer = normalizers.BertNormalizer(lowercase=True)
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    core.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=VOCABULARY, special_tokens=special, show_progress=False
    )
    core.train_from_iterator(names, trainer)
    core.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(x, special.index(x)) for x in ("[CLS]", "[SEP]")],
    )
    core.save(str(folder / "tokenizer.json"))


def new_model(tokenizer):
    """A CLIP of two small towers."""
    text = CLIPTextEncoder(
        **TEXT,
        end_id=tokenizer.end_id,
        max_sequence_length=LENGTH,
        name="text_encoder",
    )
    image = ViT(**IMAGE, name="image_encoder")
    return CLIP(image, text, projection_dim=WIDTH, name="clip")


def moved(images, random):
    """A batch of pictures, all moved by a few pixels; white comes in."""
    down, right = random.integers(0, 2 * MOVED + 1, 2)
    edge = ((0, 0), (MOVED, MOVED), (MOVED, MOVED), (0, 0))
    paper = np.pad(images, edge, constant_values=1)
    return paper[:, down : down + emoji.SIZE, right : right + emoji.SIZE]


def batches(data, tokens, steps, random):
    """Pairs, each once before any comes again."""
    order = np.zeros(0, int)
    for _ in range(steps):
        if len(order) < BATCH:
            order = random.permutation(len(tokens))
        chosen, order = order[:BATCH], order[BATCH:]
        yield {"images": moved(data.images[chosen], random), "texts": tokens[chosen]}


def recalls(model, tokenizer, splits):
    """From a name to its picture: recall among the first and the first five."""
    names = [name for data in splits for name in data.english.tolist()]
    texts = tokenizer(names, sequence_length=LENGTH)["token_ids"]
    images = np.concatenate([data.images for data in splits])
    outputs = model.predict_on_batch({"images": images, "texts": texts})
    similarities = outputs["text_embeddings"] @ outputs["image_embeddings"].T
    found, first = [], 0
    for data in splits:  # each is searched by itself
        own = slice(first, first + len(data.english))
        found += [recall_at_k(similarities[own, own], k).rate for k in (1, 5)]
        first = own.stop
    return found


def train(folder, steps=STEPS, seed=SEED, report=6):
    """The model, and a log: step, loss, recalls on both held-out splits."""
    random = np.random.default_rng(seed)
    keras.utils.set_random_seed(seed)
    data = emoji.load_data("train")
    held = [emoji.load_data(split) for split in ("combinations", "concepts")]
    write_tokenizer(data.english.tolist(), folder)
    tokenizer = load_tokenizer(folder)
    tokens = tokenizer(data.english.tolist(), sequence_length=LENGTH)["token_ids"]
    model = new_model(tokenizer)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps, warmup_target=RATE, warmup_steps=steps // 10
    )
    model.compile(keras.optimizers.AdamW(rate, weight_decay=0.02), jit_compile=True)
    log, losses = [], []
    for step, batch in enumerate(batches(data, tokens, steps, random), start=1):
        losses.append(float(model.train_on_batch(batch)))
        if step % (steps // report) == 0:
            found = recalls(model, tokenizer, held)
            log.append((step, float(np.mean(losses)), *found))
            losses = []
            print(*(round(x, 3) for x in log[-1]), flush=True)
    return model, log


def main(folder=HERE):
    """Train; write the preset in half precision, the log and the curve."""
    model, log = train(folder)
    save_to_preset(model, folder, dtype="float16")
    text = json.dumps(PICTURES, indent=2)
    (folder / "preprocessor_config.json").write_text(text + "\n", "utf-8")
    names = [f"{x}, first {k}" for x in ("combinations", "concepts") for k in (1, 5)]
    with open(folder / "log.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("step", "training loss", *names))
        rows.writerows((step, *(f"{x:.4f}" for x in rest)) for step, *rest in log)
    steps, losses, *found = zip(*log, strict=True)
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
    left.plot(steps, losses)
    left.set(xlabel="step", ylabel="training loss")
    for name, values in zip(names, found, strict=True):
        right.plot(steps, values, label=name)
    right.set(xlabel="step", ylabel="picture found by its name", ylim=(0, 1))
    right.legend(fontsize="small")
    figure.savefig(folder / "curve.png", metadata={"Software": None})


if __name__ == "__main__":
    main()
