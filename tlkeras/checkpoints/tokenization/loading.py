"""The tokenizer of a preset, from whichever files hold it."""

import contextlib
from pathlib import Path

from tlkeras import checks as check
from tlkeras.checkpoints.config_files import entry, read_json
from tlkeras.checkpoints.formats import sentencepiece
from tlkeras.checkpoints.sources import locate_tokenizer
from tlkeras.checkpoints.tokenization import building
from tlkeras.checkpoints.tokenization.files import (
    WORDPIECE,
    merges_of,
    read_tokenizer_json,
    vocabulary_of,
    words_of,
)
from tlkeras.checkpoints.tokenization.in_gguf import from_gguf, spaced
from tlkeras.checkpoints.tokenization.roles import roles, usual_names
from tlkeras.checkpoints.tokenization.tokenizer import Tokenizer

# Classes whose vocab.json and merges.txt say all, with how they frame texts.
PLAIN_BYTES: dict[str, tuple] = {
    "GPT2Tokenizer": (),
    "RobertaTokenizer": (
        ["<s>", "$A", "</s>"],
        ["<s>", "$A", "</s>", "</s>", "$B", "</s>"],
    ),
}
BERT = ["[CLS]", "$A", "[SEP]"], ["[CLS]", "$A", "[SEP]", "$B:1", "[SEP]:1"]
WORD_PIECES = (
    "BertTokenizer",
    "DistilBertTokenizer",
    "ElectraTokenizer",
    "MobileBertTokenizer",
)
WITH_JSON = (
    "transformers writes a tokenizer.json, which is read here: "
    "AutoTokenizer.from_pretrained(…).save_pretrained(…)."
)
# What other files are, and what to do.
OTHERS = {
    "spiece.model": f"a SentencePiece model that its class changes. {WITH_JSON}",
    "sentencepiece.bpe.model": f"one whose ids its class shifts. {WITH_JSON}",
    "vocab.json": "a vocabulary without its merges.txt. Get that as well",
    "merges.txt": "merges without their vocab.json. Get that as well",
    "tekken.json": f"of Mistral's own package. {WITH_JSON}",
    "tokenizer.tiktoken": f"of tiktoken, without special tokens. {WITH_JSON}",
    "assets": "a folder of KerasHub's. Load it with KerasHub",
}


def load_tokenizer(preset: Path | str, revision: str | None = None) -> Tokenizer:
    """The tokenizer that came with a preset.

    Of these files the first that is there is read: tokenizer.json of Hugging Face (BPE,
    WordPiece, Unigram); vocab.json and merges.txt (byte-level BPE of GPT-2 and
    RoBERTa); tokenizer.model (SentencePiece's BPE, as Llama 2 has it); vocab.txt
    (BERT's WordPiece); one GGUF file (byte-level BPE and SentencePiece's).
    tokenizer_config.json beside them says what special tokens are for. Code that comes
    with a preset is never run.

    Args:
        preset: a folder, `"hf://owner/name"`, `"tlkeras://name"`, or a GGUF file, as
            in `from_preset`; but a folder needs no weights, and of a repository only
            the tokenizer's files are downloaded.
        revision: as in `from_preset`.

    Returns:
        A `Tokenizer`.

    Raises:
        ModuleNotFoundError: the package `tokenizers` is not there.
        ValueError: there is no tokenizer, or one of another kind, or its files are
            damaged or do not belong together.

    Example:

    >>> tokenizer = load_tokenizer("tlkeras://bert_docstrings")
    >>> tokenizer.tokens(tokenizer.encode("Return the mean."))
    ['[CLS]', 'return', 'the', 'mean', '.', '[SEP]']
    """
    if str(preset).endswith(".gguf") and Path(preset).is_file():
        with _explained(Path(preset).parent):
            return from_gguf(Path(preset))
    folder = locate_tokenizer(preset, revision)
    with _explained(folder):
        for names, read in READERS.items():
            if all((folder / name).is_file() for name in names):
                core, known = read(folder, _beside(folder, "tokenizer_config.json"))
                return Tokenizer(core, **roles(core, folder, known))
        return from_gguf(_the_gguf(folder))


def _from_json(folder, config):
    return read_tokenizer_json(folder / "tokenizer.json"), {}


