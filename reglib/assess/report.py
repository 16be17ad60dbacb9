"""What an interview showed: the verdict on each answer, and the report at the end."""

import json
import os
import time
from html import escape
from pathlib import Path
from textwrap import shorten

import numpy as np

from reglib import style
from reglib.assess import course
from reglib.assess.cards import Card, table, to_html
from reglib.assess.course_map import address
from reglib.assess.questions import LEVELS, TOPICS
from reglib.assess.questions.judge import key
from reglib.assess.questions.show import drawn, embedded
from reglib.assess.session import remembered
from reglib.assess.templates import environment

HERE = str(Path(style.__file__).parent)
WEAKEST = 5  # sections that are named for study, at most


def clock(seconds):
    """Seconds as minutes and seconds: 90 is 1:30."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def place(question):
    """Where a question is answered: the address of the lesson's section, or the literature."""
    return address(question.section, "notebooks/") if question.section else question.source


def link(question):
    """The place as HTML: a link where it is a section.

    A link in a widget opens a new tab of the browser, and JupyterLab forgets the heading. Under
    `reglib lab`, known by the settings that it adds, JupyterLab's own command opens the notebook
    beside this one instead.
    """
    if not question.section:
        return escape(question.source)
    path, _, anchor = place(question).partition("#")
    try:
        near = os.path.relpath(course.root() / path).replace(os.sep, "/")
    except (FileNotFoundError, ValueError):  # no course folder, or on another drive
        near = path
    in_lab = os.environ.get("JUPYTER_CONFIG_PATH", "").split(os.pathsep)[0] == HERE
    args = json.dumps({"path": path, "id": f"#{anchor}"}) if in_lab else ""
    said, page = ", ".join(question.section).replace("`", ""), TEMPLATES.get_template("link.html")
    return page.render(near=near, anchor=anchor, args=args, said=said)


def verdict_card(question, verdict):
    """The verdict on one answer, with the right one where it was not given."""
    rows, told = verdict.rows, ()
    if verdict.score < 1 and question.kind == "code":
        rows = (*rows, ("one right answer", key(question)))
    elif verdict.score < 1 and question.kind != "open" and not rows:
        told = (f"The right answer: {key(question).replace(chr(10), '; ')}",)
    kind = "passed" if verdict.score == 1 else "not yet"
    return Card(kind, verdict.heading, (*told, *verdict.sentences), rows)


def first_words(question):
    """How a question begins; a formula or a piece of code is not cut."""
    said = shorten(question.question, 60, placeholder=" ...")
    for mark in "$`":
        if said.count(mark) % 2:
            said = f"{said[: said.rindex(mark)]}..."
    return said


TEMPLATES = environment(escape, first_words, link, place, table, to_html)


class Report:
    """The scores by topic and by level, what to study, and what comes back when.

    Parameters
    ----------
    talk : Interview
        With the answers that were given.
    keep : bool
        Remember this interview with the learner's progress.
    """

    def __init__(self, talk, keep=True):
        self.results, store, self.keep = talk.results, talk.store, keep
        self.groups = {"topic": self._means("topic", TOPICS), "level": self._means("level")}
        score, n = _mean(self.results), len(self.results)
        used = f"{clock(talk.seconds())} of {clock(talk.allowed())}"
        reached = f"{score:.0%} of {n} question{'s' * (n > 1)}, in {used}"
        self.heading = reached if n else "No question was answered"
        past = [json.loads(detail) for detail in store.latest("interview").values()][-5:]
        past = [f"{one['day']} {one['score']:.0%} of {one['questions']}" for one in past]
        self.history = f"Earlier interviews: {', '.join(past)}." if past else ""
        weak = sorted((r for r in self.results if r.score < 1), key=lambda result: result.score)
        # Two questions may lead to one section: it is named with the weaker one.
        study = [*{place(r.question): r for r in weak[::-1]}.values()][::-1]
        self.study, rest = study[:WEAKEST], len(study[WEAKEST:])
        self.more = f"And {rest} more." * bool(rest)
        returns, kept = {}, remembered(store)
        for question in {result.question.id: result.question for result in self.results}.values():
            day = kept[question.id][1].due.date().isoformat()
            returns.setdefault(day, []).append(first_words(question))
        self.days = [(day, " · ".join(asked)) for day, asked in sorted(returns.items())]
        if keep and n:
            summary = {"day": time.strftime("%Y-%m-%d"), "score": score, "questions": n}
            summary |= {"seconds": round(talk.seconds())} | self.groups
            store.add(f"interview {time.time_ns()}", "interview", json.dumps(summary))

    def _means(self, group, names=None):
        found = {name: [] for name in names or LEVELS}
        for result in self.results:
            found[getattr(result.question, group)].append(result)
        return {(names or {}).get(k, k): (_mean(rs), len(rs)) for k, rs in found.items() if rs}

    def picture(self):
        """The scores as bars: PNG bytes, and the same in words."""
        words = []
        size = 8, 1.3 + 0.32 * max(map(len, self.groups.values()))
        return drawn(size, self._bars, words), " ".join(words)

    def _bars(self, fig, words):
        for ax, (group, means) in zip(fig.subplots(1, 2), self.groups.items(), strict=True):
            said = [f"{mean:.0%} of {n}" for mean, n in means.values()]
            bars = ax.barh([*means], [100 * mean for mean, _ in means.values()], height=0.6)
            ax.bar_label(bars, said, padding=3)
            ax.invert_yaxis()
            ax.set(title=f"Score by {group}", xlabel="percent", xlim=(0, 135), xticks=[0, 50, 100])
            ax.grid(axis="y", visible=False)
            told = ", ".join(map(" ".join, zip(means, said, strict=True)))
            words.append(f"Score by {group}: {told}.")

    def __repr__(self):
        return TEMPLATES.get_template("report.txt").render(report=self).rstrip()

    def _repr_html_(self):
        heading = Card("note", f"Report: {self.heading}")._repr_html_()
        png, words = self.picture() if self.results else (None, "")
        page = TEMPLATES.get_template("report.html")
        return page.render(report=self, heading=heading, image=embedded(png), words=words)


def _mean(results):
    return round(float(np.mean([result.score for result in results])), 3) if results else 0.0
