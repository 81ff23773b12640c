"""Text or speech in, answer out: a model and its tokenizer as one function.

Each pipeline is made once, of a `keras.Model` (or the name of a preset) and a
tokenizer, and called on one text, or on any number of them in a list or another
iterable. One text gives one result, several give a list in the same order, none an
empty list. A result is plain Python: text, label and score, and where there is a place,
`start` and `end` count characters of the very text that was given.

Inside, texts of like length share a batch of `batch_size`, which is filled up to few
sizes, powers of two: a function compiled for a shape is used again. What special tokens
look like, `[SEP]` in a text, is read as text.
"""

from tlkeras.pipelines.image_text import (
    ImageTextEmbedding,
    Match,
    ZeroShotClassification,
    search,
)
from tlkeras.pipelines.question_answering import Answer, QuestionAnswering
from tlkeras.pipelines.speech_to_text import Part, SpeechToText, Transcript
from tlkeras.pipelines.text_classification import Classification, TextClassification
from tlkeras.pipelines.text_generation import TextGeneration
from tlkeras.pipelines.text_to_text import TextToText
from tlkeras.pipelines.token_classification import Entity, TokenClassification
from tlkeras.pipelines.writing import Written

__all__ = [
    "Answer",
    "Classification",
    "Entity",
    "ImageTextEmbedding",
    "Match",
    "Part",
    "QuestionAnswering",
    "SpeechToText",
    "TextClassification",
    "TextGeneration",
    "TextToText",
    "TokenClassification",
    "Transcript",
    "Written",
    "ZeroShotClassification",
    "search",
]
