"""The question bank for other programs: an Anki deck, Moodle's XML, and sheets to print."""

import base64
import re
from html import escape
from pathlib import Path
from xml.etree import ElementTree

from reglib.assess.questions import TOPICS, bank
from reglib.assess.questions.judge import key
from reglib.assess.questions.show import code, embedded, options, picture, rich

DECK, MODEL = 1_742_860_001, 1_742_860_002  # fixed: a deck that is imported again is brought up
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 11pt/1.4 system-ui, sans-serif; max-width: 46em; margin: 2em auto; padding: 0 1em }}
pre {{ font-size: 9.5pt; white-space: pre-wrap; border-left: 3px solid #999; padding-left: .7em }}
table {{ border-collapse: collapse }} td, th {{ border: 1px solid #999; padding: .2em .5em }}
section {{ border-top: 1px solid #999 }} .asked {{ break-inside: avoid }}
h2, h3, h4 {{ break-after: avoid; margin-bottom: 0 }} img {{ max-width: 100% }}
math {{ font-size: 1.1em }} .lines {{ border: 1px solid #999 }}
@media print {{
  @page {{ margin: 10mm }} body {{ font: {font} system-ui, sans-serif; margin: 0; max-width: none }}
  h1 {{ font-size: 1.5em; margin: 0 }} td, th {{ padding: .1em .4em }}
  table {{ margin: .4em 0; width: 100% }} p, ul {{ margin: .3em 0 }}
}}
</style></head><body><main><h1>{title}</h1>
{body}
</main></body></html>
"""


def tex(formula):
    """A formula as MathJax takes it in Anki and Moodle."""
    return rf"\({escape(formula, quote=False)}\)"


def mathml(formula):
    """A formula as a browser shows it with no script at all."""
    from latex2mathml.converter import convert

    return convert(formula)


def front(question, math, image="", choose=True):
    """What is asked, as HTML; `image` is the address of its picture."""
    words = "; ".join(f"{at}: {text}" for at, text in question.data.get("describe", {}).items())
    parts = [rich(question.question, math)]
    parts += [f'<p><img src="{image}" alt="{escape(words)}"></p>'] * bool(image)
    parts += [f"<pre>{escape(code(question))}</pre>"] * bool(code(question))
    if choose and not image:
        items = options(question).items()
        parts += [rich(f"{letter}) {text}", math) for letter, text in items]
    return "\n".join(parts)


def back(question, math):
    """The right answer, why it is right and the others are not, and what is asked next."""
    data, answer = question.data, key(question)
    plain = question.kind in ("code", "fault")
    order = question.kind == "order"
    whys = [f"{' before '.join(at) if order else at}: {t}" for at, t in data.get("why", {}).items()]
    whys += [f"{trap['value']:g}: {trap['why']}" for trap in data.get("traps", ())]
    whys += [f"{point['step']} it: {point['point']}" for point in data.get("rubric", ())]
    parts = ["<h4>Answer</h4>"]
    parts += [f"<pre>{escape(answer)}</pre>" if plain else rich(answer.replace("\n", "\n\n"), math)]
    parts += [rich(question.explanation, math)]
    parts += ["<ul>", *(f"<li>{rich(why, math)[3:-4]}</li>" for why in whys), "</ul>"] * bool(whys)
    parts += [f"<h4>Next</h4>{rich(question.follow_up['question'], math)}"]
    return "\n".join([*parts, rich(question.follow_up["answer"], math), rich(origin(question))])


def origin(question):
    """Where the answer is shown: the lesson's section, or the literature."""
    lesson = 'Notebook {}, section "{}".'.format(*question.section) if question.section else ""
    return " ".join(filter(None, [lesson, question.source and f"{question.source}."]))


def anki(path, questions):
    """Write an Anki deck, one card a question; its tags are the topic, the level and the kind."""
    import tempfile

    import genanki

    sides = [{"name": "Card", "qfmt": "{{Question}}", "afmt": "{{FrontSide}}<hr>{{Answer}}"}]
    fields = [{"name": "Question"}, {"name": "Answer"}]
    css = ".card { font: 18px sans-serif; text-align: left } pre { font-size: 14px }"
    model = genanki.Model(MODEL, "Regularization", fields=fields, templates=sides, css=css)
    deck = genanki.Deck(DECK, "Regularization interview")
    with tempfile.TemporaryDirectory() as folder:
        media = []
        for question in questions:
            png = picture(question)
            image = f"reglib-{question.id}.png" if png else ""
            if image:
                media.append(str(Path(folder, image)))
                Path(media[-1]).write_bytes(png)
            deck.add_note(
                genanki.Note(
                    model,
                    [front(question, tex, image), back(question, tex)],
                    tags=[question.topic, question.level, question.kind],
                    guid=genanki.guid_for("reglib", question.id),
                )
            )
        genanki.Package(deck, media).write_to_file(path)


def moodle(path, questions):
    """Write Moodle's XML, a category a topic.

    Orders become matching questions, faults ask which of some lines are wrong; code and open
    answers become essays, whose graders see the model answer or the rubric.
    """
    quiz, topic = ElementTree.Element("quiz"), None
    for question in questions:
        if question.topic != topic:
            topic = question.topic
            category = ElementTree.SubElement(quiz, "question", type="category")
            _text(category, "category", f"$course$/top/Regularization/{TOPICS[topic]}", None)
        _moodle_question(quiz, question)
    ElementTree.indent(quiz)
    ElementTree.ElementTree(quiz).write(path, encoding="utf-8", xml_declaration=True)


MOODLE = {
    "choice": "multichoice", "several": "multichoice", "curve": "multichoice",
    "fault": "multichoice", "number": "numerical", "order": "matching", "code": "essay",
    "open": "essay",
}  # fmt: skip


def _moodle_question(quiz, question):
    data, kind = question.data, MOODLE[question.kind]
    node = ElementTree.SubElement(quiz, "question", type=kind)
    image = picture(question)
    _text(node, "name", question.id, None)
    asked = front(question, tex, "@@PLUGINFILE@@/curves.png" if image else "", choose=False)
    body = _text(node, "questiontext", asked)
    if image:
        file = ElementTree.SubElement(body, "file", name="curves.png", path="/", encoding="base64")
        file.text = base64.b64encode(image).decode()
    _text(node, "generalfeedback", back(question, tex))
    _leaf(node, "defaultgrade", question.minutes)
    _leaf(node, "penalty", "0.3333333")
    _leaf(node, "hidden", 0)
    if kind == "multichoice":
        right, choices, why = _choices(question)
        _leaf(node, "single", str(len(right) == 1 and question.kind != "several").lower())
        _leaf(node, "shuffleanswers", str(question.kind in ("choice", "several")).lower())
        _leaf(node, "answernumbering", "none" if question.kind in ("curve", "fault") else "abc")
        wrong = 0 if len(right) == 1 and question.kind != "several" else -100 / len(right)
        for at, text in choices.items():
            _answer(node, 100 / len(right) if at in right else wrong, text, why.get(at, ""))
    elif kind == "numerical":
        values = [(100, data["answer"], question.explanation)]
        values += [(0, trap["value"], trap["why"]) for trap in data["traps"]]
        for fraction, value, why in values:
            answer = _answer(node, fraction, f"{value!r}", why, form=None)
            _leaf(answer, "tolerance", data["tolerance"])
    elif kind == "matching":
        _leaf(node, "shuffleanswers", "true")
        for place, letter in enumerate(data["answer"], 1):
            item = _text(node, "subquestion", rich(data["items"][letter], tex))
            _text(item, "answer", str(place), None)
    else:
        _leaf(node, "responseformat", "monospaced" if question.kind == "code" else "editor")
        _leaf(node, "responserequired", 1)
        _leaf(node, "responsefieldlines", 15)
        _leaf(node, "attachments", 0)
        _text(node, "graderinfo", back(question, tex))
        stub = f"<pre>{escape(code(question))}</pre>" if question.kind == "code" else ""
        _text(node, "responsetemplate", stub)


def _choices(question):
    """The right keys, the choices, and why each is right or wrong."""
    data = question.data
    if question.kind != "fault":
        return set(data["answer"]), options(question), data["why"]
    lines = data["code"].strip("\n").split("\n")
    named = sorted(data["why"], key=int)
    shown = {number: f"`line {number}`: `{lines[int(number) - 1].strip()}`" for number in named}
    return {str(number) for number in data["answer"]}, shown, data["why"]


def _leaf(parent, tag, value):
    ElementTree.SubElement(parent, tag).text = str(value)


def _text(parent, tag, text, form="html"):
    node = ElementTree.SubElement(parent, tag, **{"format": form} if form else {})
    _leaf(node, "text", text)
    return node


def _answer(parent, fraction, text, why, form="html"):
    attributes = {"fraction": f"{fraction:.7g}", "format": form or "moodle_auto_format"}
    answer = ElementTree.SubElement(parent, "answer", **attributes)
    _leaf(answer, "text", rich(text, tex) if form else text)
    _text(answer, "feedback", rich(why, tex) if why else "")
    return answer


ROOM = {"code": 16, "open": 20, "fault": 4}  # for an answer on paper, in lines


def sheets(path, questions):
    """Write two pages to print: `path` with room for answers, and `..._answers` with them."""
    answers = path.with_name(f"{path.stem}_answers{path.suffix}")
    for target, told in ((path, False), (answers, True)):
        body, topic = [], None
        for number, question in enumerate(questions, 1):
            body += [f"<h2>{TOPICS[question.topic]}</h2>"] * (question.topic != topic)
            topic, image = question.topic, picture(question)
            address = embedded(image) if image else ""
            room = f'<div class="lines" style="height: {ROOM.get(question.kind, 2)}em"></div>'
            head = f"<h3>{number} · {question.level} · {question.minutes} min</h3>"
            asked = f'<div class="asked">{head}{front(question, mathml, address)}</div>'
            body += [f"<section>{asked}{back(question, mathml) if told else room}</section>"]
        _page(target, f"Regularization: questions{' and answers' * told}", "\n".join(body))
    return path, answers


def section(path, notebook, heading, font="7.2pt/1.15"):
    """Write one section of a notebook as a page to print."""
    import mistune
    import nbformat

    cells = [cell.source for cell in nbformat.read(notebook, 4).cells if cell.cell_type != "code"]
    start = [n for n, text in enumerate(cells) if re.match(rf"##+ (\d+ )?{heading}\s", text + "\n")]
    if not start:
        raise ValueError(f"heading must be one of {notebook}, got {heading!r}")
    ends = [n for n, text in enumerate(cells) if n > start[0] and re.match("##? ", text)]
    text = "\n\n".join(cells[start[0] : (ends or [None])[0]])
    formulas = []

    def aside(found):  # Markdown would take the underscores of a formula for emphasis
        formulas.append(mathml(found[1].replace(r"\|", "|")))
        return f"FORMULA{len(formulas) - 1}END"

    text = re.sub(r"\$\$?([^$]+)\$\$?", aside, text.partition("\n")[2])
    html = mistune.create_markdown(escape=False, plugins=["table"])(text)
    html = re.sub(r"FORMULA(\d+)END", lambda found: formulas[int(found[1])], html)
    _page(path, f"Regularization: {heading.lower()}", html, font)


def _page(path, title, body, font="9pt/1.25"):
    Path(path).write_text(PAGE.format(title=title, body=body, font=font), encoding="utf-8")


FORMS = {"anki": "apkg", "moodle": "xml", "sheets": "html", "formulas": "html", "plan": "html"}
PAGES = {"formulas": ("Formula sheet", "7.2pt/1.15"), "plan": ("Seven days", "10.5pt/1.35")}


def export(root, form, path=None):
    """Write the bank, or a page of notebook 05, in one of `FORMS`; return the files' paths.

    A path in a folder that is not there raises ValueError.
    """
    path = Path(path or f"regularization_{form}.{FORMS[form]}")
    if not path.parent.is_dir():
        raise ValueError(f"-o must name a file in a folder that exists, got '{path}'")
    if form in PAGES:
        section(path, root / "notebooks/05_interview.ipynb", *PAGES[form])
        return (path,)
    written = {"anki": anki, "moodle": moodle, "sheets": sheets}[form](path, bank().values())
    return written or (path,)
