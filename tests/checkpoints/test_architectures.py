"""Every table names every weight of its model, and none of them twice."""

from pathlib import Path

import pytest

import tlkeras.checkpoints
from tlkeras.checkpoints.architecture import weight_paths
from tlkeras.checkpoints.architectures import ARCHITECTURES
from tlkeras.checkpoints.clip import clip
from tlkeras.checkpoints.llama import FORM
from tlkeras.checkpoints.t5 import t5
from tlkeras.checkpoints.torch_transformer import TORCH_TRANSFORMER
from tlkeras.checkpoints.whisper import whisper
from tlkeras.models import (
    GPT,
    Bert,
    BertMaskedLM,
    Detector,
    DiffusionTransformer,
    SpeechEncoder,
    Transformer,
    ViT,
)

SIZES = {"num_layers": 2, "num_heads": 2, "hidden_dim": 4, "intermediate_dim": 6}
NO_SEGMENT = {"segment_embedding/embeddings"}  # of DistilBERT: zeros
TOKENS = {"class_token/token", "distillation_token/token"}


def bert(**arguments):
    return Bert(9, **SIZES, max_sequence_length=5, **arguments)


def masked_lm(**arguments):
    return BertMaskedLM(bert(**arguments))


def vit(**arguments):
    return ViT((4, 4, 1), 2, **SIZES, **arguments)


def detector():
    return Detector(
        (4, 4, 1), 2, num_classes=3, num_detections=2, middle_positions=True, **SIZES
    )


def dit():
    return DiffusionTransformer((4, 4, 1), 2, **SIZES, num_classes=3)


def gpt(**arguments):
    return GPT(9, **SIZES, max_sequence_length=5, **arguments)


def llama():
    return gpt(tie_weights=False, **FORM)


def untied_t5():
    sizes = {**SIZES, "vocabulary_size": 9, "positions": "relative"}
    layers = sizes.pop("num_layers")
    return t5(layers, layers, tie_weights=False, activation="geglu", **sizes)


def whole_whisper():
    sizes = {**SIZES, "num_mels": 7, "max_sequence_length": 5}
    layers = sizes.pop("num_layers")
    return whisper(layers, layers, vocabulary_size=9, **sizes)


def clip_of(**arguments):
    image = {"image_shape": (4, 4, 1), "patch_size": 2, **SIZES}
    text = {"vocabulary_size": 9, "max_sequence_length": 5, **SIZES}
    image["normalize_embeddings"] = not arguments
    image["use_class_token"] = not arguments
    image["use_attention_pooling"] = bool(arguments)
    return clip(image, text, **{"projection_dim": 3, **arguments})


def siglip():
    return clip_of(projection_dim=None, use_bias=True, objective="sigmoid")


CASES = {
    "clip": (clip_of, set()),
    "siglip": (siglip, set()),
    "t5": (untied_t5, set()),
    "bert": (masked_lm, set()),
    "roberta": (masked_lm, set()),
    "distilbert": (lambda: masked_lm(use_pooler=False), NO_SEGMENT),
    "vit": (lambda: vit(use_distillation_token=True), set()),
    "yolos": (detector, set()),
    "DiTTransformer2DModel": (dit, set()),
    "whisper": (lambda: SpeechEncoder(**SIZES), set()),
    "whisper>decoder": (whole_whisper, set()),
    "llama": (llama, set()),
    "gguf>llama": (llama, set()),
    "keras_hub>GPT2Backbone": (gpt, set()),
    "keras_hub>LlamaBackbone": (llama, set()),
    "keras_hub>BertBackbone": (bert, set()),
    "keras_hub>ViTBackbone": (vit, set()),
}


@pytest.mark.parametrize("kind", CASES)
def test_each_weight_has_a_name_of_its_own(kind):
    make, without = CASES[kind]
    paths = [path for path, _ in weight_paths(make())]
    parts = {path: ARCHITECTURES[kind].part(path) for path in paths}
    assert {path for path, part in parts.items() if part is None} == without
    names = [(part.name, part.index) for part in parts.values() if part]
    assert len(set(names)) == len(names)


def test_a_gpt2_has_its_attention_in_one_tensor():
    parts = [ARCHITECTURES["gpt2"].part(v.path) for v in gpt(tie_weights=False).weights]
    found = [(part.name, part.index) for part in parts]
    assert len(set(found)) == len(found)
    assert len([part for part in parts if part.of == 3]) == 2 * 2 * 3


def test_a_whisper_of_ctranslate2_has_its_attention_in_one_tensor():
    table = ARCHITECTURES["ctranslate2>WhisperSpec>decoder"]
    parts = [table.part(variable.path) for variable in whole_whisper().weights]
    found = [(part.name, part.index) for part in parts]
    assert len(set(found)) == len(found)
    assert len([part for part in parts if part.of == 3]) == 2 * 2 * 2 * 3
    assert len([part for part in parts if part.of == 2]) == 2 * 2 * 2


def test_a_transformer_of_torch_has_its_attention_in_one_tensor():
    model = Transformer(9, 9, 8, 2, 2, 1, 16, final_layer_norm=True)
    parts = {v.path: TORCH_TRANSFORMER.part(v.path) for v in model.weights}
    nameless = {path.split("/")[0] for path, part in parts.items() if part is None}
    assert nameless == {"source_embedding", "target_embedding"}
    found = [(part.name, part.index) for part in parts.values() if part]
    assert len(set(found)) == len(found)
    thirds = [part for part in parts.values() if part and part.of == 3]
    assert len(thirds) == 6 * 4  # weight and bias thrice, in four attentions


def test_each_module_has_its_test():
    here, rooms = Path(__file__).parent, Path(tlkeras.checkpoints.__file__).parent
    modules = {path.relative_to(rooms) for path in rooms.rglob("[!_]*.py")}
    assert len(modules) > 20
    assert not [m for m in modules if not (here / m.parent / f"test_{m.name}").exists()]
