"""Images and texts as vectors of one space: to search, and to name what is seen."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from tlkeras import checks as check
from tlkeras.checkpoints import ImagePreprocessor, Tokenizer, load_image_preprocessor
from tlkeras.datasets import image_files
from tlkeras.generation.compilation import jit
from tlkeras.models import CLIP
from tlkeras.pipelines import batches
from tlkeras.pipelines.text_classification import Classification
from tlkeras.pipelines.texts import refuse_blank, texts_of


class Match(NamedTuple):
    """What a search found.

    Args:
        place: where it stands among what was searched.
        score: its cosine with what was asked for.
    """

    place: int
    score: float


class ImageTextEmbedding:
    """Images, and texts, to vectors of length 1 that can be compared.

    Args:
        model: a `tlkeras.models.CLIP`; or a preset of one, as `from_preset` reads.
        tokenizer: a `tlkeras.checkpoints.Tokenizer`, or a preset that `load_tokenizer`
            reads. Defaults to `None`: that of the model's preset.
        preprocessor: what turns pictures into inputs of the image tower. Defaults to
            `None`: that of the model's preset; of a model, floats from 0 to 1 as they
            are, and integers divided by 255.
        truncate: whether to cut longer texts at their end. Defaults to `False`: they
            are refused.
        batch_size: images or texts that the model sees at once. Defaults to 32.

    Raises:
        ValueError: an argument does not fit; the message says which.

    Example: two towers that nobody has trained yet.

    >>> import numpy as np
    >>> from tlkeras.checkpoints import load_tokenizer
    >>> from tlkeras.models import CLIP, CLIPTextEncoder, ViT
    >>> from tlkeras.pipelines import ZeroShotClassification, search
    >>> words = load_tokenizer("tlkeras://bert_docstrings")
    >>> sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8,
    ...          "intermediate_dim": 16}
    >>> text = CLIPTextEncoder(words.vocabulary_size, **sizes, end_id=words.end_id)
    >>> embed = ImageTextEmbedding(CLIP(ViT((8, 8, 3), 4, **sizes), text, 6), words)
    >>> pictures = np.random.rand(5, 8, 8, 3)
    >>> vectors = embed.images(pictures)
    >>> vectors.shape, len(search(embed.texts("a file"), vectors, k=3))
    ((5, 6), 3)
    >>> name = ZeroShotClassification(embed, ["file", "list"], prompts=["{}", "a {}"])
    >>> sorted(name(pictures[0]).scores)
    ['file', 'list']

    Reference:
        Radford et al. (2021), arXiv:2103.00020, section 3.1.
    """

    def __init__(
        self,
        model: keras.Model | Path | str,
        tokenizer: Tokenizer | Path | str | None = None,
        preprocessor: ImagePreprocessor | None = None,
        truncate: bool = False,
        batch_size: int = 32,
    ) -> None:
        self.truncate = check.flag("truncate", truncate)
        self.batch_size = check.positive_integer("batch_size", batch_size)
        preset = model
        self.model, self.tokenizer = batches.loaded(model, tokenizer)
        if not isinstance(self.model, CLIP):
            raise ValueError(
                "model must be a tlkeras.models.CLIP; given "
                f"{type(self.model).__name__}."
            )
        if preprocessor is None and isinstance(preset, str | Path):
            preprocessor = load_image_preprocessor(preset)
        self.preprocessor = preprocessor or ImagePreprocessor()
        self._tower = self.model.text_encoder
        self.sequence_length = batches.most_tokens(self._tower, None)
        self._texts = jit(self.model.embed_texts, self.model)
        self._images = jit(self.model.embed_images, self.model)

    def images(self, images: Any) -> np.ndarray:
        """Unit vectors of pictures, `(N, E)`; of one picture, `(1, E)`.

        Args:
            images: paths of files, or pictures as the preprocessor takes them: integers
                from 0 to 255 or floats from 0 to 1, `(height, width, channels)` each.

        Raises:
            ValueError: something is no picture.
            DataError: a file cannot be read.
        """
        one = isinstance(images, str | Path) or getattr(images, "ndim", 0) == 3
        pictures = [images] if one else list(images)
        shape = batches.argument_of(self.model.image_encoder, "image_shape") or ()
        edges = tuple(slice(side) for side in shape[:2])  # SigLIP leaves out the last
        found = [np.zeros((0, self._size()), "float32")]
        for first in range(0, len(pictures), self.batch_size):
            part = [_read(x) for x in pictures[first : first + self.batch_size]]
            pixels = self.preprocessor(part)[:, *edges]
            count = batches.power_of_two(len(pixels), self.batch_size)
            pixels = np.concatenate([pixels, pixels[-1:].repeat(count - len(part), 0)])
            found.append(_numbers(self._images(pixels))[: len(part)])
        return np.concatenate(found)

    def texts(self, texts: str | Iterable[str]) -> np.ndarray:
        """Unit vectors of texts, `(N, E)`; of one text, `(1, E)`.

        Raises:
            ValueError: something is no text, or a text is blank or too long.
        """
        given, _ = texts_of("texts", texts)
        refuse_blank("texts", given, "Leave it out: it has no meaning.")
        rows = batches.tokenized(
            self.tokenizer, given, None, self.sequence_length, self.truncate
        )
        padding = self.tokenizer.padding_id or 0
        if getattr(self._tower, "end_id", padding) is None:  # reads its padding, too
            rows = [_filled(row, self.sequence_length, padding) for row in rows]
        found = batches.in_batches(
            rows, self.batch_size, self.sequence_length, padding, self._run
        )
        return np.stack(found) if found else np.zeros((0, self._size()), "float32")

    def names(
        self, labels: Sequence[str], prompts: Sequence[str] = ("{}",)
    ) -> np.ndarray:
        """A unit vector for each label, the mean of several ways to say it.

            unit(meanₚ unit(text(promptₚ(label))))

        Args:
            labels: C names.
            prompts: texts in which `{}` stands for the name. Defaults to the name
                alone.

        Returns:
            Floats `(C, E)`.

        Raises:
            ValueError: a prompt has no `{}`, or there is none.
        """
        prompts = [prompts] if isinstance(prompts, str) else list(prompts)
        wrong = [prompt for prompt in prompts if prompt.count("{}") != 1]
        if wrong or not prompts:
            raise ValueError(
                "prompts must be texts with one {} each, where the name stands; given "
                f"{wrong[:1] or 'none'}."
            )
        texts = [x.replace("{}", label) for label in labels for x in prompts]
        vectors = self.texts(texts).reshape(len(labels), len(prompts), -1)
        mean = vectors.mean(axis=1)  # (C, E)
        return mean / np.linalg.norm(mean, axis=1, keepdims=True)

    def _run(self, batch):
        wanted = {name: batch[name] for name in self._tower.input}
        return _numbers(self._texts(wanted))

    def _size(self):
        return self.model.text_projection.units


def search(queries: np.ndarray, vectors: np.ndarray, k: int = 5) -> Any:
    """The nearest of some vectors, by their cosine, the nearest first.

    Of equal ones the earlier comes first: an order, not a finding; `recall_at_k` says
    how much hangs on it. Axes: Q searches, N vectors, E embedding.

    Args:
        queries: unit vectors `(Q, E)`, or one, `(E,)` or `(1, E)`.
        vectors: unit vectors `(N, E)`.
        k: how many are wanted; all, where there are fewer. Defaults to 5.

    Returns:
        A list of `Match`; of several queries a list of such lists.

    Raises:
        ValueError: the shapes do not fit.

    Example:

    >>> import numpy as np
    >>> vectors = np.array([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])
    >>> search(np.array([0.0, 1.0]), vectors, k=2)
    [Match(place=2, score=1.0), Match(place=1, score=0.8)]
    """
    check.positive_integer("k", k)
    queries, vectors = np.asarray(queries), np.asarray(vectors)
    rows = queries[None] if queries.ndim == 1 else queries
    if rows.ndim != 2 or vectors.ndim != 2 or rows.shape[1] != vectors.shape[1]:
        raise ValueError(
            "queries (Q, E) and vectors (N, E) must be of one length; given shapes "
            f"{queries.shape} and {vectors.shape}."
        )
    scores = rows @ vectors.T  # (Q, N)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    found = [
        [Match(int(place), float(score[place])) for place in places]
        for places, score in zip(order, scores, strict=True)
    ]
    return found[0] if len(found) == 1 else found


class ZeroShotClassification:
    """Pictures to classes that are only named: none has an example.

    Args:
        embedding: an `ImageTextEmbedding`, or a preset of one.
        labels: the names of the classes, two at least, all different.
        prompts: texts in which `{}` stands for a name; each class has the mean of their
            vectors. Defaults to the name alone.

    Call arguments:
        images: as of `ImageTextEmbedding.images`.

    Returns:
        A `Classification`, a list of them where several pictures are given. Its scores
        are the softmax of the model's logits over the classes; of a model with the
        objective `"sigmoid"` each is the chance that this name fits, by itself.

    Raises:
        ValueError: an argument does not fit, or something is no picture.

    Reference:
        Radford et al. (2021), arXiv:2103.00020, sections 3.1.2 and 3.1.4.
    """

    def __init__(
        self,
        embedding: ImageTextEmbedding | Path | str,
        labels: Sequence[str],
        prompts: Sequence[str] = ("{}",),
    ) -> None:
        if isinstance(embedding, str | Path):
            embedding = ImageTextEmbedding(embedding)
        if not isinstance(embedding, ImageTextEmbedding):
            raise ValueError(
                "embedding must be an ImageTextEmbedding or a preset; given "
                f"{type(embedding).__name__}."
            )
        found = batches.checked_labels(labels)
        if found is None:
            raise ValueError("labels must be names of classes; given None.")
        self.embedding, self.labels = embedding, found
        self.vectors = embedding.names(found, prompts)  # (C, E)

    def __call__(self, images: Any) -> Classification | list[Classification]:
        one = isinstance(images, str | Path) or getattr(images, "ndim", 0) == 3
        vectors = self.embedding.images(images)  # (N, E)
        comparison = self.embedding.model.comparison
        logits = _numbers(comparison(vectors, self.vectors))  # (N, C)
        if comparison.use_bias:
            chances = 1 / (1 + np.exp(-logits.astype("float64")))
        else:
            chances = batches.chances(logits)
        results = []
        for row in chances.tolist():
            scores = dict(zip(self.labels, row, strict=True))
            label = max(scores, key=scores.__getitem__)
            results.append(Classification(label, scores[label], scores))
        return results[0] if one else results


def _read(image):
    """A picture, which may be the path of a file."""
    if not isinstance(image, str | Path):
        return image
    return np.round(255 * image_files.read_image(image)).astype("uint8")


def _filled(row, length, padding):
    """A row with its padding as text."""
    tokens = np.full(length, padding, row["token_ids"].dtype)
    tokens[: len(row["token_ids"])] = row["token_ids"]
    return {"token_ids": tokens, "padding_mask": np.ones(length, bool)}


def _numbers(x):
    return keras.ops.convert_to_numpy(x).astype("float32")
