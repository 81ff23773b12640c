"""Small models, each readable as a diagram, and what they are trained with."""

from tlkeras.layers._resample import interpolation_matrix
from tlkeras.models.bert import Bert
from tlkeras.models.bert_classifier import BertClassifier
from tlkeras.models.bert_masked_lm import BertMaskedLM
from tlkeras.models.classifier import Classifier
from tlkeras.models.clip import CLIP
from tlkeras.models.clip_text_encoder import CLIPTextEncoder
from tlkeras.models.contrastive import contrastive_loss, sigmoid_contrastive_loss
from tlkeras.models.detector import Detector
from tlkeras.models.diffusion_transformer import DiffusionTransformer
from tlkeras.models.gpt import GPT
from tlkeras.models.objectives import LabelSmoothedCrossEntropy, WarmUp
from tlkeras.models.seq2seq import Seq2Seq
from tlkeras.models.set_loss import SetPredictionLoss
from tlkeras.models.speech_classifier import SpeechClassifier
from tlkeras.models.speech_ctc import SpeechCTC
from tlkeras.models.speech_encoder import SpeechEncoder
from tlkeras.models.t5_encoder import T5Encoder
from tlkeras.models.token_classifier import SpanClassifier, TokenClassifier
from tlkeras.models.transformer import Transformer
from tlkeras.models.video_encoder import VideoEncoder
from tlkeras.models.vit import ViT
from tlkeras.models.whisper import Whisper

__all__ = [
    "CLIP",
    "GPT",
    "Bert",
    "BertClassifier",
    "BertMaskedLM",
    "CLIPTextEncoder",
    "Classifier",
    "Detector",
    "DiffusionTransformer",
    "LabelSmoothedCrossEntropy",
    "Seq2Seq",
    "SetPredictionLoss",
    "SpanClassifier",
    "SpeechCTC",
    "SpeechClassifier",
    "SpeechEncoder",
    "T5Encoder",
    "TokenClassifier",
    "Transformer",
    "ViT",
    "VideoEncoder",
    "WarmUp",
    "Whisper",
    "contrastive_loss",
    "interpolation_matrix",
    "sigmoid_contrastive_loss",
]
