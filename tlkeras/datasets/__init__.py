"""Where data comes from, and how it becomes arrays; one module a data set.

Each lies in the module of what it holds, `text`, `images` or `audio`, and is imported
from here: `from tlkeras.datasets import digits`.

Some data sets ship with this package or with one that it needs. The files of others are
downloaded once, or read from a *mirror*: a folder that the environment variable
`TLKERAS_MIRROR` names, where each file lies at `owner/name/commit/path` of its GitHub
repository. A few are read from a mirror only, and say so.
"""

import inspect
import sys

from tlkeras.datasets import audio, images, text
from tlkeras.datasets._fetch import DataError
from tlkeras.datasets.audio import (
    audio_files,
    new_voices,
    speech_commands,
    spoken_digits,
    spoken_numbers,
    spoken_strings,
    synthetic_speech,
)
from tlkeras.datasets.audio.audio_files import AudioWarning
from tlkeras.datasets.audio.recordings import Recordings
from tlkeras.datasets.images import (
    bccd,
    box_files,
    cards,
    cifar10,
    coco128,
    digits,
    emoji,
    image_files,
    mnist,
    shapes,
    stickers,
)
from tlkeras.datasets.text import (
    ag_news,
    cmrc2018,
    csl,
    dialogsum,
    docstrings,
    first_lines,
    languages,
    multi30k,
    parameter_questions,
    phrases,
    prose,
    squad_files,
    sst2,
    tatoeba,
    whole_docstrings,
    xquad,
)

# `import tlkeras.datasets.digits` names the same module as `images.digits`.
for _room in (audio, images, text):
    for _name, _module in vars(_room).items():
        if inspect.ismodule(_module) and _name in globals():
            sys.modules[f"{__name__}.{_name}"] = _module

__all__ = [
    "AudioWarning",
    "DataError",
    "Recordings",
    "ag_news",
    "audio",
    "audio_files",
    "bccd",
    "box_files",
    "cards",
    "cifar10",
    "cmrc2018",
    "coco128",
    "csl",
    "dialogsum",
    "digits",
    "docstrings",
    "emoji",
    "first_lines",
    "image_files",
    "images",
    "languages",
    "mnist",
    "multi30k",
    "new_voices",
    "parameter_questions",
    "phrases",
    "prose",
    "shapes",
    "speech_commands",
    "spoken_digits",
    "spoken_numbers",
    "spoken_strings",
    "squad_files",
    "sst2",
    "stickers",
    "synthetic_speech",
    "tatoeba",
    "text",
    "whole_docstrings",
    "xquad",
]
