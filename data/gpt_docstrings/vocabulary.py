"""The tokens of the small GPT: byte pairs that its corpus joins most often.

python data/gpt_docstrings/vocabulary.py CORPUS FOLDER

Every byte is a token, so no text is unknown. Token 0 stands between two texts.
"""

import sys
from pathlib import Path

END = "<|endoftext|>"
SIZE = 4096


def main(corpus, folder):
    """Learn the merges; write tokenizer.json."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=SIZE,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = Path(corpus).read_text("utf-8").split("\n\n")
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.save(str(Path(folder) / "tokenizer.json"))


if __name__ == "__main__":
    main(*sys.argv[1:])
