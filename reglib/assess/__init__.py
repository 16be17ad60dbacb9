"""The exams: tasks that check an answer, questions that judge one, and the learner's own progress.

`check`, `hint`, `solution`, `reset`, `progress`, `predict`, `start`, `ask` and `interview` are
loaded on first use.
"""

from importlib import import_module

_HOME = dict.fromkeys(("check", "hint", "solution", "reset", "progress"), "tutor")
_HOME |= {"predict": "predictions", "start": "course", "ask": "mock", "interview": "mock"}
__all__ = sorted(_HOME)


def __getattr__(name):
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__():
    return __all__