def _from_merges(folder, config):
    kind = _class(folder, config, PLAIN_BYTES)
    space = entry(config, "add_prefix_space", check.flag, False)
    vocabulary = vocabulary_of(folder / "vocab.json")
    merges = merges_of(folder / "merges.txt")
    core = building.byte_level(vocabulary, merges, prefix_space=space)
    building.add(core, {x: vocabulary[x] for x in usual_names() if x in vocabulary})
    if PLAIN_BYTES[kind]:
        building.frame(core, *PLAIN_BYTES[kind])
    return core, {}


def _from_sentencepiece(folder, config):
    _class(folder, config, ("LlamaTokenizer", "GemmaTokenizer"))
    path = folder / "tokenizer.model"
    model = sentencepiece.read_sentencepiece(path)
    changed = model.normalizes or model.removes_spaces or not model.escapes_spaces
    if model.algorithm != "bpe" or changed:
        raise ValueError(
            f"{path} must be as Llama has it: pairs merged (bpe), texts unchanged and "
            f"their spaces kept; given {model.algorithm}, "
            f"{'changes' if model.normalizes else 'keeps'} characters, "
            f"{'removes' if model.removes_spaces else 'keeps'} spaces. {WITH_JSON}"
        )
    ids = {
        "start_id": model.start_id,
        "end_id": model.end_id,
        "padding_id": model.padding_id,
    }
    return spaced(
        model.pieces,
        {role: number for role, number in ids.items() if number >= 0},
        model.adds_space,
        entry(config, "add_bos_token", check.flag, model.start_id >= 0),
        entry(config, "add_eos_token", check.flag, False),
    )


def _from_words(folder, config):
    _class(folder, config, WORD_PIECES)
    words = words_of(folder / "vocab.txt")
    accents = config.get("strip_accents")
    core = building.wordpiece(
        {word: n for n, word in enumerate(words)},
        lowercase=entry(config, "do_lower_case", check.flag, True),
        accents=accents if accents is None else check.flag("strip_accents", accents),
        chinese=entry(config, "tokenize_chinese_chars", check.flag, True),
    )
    building.add(core, {word: words.index(word) for word in WORDPIECE})
    building.frame(core, *BERT)
    return core, {}


# Files to what reads them: a `tokenizers.Tokenizer`, and the roles that they tell.
READERS = {
    ("tokenizer.json",): _from_json,
    ("vocab.json", "merges.txt"): _from_merges,
    ("tokenizer.model",): _from_sentencepiece,
    ("vocab.txt",): _from_words,
}


def _class(folder, config, known):
    """Which tokenizer the files belong to, one of those that are known."""
    name = config.get("tokenizer_class") or next(iter(known))
    kind = str(name).removesuffix("Fast")
    if kind not in known:
        raise ValueError(
            f"tokenizer_class in tokenizer_config.json must be one of "
            f"{', '.join(known)} where there is no tokenizer.json; given {name!r}. "
            f"{WITH_JSON}"
        )
    return kind


def _the_gguf(folder):
    """The one GGUF file of a folder that has no other file of a tokenizer."""
    found = sorted(folder.glob("*.gguf"))
    if len(found) == 1:
        return found[0]
    names = sorted(path.name for path in folder.iterdir())
    why = [f"{x} is {OTHERS[x]}." for x in names if x in OTHERS]
    if found:
        why = ["Leave one GGUF file in it."]
    raise ValueError(
        "A preset with a tokenizer must hold tokenizer.json, or vocab.json and "
        "merges.txt, or tokenizer.model, or vocab.txt, or one GGUF file; it holds "
        f"{', '.join(names)[:500] or 'nothing'}. {' '.join(why) or WITH_JSON}"
    )


def _beside(folder, name):
    path = folder / name
    return read_json(path) if path.is_file() else {}


@contextlib.contextmanager
def _explained(folder):
    """Whatever wrong files make go wrong, as a `ValueError` that names the folder."""
    wrong = AttributeError, KeyError, OverflowError, RecursionError, TypeError
    try:
        yield
    except ValueError as error:
        raise ValueError(f"The tokenizer in {folder}: {error}") from error
    except wrong as error:
        raise ValueError(
            f"The tokenizer in {folder} must be whole; reading it says: "
            f"{type(error).__name__}, {error!s:.300}. Get the preset again."
        ) from error
