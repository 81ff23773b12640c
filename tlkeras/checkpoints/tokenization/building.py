"""A `tokenizers.Tokenizer` of each kind, from what the files of a preset hold."""

from typing import Any

from tlkeras.checkpoints.formats import sentencepiece
from tlkeras.checkpoints.tokenization.package import guarded, package
from tlkeras.checkpoints.tokenization.pieces import SPACE

CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
# How texts are cut before pairs are merged, by the names that GGUF gives. What `words`
# says is GPT-2's own cut; a pattern takes its place.
LLAMA_3 = (
    rf"{CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN_2 = LLAMA_3.replace("{1,3}", "")
CUTS: dict[str, dict[str, Any]] = {
    "gpt-2": {},
    "smollm": {"single_digits": True},
    "starcoder": {"single_digits": True},
    "llama-bpe": {"pattern": LLAMA_3, "whole_first": True},
    "qwen2": {"pattern": QWEN_2, "composed": True},
}


def byte_level(
    vocabulary,
    merges,
    single_digits=False,
    pattern=None,
    whole_first=False,
    composed=False,
    prefix_space=False,
):
    """Byte-level BPE: GPT-2's, or one that cuts texts in another way.

    Args:
        vocabulary: token to id.
        merges: pairs of tokens, the most frequent first.
        single_digits: whether each digit stands alone.
        pattern: a regular expression of what is cut out, in place of GPT-2's.
        whole_first: whether a word that is a token is taken without merging.
        composed: whether characters are composed first (NFC).
        prefix_space: whether a text begins with a space.
    """
    rust = package()
    cut = rust.pre_tokenizers
    steps = [cut.Digits(individual_digits=True)] if single_digits else []
    if pattern:
        steps.append(cut.Split(rust.Regex(pattern), behavior="isolated"))
    steps.append(
        cut.ByteLevel(
            add_prefix_space=prefix_space, trim_offsets=False, use_regex=not pattern
        )
    )
    with guarded("Making a byte-level tokenizer of this vocabulary and its merges"):
        model = rust.models.BPE(vocabulary, merges, ignore_merges=whole_first)
    core = rust.Tokenizer(model)
    if composed:
        core.normalizer = rust.normalizers.NFC()
    core.pre_tokenizer = cut.Sequence(steps)
    core.decoder = rust.decoders.ByteLevel()
    return core


def wordpiece(vocabulary, unknown="[UNK]", lowercase=True, accents=None, chinese=True):
    """BERT's WordPiece, from token to id; `accents` says whether to take them off."""
    rust = package()
    with guarded("Making a WordPiece tokenizer of this vocabulary"):
        model = rust.models.WordPiece(vocabulary, unk_token=unknown)
    core = rust.Tokenizer(model)
    core.normalizer = rust.normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=chinese,
        strip_accents=accents,
        lowercase=lowercase,
    )
    core.pre_tokenizer = rust.pre_tokenizers.BertPreTokenizer()
    core.decoder = rust.decoders.WordPiece(prefix="##", cleanup=True)
    return core


def spaced(pieces, adds_space):
    """SentencePiece's BPE, from its pieces, whose places are their ids."""
    rust = package()
    vocabulary = {piece.text: n for n, piece in enumerate(pieces)}
    kinds = {piece.kind for piece in pieces}
    unknown = [piece.text for piece in pieces if piece.kind == sentencepiece.UNKNOWN]
    with guarded("Making a SentencePiece tokenizer of these pieces"):
        model = rust.models.BPE(
            vocabulary,
            _merges(pieces, vocabulary),
            unk_token=unknown[0] if unknown else None,
            fuse_unk=True,
            byte_fallback=sentencepiece.BYTE in kinds,
        )
    core = rust.Tokenizer(model)
    normalizers, decoders = rust.normalizers, rust.decoders
    replace = [normalizers.Replace(" ", SPACE)]
    before = [normalizers.Prepend(SPACE)] if adds_space else []
    core.normalizer = normalizers.Sequence([*before, *replace])
    after = [decoders.Strip(content=" ", left=1, right=0)] if adds_space else []
    core.decoder = decoders.Sequence(
        [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), *after]
    )
    return core


def _merges(pieces, vocabulary):
    """The pairs that SentencePiece would merge, the best first.

    It merges the two neighbours whose whole has the best score; a whole that is made
    of several pairs is written once for each.
    """
    mergeable = {sentencepiece.NORMAL, sentencepiece.USER_DEFINED, sentencepiece.UNUSED}
    found = []
    for piece in pieces:
        if piece.kind not in mergeable:
            continue
        text = piece.text
        cuts = [(text[:n], text[n:]) for n in range(1, len(text))]
        pairs = [(a, b) for a, b in cuts if a in vocabulary and b in vocabulary]
        pairs.sort(key=lambda pair: (vocabulary[pair[0]], vocabulary[pair[1]]))
        found += [(-piece.score, pair) for pair in pairs]
    return [pair for _, pair in sorted(found, key=lambda one: one[0])]


def add(core, tokens, special=True):
    """Have tokens of the vocabulary, or new ones with the next ids, kept whole.

    Args:
        core: a `tokenizers.Tokenizer`.
        tokens: the ids that they must have, by how they are spelled.
        special: whether they are special, so not part of a text.

    Raises:
        ValueError: one gets another id.
    """
    rust = package()
    ordered = sorted(tokens, key=tokens.get)
    made = [rust.AddedToken(x, special=special, normalized=False) for x in ordered if x]
    with guarded("Adding tokens to a tokenizer"):
        core.add_special_tokens(made) if special else core.add_tokens(made)
    for token, wanted in tokens.items():
        if core.token_to_id(token) != wanted:
            raise ValueError(
                f"{token!r} must have the id {wanted}, and would get "
                f"{core.token_to_id(token)}: tokens before it are missing. Get the "
                "preset again, or its tokenizer.json."
            )


def frame(core, single, pair=None):
    """Have texts begin and end with tokens.

    Args:
        core: a `tokenizers.Tokenizer`.
        single: its pieces, such as `["[CLS]", "$A", "[SEP]"]`.
        pair: the same with `"$B:1"`. Defaults to both texts framed alike.
    """
    pair = pair or [*single, *(x.replace("$A", "$B") + ":1" for x in single)]
    words = {word.removesuffix(":1") for word in [*single, *pair]}
    special = sorted(word for word in words if word not in ("$A", "$B"))
    with guarded("Framing texts with special tokens"):
        core.post_processor = package().processors.TemplateProcessing(
            single=single,
            pair=pair,
            special_tokens=[(token, core.token_to_id(token)) for token in special],
        )
