"""Where data comes from, and how it becomes arrays; one module a data set."""

from tlkeras.datasets import (
    ag_news,
    audio_files,
    cards,
    cifar10,
    digits,
    docstrings,
    image_files,
    mnist,
    multi30k,
    new_voices,
    phrases,
    prose,
    shapes,
    speech_commands,
    spoken_digits,
    sst2,
    synthetic_speech,
    tatoeba,
    text,
)
from tlkeras.datasets._fetch import DataError
from tlkeras.datasets.audio_files import AudioWarning
from tlkeras.datasets.recordings import Recordings

__all__ = [
    "AudioWarning",
    "DataError",
    "Recordings",
    "ag_news",
    "audio_files",
    "cards",
    "cifar10",
    "digits",
    "docstrings",
    "image_files",
    "mnist",
    "multi30k",
    "new_voices",
    "phrases",
    "prose",
    "shapes",
    "speech_commands",
    "spoken_digits",
    "sst2",
    "synthetic_speech",
    "tatoeba",
    "text",
]
