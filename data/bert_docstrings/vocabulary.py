"""The vocabulary of the small BERT: WordPieces of its corpus.

python data/bert_docstrings/vocabulary.py CORPUS FOLDER
"""

import json
import sys
from pathlib import Path

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")  # ids 0 to 4
SIZE = 6000
ALPHABET = 100  # single characters; rarer ones become [UNK]


def main(corpus, folder):
    """Learn the pieces; write vocab.txt and what a tokenizer must know besides."""
    from tokenizers import BertWordPieceTokenizer

    tokenizer = BertWordPieceTokenizer(lowercase=True)
    tokenizer.train(
        [str(corpus)],
        vocab_size=SIZE,
        limit_alphabet=ALPHABET,
        special_tokens=list(SPECIAL),
        show_progress=False,
    )
    pieces = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    assert [piece for piece, _ in pieces[:5]] == list(SPECIAL)
    folder = Path(folder)
    text = "\n".join(piece for piece, _ in pieces)
    (folder / "vocab.txt").write_text(text + "\n", "utf-8")
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": True}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
