"""Every architecture that `from_preset` knows, by what a preset calls it."""

from tlkeras.checkpoints import keras_hub, keras_hub_gpt, whisper_ctranslate2
from tlkeras.checkpoints.bert import BERT
from tlkeras.checkpoints.clip import CLIP_TABLE, SIGLIP_TABLE
from tlkeras.checkpoints.distilbert import DISTILBERT
from tlkeras.checkpoints.dit import DIT
from tlkeras.checkpoints.gpt2 import GPT2
from tlkeras.checkpoints.llama import LLAMA
from tlkeras.checkpoints.llama_gguf import LLAMA_GGUF
from tlkeras.checkpoints.own import OWN
from tlkeras.checkpoints.roberta import ROBERTA
from tlkeras.checkpoints.t5 import T5
from tlkeras.checkpoints.vit import VIT
from tlkeras.checkpoints.whisper import WHISPER, WHOLE_WHISPER
from tlkeras.checkpoints.yolos import YOLOS

# `model_type` of Hugging Face, `registered_name` of Keras, `_class_name` of diffusers;
# of files that describe themselves, format and name: `"gguf>llama"`,
# `"ctranslate2>WhisperSpec"`. Behind it, a head with which another model is made of the
# same files.
ARCHITECTURES = {
    "bert": BERT,
    "distilbert": DISTILBERT,
    "roberta": ROBERTA,
    "vit": VIT,
    "deit": VIT,
    "ijepa": VIT,
    "yolos": YOLOS,
    "DiTTransformer2DModel": DIT,
    "whisper": WHISPER,
    "whisper>decoder": WHOLE_WHISPER,
    "gpt2": GPT2,
    "llama": LLAMA,
    "t5": T5,
    "clip": CLIP_TABLE,
    "siglip": SIGLIP_TABLE,
    "gguf>llama": LLAMA_GGUF,
    "ctranslate2>WhisperSpec": whisper_ctranslate2.ENCODER_ALONE,
    "ctranslate2>WhisperSpec>decoder": whisper_ctranslate2.WHOLE,
    "keras_hub>BertBackbone": keras_hub.BERT,
    "keras_hub>ViTBackbone": keras_hub.VIT,
    "keras_hub>GPT2Backbone": keras_hub_gpt.GPT2,
    "keras_hub>LlamaBackbone": keras_hub_gpt.LLAMA,
    **OWN,
}
