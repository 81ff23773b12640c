"""A lesson as a page: text, outputs, exercises as the learner sees them, folds."""

import ast
import base64
import hashlib
import io
import re
from html import escape

import nbformat
from PIL import Image
from sphinx.util.nodes import _make_id  # what the directive of words names them by

from tlkeras.course import anywhere, glossary
from tlkeras.grading import translations
from tlkeras.grading.judge.card import inline

ASKS = re.compile(r"^this\.predict\(", re.MULTILINE)
TELLS = re.compile(r"^this\.reveal\(\s*[\"']([\w-]+)", re.MULTILINE)
WIDE = 800  # pixels; on a phone a wider figure would be too small to read
PROGRESS = re.compile(r"\d%\|.*\[.*\]|━")  # a bar, which nothing moves
WIDGETS = "application/vnd.jupyter.widget-view+json"
DATA = re.compile(r'src="data:audio/[\w.+-]+;base64,([A-Za-z0-9+/=\s]+)"')
WORDS = {
    "en": {
        "predict": "Your prediction",
        "number": "a number",
        "experiment": "Run the experiment",
        "another": "The answer to: {question}",
        "code": "The code",
        "solution": "A solution of {name}",
        "minutes": "{n} minutes",
        "points": "{n:g} points",
        "quick": "Outputs from a run at quick scale: small data, made for tests, so "
        "figures and numbers differ from what the text says.",
        "default": "Outputs from a run at default scale, as on a laptop.",
        "full": "Outputs from a run at full scale.",
        "none": "This build of the site shows the lesson without outputs.",
        "download": "Download the notebook",
        "figure": "Figure",
    },
    "zh": {
        "predict": "你的预测",
        "number": "一个数",
        "experiment": "运行实验",
        "another": "答案：{question}",
        "code": "代码",
        "solution": "{name} 的一种解法",
        "minutes": "{n} 分钟",
        "points": "{n:g} 分",
        "quick": "输出来自快速规模的运行：数据很少，仅供测试，图和数字与正文不同。",
        "default": "输出来自默认规模的运行，与在笔记本电脑上相同。",
        "full": "输出来自完整规模的运行。",
        "none": "本次构建的网站没有输出。",
        "download": "下载笔记本",
        "figure": "图",
    },
}
LANGUAGES = {"en": "English", "zh": "中文"}
# What stands around a page: the theme's own words and the menu's, but those of parts.
AROUND = {
    "zh": {
        "Skip to content": "跳到正文",
        "Search": "搜索",
        "On this page": "本页内容",
        "Next": "下一页",
        "Previous": "上一页",
        "Home": "首页",
        "Back to top": "回到顶部",
        "Made with": "网页由以下工具制作：",
        "The course": "课程",
        "Measured": "测量结果",
        "Guides": "指南",
        "Reference": "参考手册",
        "Link to this heading": "链接到此标题",
        "Link to this image": "链接到此图片",
    }
}


