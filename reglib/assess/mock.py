"""An interview in a notebook: one question at a time, committed to before anything is revealed."""

import threading
from dataclasses import replace

import ipywidgets as widgets
import traitlets

from reglib.assess.cards import Card, table, to_html, to_pre
from reglib.assess.guard import NotAttempted
from reglib.assess.questions import LEVELS, TOPICS, WORDS, bank, find, show
from reglib.assess.questions.judge import in_time, judge, key, points_of
from reglib.assess.questions.show import rich
from reglib.assess.report import Report, clock, link, verdict_card
from reglib.assess.session import Interview, draw, remembered
from reglib.assess.templates import environment

TEMPLATES = environment(key, link, show.code, rich, to_pre)
WIDE, SNUG = {"width": "auto"}, {"width": "auto", "align_self": "flex-start"}
FREE = {"style": {"description_width": "initial"}}


def ask(ids, minutes=None):
    """Ask one question of the bank, or several one after another.

    Parameters
    ----------
    ids : str or list of str
        Names of questions.
    minutes : float, optional
        Against the clock, which starts when the learner is ready.

    Returns
    -------
    Mock
        A widget that keeps each answer with the learner's progress.
    """
    questions = [find(name) for name in ([ids] if isinstance(ids, str) else ids)]
    if not questions:
        raise ValueError("ids must name one question of the bank or more, got none")
    if not (minutes is None or minutes > 0):
        raise ValueError(f"minutes must be above 0 or None, got {minutes!r}")
    still = "".join(_shown(question, still=True) for question in questions)
    mock = Mock(" ".join(q.question.strip() for q in questions), still, timed=bool(minutes))
    if minutes is None:
        mock.run(Interview(questions))
    else:
        said = f"Questions: {len(questions)}. Time: {minutes:g} minutes, from when you start."
        mock.offer(said, lambda: Interview(questions, minutes))
    return mock


def interview(length=10, level=None, topics=None, seed=None):
    """Hold a mock interview; its first page offers to change what is given here.

    Parameters
    ----------
    length : int
        How many questions.
    level : str, optional
        "Easy", "Medium" or "Hard"; mixed by default.
    topics : list of str, optional
        All by default.
    seed : int, optional
        The same seed draws the same questions.

    Returns
    -------
    Mock
        A widget that ends with a report.
    """
    many = widgets.BoundedIntText(length, min=1, max=len(bank()), description="Questions", **FREE)
    levels = [("Mixed", ""), *zip(LEVELS, LEVELS, strict=True)]  # a widget shows None as blank
    which = widgets.Dropdown(options=levels, value=level or "", description="Level", **FREE)
    which.tooltip = "Level (the space bar opens the list)"
    about = Ticks(TOPICS, tuple(topics or TOPICS))
    fixed = widgets.Text("" if seed is None else str(seed), description="Seed", **FREE)
    fixed.placeholder = "none: a fresh draw"

    def start():
        seed = fixed.value.strip()
        seed = int(seed) if seed.isdigit() else seed or None
        return Interview(draw(many.value, which.value or None, about.value, seed))

    said = "A mock interview: choose its length, level and topics, then start the clock."
    mock = Mock(said, f"<p>{said} Run this cell to begin.</p>", mock=True)
    mock.offer(said, start, many, which, widgets.HTML("Topics:"), about, fixed)
    return mock


class Ticks(widgets.VBox):
    """Boxes to tick; `value` holds the names of those that are ticked."""

    value = traitlets.Tuple()

    def __init__(self, words, value=()):
        look = {"description_allow_html": True, "indent": False, "layout": WIDE}
        self.boxes = {
            name: widgets.Checkbox(name in value, description=to_html(text), **look)
            for name, text in words.items()
        }
        super().__init__(list(self.boxes.values()), value=value)
        for box in self.boxes.values():
            box.observe(self._ticked, "value")

    def _ticked(self, _):
        self.value = tuple(name for name, box in self.boxes.items() if box.value)


