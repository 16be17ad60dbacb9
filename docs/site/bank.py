"""The question bank as pages: one a topic, each question with its own heading, answers folded."""

from collections import Counter

from docs.site.markdown import TEMPLATES
from reglib.assess.questions import KINDS, LEVELS, TOPICS, bank
from reglib.assess.questions.show import picture

# Names that a question's id writes small.
NAMES = {"l1": "L1", "l2": "L2", "adam": "Adam", "sam": "SAM", "psi": "PSI", "he": "He"}
NAMES |= {"dropconnect": "DropConnect", "cutmix": "CutMix"}


def title(question):
    """The heading of a question: its id in words."""
    words = " ".join(NAMES.get(word, word) for word in question.id.split("-"))
    return words[0].upper() + words[1:]


def topics():
    """What the pages say of each topic: name, page, questions, how many of a level and a kind."""
    return [_topic(page, name) for page, name in TOPICS.items()]


def _topic(page, name):
    questions = [question for question in bank().values() if question.topic == page]
    levels = Counter(question.level for question in questions)
    kinds = Counter(question.kind for question in questions)
    return {
        "page": page,
        "name": name,
        "questions": questions,
        "minutes": sum(question.minutes for question in questions),
        "levels": {level: levels[level] for level in LEVELS},
        "kinds": {kind: kinds[kind] for kind in KINDS},
    }


def pages():
    """The pages of the bank and their pictures: content by name."""
    page, index = TEMPLATES.get_template("topic.md"), TEMPLATES.get_template("questions.md")
    found = {"questions/index.md": index.render(topics=topics(), levels=LEVELS)}
    for topic in topics():
        found[f"questions/{topic['page']}.md"] = page.render(topic=topic, title=title)
    pictures = {question.id: picture(question) for question in bank().values()}
    return found | {f"questions/{name}.png": png for name, png in pictures.items() if png}