class LessonPage:
    """One lesson, in one language.

    Args:
        lesson: a Lesson.
        blank: its notebook as learners get it.
        solved: the solved one, with outputs or without.
        scale: at which it ran; `None` if it did not.
        sounds: the folder that recordings go to, beside the page's folder.
        language: a key of `LANGUAGES`.
        others: language to address of the same lesson in other languages.
    """

    def __init__(
        self, lesson, blank, solved, scale, sounds, language="en", others=None
    ):
        self.lesson, self.scale, self.sounds = lesson, scale, sounds
        self.language, self.others = language, others or {}
        self.words = WORDS[language]
        self.stubs = {c.id: c.source for c in blank.cells}
        self.cells = solved.cells
        self.terms = term_ids(language)
        self.up = "../" if language == "en" else "../../"
        self.section = lesson.title
        self.questions = {}  # name of a prediction to what is asked
        self.last = ""  # what kind of cell stood before

    def notebook(self):
        """The page, as a notebook that Sphinx reads."""
        made = [new for cell in self.cells for new in self._cell(cell)]
        # What kind of lesson this is stands under its title.
        title, _, text = made[0].source.partition("\n")
        made[:1] = [_markdown(title), _markdown(self._head()), _markdown(text)]
        metadata = {
            "kernelspec": {
                "display_name": "Python 3",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python", "pygments_lexer": "ipython3"},
        }
        for number, cell in enumerate(made):
            cell.id = f"cell-{number}"
        return nbformat.v4.new_notebook(cells=made, metadata=metadata)

    def _head(self):
        words = self.words
        scale = words[self.scale or "none"]
        links = "".join(
            f'<a href="{address}" lang="{code}" hreflang="{code}">{LANGUAGES[code]}</a>'
            for code, address in self.others.items()
        )
        name = f"{self.lesson.name}.ipynb"
        folder = "" if self.language == "en" else f"{self.language}/"
        return (
            '<div class="tl-facts">'
            f"<span>{escape(said(self.language, self.lesson.part))}</span>"
            f"<span>{words['minutes'].format(n=self.lesson.minutes)}</span>"
            f"<span>{words['points'].format(n=self.lesson.points)}</span>"
            f'<a href="{self.up}notebooks/{folder}{name}" download>{words["download"]}</a>'
            f"{links}</div>"
            f'<p class="tl-scale tl-scale-{self.scale or "none"}">{scale}</p>'
        )

    def _cell(self, cell):
        if cell.cell_type == "markdown":
            self.last = ""
            headings = re.findall(r"^#+ (.*)", cell.source, re.MULTILINE)
            self.section = headings[-1] if headings else self.section
            yield _markdown(self._linked(cell.source))
        elif anywhere.TAG in cell.metadata.get("tags", []):
            return  # a page installs nothing
        elif cell.source.strip() == "this.end()":
            return
        elif ASKS.search(cell.source):
            yield _markdown(self._question(cell.source))
        elif "exercise" in cell.metadata:
            yield from self._exercise(cell)
        elif TELLS.search(cell.source):
            yield from self._experiment(cell)
        else:
            yield self._code(cell)

    def _linked(self, text):
        """Links to the notebook of words lead to the page of words."""
        return re.sub(
            r"\[(\*\*[^\]]+\*\*)\]\(glossary(?:\.\w+)?\.ipynb#([^)]+)\)",
            lambda found: (
                f'<a href="{self.up}glossary.html#{self.terms[found[2]]}">'
                f"{found[1].replace('**', '')}</a>"
            ),
            text,
        )

    def _question(self, source):
        """A form that keeps nothing: to have said it is what counts."""
        call = next(
            node
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.Call)
            and getattr(node.func, "attr", "") == "predict"
        )
        name, question, *choices = map(ast.literal_eval, call.args)
        for keyword in call.keywords:
            if keyword.arg == "choices":
                choices = [ast.literal_eval(keyword.value)]
        if choices and choices[0]:
            rows = "".join(
                f'<label><input type="radio" name="{escape(name)}"> {escape(choice)}'
                "</label>"
                for choice in choices[0]
            )
        else:
            label = self.words["number"]
            rows = (
                f'<input type="text" aria-label="{label}" placeholder="{label}" '
                'autocomplete="off">'
            )
        self.questions[name] = question
        return (
            f'<fieldset class="tl-predict"><legend>{self.words["predict"]}</legend>'
            f"<p>{inline(question)}</p>{rows}</fieldset>"
        )

    def _exercise(self, cell):
        stub = nbformat.v4.new_code_cell(self.stubs.get(cell.id, cell.source))
        yield stub
        title = self.words["solution"].format(name=cell.metadata["exercise"])
        fence = "```"
        yield _markdown(
            f'<details class="tl-solution"><summary>{escape(title)}</summary>\n\n'
            f"{fence}python\n{cell.source.strip()}\n{fence}\n\n</details>"
        )
        if cell.get("outputs"):
            yield self._code(nbformat.v4.new_code_cell("", outputs=cell.outputs))

    def _experiment(self, cell):
        code = self._code(cell)
        code.metadata["tags"] = ["hide-input"]
        if not code.outputs:
            yield code
            return
        title = self.words["experiment"]
        name = TELLS.search(cell.source)[1]
        if self.last == "experiment" and name in self.questions:
            question = inline(self.questions[name])
            title = self.words["another"].format(question=question)
        self.last = "experiment"
        yield _markdown(f'<details class="tl-experiment"><summary>{title}</summary>')
        yield code
        yield _markdown("</details>")

    def _code(self, cell):
        """A code cell with outputs that a page can show."""
        new = nbformat.v4.new_code_cell(cell.source)
        folded = cell.metadata.get("jupyter", {}).get("source_hidden")
        new.metadata["tags"] = ["hide-input"] if folded else []
        said = self.words["code"]
        shown = {"code_prompt_show": said, "code_prompt_hide": said}
        new.metadata["mystnb"] = shown
        new.outputs = [o for o in map(self._output, cell.get("outputs", [])) if o]
        pictures = [o["data"]["image/png"] for o in new.outputs if _is_figure(o)]
        if pictures:
            image = {"alt": self._described(cell.source)}
            if max(width(picture) for picture in pictures) > WIDE:
                image["classes"] = "tl-wide-figure"
            new.metadata["mystnb"] = {**shown, "image": image}
        return new

    def _output(self, output):
        if output.output_type == "stream":
            output.text = "".join(
                line
                for line in output.text.splitlines(keepends=True)
                if not PROGRESS.search(line)
            )
            return output if output.name == "stdout" and output.text.strip() else None
        data = output.get("data", {})
        if WIDGETS in data:  # nothing moves without a kernel
            data.pop(WIDGETS)
            if set(data) == {"text/plain"} and data["text/plain"].startswith("<"):
                return None
        if "image/png" in data:
            data["image/png"] = smaller(data["image/png"])
        if "text/html" in data:
            html = data["text/html"]
            if 'class="tlkeras-prediction"' in html:  # nobody made one here
                html = re.sub(
                    r'<div style="margin-top:4px">.*?</div>', "", html, count=1
                )
            # A card says what came of a cell that ran; here nothing runs.
            data["text/html"] = DATA.sub(
                self._sound, html.replace(' role="status"', "")
            )
        return output

    def _sound(self, found):
        content = base64.b64decode(found[1])
        name = hashlib.sha256(content).hexdigest()[:16] + ".wav"
        self.sounds.mkdir(parents=True, exist_ok=True)
        (self.sounds / name).write_bytes(content)
        return f'preload="none" src="{self.up}sounds/{name}"'

    def _described(self, source):
        """What a figure shows, for who cannot see it: where it stands, and its labels."""
        tree = ast.parse(re.sub(r"^\s*[%!].*$", "", source, flags=re.MULTILINE))
        said = [
            node.value
            for call in ast.walk(tree)
            if isinstance(call, ast.Call) and _draws(call.func)
            for argument in [*call.args, *(k.value for k in call.keywords)]
            for node in ast.walk(argument)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        titles = [text for text in dict.fromkeys(said) if re.match(r"[A-Z]\w+ ", text)]
        about = "; ".join(titles)[:300]
        place = re.sub(r"[`*$\\]", "", self.section)
        return f"{self.words['figure']}: {place}. {about}".strip()


def _draws(function):
    """Whether a call is one of `show.…`, or gives axes or a figure a title."""
    if not isinstance(function, ast.Attribute):
        return False
    whose = function.value
    return (isinstance(whose, ast.Name) and whose.id == "show") or (
        "title" in function.attr or function.attr in ("set_xlabel", "set_ylabel")
    )


def _is_figure(output):
    return "image/png" in output.get("data", {})


def width(png):
    """The width of a picture in base64, in pixels."""
    return Image.open(io.BytesIO(base64.b64decode(png))).width


def smaller(png):
    """A picture in base64 with at most 256 colours, if that makes it smaller."""
    picture = Image.open(io.BytesIO(base64.b64decode(png)))
    kept = io.BytesIO()
    picture.convert("RGB").quantize(
        256, method=Image.Quantize.FASTOCTREE, dither=0
    ).save(kept, "PNG", optimize=True)
    new = base64.b64encode(kept.getvalue()).decode()
    return min(png, new, key=len)


def said(language, text):
    """What stands around a page, in its language; as it is if nobody has said it."""
    words = " ".join(text.split())
    parts = {
        english: other
        for (context, english), other in translations.known(language, "engine").items()
        if context == "part"
    }
    return {**parts, **AROUND.get(language, {})}.get(words, text)


def term_ids(language="en"):
    """Where each word stands on the page of words, by its place in the notebook of them."""
    other = {} if language == "en" else {"language": language}
    english, said = glossary.terms(), glossary.terms(**other)
    return {
        there.place.partition("#")[2]: _make_id(f"term-{here.term}")
        for here, there in zip(english, said, strict=True)
    }


def _markdown(text):
    return nbformat.v4.new_markdown_cell(text)
