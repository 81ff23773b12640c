"""XQuAD: 1,190 questions about 240 passages of Wikipedia, in English and Chinese.

The Chinese is a translation of the English by professionals, question by question.
CC BY-SA 4.0. There is nothing to train with.

Reference:
    Artetxe et al. (2020), arXiv:1910.11856.
"""

from tlkeras.datasets._fetch import Source, fetch
from tlkeras.datasets.text.squad_files import Question, load

REPOSITORY = "google-deepmind/xquad"
COMMIT = "60cac411649156efb6aab9dd4c9cde787a2c0345"
SHA256 = {
    "en": "e4c57d1c9143aaa1c5d265ba5987a65f4e69528d2a98f29d6e75019b10344f29",
    "zh": "691d0b3359bc6b8faa8de931dfdfe21d50a65861ae348e32a0d1a0190b0c8835",
}


def load_data(language: str = "en") -> list[Question]:
    """All questions in one language.

    Args:
        language: `"en"` or `"zh"`. Defaults to `"en"`.

    Returns:
        A list of 1,190 `squad_files.Question`, each with one answer.

    Raises:
        ValueError: there is no such language here.
        DataError: the file cannot be had, or is damaged.
    """
    if language not in SHA256:
        raise ValueError(f"language must be one of {list(SHA256)}; given {language!r}.")
    path = f"xquad.{language}.json"
    return load(fetch(Source(REPOSITORY, COMMIT, path, SHA256[language])))
