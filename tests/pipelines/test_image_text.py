"""Images and texts to vectors, searches among them, and classes that are only named."""

import json

import numpy as np
import pytest
from keras import ops
from PIL import Image

from tlkeras.checkpoints import ImagePreprocessor, load_tokenizer, save_to_preset
from tlkeras.datasets import DataError
from tlkeras.models import CLIP, CLIPTextEncoder, ViT
from tlkeras.pipelines import (
    ImageTextEmbedding,
    Match,
    ZeroShotClassification,
    search,
)

SIZES = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 12}
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "cat", "dog", "red", "the"]


def preset(folder, end_id=3, **arguments):
    """A CLIP with random weights, a tokenizer and a preprocessor."""
    text = CLIPTextEncoder(10, **SIZES, end_id=end_id, max_sequence_length=12)
    model = CLIP(ViT((8, 8, 3), 4, **SIZES), text, 6, **arguments)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if weight.ndim:
            weight.assign(0.5 * rng.normal(size=weight.shape))
    save_to_preset(model, folder)
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    settings = {"size": {"height": 8, "width": 8}, "do_normalize": False}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip")
    preset(folder)
    return folder


@pytest.fixture(scope="module")
def embed(folder):
    return ImageTextEmbedding(folder, batch_size=4)


def pictures(count=5):
    return np.random.default_rng(1).integers(0, 256, (count, 8, 8, 3)).astype("uint8")


def test_images_in_batches(embed, tmp_path):
    found = embed.images(pictures())
    assert found.shape == (5, 6)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    wanted = ops.convert_to_numpy(
        embed.model.embed_images(pictures() / np.float32(255))
    )
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    np.testing.assert_allclose(embed.images(pictures()[3]), found[3:4], atol=1e-5)
    Image.fromarray(pictures()[0]).save(tmp_path / "a.png")
    np.testing.assert_allclose(embed.images(tmp_path / "a.png"), found[:1], atol=1e-5)
    assert embed.images([]).shape == (0, 6)
    with pytest.raises(DataError, match="is not there"):
        embed.images([tmp_path / "b.png"])


def test_texts_in_batches(embed):
    texts = ["the cat", "a dog", "red", "the red cat", "dog", "a"]
    found = embed.texts(texts)
    assert found.shape == (6, 6)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    tokens = np.array([[2, 9, 8, 6, 3]])  # [CLS] the red cat [SEP]
    wanted = ops.convert_to_numpy(embed.model.embed_texts(tokens))
    np.testing.assert_allclose(found[3:4], wanted, atol=1e-5)
    np.testing.assert_allclose(embed.texts("dog"), found[4:5], atol=1e-5)
    assert embed.texts([]).shape == (0, 6)


def test_a_tower_that_reads_its_padding(tmp_path):
    """As SigLIP's: texts are filled up as they were in training."""
    model = preset(tmp_path, end_id=None, objective="sigmoid")
    embed = ImageTextEmbedding(tmp_path)
    tokens = np.zeros((1, 12), int)
    tokens[0, :4] = 2, 9, 6, 3
    wanted = ops.convert_to_numpy(model.embed_texts(tokens))
    np.testing.assert_allclose(embed.texts("the cat"), wanted, atol=1e-5)
    classify = ZeroShotClassification(embed, ["cat", "dog"])
    scores = classify(pictures()[0]).scores
    logits = ops.convert_to_numpy(
        model.comparison(embed.images(pictures()[0]), embed.names(["cat", "dog"]))
    )
    np.testing.assert_allclose(
        list(scores.values()), 1 / (1 + np.exp(-logits[0])), 1e-4
    )


def test_prompts_are_made_unit_before_their_mean_and_after(embed):
    found = embed.names(["cat", "dog"], ["the {}", "a red {}"])
    for name, vector in zip(("cat", "dog"), found, strict=True):
        mean = embed.texts([f"the {name}", f"a red {name}"]).mean(axis=0)
        np.testing.assert_allclose(vector, mean / np.linalg.norm(mean), atol=1e-5)


def test_classes_that_are_only_named(embed):
    classify = ZeroShotClassification(embed, ["cat", "dog"], "the {}")
    found = classify(pictures())
    assert len(found) == 5
    scale = np.exp(ops.convert_to_numpy(embed.model.comparison.logit_scale))
    logits = scale * embed.images(pictures()) @ embed.names(["cat", "dog"], "the {}").T
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    wanted = powers / powers.sum(axis=1, keepdims=True)
    scores = [[x.scores[name] for name in ("cat", "dog")] for x in found]
    np.testing.assert_allclose(scores, wanted, atol=1e-4)
    assert found[0].label == ["cat", "dog"][wanted[0].argmax()]
    assert classify(pictures()[0]).label == found[0].label


def test_a_search_and_its_ties():
    vectors = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
    assert search(vectors[0], vectors, 3) == [Match(0, 1), Match(2, 1), Match(3, 0.8)]
    several = search(vectors, vectors, 9)
    assert [len(x) for x in several] == [4] * 4
    assert several[1][0] == Match(1, 1.0)
    with pytest.raises(ValueError, match="of one length"):
        search(vectors, np.zeros((3, 3)))


def test_a_model_without_a_preset(embed, folder):
    plain = ImageTextEmbedding(embed.model, load_tokenizer(folder))
    floats = pictures() / np.float32(255)
    np.testing.assert_allclose(
        plain.images(floats), embed.images(pictures()), atol=1e-5
    )
    other = ImagePreprocessor(mean=(0.5,), deviation=(0.5,))
    moved = ImageTextEmbedding(embed.model, load_tokenizer(folder), other)
    assert np.abs(moved.images(floats) - plain.images(floats)).max() > 0.01


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda embed: embed.texts(" "), "must hold a word"),
        (lambda embed: embed.texts("cat " * 20), "at most 12 tokens"),
        (lambda embed: embed.names(["cat"], ["the"]), "one {} each"),
        (lambda embed: embed.names(["cat"], []), "one {} each"),
        (lambda embed: ZeroShotClassification(embed, ["cat"]), "two names at least"),
        (lambda embed: ZeroShotClassification(embed, None), "names of classes"),
        (lambda embed: ZeroShotClassification(3, ["a", "b"]), "ImageTextEmbedding"),
        (
            lambda embed: ImageTextEmbedding(
                embed.model.image_encoder, embed.tokenizer
            ),
            "must be a tlkeras.models.CLIP",
        ),
    ],
)
def test_what_does_not_fit(embed, ask, message):
    with pytest.raises(ValueError, match=message):
        ask(embed)
