"""The pages for instructors say what is so: tasks, sums, commands, flags, links and examples."""

import argparse
import ast
import json
import re
import shlex
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import nbformat
import pytest

from reglib import cli
from reglib.assess import course, tasks, tutor
from reglib.assess.grading import pages
from reglib.assess.release import release
from reglib.assess.session import bank

ROOT = course.root()
GUIDE, SYLLABUS = (ROOT / "docs" / name for name in ("instructors.md", "syllabus.md"))
TEXTS = {page.stem: page.read_text(encoding="utf-8") for page in (GUIDE, SYLLABUS)}
PARSER = cli._parser()
STATUSES = {"graded", "needs reading", "timeout", "crashed", "unreadable", "nothing attempted"}


def table(text, first):
    """The rows of the tables of a text whose first column has this name, as lists of cells."""
    found, inside = [], False
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line[:1] == "|" else []
        if not cells or cells[0] == first:
            inside = bool(cells)
        elif inside and set(cells[0]) != {"-"}:
            found.append(cells)
    return found


def blocks(language=""):
    """The code blocks of the guide in this language."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", TEXTS["instructors"], re.M | re.S)
    assert found, f"the guide has no block in {language!r}"
    return found


def commands(page, name):
    """The lines of a page's code blocks that call a program, and in tables its full calls."""
    code = re.findall(r"^```\n(.*?)^```$", TEXTS[page], re.M | re.S)
    lines = [line for block in code for line in block.splitlines()]
    inline = re.findall(rf"`({name} [^`]* --?[^`]*)`", TEXTS[page])
    return [line for line in lines if line.startswith(f"{name} ")] + inline


def open_answers():
    """Title line, minutes and points of the open answers, by name, from exercise 05."""
    path = ROOT / "exercises" / "05_interview" / "05_interview.ipynb"
    cells = nbformat.read(path, as_version=4).cells
    marked = [cell for cell in cells if cell.metadata.get("nbgrader", {}).get("task")]
    found = {}
    for cell in marked:
        level, minutes, points = re.search(
            r"\*\*(\w+)\*\* · (\d+) minutes · (\d+) points", cell.source
        ).groups()
        found[cell.id.removeprefix("answer-")] = (level, int(minutes), int(points))
    return found


def worth():
    """Level, minutes and points of everything that is marked, by number or name, in order."""
    numbered = [task for one in tasks.CHAPTERS for task in tasks.chapter(one).values()]
    return {t.number: (t.level, t.minutes, t.points) for t in numbered} | open_answers()


# The syllabus
def test_every_task_is_in_the_syllabus_once_with_its_own_numbers():
    rows = table(TEXTS["syllabus"], "task")
    assert [row[0].strip("`") for row in rows] == list(worth()), "each task once, and in order"
    for name, title, level, minutes, points, _ in rows:
        assert (level, int(minutes), int(points)) == worth()[name.strip("`")], name
        if name[0].isdigit():
            assert title == tasks.find(name).title, name


def test_every_outcome_begins_with_a_verb_that_the_page_sorts_and_none_stands_twice():
    verbs = set(re.findall(r"\*(\w+)\*", TEXTS["syllabus"]))
    outcomes = [row[-1] for row in table(TEXTS["syllabus"], "task")]
    for outcome in outcomes:
        assert outcome.split()[0].lower() in verbs, f"no verb of the list: {outcome}"
        assert len(outcome) <= 90, f"more than a line: {outcome}"
    assert len(set(outcomes)) == len(outcomes)


def lesson_minutes():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return {row[0][1:3]: int(row[1]) for row in table(readme, "notebook")}


def listed(cell):
    """The tasks that a cell such as "1.1 to 1.4, `in-production`" names."""
    names, found = list(worth()), []
    for part in filter(None, cell.split(", ")):
        first, _, last = part.strip("`").partition(" to ")
        found += names[names.index(first) : names.index(last or first) + 1]
    return found


def questions(cell):
    """How many questions a cell's interviews ask."""
    times = {"": 1, "twice ": 2, "3 times ": 3}
    found = re.findall(r"((?:\w+ )?(?:times |twice )?)`(reglib interview [^`]*)`", cell)
    return sum(times[n] * PARSER.parse_args(shlex.split(c)[1:]).length for n, c in found)


