"""VideoEncoder: what it promises beyond the contract."""

import numpy as np
import pytest
from keras import ops

from tlkeras.models import Classifier, VideoEncoder, ViT

SIZES = {"num_layers": 2, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 12}
SHAPE = (4, 8, 4, 3)


def videos(count=3):
    return np.random.default_rng(0).random((count, *SHAPE)).astype("float32")


def numpy(x):
    return ops.convert_to_numpy(x)


def randomized(model):
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(0.5 * rng.normal(size=weight.shape))
    return model


def test_one_frame_is_a_picture():
    """The same numbers as a `ViT` with the same weights."""
    video = randomized(VideoEncoder((1, 8, 4, 3), (1, 4, 2), **SIZES))
    image = ViT((8, 4, 3), (4, 2), **SIZES)
    for ours, theirs in zip(video.weights, image.weights, strict=True):
        theirs.assign(ops.reshape(ours, theirs.shape))
    pictures = videos()[:, 0]
    for name, value in image(pictures).items():
        found = numpy(video(pictures[:, None])[name])
        np.testing.assert_allclose(found, numpy(value), atol=1e-5)


@pytest.mark.parametrize("use_class_token", [True, False])
def test_the_order_of_frames_counts(use_class_token):
    """Of one clip run forwards and backwards the mean frame is the same."""
    model = randomized(
        VideoEncoder(SHAPE, (1, 4, 4), **SIZES, use_class_token=use_class_token)
    )
    forwards = videos()
    backwards = forwards[:, ::-1]
    a, b = (numpy(model(x)["pooled_output"]) for x in (forwards, backwards))
    assert np.abs(a - b).max() > 0.01
    for layer in model.layers:
        if layer.name == "position_embedding":
            layer.position_embeddings.assign(0 * layer.position_embeddings)
    a, b = (numpy(model(x)["pooled_output"]) for x in (forwards, backwards))
    np.testing.assert_allclose(a, b, atol=1e-5)


def test_on_request_and_with_a_head():
    model = VideoEncoder(SHAPE, (2, 4, 4), **SIZES)
    full = model(videos(), return_hidden_states=True, return_attention_scores=True)
    assert [x.shape for x in full["hidden_states"]] == [(3, 5, 8)] * 3
    assert [x.shape for x in full["attention_scores"]] == [(3, 2, 5, 5)] * 2
    assert tuple(Classifier(model, 6)(videos()).shape) == (3, 6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tubelet_size": 3}, "axis F must be a positive multiple"),
        ({"tubelet_size": (2, 4)}, "tubelet_size must be"),
        ({"video_shape": (8, 4, 3)}, "video_shape must be"),
    ],
)
def test_sizes_that_do_not_fit(arguments, message):
    given = {"video_shape": SHAPE, "tubelet_size": (2, 4, 4), **SIZES, **arguments}
    with pytest.raises(ValueError, match=message):
        VideoEncoder(**given)


def test_inputs_that_are_no_videos():
    model = VideoEncoder(SHAPE, (2, 4, 4), **SIZES)
    with pytest.raises(ValueError, match="with frames first"):
        model(videos()[:, 0])
    with pytest.raises(ValueError, match="pixels / 255"):
        model((255 * videos()).astype("uint8"))
