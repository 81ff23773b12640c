"""A detector: what its parts do, what it learns from a ViT, and training."""

import keras
import numpy as np
import pytest
from keras import ops

from tlkeras.boxes import convert_format
from tlkeras.datasets import shapes
from tlkeras.models import Detector, SetPredictionLoss, ViT
from tlkeras.scores import average_precision

SIZES = {"num_layers": 2, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 12}
SHAPE = (8, 12, 3)


def detector(**others):
    arguments = {"num_classes": 3, "num_detections": 5, **SIZES, **others}
    return Detector(SHAPE, 4, **arguments)


def images(count=2, shape=SHAPE):
    return np.random.default_rng(0).random((count, *shape)).astype("float32")


def scrambled(model):
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(rng.normal(scale=0.3, size=weight.shape))
    return model


def arrays(outputs):
    return {name: ops.convert_to_numpy(x) for name, x in outputs.items()}


def test_the_heads_by_hand():
    model = scrambled(detector())
    found = arrays(model(images()))
    x = found["sequence_output"]
    assert x.shape == (2, 1 + 6 + 5, 8)
    for name, head in (("logits", model.class_head), ("boxes", model.box_head)):
        y = x[:, -5:]
        for number, layer in enumerate(head):
            kernel, bias = layer.get_weights()
            y = y @ kernel + bias
            y = np.maximum(y, 0) if number < 2 else y
        y = 1 / (1 + np.exp(-y)) if name == "boxes" else y
        np.testing.assert_allclose(found[name], y, atol=1e-5)


def test_positions_in_the_middle_are_added_before_each_encoder_but_the_first():
    plain, model = detector(num_layers=3), detector(num_layers=3, middle_positions=True)
    scrambled(model)
    for weight in plain.weights:
        (same,) = [x for x in model.weights if x.path == weight.path]
        weight.assign(same)
    x, _ = model.embed(model, images())
    states = model(images(), return_hidden_states=True)["hidden_states"]
    tables = ops.convert_to_numpy(model.middle_positions.tables)  # (2, 1, T, D)
    assert tables.shape == (2, 1, 12, 8)
    for number, layer in enumerate(plain.transformer_layers):
        x = x + tables[number - 1] if number else x
        np.testing.assert_allclose(states[number], x, atol=1e-5)
        x = layer(x)


def test_detections_are_sorted_clipped_and_scaled():
    model = scrambled(detector())
    everything = model.detect(images(), threshold=0)
    raw = arrays(model(images()))
    chances = keras.ops.convert_to_numpy(ops.softmax(raw["logits"]))[..., :-1]
    for found, chance, boxes in zip(everything, chances, raw["boxes"], strict=True):
        order = np.argsort(-chance.max(-1))
        np.testing.assert_allclose(found["scores"], chance.max(-1)[order], atol=1e-6)
        np.testing.assert_array_equal(found["classes"], chance.argmax(-1)[order])
        corners = convert_format(boxes[order], "rel_center_xywh", "xyxy", 8, 12)
        corners = corners.clip(0, [12, 8, 12, 8])
        np.testing.assert_allclose(found["boxes"], corners, atol=1e-5)
    limit = everything[0]["scores"][1]
    some = model.detect(images(), threshold=limit)
    assert len(some[0]["scores"]) == 2
    large = model.detect(images(), threshold=0, sizes=[[80, 120], [8, 12]])
    np.testing.assert_allclose(large[0]["boxes"], 10 * everything[0]["boxes"])
    np.testing.assert_allclose(large[1]["boxes"], everything[1]["boxes"])
    assert model.detect(images(), threshold=1.0)[0]["boxes"].shape == (0, 4)


def test_it_begins_with_a_vit():
    vit = scrambled(
        ViT(SHAPE, 4, use_distillation_token=True, num_registers=2, **SIZES)
    )
    model = Detector.from_vit(vit, num_classes=3, num_detections=5, dropout=0.1)
    assert model.get_config()["dropout"] == 0.1
    ours = {x.path: ops.convert_to_numpy(x) for x in model.weights}
    theirs = {x.path: ops.convert_to_numpy(x) for x in vit.weights}
    new = set(ours) - set(theirs)
    assert {path.split("/")[0][:-2] for path in new if "head" in path} == {
        "class_head",
        "box_head",
    }
    assert {path for path in new if "head" not in path} == {"detection_tokens/tokens"}
    positions = "position_embedding/embeddings"
    for path in set(ours) & set(theirs) - {positions}:
        np.testing.assert_array_equal(ours[path], theirs[path])
    np.testing.assert_array_equal(ours[positions][0], theirs[positions][0])
    np.testing.assert_array_equal(ours[positions][1:7], theirs[positions][2:])


