"""What is exported is read again by other means: SQLite, an XML parser, an HTML parser."""

import base64
import io
import sqlite3
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from reglib import cli
from reglib.assess.export import anki, moodle, section, sheets
from reglib.assess.questions import TOPICS, bank

ROOT = Path(__file__).resolve().parents[1]
QUESTIONS = list(bank().values())
# The fractions that Moodle accepts on import, besides 0 and the same below 0.
FRACTIONS = (
    "100 90 83.33333 80 75 70 66.66667 60 50 40 33.33333 30 25 20 16.66667 14.28571 12.5 "
    "11.11111 10 5"
)
NEEDED = {  # tags that Moodle's importer looks for in each kind, besides the shared ones
    "multichoice": {"single", "shuffleanswers", "answernumbering", "answer"},
    "numerical": {"answer"},
    "matching": {"shuffleanswers", "subquestion"},
    "essay": {"responseformat", "responserequired", "graderinfo", "responsetemplate"},
}


class Page(HTMLParser):
    """The text of a page, its tags, and whether each tag that was opened was closed."""

    VOID = {"meta", "img", "br", "hr", "link"}

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.words, self.images = [], [], [], []
        self.feed(html)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.images += [dict(attributes)] * (tag == "img")
        self.open += [tag] * (tag not in self.VOID)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes what is not open"

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    anki(folder / "bank.apkg", QUESTIONS)
    moodle(folder / "bank.xml", QUESTIONS)
    sheets(folder / "bank.html", QUESTIONS)
    return folder


def notes(package):
    """Fields, tags and guid of every note of an Anki package, by SQLite; and its pictures."""
    with zipfile.ZipFile(package) as archive:
        database = sqlite3.connect(":memory:")
        database.deserialize(archive.read("collection.anki2"))
        rows = database.execute("SELECT flds, tags, guid FROM notes").fetchall()
        cards = database.execute("SELECT COUNT(*) FROM cards").fetchone()[0]
        pictures = [archive.read(name) for name in archive.namelist() if name.isdigit()]
    return rows, cards, pictures


def test_the_deck_has_one_card_a_question_with_its_tags(folder):
    rows, cards, pictures = notes(folder / "bank.apkg")
    assert len(rows) == cards == len(QUESTIONS)
    for question, (fields, tags, _) in zip(QUESTIONS, rows, strict=True):
        asked, answer = fields.split("\x1f")
        assert {question.topic, question.level, question.kind} <= set(tags.split())
        assert Page(asked).text and Page(question_html(question, answer)).text
    assert len(pictures) == sum(question.kind == "curve" for question in QUESTIONS)
    assert all(Image.open(io.BytesIO(picture)).format == "PNG" for picture in pictures)


def question_html(question, answer):
    """The answer's HTML, after a look that the explanation is in it."""
    first = "".join(question.explanation.replace("`", "").partition("$")[0].split())[:40]
    assert first in "".join(Page(answer).text.split()), f"{question.id}: no explanation"
    return answer


def test_a_deck_that_is_written_again_updates_the_old_one(folder, tmp_path):
    anki(tmp_path / "again.apkg", QUESTIONS)
    first, second = notes(folder / "bank.apkg")[0], notes(tmp_path / "again.apkg")[0]
    assert [guid for *_, guid in first] == [guid for *_, guid in second]
    assert len({guid for *_, guid in first}) == len(QUESTIONS)


def test_the_xml_is_moodles(folder):
    quiz = ElementTree.parse(folder / "bank.xml").getroot()
    assert quiz.tag == "quiz"
    categories = [node for node in quiz if node.get("type") == "category"]
    assert len(categories) == len(TOPICS)
    assert all(node.find("category/text").text.startswith("$course$/") for node in categories)
    nodes = [node for node in quiz if node.get("type") != "category"]
    assert [node.find("name/text").text for node in nodes] == [
        question.id for question in QUESTIONS
    ]
    allowed = {sign * float(part) for part in FRACTIONS.split() for sign in (1, -1)} | {0.0}
    for node in nodes:
        name = node.find("name/text").text
        tags = {child.tag for child in node}
        assert {"questiontext", "generalfeedback", "defaultgrade"} <= tags, name
        assert NEEDED[node.get("type")] <= tags, name
        assert node.find("questiontext").get("format") == "html"
        Page(node.find("questiontext/text").text)
        fractions = [float(answer.get("fraction")) for answer in node.findall("answer")]
        assert set(fractions) <= allowed, f"{name}: {fractions}"
        if node.get("type") == "multichoice":
            assert sum(f for f in fractions if f > 0) == pytest.approx(100, abs=1e-4), name
            wrong = [a for a in node.findall("answer") if float(a.get("fraction")) <= 0]
            assert all(answer.find("feedback/text").text for answer in wrong), name
        if node.get("type") == "numerical":
            assert fractions[0] == 100 and not any(fractions[1:])
            assert float(node.find("answer/tolerance").text) >= 0
        for file in node.iter("file"):
            picture = base64.b64decode(file.text)
            assert Image.open(io.BytesIO(picture)).format == "PNG"
            assert f"@@PLUGINFILE@@/{file.get('name')}" in node.find("questiontext/text").text


def test_the_sheets_hold_every_question_and_one_of_them_no_answer(folder):
    asked = Page((folder / "bank.html").read_text(encoding="utf-8"))
    told = Page((folder / "bank_answers.html").read_text(encoding="utf-8"))
    for page in (asked, told):
        assert page.tags.count("section") == len(QUESTIONS)
        assert not page.open, f"left open: {page.open}"
        assert "script" not in page.tags and "link" not in page.tags
        assert "math" in page.tags and "$" not in page.text
        assert all(image["alt"] and image["src"].startswith("data:") for image in page.images)
    assert told.words.count("Answer") == len(QUESTIONS) and "Answer" not in asked.words
    for question in QUESTIONS:
        start = " ".join(question.explanation.split("`")[0].split("$")[0].split()[:12])
        assert start in told.text and (len(start) < 30 or start not in asked.text), question.id


@pytest.mark.parametrize(
    ("form", "heading"), [("formulas", "Formula sheet"), ("plan", "Seven days")]
)
def test_a_page_of_the_notebook_is_printed(tmp_path, form, heading):
    assert cli.main(["export", form, "-o", str(tmp_path / "page.html")]) == 0
    page = Page((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert heading.lower() in page.text and "table" in page.tags and not page.open
    assert "$" not in page.text and "FORMULA" not in page.text
    assert ("math" in page.tags) == (form == "formulas")


def test_a_section_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"heading must be .*'No such'"):
        section(tmp_path / "x.html", ROOT / "notebooks/00_start_here.ipynb", "No such")


def test_a_folder_that_is_not_there_is_named(tmp_path, capsys):
    assert cli.main(["export", "anki", "-o", str(tmp_path / "none" / "x.apkg")]) == 1
    assert "a folder that exists" in capsys.readouterr().err


def test_the_command_says_what_it_wrote(tmp_path, capsys):
    path = tmp_path / "sheet.html"
    assert cli.main(["export", "sheets", "-o", str(path)]) == 0
    said = capsys.readouterr().out
    assert f"wrote {path}" in said and "sheet_answers.html" in said
