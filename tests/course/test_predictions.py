import nbclient
import nbformat
import pytest

from tlkeras.course import predictions, progress

CHOICES = ["none of them", "half of them", "all of them"]


@pytest.fixture(params=["started", "elsewhere"])
def place(request, tmp_path, monkeypatch):
    """With and without a folder that keeps progress."""
    if request.param == "started":
        (tmp_path / ".tlkeras").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(progress, "_unsaved", {kind: {} for kind in progress.KINDS})
    return tmp_path


def ask(tiny, mine=None):
    return tiny.predict("share", "How many?", CHOICES, mine=mine)


@pytest.mark.parametrize("mine", ["all of them", "none of them"])
def test_a_prediction_stands_beside_its_result(tiny, place, mine):
    ask(tiny, mine)
    shown = str(tiny.reveal("share", "all of them", "9 of 9"))
    assert "Result: 9 of 9" in shown
    assert f"You predicted {mine}" in shown
    assert ("right." in shown) == (mine == "all of them")
    entry = progress.kept(progress.started_folder())["predictions"]["01_tiny"]["share"]
    assert entry == {"said": mine, "right": mine == "all of them"}


def test_without_a_prediction_the_right_choice_is_said_all_the_same(tiny, place):
    shown = str(tiny.reveal("share", "all of them", "9 of 9"))
    assert shown.endswith("No prediction was made.\n  The answer is: all of them.")
    assert str(tiny.reveal("share", "all of them")).endswith("No prediction was made.")


def test_a_prediction_may_change_until_the_result_is_known(tiny, place):
    ask(tiny, "none of them")
    ask(tiny, "half of them")
    tiny.reveal("share", "half of them")
    shown = str(ask(tiny, "all of them"))
    assert "half of them" in shown
    assert "stays" in shown
    assert str(tiny.reveal("share", "all of them")).endswith("half of them.")
    folder = progress.started_folder()
    assert progress.kept(folder)["predictions"]["01_tiny"]["share"]["right"] is True


def test_a_prediction_after_the_result_is_kept_and_not_counted(tiny, place):
    """Whoever runs all cells first may still answer, and is told what it is worth."""
    tiny.reveal("share", "all of them")
    assert "seen the result before, which is fine" in str(ask(tiny, "half of them"))
    assert "seen the result before" in str(ask(tiny, "all of them"))  # may change
    shown = str(tiny.reveal("share", "all of them", "9 of 9"))
    assert "Result: 9 of 9" in shown
    assert "You said all of them, after you had seen the result" in shown
    assert "right." not in shown
    assert "after you had seen the result" in str(ask(tiny))
    assert progress.predictions(progress.started_folder(), tiny) == (0, 0)
    end = str(tiny.end())
    assert "Predictions: none made." in end
    assert "Said after the result had been seen, and not counted: 1." in end


def test_a_late_prediction_in_a_form(tiny, place, monkeypatch):
    monkeypatch.setattr(predictions, "_can_show_forms", lambda: True)
    form = ask(tiny)
    tiny.reveal("share", "all of them")  # all cells were run
    _, field, note = form._box.children
    field.value = "none of them"
    assert "seen the result before" in note.value
    assert "You said none of them, after" in str(tiny.reveal("share", "all of them"))


def test_a_prediction_in_time_counts_beside_a_late_one(tiny, place):
    ask(tiny, "all of them")
    tiny.reveal("rate", 0.5, within=0.1)
    tiny.predict("rate", "What share?", mine="0.5")
    tiny.reveal("rate", 0.5, within=0.1)
    tiny.reveal("share", "all of them")
    ended = str(tiny.end())
    assert "Predictions: 1 of 1 right." in ended
    assert "not counted: 1." in ended
    assert "have not run" not in ended


def test_results_that_were_shown_are_remembered(tiny, tmp_path, monkeypatch):
    (tmp_path / ".tlkeras").mkdir()
    monkeypatch.chdir(tmp_path)
    tiny.reveal("share", "all of them")
    ask(tiny, "all of them")
    tiny.reveal("share", "all of them")
    assert progress.kept(tmp_path)["shown"] == {"01_tiny": {"share": True}}
    assert progress.predictions(tmp_path, tiny) == (0, 0)


def test_one_minus_sign(tiny, place):
    tiny.predict("rate", "How many?", mine="-0.5")
    shown = str(tiny.predict("rate", "How many?", mine="-0.5"))
    assert "−0.5" in shown
    shown += str(tiny.reveal("rate", -0.25, within=0.1))
    shown += str(tiny.reveal("rate", -0.25, "a loss of -0.25", within=0.1))
    assert shown.count("−0.25") == 2
    assert "-0" not in shown


def test_without_a_prediction_the_result_is_shown_and_nothing_counts(tiny, place):
    assert "No prediction" in str(tiny.reveal("share", "all of them"))
    assert progress.kept(progress.started_folder())["predictions"] == {}


@pytest.mark.parametrize(
    ("mine", "right"), [(0.9, True), ("95 %", True), ("0.85", True), ("84%", False)]
)
def test_a_number_is_right_within_what_the_lesson_allows(tiny, place, mine, right):
    tiny.predict("rate", "What share?", mine=mine)
    shown = str(tiny.reveal("rate", 0.9, within=0.05 + 1e-9))
    assert shown.endswith("right.") == right


