"""Multi30k: captions of photographs, in English, German and French.

29,000 to train with, 1,014 to validate and 1,000 to test (test 2016), each translated
by professionals; task 1, raw text. Terms: see the repository.

Reference:
    Elliott et al. (2016), *Multi30K: Multilingual English-German Image Descriptions*,
    arXiv:1605.00459.
"""

import gzip

from tlkeras.datasets._fetch import DataError, Source, fetch

REPOSITORY = "multi30k/dataset"
COMMIT = "a3d2e0d26b56f3846f66a952536ffed4e401d05a"
SPLITS = {"train": "train", "validation": "val", "test": "test_2016_flickr"}
SIZES = {"train": 29_000, "validation": 1_014, "test": 1_000}
SHA256 = {
    "train.en": "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f",
    "train.de": "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6",
    "train.fr": "622e75069e9f4c577425c4f277116ce66e63a2401c0a2312d90073cb12379a3c",
    "val.en": "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28",
    "val.de": "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a",
    "val.fr": "ca3106f1a72390591d25f6c45cb4cd39dec4cd3f123e099748a3ce5256c160e9",
    "test_2016_flickr.en": (
        "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9"
    ),
    "test_2016_flickr.de": (
        "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8"
    ),
    "test_2016_flickr.fr": (
        "6d326e188d259fb1d04ac19eae3af956559b3a0b93d7635e56c90987c40c8b90"
    ),
}
LANGUAGES = ("en", "de", "fr")


def load_data(
    split: str = "train", source: str = "en", target: str = "de"
) -> list[tuple[str, str]]:
    """One split as pairs of sentences.

    Args:
        split: `"train"`, `"validation"` or `"test"`. Defaults to `"train"`.
        source, target: `"en"`, `"de"` or `"fr"`. Default to `"en"` and `"de"`.

    Returns:
        A list of pairs of strings.

    Raises:
        ValueError: an argument is none of those.
        DataError: a file cannot be had, or is damaged.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be one of {list(SPLITS)}; given {split!r}.")
    for name, language in (("source", source), ("target", target)):
        if language not in LANGUAGES:
            raise ValueError(f"{name} must be one of {LANGUAGES}; given {language!r}.")
    sides = [_sentences(split, language) for language in (source, target)]
    return list(zip(*sides, strict=True))


def _sentences(split, language):
    name = f"{SPLITS[split]}.{language}"
    path = f"data/task1/raw/{name}.gz"
    file = fetch(Source(REPOSITORY, COMMIT, path, SHA256[name]))
    sentences = gzip.decompress(file.read_bytes()).decode("utf-8").splitlines()
    if len(sentences) != SIZES[split]:
        raise DataError(
            f"{file} must hold {SIZES[split]} sentences; it has {len(sentences)}."
        )
    return [sentence.strip() for sentence in sentences]
