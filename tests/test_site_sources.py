"""What the site is built from: every question, every public name, and no answer that lies open."""

import html
import re
from types import ModuleType

import pytest
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

import reglib
from docs.site import pages
from docs.site.markdown import markdown
from reglib import assess, cli, explore
from reglib.assess.questions import TOPICS, bank
from reglib.assess.questions.show import rich


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder with the pages that are written for the site."""
    folder = tmp_path_factory.mktemp("pages")
    pages.write(folder)
    return folder


def read(site, name):
    return (site / name).read_text(encoding="utf-8")


def outside(page):
    """A page without what is folded away."""
    depth, left = 0, []
    for piece in re.split(r"(<details>|</details>)", page):
        depth += {"<details>": 1, "</details>": -1}.get(piece, 0)
        left += [piece] * (depth == 0)
    assert depth == 0
    return "".join(left)


@pytest.mark.parametrize("topic", TOPICS)
def test_each_question_stands_once_under_its_own_heading(site, topic):
    page = read(site, f"questions/{topic}.md")
    ids = [name for name, question in bank().items() if question.topic == topic]
    assert re.findall(r"^\((.+)\)=\n## ", page, re.M) == ids
    headings = re.findall(r"^## (.+)$", page, re.M)
    assert len(set(headings)) == len(headings) == len(ids)


@pytest.mark.parametrize("topic", TOPICS)
def test_no_answer_lies_open(site, topic):
    pieces = re.split(r"^\((.+)\)=$", read(site, f"questions/{topic}.md"), flags=re.M)
    for name, page in zip(pieces[1::2], pieces[2::2], strict=True):
        question, seen = bank()[name], outside(page)
        data = question.data
        assert markdown(question.question) in seen
        told = [question.hint, question.explanation, question.follow_up["answer"]]
        told += data.get("why", {}).values()
        told += [found["why"] for found in (*data.get("traps", ()), *data.get("wrong", ()))]
        told += [point["point"] for point in data.get("rubric", ())]
        told += data.get("model", "").strip().split("\n\n")
        assert not [text for text in told if markdown(text) not in page], name
        assert not [text for text in told if text and markdown(text) in seen], name
        lines = list(data.get("fix", {}).values())
        lines += data["answer"].strip().split("\n")[-1:] if question.kind == "code" else []
        assert not [line for line in lines if line.strip() in seen.split("\n")], name


def test_curves_have_their_picture_and_say_what_it_shows(site):
    for question in bank().values():
        if question.kind == "curve":
            assert (site / f"questions/{question.id}.png").read_bytes().startswith(b"\x89PNG")
            alt = re.search(
                rf"!\[(.+)\]\({question.id}\.png\)", read(site, f"questions/{question.topic}.md")
            )[1]
            assert all(markdown(text) in alt for text in question.data["describe"].values())


def plain(page):
    return " ".join(html.unescape(re.sub("<[^>]+>", "", page.replace("</p>", " "))).split())


def test_markdown_says_what_the_questions_say():
    """No star, underscore or bracket of a question is taken for markup."""
    parser = MarkdownIt("commonmark").enable("table")
    dollarmath_plugin(parser, renderer=lambda text, _: f"${html.escape(text, quote=False)}$")
    for question in bank().values():
        for text in (question.question, question.hint, question.explanation):
            assert plain(parser.render(markdown(text))) == plain(rich(text)), question.id


def test_the_reference_names_all_that_is_public(site):
    entries = set()
    for page in (site / "reference").glob("*.rst"):
        entries |= set(
            re.findall(r"^\.\. auto(?:class|function):: .*\.(\w+)$", read(site, page), re.M)
        )
    names = {name for name in vars(reglib) if not isinstance(getattr(reglib, name), ModuleType)}
    names = {name for name in names if not name.startswith("_")}
    assert {"L1", "Dropout", "rotate", "RegularizedNeuralNetwork"} < names
    missing = (names | {*explore.__all__} | {*assess.__all__}) - entries
    assert not missing


def test_the_reference_explains_every_command(site):
    page = read(site, "reference/commands.rst")
    for command, table in cli.TABLES["commands"].items():
        assert f"\nreglib {command}\n----" in page
        assert all(
            re.search(rf"option:: .*{name}", page) for name in table["arguments"] if name[0] == "-"
        )


def test_a_heading_that_the_readme_does_not_have_is_named():
    with pytest.raises(ValueError, match=r"heading must be one of README.md, got 'Nothing'"):
        pages.section("# Course\n\n## Something\n\ntext\n", "Nothing")
