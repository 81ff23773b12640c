"""What lesson 12 compares a reader with: counting the words that two texts share."""

import re
from collections import Counter

import numpy as np

from tlkeras.scores import answer_f1

WORD = re.compile(r"\w+")
PLACE = re.compile(
    r"'[^']*'|\"[^\"]*\"|-?[\w.]*\w|[^\w\s]"
)  # what an answer is made of


def words(text):
    """Its words in small letters."""
    return WORD.findall(text.lower())


class Overlap:
    """Answers from the line that shares most with the question, rare words first.

    Where in that line the answer stands is learned: for questions that begin alike, the
    piece of the line, and how many pieces, that scores best on the questions given.

    Args:
        questions: some with answers.
    """

    def __init__(self, questions, furthest=12, longest=4):
        passages = {q.passage for q in questions}
        lines = [set(words(line)) for p in passages for line in p.split("\n")]
        found = Counter(word for line in lines for word in line)
        self.weight = {w: np.log(len(lines) / n) for w, n in found.items()}
        self.unknown = np.log(len(lines) + 1)
        self.piece = {}
        by_kind = {}
        for q in questions:
            if q.answers:
                by_kind.setdefault(self.kind(q), []).append(q)
        options = [(a, b) for a in range(furthest) for b in range(1, longest + 1)]
        for kind, some in by_kind.items():
            some = [(self.line(q)[0], q.answers[0].text) for q in some[:200]]
            scores = [
                np.mean([answer_f1(self.cut(line, *o), [text]) for line, text in some])
                for o in options
            ]
            self.piece[kind] = options[int(np.argmax(scores))]

    @staticmethod
    def kind(question):
        """How a question begins."""
        return " ".join(words(question.text)[:2])

    def line(self, question):
        """The line of the passage that shares most, and how much that is."""
        asked = set(words(question.text))
        lines = question.passage.split("\n")
        shared = [
            sum(self.weight.get(w, self.unknown) for w in asked & set(words(line)))
            for line in lines
        ]
        best = int(np.argmax(shared))
        return lines[best], shared[best]

    @staticmethod
    def cut(line, first, count):
        """Some pieces of a line."""
        places = [match.span() for match in PLACE.finditer(line)][first : first + count]
        return line[places[0][0] : places[-1][1]] if places else ""

    def answer(self, questions):
        """An answer to each; it never says that there is none."""
        return [
            self.cut(self.line(q)[0], *self.piece.get(self.kind(q), (0, 1)))
            for q in questions
        ]
