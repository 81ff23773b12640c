"""Train the small CLIP of the emoji again: `make emoji-clip`, on one core.

python data/emoji_clip/train.py     # a few minutes; needs no network
"""

import csv
import json
from pathlib import Path
from runpy import run_path

import keras
import matplotlib.pyplot as plt
import numpy as np

from tlkeras.checkpoints import ImagePreprocessor, load_tokenizer, save_to_preset
from tlkeras.datasets import emoji
from tlkeras.scores import recall_at_k

HERE = Path(__file__).resolve().parent
TOWERS = run_path(str(HERE.parents[1] / "course" / "20_multimodal" / "towers.py"))
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")  # ids 0 to 4
STEPS, RATE, SEED = 600, 2e-3, 0
NEW = [(split, artist) for artist in emoji.ARTISTS for split in emoji.SPLITS[1:]]


def write_inputs(data, folder):
    """What tokenizer and preprocessor must know; returns both."""
    from tokenizers.pre_tokenizers import BertPreTokenizer

    cut = BertPreTokenizer().pre_tokenize_str
    words = {word for name in data.english for word, _ in cut(name.lower())}
    text = "\n".join([*SPECIAL, *sorted(words)])
    (folder / "vocab.txt").write_text(text + "\n", "utf-8")
    mean, deviation = (
        tuple(np.round(x((0, 1, 2), dtype="float64"), 2).tolist())
        for x in (data.images.mean, data.images.std)
    )
    settings = {
        "tokenizer_config": {
            "tokenizer_class": "BertTokenizer",
            "do_lower_case": True,
            "strip_accents": False,
        },
        "preprocessor_config": {
            "do_resize": False,
            "image_mean": mean,
            "image_std": deviation,
        },
    }
    for name, entries in settings.items():
        text = json.dumps(entries, indent=2)
        (folder / f"{name}.json").write_text(text + "\n", "utf-8")
    return load_tokenizer(folder), ImagePreprocessor(mean=mean, deviation=deviation)


class Log(keras.callbacks.Callback):
    """Twenty lines: step, loss, recall@5 of the held-out names, by artist."""

    def __init__(self, steps, tokenizer, prepare):
        super().__init__()
        self.every, self.lines = steps // 20, []
        self.new = {}
        for split, artist in NEW:
            data = emoji.load_data(split, artist)
            texts = tokenizer(list(data.english))["token_ids"]
            self.new[split, artist] = prepare(data.images), texts

    def on_train_batch_end(self, batch, logs=None):
        if (batch + 1) % self.every:
            return
        found = [self.recall(*new, 5) for new in self.new.values()]
        self.lines.append((batch + 1, logs["loss"], *found))
        print("step {}  loss {:.3f}  found".format(*self.lines[-1]), found, flush=True)
        self.model.reset_metrics()

    def recall(self, images, texts, k):
        """The share of names that find their picture among the first k."""
        vectors = self.model.embed_texts(texts), self.model.embed_images(images)
        texts, images = map(keras.ops.convert_to_numpy, vectors)
        return round(recall_at_k(texts @ images.T, k).rate, 4)


def main(folder=HERE, steps=STEPS):
    """Train; write the preset in half precision, the log and the curve."""
    data = emoji.load_data("train")
    tokenizer, prepare = write_inputs(data, folder)
    texts = tokenizer(list(data.english))["token_ids"]
    keras.utils.set_random_seed(SEED)
    text_tower = TOWERS["text_tower"](tokenizer.vocabulary_size, tokenizer.end_id)
    model = TOWERS["clip"](TOWERS["image_tower"](), text_tower)
    log = Log(steps, tokenizer, prepare)
    batches = TOWERS["batches"](prepare(data.images), texts, SEED)
    TOWERS["learn"](model, batches, RATE, steps, [log], jit_compile=True)
    save_to_preset(model, folder, dtype="float16")
    for (split, artist), new in log.new.items():
        print(artist, split, *(f"R@{k} {log.recall(*new, k):.3f}" for k in (1, 5, 10)))
    write_log(log.lines, folder)


def write_log(lines, folder):
    """log.csv and curve.png."""
    names = [f"{split} by {artist}" for split, artist in NEW]
    with open(folder / "log.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("step", "training loss", *(f"recall@5 {x}" for x in names)))
        rows.writerows((step, f"{loss:.4f}", *found) for step, loss, *found in lines)
    steps, losses, *found = zip(*lines, strict=True)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    left.plot(steps, losses)
    left.set(xlabel="step", ylabel="training loss")
    for name, values in zip(names, found, strict=True):
        right.plot(steps, values, label=name)
    right.set(xlabel="step", ylabel="recall@5", ylim=(0, 1))
    right.legend()
    figure.savefig(folder / "curve.png", metadata={"Software": None})


if __name__ == "__main__":
    main()
