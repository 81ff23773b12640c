"""What a learner expects of an experiment, asked before it runs."""

import math
import re
import sys
import unicodedata
from html import escape

from tlkeras.course import editions, progress
from tlkeras.course.cards import MESSAGES, Card
from tlkeras.grading.messages import minus
from tlkeras.visualization.palette import BLUE, GREEN, GREY, RED

THOUSANDS = re.compile(r"[-−]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?\s*%?")  # 1,000


def ask(lesson, name, question, choices, said):
    """Ask for a prediction; what the cell shows.

    A small form where the notebook can show one, Python's `input` elsewhere, and
    nothing where nobody can answer.

    Args:
        lesson: name of the lesson.
        name: of the prediction.
        question: for people.
        choices: a list of texts, or `None`: the answer is a number.
        said: the answer, where it stands in the cell. `None`: ask for it.

    Raises:
        ValueError: the answer is none of the choices, or no number.
    """
    entry = _entries(lesson).get(name, {})
    if "right" in entry:
        key = "seen-late" if entry.get("late") else "seen"
        return _card(key, question, said=_shown(entry["said"], lesson, name))

    def keep(answer):
        """Keep an answer; the sentence that says so."""
        answer = _english(parsed(answer, choices), lesson, name)
        late = name in _kept("shown", lesson)
        if "right" not in _entries(lesson).get(name, {}):
            entry = {"said": answer, "late": True} if late else {"said": answer}
            progress.predict(lesson, name, entry)
        key = "kept-late" if late else "kept"
        return MESSAGES.say("predict", key, said=_shown(answer, lesson, name))

    if said is not None:
        return Card(question, [keep(said)], edge=BLUE, kind="prediction")
    if _can_show_forms():
        said = _shown(entry.get("said"), lesson, name)
        return _form(question, choices, said, keep)
    return _by_hand(question, choices, keep)


def parsed(answer, choices):
    """An answer as it is kept: one of the choices, or a number.

    Args:
        answer: a choice, its place counted from 1, or a number; `12 %` is 0.12.
        choices: a list of texts, or `None`.

    Raises:
        ValueError: it is neither.
    """
    text = str(answer).strip()
    if choices is None:
        text = unicodedata.normalize("NFKC", text)  # as Chinese is typed: ２５％
        percent = text.endswith("%")
        if not THOUSANDS.fullmatch(text):
            text = text.replace(",", ".")  # a decimal comma
        try:
            number = float(text.rstrip("% ").replace(",", "").replace("−", "-"))
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise ValueError(MESSAGES.say("predict", "no-number", given=text))
        return number / 100 if percent else number
    if text.isdigit() and text not in choices and 1 <= int(text) <= len(choices):
        return choices[int(text) - 1]
    if text in choices:
        return text
    listed = "; ".join(f"{n} {choice}" for n, choice in enumerate(choices, 1))
    raise ValueError(MESSAGES.say("predict", "no-choice", given=text, choices=listed))


def reveal(lesson, name, result, sentence, within):
    """The result beside what was predicted; keeps whether the two agree.

    Args:
        lesson: name of the lesson.
        name: of the prediction.
        result: the choice that is right, or the number measured.
        sentence: what was found, for people.
        within: how far from the number still counts as right.

    Raises:
        TypeError: the result is a number, and `within` is missing.
    """
    _show_figures()
    number = not isinstance(result, str)
    if number and within is None:
        raise TypeError(f"reveal({name!r}, …) with a number needs within=…")
    shown = minus(sentence or (f"{float(result):.3g}" if number else result))
    told = number or shown == result  # the sentence alone says which choice is right
    answer = [] if told else [MESSAGES.say("predict", "answer", right=result)]
    entry = _entries(lesson).get(name)
    if entry is None:
        progress.show(lesson, name)
        headline = MESSAGES.say("predict", "result", result=shown)
        lines = [MESSAGES.say("predict", "none"), *answer]
        return Card(headline, lines, kind="prediction")
    said, words = entry["said"], _shown(entry["said"], lesson, name)
    if not number:
        right = said == _english(result, lesson, name)
    elif right := isinstance(said, float):
        if "%" in shown:
            said = said / 100 if abs(said) > 1 else said  # 53 was written for 53 %
            words = minus(f"{100 * said:.3g} %")
        right = abs(said - float(result)) <= within
    if "right" not in entry:
        progress.predict(lesson, name, {**entry, "right": bool(right)})
    key = "late" if entry.get("late") else "right" if right else "wrong"
    lines = [MESSAGES.say("predict", key, said=words)]
    if not right:
        lines += answer
    return Card(
        MESSAGES.say("predict", "result", result=shown),
        lines,
        edge=GREY if key == "late" else GREEN if right else RED,
        kind="prediction",
    )