class Mock(widgets.VBox):
    """Questions one after another, each committed to before its verdict, and then a report."""

    def __init__(self, said, still, mock=False, timed=False):
        self.said, self.still, self.mock, self.timed = " ".join(said.split()), still, mock, timed
        self.clock, self.over = widgets.HTML(), threading.Event()
        self.page, self.status = widgets.VBox(), widgets.HTMLMath()
        style = TEMPLATES.get_template("keys.html").render()
        super().__init__([widgets.HTML(style, layout={"display": "none"}), self.clock, self.page])
        self.add_class("reglib-mock")

    def offer(self, said, start, *controls):
        """Show what can be chosen, and a button that runs the interview that `start` returns."""

        def begin():
            try:
                talk = start()
            except ValueError as error:
                return self._say(Card("not attempted", "Not started", (str(error),))._repr_html_())
            self.run(talk)
            threading.Thread(target=self._tick, daemon=True).start()

        self.page.children = [widgets.HTML(said), *controls, _button("Start", begin), self.status]

    def run(self, talk):
        """Ask the questions of an `Interview`."""
        self.talk = talk
        talk.begin()
        self._ask()

    def _tick(self):
        while True:  # the interview's own time is shown, so that no beat can make it drift
            used = self.talk.seconds()
            left = int(self.talk.allowed()) - int(used)
            rest = f"left {clock(left)}" if left >= 0 else f"over by {clock(-left)}"
            self.clock.value = f'<div role="timer">Time used {clock(used)}, {rest}</div>'
            if self.over.wait(1 - used % 1):
                return

    def _say(self, text):
        self.status.value = text

    def _ask(self):
        talk, question = self.talk, self.talk.current
        if question is None:
            return self._end()
        many = len(talk.questions) > 1
        last = remembered(talk.store).get(question.id)
        how, page = {"mock": self.mock, "timed": self.timed}, TEMPLATES.get_template("head.html")
        head = page.render(how, talk=talk, topics=TOPICS, last=last)
        self.field, self.told = _field(question), False
        self.field.observe(self._changed, "value")
        self.commit = _button("Commit", self._commit, disabled=True)
        hint = Card("note", "Hint", (question.hint,))._repr_html_()
        self.row = widgets.HBox(
            [self.commit, _button("Hint", lambda: self._say(hint)), _button("Skip", self._skip)]
            + [_button("End here", self._end)] * many,
            layout={"flex_flow": "row wrap"},
        )
        self._say("")
        text = widgets.HTMLMath(f"{head}{_shown(question)}")
        self.asked = [text, self.field, self.row, self.status]
        # One list: where the page changes, the Tab key goes on from the place of the old button.
        self.page.children = self.asked

    def _reply(self):
        return "".join(self.field.value or ())

    def _changed(self, _):
        empty = ("", show.code(self.talk.current).strip())
        self.commit.disabled = self._reply().strip() in empty

    def _commit(self):
        question, reply = self.talk.current, self._reply()
        if self.told:
            return
        try:
            if question.kind != "open":
                return self._tell(in_time(lambda: self.talk.answer(reply)))
            judge(question, reply)  # no model answer for a text that is none
        except NotAttempted as reason:
            return self._say(Card("not attempted", "No answer yet", (str(reason),))._repr_html_())
        self._close("Committed")
        self._say(f"<p><strong>One good answer, of several</strong></p>{rich(key(question))}")
        points = points_of(question.data).items()
        ticks = Ticks(_lettered({letter: point["point"] for letter, point in points}))
        done = _button(
            "Commit the ticks", lambda: self._tell(self.talk.answer(reply, "".join(ticks.value)))
        )
        said = widgets.HTML("Tick what your own text really says:")
        self.page.children = [*self.asked, said, ticks, done]

    def _skip(self):
        self._tell(self.talk.skip(), "Skipped")

    def _close(self, word):
        # The button stays: the keyboard's place in the page would be lost with it.
        self.told, self.commit.description, self.row.children = True, word, [self.commit]
        for part in getattr(self.field, "boxes", {"": self.field}).values():
            part.disabled = True

    def _tell(self, verdict, word="Committed"):
        question, follow_up = self.talk.current, self.talk.follow_up()
        self._close(word)
        card, rows, page = verdict_card(question, verdict), "", TEMPLATES.get_template("told.html")
        if question.kind != "code":  # their rows are words and formulas
            card, rows = replace(card, rows=()), table(card.rows, value=rich)
        self._say(page.render(question=question, card=card, rows=rows))
        more = []
        if follow_up:
            answer, told = widgets.HTMLMath(), rich(follow_up["answer"])
            reveal = _button("Show the answer", lambda: answer.set_trait("value", told))
            asked = f"<strong>And next?</strong> {rich(follow_up['question'])}"
            more = [widgets.HTMLMath(f"{asked}<p>Say your answer aloud first.</p>"), reveal, answer]
        if len(self.talk.questions) > 1:
            last = self.talk.position + 1 == len(self.talk.questions)
            more.append(_button("To the report" if last else "Next question", self._next))
        else:
            self.over.set()
        self.page.children = [*self.asked, *more]

    def _next(self):
        self.talk.next()
        self._ask()

    def _end(self):
        self.over.set()
        self.clock.value = ""  # the report says how long it took
        self.page.children = [self.status]
        self._say(Report(self.talk, keep=self.mock)._repr_html_())

    def __repr__(self):
        return f"Interview practice: {self.said}"

    def _repr_mimebundle_(self, **kwargs):
        """Add a form for readers without a kernel: what is asked, and no more."""
        bundle = super()._repr_mimebundle_(**kwargs)
        return bundle | {"text/plain": repr(self), "text/html": self.still}


def _button(name, action, **options):
    button = widgets.Button(description=name, tooltip=name, layout=SNUG, **options)
    button.on_click(lambda _: action())
    return button


def _field(question):
    """The widget that takes the answer to a question of this kind; its `value` is the answer."""
    words = _lettered(show.options(question))
    if question.kind == "several":
        return Ticks(words)
    if question.kind in ("choice", "curve"):
        names = words if _listed(question) else [text.replace("`", "") for text in words.values()]
        options = list(zip(names, words, strict=True))
        form = "horizontal" if _listed(question) else "vertical"
        look = {"orientation": form, "layout": WIDE, "tooltip": "Your answer"}
        return widgets.RadioButtons(options=options, value=None, **look)
    label = {"description": WORDS["fields"][question.kind], "layout": WIDE, **FREE}
    if question.kind == "code":
        stub = f"{show.code(question)}\n    "
        field = widgets.Textarea(stub, rows=stub.count("\n") + 9, **label)
        return field.add_class("reglib-code")
    return widgets.Textarea(rows=10, **label) if question.kind == "open" else widgets.Text(**label)


def _lettered(words):
    return {letter: f"{letter}) {text}" for letter, text in words.items()}


def _listed(question):
    """Whether the options stand in the question: a widget's own words can hold no formula."""
    words = show.options(question).values()
    return question.kind in ("curve", "order") or any("$" in text for text in words)


def _shown(question, still=False):
    """What is asked as HTML; `still` where no widget shows the options or the code to complete."""
    image = "" if still else show.embedded(show.picture(question))
    words, listed = _lettered(show.options(question)).values(), _listed(question)
    page = TEMPLATES.get_template("asked.html")
    return page.render(question=question, still=still, image=image, words=words, listed=listed)
