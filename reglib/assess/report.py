"""What an interview showed: the verdict on each answer, and the report at the end."""

import base64
import io
import json
import os
import time
from html import escape
from urllib.parse import quote

import numpy as np

from reglib import style
from reglib.assess import course
from reglib.assess.cards import Card, table
from reglib.assess.questions import LEVELS, TOPICS
from reglib.assess.questions.judge import key
from reglib.assess.questions.show import rich

WEAKEST = 5  # sections that are named for study, at most


def clock(seconds):
    """Seconds as minutes and seconds: 90 is 1:30."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def html(text):
    """Question text as HTML whose formulas the page sets."""
    return rich(text, lambda formula: f"${escape(formula, quote=False)}$")


def place(question):
    """Where a question is answered: the address of the lesson's section, or the literature."""
    if not question.section:
        return question.source
    notebook, heading = question.section
    return f"notebooks/{notebook}.ipynb#{heading.replace('`', '').replace(' ', '-')}"


def link(question):
    """The place as HTML: a link where it is a section.

    JupyterLab opens a link of a widget in a new tab of the browser and forgets the heading. Where
    `reglib lab` serves the course, its own command opens the notebook beside this one instead.
    """
    if not question.section:
        return escape(question.source)
    path, _, anchor = place(question).partition("#")
    try:
        near = os.path.relpath(course.root() / path).replace(os.sep, "/")
    except (FileNotFoundError, ValueError):  # no course folder, or on another drive
        near = path
    command = ""
    if os.environ.get("REGLIB_SERVED"):
        args = escape(json.dumps({"path": path, "id": f"#{anchor}"}))
        run = "rendermime:handle-local-link"
        command = f' data-commandlinker-command="{run}" data-commandlinker-args="{args}"'
    said = f"{question.section[0]}, {question.section[1].replace('`', '')}"
    return f'<a href="{near}#{quote(anchor)}" target="_blank"{command}>{escape(said)}</a>'


def verdict_card(question, verdict):
    """The verdict on one answer, with the right one where it was not given."""
    right = verdict.score == 1
    told = () if right or question.kind in ("code", "fault", "open") else (key(question),)
    told = tuple(f"The right answer: {text.replace(chr(10), '; ')}" for text in told)
    code = key(question) if question.kind in ("code", "fault") and not right else ""
    kind, sentences = "passed" if right else "not yet", (*told, *verdict.sentences)
    return Card(kind, verdict.heading, sentences, verdict.rows, code)


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
        self.results, store = talk.results, talk.store
        scores = [result.score for result in self.results]
        self.groups = {"topic": self._means("topic"), "level": self._means("level")}
        self.heading = "No question was answered"
        if scores:
            self.heading = (
                f"{np.mean(scores):.0%} of {len(scores)} question{'s' * (len(scores) > 1)}, "
                f"in {clock(talk.seconds())} of {clock(talk.allowed())} minutes"
            )
        past = [json.loads(detail) for detail in store.latest("interview").values()][-5:]
        past = [f"{one['day']} {one['score']:.0%} of {one['questions']}" for one in past]
        self.history = f"Earlier interviews: {', '.join(past)}." if past else ""
        weak = sorted((r for r in self.results if r.score < 1), key=lambda result: result.score)
        # Two questions may lead to one section.
        self.study = list({place(r.question): r for r in weak[::-1]}.values())[::-1][:WEAKEST]
        self.returns = {}
        for name in dict.fromkeys(result.question.id for result in self.results):
            due = json.loads(store.last(f"question {name}", "answer"))["card"]["due"]
            self.returns.setdefault(due[:10], []).append(name)
        if keep and scores:
            summary = {"day": time.strftime("%Y-%m-%d"), "score": round(float(np.mean(scores)), 3)}
            summary |= {"questions": len(scores), "seconds": round(talk.seconds())} | self.groups
            store.add(f"interview {time.time_ns()}", "interview", json.dumps(summary))

    def _means(self, group):
        names, found = TOPICS if group == "topic" else dict(zip(LEVELS, LEVELS, strict=True)), {}
        for result in self.results:
            found.setdefault(getattr(result.question, group), []).append(result.score)
        return {
            text: (round(float(np.mean(found[name])), 3), len(found[name]))
            for name, text in names.items()
            if name in found
        }

    def picture(self):
        """The scores as bars: PNG bytes, and the same in words."""
        from matplotlib import rc_context
        from matplotlib.figure import Figure

        with rc_context():
            style.use()
            fig = Figure(figsize=(8, 1.3 + 0.32 * max(map(len, self.groups.values()))))
            axes = fig.subplots(1, 2, sharex=True)
            for ax, (group, means), color in zip(
                axes, self.groups.items(), (style.BLUE, style.ORANGE), strict=True
            ):
                bars = ax.barh(list(means), [100 * mean for mean, _ in means.values()], color=color)
                counts = [f"{mean:.0%} of {n}" for mean, n in means.values()]
                ax.bar_label(bars, counts, padding=3)
                ax.invert_yaxis()
                ax.set(title=f"Score by {group}", xlabel="percent", xlim=(0, 135))
                ax.set_xticks([0, 50, 100])
                ax.grid(axis="y", visible=False)
            file = io.BytesIO()
            fig.savefig(file, format="png")
        words = [
            f"Score by {group}: "
            + ", ".join(f"{name} {mean:.0%} of {n}" for name, (mean, n) in means.items())
            for group, means in self.groups.items()
        ]
        return file.getvalue(), ". ".join(words) + "."

    def __repr__(self):
        lines = [self.heading]
        for group, means in self.groups.items() if self.results else ():
            lines += ["", f"{group:24} score  questions"]
            lines += [f"{name:24} {mean:5.0%}  {n}" for name, (mean, n) in means.items()]
        if self.study:
            lines += ["", "Study, the weakest first:"]
            lines += [f"  {r.score:4.0%}  {place(r.question)}" for r in self.study]
        lines += [""] + [f"Back on {day}: {', '.join(names)}" for day, names in self._days()]
        return "\n".join([*lines, *[self.history] * bool(self.history)])

    def _days(self):
        return sorted(self.returns.items())

    def _repr_html_(self):
        if not self.results:
            return Card("note", self.heading)._repr_html_()
        png, words = self.picture()
        image = base64.b64encode(png).decode()
        study = "".join(
            f"<li>{r.score:.0%}: {link(r.question)} (<code>{r.question.id}</code>)</li>"
            for r in self.study
        )
        days = [(day, ", ".join(f"`{name}`" for name in names)) for day, names in self._days()]
        parts = [
            Card("note", f"Report: {self.heading}")._repr_html_(),
            f'<img src="data:image/png;base64,{image}" alt="{escape(words)}" '
            'style="max-width:100%">',
            f"<p><strong>Study, the weakest first</strong></p><ol>{study}</ol>" * bool(study),
            table(days, ("day", "what comes back")),
            f"<p>{self.history}</p>",
        ]
        return "".join(parts)