def _entries(lesson):
    return _kept("predictions", lesson)


def _kept(kind, lesson):
    return progress.kept(progress.started_folder())[kind].get(lesson, {})


def _english(said, lesson, name):
    """An answer as it is kept: a choice in English, whatever the notebook speaks."""
    if not isinstance(said, str):
        return said
    return editions.english(lesson, f"predict.{name}", said)


def _shown(said, lesson, name):
    """A kept answer in the notebook's words."""
    if isinstance(said, float):
        return minus(f"{said:g}")
    return said and editions.spoken(lesson, f"predict.{name}", said)


def _card(key, question, **values):
    sentence = MESSAGES.say("predict", key, **values)
    return Card(question, [sentence], edge=BLUE, kind="prediction")


def _show_figures():
    """Draw the cell's figures now: a notebook draws them at its end, under the card."""
    inline = sys.modules.get("matplotlib_inline.backend_inline")
    if inline and _in_notebook():
        inline.flush_figures()


def _in_notebook():
    shell = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
    return hasattr(shell, "kernel")


def _can_show_forms():
    """Whether this is a notebook's kernel, with ipywidgets installed."""
    if not _in_notebook():
        return False
    try:
        import ipywidgets  # noqa: F401
    except ImportError:
        return False
    return True


def _form(question, choices, said, keep):
    import ipywidgets as widgets

    note = widgets.HTML()
    wide = widgets.Layout(width="auto")
    if choices is None:
        field = widgets.Text(
            value=said or "",
            placeholder=MESSAGES.say("predict", "a-number"),
            continuous_update=False,
        )
    else:
        value = said if said in choices else None
        field = widgets.RadioButtons(options=choices, value=value, layout=wide)

    def changed(change):
        if change["new"] in (None, ""):
            return
        try:
            note.value = f"<small>{escape(keep(change['new']))}</small>"
        except ValueError as error:
            note.value = f"<small>{escape(str(error))}</small>"

    field.observe(changed, "value")
    heading = widgets.HTML(f"<b>{escape(question)}</b>", layout=wide)
    box = widgets.VBox([heading, field, note])
    box.add_class("tlkeras-predict")
    return _Form(box, question, choices)


class _Form:
    """A form, with words for where forms are not shown."""

    def __init__(self, box, question, choices):
        self._box = box
        listed = [f"{n}  {choice}" for n, choice in enumerate(choices or [], 1)]
        how = MESSAGES.say("predict", "how")
        self._text = str(Card(question, [*listed, how]))

    def __repr__(self):
        return self._text

    def _repr_mimebundle_(self, **kwargs):
        bundle = self._box._repr_mimebundle_(**kwargs)
        return {**(bundle or {}), "text/plain": self._text}


def _by_hand(question, choices, keep):
    listed = [f"{n}  {choice}" for n, choice in enumerate(choices or [], 1)]
    how = MESSAGES.say("predict", "type-number" if choices is None else "type-choice")
    try:
        while True:
            answer = input("\n".join([question, *listed, how]) + " ")
            if not answer.strip():
                return None
            try:
                return Card(question, [keep(answer)], edge=BLUE, kind="prediction")
            except ValueError as error:
                print(error)
    except (EOFError, OSError, RuntimeError, NotImplementedError):
        return Card(question, [*listed, MESSAGES.say("predict", "how")], edge=GREY)