@pytest.mark.parametrize("weeks", [2, 4, 8])
def test_the_sums_of_each_course_are_right(weeks):
    name = {2: "Two", 4: "Four", 8: "Eight"}[weeks]
    part = TEXTS["syllabus"].split(f"### {name} weeks\n")[1].split("\n##")[0]
    *rows, total = table(part, "week")
    assert [row[0] for row in rows] == [str(i + 1) for i in range(weeks)]
    sums, given, read = [0, 0, 0, 0], [], []
    for row in rows:
        lessons = re.findall(r"\[(\d\d)\]", row[1])
        own = [worth()[task] for task in listed(row[2])]
        parts = [
            sum(lesson_minutes()[lesson] for lesson in lessons),
            sum(minutes for _, minutes, _ in own),
            5 * questions(row[3]),
            sum(points for *_, points in own),
        ]
        assert row[4:] == cells(parts), f"week {row[0]}"
        sums = [a + b for a, b in zip(sums, parts, strict=True)]
        given, read = given + listed(row[2]), read + lessons
    assert total[4:] == cells(sums), "the last row"
    assert len(set(given)) == len(given) and len(set(read)) == len(read), "something comes twice"
    if weeks == 8:
        assert set(given) == set(worth()) and read == list(lesson_minutes()), "it says: everything"


def cells(parts):
    """How the page writes minutes, hours and points."""
    *minutes, points = parts
    total = sum(minutes)
    return [f"{' + '.join(map(str, minutes))} = {total}", f"{total / 60:.1f}", str(points)]


def test_a_question_takes_about_five_minutes():
    minutes = [question.minutes for question in bank().values()]
    assert round(sum(minutes) / len(minutes)) == 5


def test_the_four_weeks_hold_all_easy_and_medium_tasks_of_four_exercises():
    part = TEXTS["syllabus"].split("### Four weeks\n")[1].split("\n##")[0]
    given = {task for row in table(part, "week")[:-1] for task in listed(row[2])}
    wanted = {n for n, (level, *_) in worth().items() if n[:1] in "1234" and level != "Hard"}
    assert given - wanted == {"in-production", "explain-regularization"} and wanted <= given


# Commands, flags and links
@pytest.mark.parametrize("page", TEXTS)
def test_every_command_is_understood(page):
    found = commands(page, "reglib")
    assert len(found) >= 5, f"only {found}"
    for line in found:
        try:
            PARSER.parse_args(shlex.split(line)[1:])
        except SystemExit:
            pytest.fail(f"{page}: `{line}` is no command of ours")
    known = next(a for a in PARSER._actions if isinstance(a, argparse._SubParsersAction)).choices
    named = set(re.findall(r"`reglib (\w+)", TEXTS[page]))
    assert named <= set(known), f"{page} names {named - set(known)}"


def test_the_guide_tells_every_option_of_grade_and_no_other():
    known = next(a for a in PARSER._actions if isinstance(a, argparse._SubParsersAction)).choices
    options = {name for a in known["grade"]._actions for name in a.option_strings} - {
        "-h",
        "--help",
    }
    told = {name for row in table(TEXTS["instructors"], "option") for name in flags(row[0])}
    assert told == options
    prose = re.sub(r"^```.*?^```$", "", TEXTS["instructors"], flags=re.M | re.S)
    ours = options | {
        flag for one in known.values() for a in one._actions for flag in a.option_strings
    }
    for code in re.findall(r"`([^`\n]+)`", prose):
        assert set(flags(code)) <= ours, f"`{code}` names a flag that does not exist"


def flags(text):
    return re.findall(r"(?<![\w-])--?[a-z][a-z-]*", text) if "sysctl" not in text else []


@pytest.mark.parametrize("page", TEXTS)
def test_every_link_inside_the_repository_leads_somewhere(page):
    links = re.findall(r"\]\(([^)#\s]+)", TEXTS[page])
    inside = [link for link in links if "://" not in link]
    assert inside, f"{page} has no link"
    for link in inside:
        assert (ROOT / "docs" / link).exists(), f"{page}: {link} is not there"


def test_the_readme_leads_to_both_pages():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for page in (GUIDE, SYLLABUS):
        assert f"(docs/{page.name})" in readme, f"{page.name} is linked nowhere"


def test_every_command_of_nbgrader_exists():
    apps = pytest.importorskip("nbgrader.apps.nbgraderapp", reason="make test brings nbgrader")
    known = {*apps.NbGraderApp.subcommands, "db"}
    named = set(re.findall(r"(?:`|^)nbgrader (\w+)", TEXTS["instructors"], re.M))
    assert len(named) >= 5 and named <= known, f"nbgrader has no {named - known}"


# What the guide says of the grader
def test_the_statuses_and_files_are_those_of_the_grader():
    assert {row[0] for row in table(TEXTS["instructors"], "status")} == STATUSES
    home = Path(pages.__file__).parent
    code = "".join(path.read_text(encoding="utf-8") for path in home.iterdir() if path.is_file())
    for status in STATUSES:
        assert f'"{status}"' in code, f"the grader knows no status {status!r}"
    first = r"file in `REPORT/01_norm_penalties/`"
    files = {name for row in table(TEXTS["instructors"], first) for name in row[0].split("`")[1::2]}
    for name in files - {"feedback/"}:
        assert (home / name).is_file() or f'"{name}"' in code, f"the grader writes no {name}"