def test_a_vit_and_a_detector_see_the_same_when_detection_tokens_are_hidden():
    """Keys of detection tokens that nothing attends to: the patches stay those."""
    vit = scrambled(ViT(SHAPE, 4, **SIZES))
    model = Detector.from_vit(vit, num_classes=3, num_detections=5)
    x, _ = model.embed(model, images())
    patches = vit.embed(vit, images())[0]
    np.testing.assert_allclose(x[:, :7], patches, atol=1e-6)


def test_another_size_of_pictures():
    model = scrambled(detector(middle_positions=True))
    larger = model.with_image_shape((16, 12, 3))
    for name in ("position_embedding", "middle_positions"):
        (old,) = getattr(model, name).get_weights()
        (new,) = getattr(larger, name).get_weights()
        assert new.shape[-2:] == (1 + 12 + 5, 8)
        np.testing.assert_array_equal(new[..., :1, :], old[..., :1, :])
        np.testing.assert_array_equal(new[..., -5:, :], old[..., -5:, :])
    assert larger(images(shape=(16, 12, 3)))["boxes"].shape == (2, 5, 4)
    same = larger.with_image_shape((16, 12, 3))
    given = images(shape=(16, 12, 3))
    np.testing.assert_array_equal(same(given)["logits"], larger(given)["logits"])


@pytest.mark.slow
def test_it_learns_a_few_pictures_by_heart(tmp_path):
    pictures, boxes, labels = shapes.load_data(count=4, size=16, most=2)
    keras.utils.set_random_seed(0)
    model = Detector(
        (16, 16, 3),
        4,
        num_classes=3,
        num_layers=2,
        num_heads=2,
        hidden_dim=32,
        intermediate_dim=64,
        num_detections=4,
    )
    model.compile(keras.optimizers.Adam(3e-3), SetPredictionLoss(box_weight=4.0))
    centres = convert_format(boxes, "xyxy", "rel_center_xywh", 16, 16)
    targets = {"classes": labels, "boxes": centres}
    losses = model.fit(pictures, targets, batch_size=4, epochs=300, verbose=0).history[
        "loss"
    ]
    assert losses[-1] < losses[0] / 3
    truths = [
        {"boxes": box[kind >= 0], "classes": kind[kind >= 0]}
        for box, kind in zip(boxes, labels, strict=True)
    ]
    scores = average_precision(model.detect(pictures, threshold=0), truths)
    assert scores["ap50"] > 0.9
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.loss.get_config() == model.loss.get_config()
    np.testing.assert_allclose(
        again.evaluate(pictures, targets, verbose=0), losses[-1], rtol=0.5
    )


def test_no_pictures_and_a_blank_one():
    assert detector().detect(images(0)) == []
    (found,) = detector().detect(np.zeros((1, *SHAPE), "float32"), threshold=1.0)
    assert found["boxes"].shape == (0, 4)
    assert found["classes"].shape == found["scores"].shape == (0,)


def test_an_ordinary_loss_is_still_one():
    model = detector(num_layers=1)
    model.compile("sgd", loss={"boxes": "mse"}, run_eagerly=True)
    targets = {"boxes": np.full((2, 5, 4), 0.25, "float32")}
    wanted = float(np.mean((arrays(model(images()))["boxes"] - 0.25) ** 2))
    assert model.evaluate(images(), targets, verbose=0) == pytest.approx(wanted, 1e-4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: detector(num_detections=0), "num_detections must be a positive"),
        (lambda: detector(num_classes=0), "num_classes must be a positive"),
        (lambda: detector(middle_positions=2), "middle_positions must be True or"),
        (lambda: detector()(images(shape=(8, 8, 3))), "images must have shape"),
        (lambda: detector().detect(images(), 1.5), "threshold must be a number from"),
        (lambda: detector().detect(images(), sizes=[1, 2, 3]), "sizes must be height"),
        (lambda: detector().detect(images()[0]), "images must have shape"),
        (lambda: Detector.from_vit(detector(), 3), "vit must be a tlkeras.models.ViT"),
        (
            lambda: Detector.from_vit(ViT(SHAPE, 4, use_class_token=False, **SIZES), 3),
            "with a class token",
        ),
        (lambda: detector().with_image_shape((8, 8, 1)), "must have 3 channels"),
    ],
)
def test_what_it_cannot_do(call, message):
    with pytest.raises(ValueError, match=message):
        call()
