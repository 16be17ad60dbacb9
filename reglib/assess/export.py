"""The question bank for other programs: an Anki deck, Moodle's XML, and sheets to print."""

import re
from html import escape
from pathlib import Path

from reglib.assess.questions import TOPICS, bank
from reglib.assess.questions.judge import key
from reglib.assess.questions.show import code, embedded, options, picture, rich
from reglib.assess.templates import environment

DECK, MODEL = 1_742_860_001, 1_742_860_002  # fixed: a deck that is imported again is brought up


def tex(formula):
    """A formula as MathJax takes it in Anki and Moodle."""
    return rf"\({escape(formula, quote=False)}\)"


def mathml(formula):
    """A formula as a browser shows it with no script at all."""
    from latex2mathml.converter import convert

    return convert(formula)


def whys(question):
    """Why each choice is right or wrong, or what each point of an open answer is."""
    data, order = question.data, question.kind == "order"
    said = [f"{' before '.join(at) if order else at}: {t}" for at, t in data.get("why", {}).items()]
    said += [f"{trap['value']:g}: {trap['why']}" for trap in data.get("traps", ())]
    return said + [f"{point['step']} it: {point['point']}" for point in data.get("rubric", ())]


def origin(question):
    """Where the answer is shown: the lesson's section, or the literature."""
    lesson = 'Notebook {}, section "{}".'.format(*question.section) if question.section else ""
    return " ".join(filter(None, [lesson, question.source and f"{question.source}."]))


def choices(question):
    """The right keys and the choices of a question, in Moodle a multiple choice."""
    data = question.data
    if question.kind != "fault":
        return set(data["answer"]), options(question)
    lines = data["code"].strip("\n").split("\n")
    named = sorted(data["why"], key=int)
    shown = {number: f"`line {number}`: `{lines[int(number) - 1].strip()}`" for number in named}
    return {str(number) for number in data["answer"]}, shown


TEMPLATES = environment(choices, code, embedded, key, options, origin, picture, rich, whys)


def anki(path, questions):
    """Write an Anki deck, one card a question; its tags are the topic, the level and the kind."""
    import tempfile

    import genanki

    sides = [{"name": "Card", "qfmt": "{{Question}}", "afmt": "{{FrontSide}}<hr>{{Answer}}"}]
    fields = [{"name": "Question"}, {"name": "Answer"}]
    css = ".card { font: 18px sans-serif; text-align: left } pre { font-size: 14px }"
    model = genanki.Model(MODEL, "Regularization", fields=fields, templates=sides, css=css)
    deck = genanki.Deck(DECK, "Regularization interview")
    html = TEMPLATES.get_template("question.html").module
    with tempfile.TemporaryDirectory() as folder:
        media = []
        for question in questions:
            name = ""
            if png := picture(question):
                name = f"reglib-{question.id}.png"
                media.append(Path(folder, name))
                media[-1].write_bytes(png)
            both = [str(html.front(question, tex, name)), str(html.back(question, tex))]
            tags = [question.topic, question.level, question.kind]
            guid = genanki.guid_for("reglib", question.id)
            deck.add_note(genanki.Note(model, both, tags=tags, guid=guid))
        genanki.Package(deck, media).write_to_file(path)
    return (path,)


def moodle(path, questions):
    """Write Moodle's XML, a category a topic.

    Orders become matching questions, faults ask which of some lines are wrong; code and open
    answers become essays, whose graders see the model answer or the rubric.
    """
    xml = TEMPLATES.get_template("moodle.xml").render(questions=questions, topics=TOPICS, math=tex)
    path.write_text(xml, encoding="utf-8")
    return (path,)


def sheets(path, questions):
    """Write two pages to print: `path` with room for answers, and `..._answers` with them."""
    answers = path.with_name(f"{path.stem}_answers{path.suffix}")
    page = TEMPLATES.get_template("sheets.html")
    for target, told in ((path, False), (answers, True)):
        html = page.render(questions=questions, topics=TOPICS, math=mathml, told=told)
        target.write_text(html, encoding="utf-8")
    return path, answers


def section(path, notebook, heading, font="7.2pt/1.15"):
    """Write one section of a notebook as a page to print."""
    import mistune
    import nbformat

    cells = [cell.source for cell in nbformat.read(notebook, 4).cells if cell.cell_type != "code"]
    marked = rf"^##+ (?:\d+ )?{heading}\n(.*?)(?=^##? |\Z)"
    found = re.search(marked, "\n\n".join(cells), re.M | re.S)
    if not found:
        raise ValueError(f"heading must be one of {notebook}, got {heading!r}")
    markdown = mistune.create_markdown(escape=False, plugins=["table", "math"])
    for kind in ("inline_math", "block_math"):
        # In a table, a bar of a formula is written with a backslash.
        markdown.renderer.register(kind, lambda _, text: mathml(text.replace(r"\|", "|")))
    title, page = f"Regularization: {heading.lower()}", TEMPLATES.get_template("page.html")
    html = page.render(title=title, body=markdown(found[1]), font=font)
    path.write_text(html, encoding="utf-8")
    return (path,)


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
        return section(path, root / "notebooks/05_interview.ipynb", *PAGES[form])
    return {"anki": anki, "moodle": moodle, "sheets": sheets}[form](path, bank().values())
