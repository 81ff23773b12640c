"""What Keras knows of this library before its rooms are imported.

`keras.models.load_model` finds a class by the name it was registered under, and a class
registers when its module is imported. Here every such name gets a stand-in that imports
the module when Keras asks for it, so that `import tlkeras` is enough to load a saved
model, and stays light. The module then puts the real class in the stand-in's place.
"""

import importlib
import sys

# Module to the names that it registers under "tlkeras>".
REGISTERED = {
    "ctc.loss": ("CTCLoss",),
    "diffusion.denoising": ("Diffusion",),
    "diffusion.flow_matching": ("FlowMatching",),
    "layers.adaptive_encoder": ("AdaptiveTransformerEncoder",),
    "layers.class_token": ("ClassToken",),
    "layers.conv_subsampling": ("ConvSubsampling",),
    "layers.feed_forward": ("FeedForward", "exact_gelu", "gelu_tanh", "quick_gelu"),
    "layers.log_mel_spectrogram": ("LogMelSpectrogram",),
    "layers.multi_head_attention": ("MultiHeadAttention",),
    "layers.patch_embedding": ("PatchEmbedding",),
    "layers.position_embedding": ("PositionEmbedding",),
    "layers.registers": ("Registers",),
    "layers.relative_position_bias": ("RelativePositionBias",),
    "layers.rotary_embedding": ("RotaryEmbedding",),
    "layers.sine_position_encoding": ("SinePositionEncoding",),
    "layers.spec_augment": ("SpecAugment",),
    "layers.token_and_position_embedding": ("TokenAndPositionEmbedding",),
    "layers.transformer_decoder": ("TransformerDecoder",),
    "layers.transformer_encoder": ("TransformerEncoder",),
    "layers.tubelet_embedding": ("TubeletEmbedding",),
    "layers.utterance_normalization": ("UtteranceNormalization",),
    "models._attention_pooling": ("AttentionPooling",),
    "models.bert": ("Bert",),
    "models.bert_classifier": ("BertClassifier",),
    "models.bert_masked_lm": ("BertMaskedLM", "_Bias"),
    "models.classifier": ("Classifier",),
    "models.clip": ("CLIP", "_Comparison"),
    "models.clip_text_encoder": ("CLIPTextEncoder",),
    "models.detector": ("Detector", "_MiddlePositions"),
    "models.diffusion_transformer": ("DiffusionTransformer",),
    "models.gpt": ("GPT",),
    "models.objectives": ("LabelSmoothedCrossEntropy", "WarmUp"),
    "models.seq2seq": ("Seq2Seq",),
    "models.set_loss": ("SetPredictionLoss",),
    "models.speech_classifier": ("SpeechClassifier",),
    "models.speech_ctc": ("SpeechCTC",),
    "models.speech_encoder": ("SpeechEncoder", "WhisperSinusoids"),
    "models.t5_encoder": ("T5Encoder",),
    "models.token_classifier": ("SpanClassifier", "TokenClassifier"),
    "models.transformer": ("Transformer",),
    "models.video_encoder": ("VideoEncoder",),
    "models.vit": ("ViT",),
    "models.whisper": ("Whisper",),
    "transfer.adapters": ("Adapter",),
    "transfer.augmentation": ("AudioAugmentation", "ImageAugmentation", "TokenMasking"),
    "transfer.box_augmentation": ("BoxAugmentation",),
    "transfer.distillation": ("Distiller",),
}


def register_when_keras_is_there():
    """Register the stand-ins now, or as soon as Keras is imported."""
    if hasattr(sys.modules.get("keras"), "saving"):
        _register()
    elif not any(isinstance(finder, _AfterKeras) for finder in sys.meta_path):
        sys.meta_path.insert(0, _AfterKeras())


class _AfterKeras:
    """Finds Keras where others find it, and registers once it has been imported."""

    def find_spec(self, name, path=None, target=None):
        if name != "keras":
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        specs = (finder.find_spec(name, path, target) for finder in others)
        spec = next((spec for spec in specs if spec is not None), None)
        if spec is not None and spec.loader is not None:
            run = spec.loader.exec_module

            def run_and_register(module):
                run(module)
                _register()

            spec.loader.exec_module = run_and_register  # type: ignore[method-assign]
        return spec


def _register():
    import keras

    for module, names in REGISTERED.items():
        for name in names:
            if keras.saving.get_registered_object(f"tlkeras>{name}") is None:
                function = name.islower() and not name.startswith("_")
                stand_in = _function(module, name) if function else _class(module, name)
                keras.saving.register_keras_serializable("tlkeras", name)(stand_in)


def _class(module, name):
    """A class that Keras can make from a config, as an instance of the real one."""

    def from_config(config, custom_objects=None):
        real = getattr(importlib.import_module(f"tlkeras.{module}"), name)
        return real.from_config(config)

    members = {"from_config": staticmethod(from_config), "get_config": None}
    return type(name, (), members)


def _function(module, name):
    """A function that calls the real one."""

    def stand_in(*arguments, **named):
        real = getattr(importlib.import_module(f"tlkeras.{module}"), name)
        return real(*arguments, **named)

    stand_in.__name__ = name
    return stand_in
