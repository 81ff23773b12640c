"""Arguments that a model does not have, or cannot use."""

import pytest

from tlkeras import models
from tlkeras.models import (
    CLIP,
    GPT,
    Bert,
    BertClassifier,
    BertMaskedLM,
    Classifier,
    CLIPTextEncoder,
    Detector,
    DiffusionTransformer,
    LabelSmoothedCrossEntropy,
    Seq2Seq,
    SetPredictionLoss,
    SpanClassifier,
    SpeechClassifier,
    SpeechCTC,
    SpeechEncoder,
    T5Encoder,
    TokenClassifier,
    Transformer,
    VideoEncoder,
    ViT,
    Whisper,
)

SIZES = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 12}
MAKERS = {
    "Bert": lambda **x: Bert(9, **{**SIZES, **x}),
    "GPT": lambda **x: GPT(9, **{**SIZES, **x}),
    "SpeechEncoder": lambda **x: SpeechEncoder(**{**SIZES, "num_mels": 20, **x}),
    "Transformer": lambda **x: Transformer(9, 9, 8, 2, 1, 1, 12, **x),
    "CLIP": lambda **x: CLIP(
        ViT((8, 8, 1), 4, **SIZES), CLIPTextEncoder(9, **SIZES), 6, **x
    ),
    "CLIPTextEncoder": lambda **x: CLIPTextEncoder(9, **{**SIZES, **x}),
    "VideoEncoder": lambda **x: VideoEncoder((2, 8, 8, 1), (1, 4, 4), **{**SIZES, **x}),
    "ViT": lambda **x: ViT((8, 8, 1), 4, **{**SIZES, **x}),
    "BertClassifier": lambda **x: BertClassifier(Bert(9, **SIZES), 2, **x),
    "BertMaskedLM": lambda **x: BertMaskedLM(Bert(9, **SIZES), **x),
    "SpeechClassifier": lambda **x: SpeechClassifier(
        SpeechEncoder(**SIZES, num_mels=20), 2, **x
    ),
    "SpeechCTC": lambda **x: SpeechCTC(SpeechEncoder(**SIZES, num_mels=20), 4, **x),
    "Classifier": lambda **x: Classifier(ViT((8, 8, 1), 4, **SIZES), 2, **x),
    "Detector": lambda **x: Detector((8, 8, 1), 4, 2, **{**SIZES, **x}),
    "DiffusionTransformer": lambda **x: DiffusionTransformer(
        (8, 8, 1), 4, **{**SIZES, **x}
    ),
    "T5Encoder": lambda **x: T5Encoder(9, **{**SIZES, **x}),
    "TokenClassifier": lambda **x: TokenClassifier(Bert(9, **SIZES), 2, **x),
    "Seq2Seq": lambda **x: Seq2Seq(Bert(9, **SIZES), 1, 2, 12, **x),
    "Whisper": lambda **x: Whisper(
        SpeechEncoder(**SIZES, num_mels=20), 1, 2, 12, 9, **x
    ),
    "SpanClassifier": lambda **x: SpanClassifier(Bert(9, **SIZES), **x),
    "LabelSmoothedCrossEntropy": LabelSmoothedCrossEntropy,
    "SetPredictionLoss": SetPredictionLoss,
}
CLOSE = {
    "Bert": ("droput", "dropout"),
    "GPT": ("position", "positions"),
    "SpeechEncoder": ("num_mel", "num_mels"),
    "Transformer": ("normalise_first", "normalize_first"),
    "CLIP": ("temperatur", "temperature"),
    "CLIPTextEncoder": ("end", "end_id"),
    "VideoEncoder": ("tubelet", "tubelet_size"),
    "ViT": ("n_registers", "num_registers"),
    "BertClassifier": ("poolings", "pooling"),
    "Classifier": ("num_class", "num_classes"),
    "BertMaskedLM": ("trainabel", "trainable"),
    "SpeechClassifier": ("drop", "dropout"),
    "SpeechCTC": ("vocab_size", "vocabulary_size"),
    "Detector": ("num_detection", "num_detections"),
    "DiffusionTransformer": ("num_class", "num_classes"),
    "SetPredictionLoss": ("box_weights", "box_weight"),
    "Seq2Seq": ("share_embeddings", "share_embedding"),
    "Whisper": ("max_length", "max_sequence_length"),
    "SpanClassifier": ("droput", "dropout"),
    "T5Encoder": ("max_distances", "max_distance"),
    "TokenClassifier": ("num_class", "num_classes"),
    "LabelSmoothedCrossEntropy": ("smoothing", "label_smoothing"),
}


def test_every_model_is_here():
    kinds = {x for x in models.__all__ if isinstance(getattr(models, x), type)}
    assert kinds - {"WarmUp"} == set(MAKERS) == set(CLOSE)


@pytest.mark.parametrize("name", MAKERS)
def test_an_unknown_argument_and_the_one_like_it(name):
    wrong, right = CLOSE[name]
    message = rf"{name} has no argument '{wrong}'. Is '{right}' meant\? It takes "
    with pytest.raises(ValueError, match=message):
        MAKERS[name](**{wrong: 1})
    with pytest.raises(ValueError, match=rf"{name} has no argument 'xyzzy'\. It takes"):
        MAKERS[name](xyzzy=1)
    assert MAKERS[name](name="mine").name == "mine"


@pytest.mark.parametrize("epsilon", [-1, 0, "x", float("nan"), None])
@pytest.mark.parametrize(
    "name",
    ["Bert", "Seq2Seq", "SpeechEncoder", "T5Encoder", "Transformer", "ViT", "Whisper"],
)
def test_an_epsilon_that_is_none(name, epsilon):
    with pytest.raises(ValueError, match="layer_norm_epsilon must be a number above 0"):
        MAKERS[name](layer_norm_epsilon=epsilon)
