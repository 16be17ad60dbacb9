"""The report's pages: what they say, what they keep to themselves, and how they are built."""

import re
from html.parser import HTMLParser

import pytest
from grading_results import EXERCISE, HOSTILE, MISTAKE, card, result, task, unreadable, with_open

from reglib.assess.grading import pages
from reglib.assess.tasks import find

VOID = {"meta", "br"}


class Page(HTMLParser):
    """A page's elements with their attributes, its text, and whether every element is closed."""

    def __init__(self, path):
        super().__init__()
        self.elements, self.text, self.open = [], "", []
        self.feed(path.read_text("utf-8"))
        assert not self.open, f"{path.name}: not closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.open += [tag] * (tag not in VOID)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes another element"
        self.text += " " * (tag in ("th", "td", "li", "p"))

    def handle_data(self, data):
        self.text += data * (self.open[-1:] != ["style"])

    def having(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


def report(folder, results, adjust=None, late_penalty=0.1, due="2026-11-20", similar=()):
    """Write a report; return its overview and the pages of the students by name."""
    pages.write(results, folder, EXERCISE, adjust or {}, late_penalty, due, list(similar))
    names = {one["student"]: pages.page_name(one["student"], one["ident"]) for one in results}
    found = {student: Page(folder / "feedback" / name) for student, name in names.items()}
    return Page(folder / "overview.html"), found


def mixed():
    """A class with one submission of each kind."""
    late = result("ada", ("passed", "not yet", "not attempted"), time="2026-11-22T01:00:00")
    slow = result("bo", ("passed", "passed", "timeout"), "timeout", happened=["1.3: stopped"])
    slow["tasks"]["1.3"]["card"] = card("1.3", "Stopped after 20 s.")
    idle = result("cy", ("not attempted",) * 3, "nothing attempted")
    return [late, slow, idle, unreadable("dee"), with_open("eva"), result("flo", ("not yet",) * 3)]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    similar = [("bo", "flo", 0.934, ["1.1", "1.3"])]
    return report(folder, mixed(), similar=similar)


def test_every_page_is_one_file_that_asks_for_nothing(built):
    overview, students = built
    for name, page in {"overview": overview, **students}.items():
        tags = {tag for tag, _ in page.elements}
        assert not tags & {"script", "link", "img", "iframe", "object", "form"}, name
        assert ("html", {"lang": "en"}) in page.elements, name
        names = [meta.get("name") for meta in page.having("meta")]
        assert "viewport" in names and "robots" in names, name
        policy = [meta["content"] for meta in page.having("meta") if "http-equiv" in meta]
        assert policy == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"], name
        links = [link["href"] for link in page.having("a")]
        assert all(link.startswith(("#", "feedback/")) for link in links), links
        targets = {attrs["id"] for _, attrs in page.elements if "id" in attrs}
        assert {link[1:] for link in links if link.startswith("#")} <= targets, name


def test_headings_go_down_one_at_a_time(built):
    overview, students = built
    for name, page in {"overview": overview, **students}.items():
        levels = [
            int(attrs.get("aria-level") or tag[1])
            for tag, attrs in page.elements
            if re.fullmatch("h[1-6]", tag) or attrs.get("role") == "heading"
        ]
        assert levels[0] == 1 and levels.count(1) == 1, name
        steps = zip(levels, levels[1:], strict=False)
        assert all(after <= before + 1 for before, after in steps), (name, levels)


def test_tables_have_scopes_and_regions_a_name(built):
    overview, students = built
    for name, page in {"overview": overview, **students}.items():
        heads = [attrs for attrs in page.having("th") if attrs.get("scope") not in ("row", "col")]
        assert not heads, (name, heads)
        regions = [attrs for attrs in page.having("div") if attrs.get("role") == "region"]
        assert all(attrs["aria-label"] and attrs["tabindex"] == "0" for attrs in regions), name


def test_a_student_reads_score_cards_and_hints(built):
    _, students = built
    page = students["ada"]
    for said in ("1.6 of 22 points so far", "2 days late: minus 0.4", "The tasks: 2 points"):
        assert said in page.text, said
    assert MISTAKE.replace("`", "") in page.text
    hints = [hint.replace("`", "") for number in ("1.2", "1.3") for hint in find(number).hints]
    assert len(page.having("details")) == len(hints), "hints of what did not pass, and no others"
    assert all(hint in page.text for hint in hints)
    assert find("1.1").hints[0].replace("`", "") not in page.text
    assert "Stopped after 20 s." in students["bo"].text and "too long" in students["bo"].text
    assert "No score yet" in students["dee"].text and "no mark of zero" in students["dee"].text
    assert "so far" in students["eva"].text and "0 of 0" not in students["eva"].text


def test_a_student_reads_nothing_of_others(built):
    _, students = built
    for name, page in students.items():
        others = {*students} - {name}
        assert not [other for other in others if re.search(rf"\b{other}\b", page.text)], name
        assert not re.search(r"93|alike|similar|seed", page.text), name


def test_points_by_hand_are_told(tmp_path):
    row = {"exercise": "", "task": "1.2", "points": 1.5, "late_days": None, "bonus": 2.0}
    changes = {"ada": [row | {"note": "a secret of the instructor"}]}
    _, students = report(tmp_path, [result("ada", ("passed", "not yet"))], changes)
    text = students["ada"].text
    assert "5.5 of 4 points" in text and "Bonus: plus 2 points" in text
    assert "set by your instructor" in text and "secret" not in text


def test_what_is_to_be_read_is_said_once(tmp_path):
    one = with_open("eva", happened=["answer-in-production: to be read", "not attempted: 1.2"])
    _, students = report(tmp_path, [one])
    assert "to be read" not in students["eva"].text, "the status says it in plain words"
    assert "not attempted: 1.2" in students["eva"].text


def test_the_overview_counts(built):
    overview, _ = built
    text = re.sub(r"\s+", " ", overview.text)
    assert "6 submissions, 2 graded cleanly" in text
    first, rest = text.split("Who needs a look", 1)[1].split("Submissions by status", 1)
    looked = [one["student"] for one in mixed() if f" {one['student']} " in first]
    assert looked == ["bo", "cy", "dee", "eva"], first
    assert f"2 students: {MISTAKE}".replace("`", "") in rest, "1.2 by ada and flo"
    assert "bo flo 93 % 1.1, 1.3" in rest
    assert "Likeness is no proof" in rest


def test_how_hard_a_task_was(tmp_path):
    states = ["passed"] * 3 + ["not yet"] + ["not attempted"] * 4
    results = [result(f"s{i}", (state,)) for i, state in enumerate(states)] + [unreadable("bob")]
    text = re.sub(r"\s+", " ", report(tmp_path, results)[0].text)
    title = find("1.1").title
    assert f"1.1 {title} 50 % 38 % 75 % 0.8 of 2" in text, text


@pytest.mark.parametrize(
    ("points", "place"), [(0, 0), (3, 0), (4, 1), (39, 9), (40, 10), (45, 10), (12, 3), (28, 7)]
)
def test_a_score_falls_into_its_bar(tmp_path, points, place):
    one = result("ada", ())
    one["tasks"] = {"1.1": task("1.1", points=float(points), of=40)}
    page, _ = report(tmp_path, [one])
    widths = [bar["style"] for bar in page.having("span") if bar.get("class") == "bar"]
    assert [i for i, width in enumerate(widths) if width == "width:100.0%"] == [place], widths


def test_hostile_names_and_sentences_stay_text(tmp_path):
    evil = "<img src=x onerror=alert(1)>&`</code><b>`"
    results = [result(name, ("not yet",)) for name in HOSTILE]
    for one in results:
        one["tasks"]["1.1"] |= {"card": card(evil, evil), "mistake": evil, "title": evil}
        one |= {"happened": [evil], "note": evil, "file": evil, "status": "crashed"}
    page, students = report(tmp_path, results, similar=[(evil, HOSTILE[0], 0.5, [evil])])
    for name, one in {"overview": page, **students}.items():
        assert not {"img", "script", "b"} & {tag for tag, _ in one.elements}, repr(name)
    assert "{{ 7 * 7 }}" in students["{{ 7 * 7 }}"].text
    assert "<script>alert(1)</script>" in students["<script>alert(1)</script>"].text
    links = [link["href"] for link in page.having("a") if link["href"].startswith("feedback/")]
    assert all(re.fullmatch(r"feedback/[\w.~%-]+", link) for link in links), links


def test_nobody_needs_a_look_where_all_is_well(tmp_path):
    page, _ = report(tmp_path, [result("ada", ("passed", "passed"))], due=None)
    assert (
        "Nobody" in page.text and "None was named" in page.text and "None were found" in page.text
    )
    assert "Due" not in page.text


def contrast(one, other):
    """The contrast of two colours, as WCAG 2 defines it."""

    def light(colour):
        full = colour[1:] if len(colour) == 7 else "".join(2 * c for c in colour[1:])
        parts = [int(full[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        parts = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


def test_colours_have_contrast_by_day_by_night_and_on_paper():
    text = (pages.HERE / "base.html").read_text("utf-8")
    blocks = re.findall(r"--ground:[^}]*", text)
    assert len(blocks) == 3
    for block in blocks:
        colours = dict(re.findall(r"--(\w+): (#\w+)", block))
        for name in ("text", "quiet", "link"):
            assert contrast(colours[name], colours["ground"]) >= 4.5, (name, block)
        assert contrast(colours["text"], colours["shade"]) >= 4.5, block
        assert contrast(colours.get("bar", "#000"), colours["ground"]) >= 3, block