def test_the_example_of_adjustments_is_one(tmp_path):
    (example,) = [block for block in blocks() if block.startswith("student,")]
    (tmp_path / "adjustments.csv").write_text(example, encoding="utf-8")
    known = {name: {} for name, _ in tasks.CHAPTERS.values()}
    for task in (task for one in tasks.CHAPTERS for task in tasks.chapter(one).values()):
        known[task.chapter][task.number] = task.points
    known["05_interview"] |= {f"answer-{name}": own[-1] for name, own in open_answers().items()}
    changes = pages.adjustments(tmp_path / "adjustments.csv", known)
    assert set(changes) == {"ada", "ben", "cy"}
    assert [change["points"] for change in changes["ada"]] == [6, 8]
    assert [change["late_days"] for change in changes["ben"]] == [None, 0]
    assert changes["cy"][0]["bonus"] == 2


def test_what_stops_without_solutions_says_what_the_guide_says(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError) as stopped:
        release(tmp_path)
    assert str(stopped.value) in TEXTS["instructors"]
    shown = []
    monkeypatch.setenv("REGLIB_DATA", str(tmp_path))
    monkeypatch.setattr(tutor, "model_answer", lambda task: None)
    monkeypatch.setattr(tutor, "show", shown.append)
    tutor.solution("1.1")
    assert shown[0].sentences[0] in TEXTS["instructors"]


def test_the_choice_tasks_and_open_answers_are_as_many_as_it_says():
    points = []
    for name, _ in tasks.CHAPTERS.values():
        file = Path(tasks.__file__).with_name(f"{name[3:]}.toml")
        texts = tomllib.loads(file.read_text(encoding="utf-8")).values()
        points += [text["points"] for text in texts if "options" in text]
    assert f"({len(points)} tasks, {sum(points)} points)" in TEXTS["instructors"]
    total = sum(points for *_, points in open_answers().values())
    for page in TEXTS:
        assert f"three open answers at the end, {total} points" in TEXTS[page] or (
            f"three open answers, {total} points" in TEXTS[page]
        ), page


# The examples run
def test_the_zip_has_each_page_under_the_name_of_its_submission(tmp_path):
    (program,) = [block for block in blocks("python") if "zipfile" in block]
    names = ["Ada_17_assignsubmission_file/01.ipynb", "ben_18_99_01.ipynb"]
    report = tmp_path / "report" / "01_norm_penalties"
    (report / "feedback").mkdir(parents=True)
    students = [{"file": name, "feedback": f"{i}.html"} for i, name in enumerate(names)]
    for one in students:
        (report / "feedback" / one["feedback"]).write_text(one["file"], encoding="utf-8")
    (report / "marks.json").write_text(json.dumps({"students": students}), encoding="utf-8")
    (tmp_path / "class").mkdir()
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path / "class", check=True, timeout=300)
    with zipfile.ZipFile(tmp_path / "class" / "feedback.zip") as made:
        found = {name: made.read(name).decode() for name in made.namelist()}
    assert found == {name.replace(".ipynb", ".html"): name for name in names}


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_the_script_lays_each_page_where_nbgrader_looks_for_it(tmp_path):
    (script,) = [block for block in blocks() if "release_feedback" in block]
    home = tmp_path / "class" / "submitted" / "ada" / "01_norm_penalties"
    page = tmp_path / "report" / "01_norm_penalties" / "feedback" / "ada.html"
    for path in (home / "timestamp.txt", home / "submission_secret.txt", page):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name, encoding="utf-8")
    stub = 'nbgrader() { echo "$@"; }\n'
    done = subprocess.run(
        ["bash", "-euc", stub + script], cwd=tmp_path / "class", capture_output=True, timeout=300
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.split() == [b"release_feedback", b"01_norm_penalties"]
    made = sorted((tmp_path / "class" / "feedback" / "ada" / "01_norm_penalties").iterdir())
    assert [path.name for path in made] == [
        "01_norm_penalties.html", "submission_secret.txt", "timestamp.txt",
    ]  # fmt: skip


def test_the_settings_are_python_and_yaml():
    for block in blocks("python"):
        ast.parse(block)
    yaml = pytest.importorskip("yaml")
    (settings,) = blocks("yaml")
    assert set(yaml.safe_load(settings)) == {"singleuser", "cull"}
