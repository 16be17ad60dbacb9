"""What the exams say outside of tasks and questions: long sentences and tables, as TOML."""

import tomllib
from pathlib import Path

WORDS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


def say(key, **values):
    """The sentence of this key, with these values in it."""
    return WORDS["sentences"][key].format(**values)
