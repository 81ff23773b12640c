"""Every architecture that `from_preset` knows, by what a preset calls it."""

from tlkeras.checkpoints import keras_hub
from tlkeras.checkpoints.bert import BERT
from tlkeras.checkpoints.distilbert import DISTILBERT
from tlkeras.checkpoints.own import OWN
from tlkeras.checkpoints.roberta import ROBERTA
from tlkeras.checkpoints.vit import VIT
from tlkeras.checkpoints.whisper import WHISPER

# `model_type` of Hugging Face, `registered_name` of Keras; of files that describe
# themselves, format and name: `"gguf>llama"`, `"ctranslate2>WhisperSpec"`.
ARCHITECTURES = {
    "bert": BERT,
    "distilbert": DISTILBERT,
    "roberta": ROBERTA,
    "vit": VIT,
    "deit": VIT,
    "ijepa": VIT,
    "whisper": WHISPER,
    "keras_hub>BertBackbone": keras_hub.BERT,
    "keras_hub>ViTBackbone": keras_hub.VIT,
    **OWN,
}
