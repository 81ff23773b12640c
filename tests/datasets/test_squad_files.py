"""Questions about passages: SQuAD's format, its flaws, and the published files."""

import copy
import json
import os

import pytest

from tlkeras.datasets import DataError, cmrc2018, squad_files, xquad

needs_mirror = pytest.mark.skipif(
    "TLKERAS_MIRROR" not in os.environ, reason="needs TLKERAS_MIRROR"
)
FILE = {
    "data": [
        {
            "paragraphs": [
                {
                    "context": "Cats sleep. Dogs bark, and cats sleep.",
                    "qas": [
                        {
                            "id": "1",
                            "question": "Who barks?",
                            "answers": [{"text": "Dogs", "answer_start": 12}],
                        },
                        {"id": 2, "question": "Who sings?", "answers": []},
                    ],
                }
            ]
        }
    ]
}


def write(folder, document):
    path = folder / "questions.json"
    path.write_text(json.dumps(document), "utf-8")
    return path


def changed(path, value):
    """FILE with another value at a path of keys."""
    document = copy.deepcopy(FILE)
    holder = document
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return document


def test_questions_in_order(tmp_path):
    first, second = squad_files.load(write(tmp_path, FILE))
    assert first == (
        "1",
        "Who barks?",
        "Cats sleep. Dogs bark, and cats sleep.",
        (("Dogs", 12),),
    )
    assert (second.id, second.answers) == ("2", ())


PARAGRAPH = ("data", 0, "paragraphs", 0)
ENTRY = (*PARAGRAPH, "qas", 0)
ANSWER = (*ENTRY, "answers", 0)


@pytest.mark.parametrize(
    ("text", "given", "start"),
    [
        ("Dogs", 12, 12),
        ("Dogs", 13, 12),  # one too far, as in CMRC
        ("sleep", 4, 5),  # twice in the passage: the nearer one
        ("sleep", 30, 32),
        ("sleep", -1, 5),
        ("birds", 3, None),
        ("sleep.", 10_000, 32),
        ("", 0, 0),
        ("", -1, None),
    ],
)
def test_a_start_that_is_wrong_is_put_right(tmp_path, text, given, start):
    document = changed(ANSWER, {"text": text, "answer_start": given})
    found = squad_files.load(write(tmp_path, document))[0].answers
    assert found == ((text, start),)


def test_what_squad_2_calls_impossible_has_no_answer(tmp_path):
    document = changed((*ENTRY, "is_impossible"), True)
    assert squad_files.load(write(tmp_path, document))[0].answers == ()


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "the file must have 'data', a list"),
        ({"data": 3}, "the file must have 'data', a list; given '3'"),
        (changed(("data", 0), 1), r"data\[0\] must have 'paragraphs'"),
        (
            changed((*PARAGRAPH, "context"), None),
            r"paragraphs\[0\] must have 'context'",
        ),
        (changed((*ENTRY, "question"), 1), r"qas\[0\] must have 'question', a text"),
        (changed((*ENTRY, "id"), []), r"must have 'id', an id"),
        (changed((*ENTRY, "id"), "2"), "an id of its own"),
        (changed((*ANSWER, "answer_start"), "12"), r"answers\[0\] .* an integer"),
        (changed((*ENTRY, "answers"), "Dogs"), "must have 'answers', a list"),
    ],
)
def test_a_damaged_file_says_where(tmp_path, document, message):
    with pytest.raises(DataError, match=message):
        squad_files.load(write(tmp_path, document))


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json(tmp_path, content):
    path = tmp_path / "no.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read as JSON"):
        squad_files.load(path)


def test_no_file(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        squad_files.load(tmp_path / "none.json")


@needs_mirror
@pytest.mark.parametrize(
    ("load_data", "name", "size", "nowhere"),
    [
        (xquad.load_data, "en", 1190, 0),
        (xquad.load_data, "zh", 1190, 0),
        (cmrc2018.load_data, "dev", 3219, 193),
        (cmrc2018.load_data, "trial", 1002, 0),
    ],
)
def test_published_files(load_data, name, size, nowhere):
    questions = load_data(name)
    assert len(questions) == size
    answers = [(q.passage, *answer) for q in questions for answer in q.answers]
    assert sum(start is None for *_, start in answers) == nowhere
    for passage, text, start in answers:
        assert start is None or passage[start : start + len(text)] == text


@pytest.mark.parametrize("load_data", [xquad.load_data, cmrc2018.load_data])
def test_unknown_names(load_data):
    with pytest.raises(ValueError, match="must be one of"):
        load_data("klingon")