def test_a_number_needs_to_know_what_is_near(tiny, place):
    with pytest.raises(TypeError, match="within"):
        tiny.reveal("rate", 0.9)


@pytest.mark.parametrize(
    ("answer", "choices", "wanted"),
    [
        ("2", CHOICES, "half of them"),
        (3, CHOICES, "all of them"),
        (" all of them ", CHOICES, "all of them"),
        ("3", ["5", "3"], "3"),  # the choice itself, not the third
        ("−2", None, -2.0),
        ("1,297", None, 1297.0),
        ("12 %", None, 0.12),
    ],
)
def test_how_an_answer_may_be_written(answer, choices, wanted):
    assert predictions.parsed(answer, choices) == wanted


@pytest.mark.parametrize(
    ("answer", "choices", "said"),
    [
        ("4", CHOICES, "1 none of them; 2 half of them; 3 all of them"),
        ("0", CHOICES, "none of the choices"),
        ("most", None, "no number"),
        ("nan", None, "no number"),
        ("", None, "no number"),
    ],
)
def test_what_is_no_answer_is_said(answer, choices, said):
    with pytest.raises(ValueError, match=said):
        predictions.parsed(answer, choices)


def test_where_no_form_is_shown_the_question_is_put_in_words(tiny, place, monkeypatch):
    answers = iter(["most", "2"])
    monkeypatch.setattr("builtins.input", lambda prompt: next(answers))
    assert "You predict: half of them" in str(ask(tiny))


def test_where_nobody_can_answer_the_cell_says_how(tiny, place, monkeypatch):
    def nobody(prompt):
        raise EOFError

    monkeypatch.setattr("builtins.input", nobody)
    shown = str(ask(tiny))
    assert "3  all of them" in shown
    assert "mine=" in shown


def test_a_form_keeps_what_is_clicked(tiny, place, monkeypatch):
    monkeypatch.setattr(predictions, "_can_show_forms", lambda: True)
    form = ask(tiny)
    _, field, note = form._box.children
    field.value = "all of them"
    assert "You predict: all of them" in note.value
    assert "right." in str(tiny.reveal("share", "all of them"))
    number = tiny.predict("rate", "What share?")
    _, field, note = number._box.children
    field.value = "most"
    assert "no number" in note.value
    assert "text/plain" in number._repr_mimebundle_()


def test_what_is_typed_into_a_form_is_shown_as_text(tiny, place, monkeypatch):
    monkeypatch.setattr(predictions, "_can_show_forms", lambda: True)
    _, field, note = tiny.predict("rate", "Is it < 1 & > 0?")._box.children
    field.value = "<b>most</b>"
    assert "<b>" not in note.value
    assert "&lt;b&gt;most" in note.value


@pytest.mark.parametrize("mine", ["53", "53 %", "0.53"])
def test_a_share_may_be_written_as_a_percentage_without_its_sign(tiny, place, mine):
    tiny.predict("share", "What share?", mine=mine)
    shown = str(tiny.reveal("share", 0.52, "52% of the cards", within=0.05))
    assert "right" in shown


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("0,5", 0.5),
        ("0,125", 0.125),
        ("12,5 %", 0.125),
        ("−0,5", -0.5),
        ("1,000", 1000),
        ("12,345.5", 12345.5),
        ("25 %", 0.25),
    ],
)
def test_a_comma_is_of_a_decimal_or_of_thousands(typed, number):
    assert predictions.parsed(typed, None) == pytest.approx(number)


@pytest.mark.parametrize("typed", ["1,2,3", "0,5.5", ",", "%", "5 apples"])
def test_what_is_no_number_is_refused(typed):
    with pytest.raises(ValueError, match="no number"):
        predictions.parsed(typed, None)


@pytest.mark.parametrize("mine", ["60", "60 %", "0.6"])
def test_a_share_is_shown_as_the_result_is(tiny, place, mine):
    tiny.predict("share", "What share?", mine=mine)
    shown = str(tiny.reveal("share", 0.98, "98% of the cards", within=0.05))
    assert shown.endswith("You predicted 60 %.")


def test_a_wrong_choice_stands_beside_the_right_one(tiny, place):
    ask(tiny, "none of them")
    shown = str(tiny.reveal("share", "all of them", "9 of 9"))
    assert shown.endswith("You predicted none of them.\n  The answer is: all of them.")


def test_a_number_that_is_no_share_is_taken_as_it_is(tiny, place):
    tiny.predict("count", "How many?", mine="53")
    assert "right" not in str(tiny.reveal("count", 0.52, "half a card", within=0.05))


def test_the_figure_of_a_cell_stands_above_its_result():
    cell = "\n".join(
        [
            "import matplotlib.pyplot as plt",
            "from tlkeras.course import lesson",
            "plt.plot([1, 2])",
            "lesson('01_attention').reveal('share', 'all', 'all of them')",
        ]
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    nbclient.NotebookClient(notebook, kernel_name="python3", timeout=120).execute()
    outputs = [out for out in notebook.cells[0].outputs if "data" in out]
    assert "image/png" in outputs[0].data
    assert "Result: all of them" in outputs[1].data["text/plain"]
