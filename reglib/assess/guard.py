"""Calling a learner's answer with care: watched for the library, inputs compared afterwards."""

import contextlib
import copy
import dis
import inspect
import sys
import threading
import traceback
import types
import warnings

import numpy as np

from reglib.assess.grading.inside import plain, unchanged
from reglib.assess.says import WORDS, say

LIBRARIES, ESCAPES = WORDS["libraries"], WORDS["escapes"]
NUMPY_AS_IMPORTED = {
    (module, name): value
    for module in (np, np.linalg, np.random)
    for name, value in vars(module).items()
    if callable(value) and not name.startswith("_")
}


class Wrong(Exception):
    """A wrong answer: the sentence that names the mistake, and rows of label and value."""

    def __init__(self, sentence, rows=()):
        super().__init__(sentence)
        self.sentence, self.rows = sentence, tuple(rows)


class NotAttempted(Exception):
    """No answer yet, or none that can be judged: nothing is counted and nothing revealed."""


class Answer:
    """A learner's function, called as the checks call it.

    It works with any arguments that can be copied. Raises `NotAttempted` for the untouched stub
    and `Wrong` when the function crashes, changes its inputs, replaces parts of NumPy or calls a
    library that already holds the answer.
    """

    def __init__(self, function):
        self.function = function
        refuse(library_named(function))

    def __call__(self, *args):
        numpy_is_intact()
        before, used, escapes = copy.deepcopy(args), [], []
        try:
            # A warning on stderr would cost the points in nbgrader, so it is not printed.
            with warnings.catch_warnings(action="ignore"), np.errstate(all="ignore"):
                with contextlib.redirect_stderr(sys.stdout):
                    result = watched(self.function, args, used, escapes)
        except NotImplementedError:
            raise NotAttempted("The task still holds its blank.") from None
        except KeyboardInterrupt:  # the learner's own: the tutor answers it
            raise
        except BaseException as error:
            refuse(used)
            raise crash(self.function, error, before) from None
        finally:
            numpy_is_intact()
        refuse(used)
        if escapes:
            raise Wrong(say("unwatched", what=escapes[0]))
        for name, given, now in zip(parameters(self.function), before, args, strict=False):
            if not unchanged(given, now):
                raise input_changed(name, given, now)
        return result


def watched(function, args, used, escapes):
    """Call a function; note the refused libraries that it used, and how it left our watch."""

    def watch(frame, event, arg):
        home = frame.f_globals.get("__name__")
        if event == "call" and frame.f_code is not plain.__code__:
            note(used, home)
        elif event == "c_call":
            module = getattr(arg, "__module__", None)
            note(used, module)
            name = f"{module}.{arg.__name__}"
            # `threading` starts its threads by the same function, and sets our profiler there.
            if name in ESCAPES and home not in ("threading", __name__):
                escapes.append(f"called `{name.lstrip('_')}`")

    previous, in_threads = sys.getprofile(), threading.getprofile()
    try:
        threading.setprofile(watch)
        sys.setprofile(watch)
        return plain(function(*args))
    finally:
        if sys.getprofile() is not watch:
            escapes.append("stopped the profiler")
        sys.setprofile(previous)
        threading.setprofile(in_threads)


def note(used, module):
    """Remember `module` in `used` if it belongs to a refused library."""
    if isinstance(module, str) and module.split(".")[0] in LIBRARIES:
        used.append(module)


def refuse(used):
    """Raise `Wrong` if any library was used."""
    if used:
        root = used[0].split(".")[0]
        raise Wrong(say("library", name=LIBRARIES[root], used=used[0]))


def library_named(function):
    """Refused libraries that a function's code names: compiled functions cannot be watched."""
    used, todo, seen = [], [function], set()
    while todo:
        item = todo.pop()
        note(used, getattr(item, "__name__" if inspect.ismodule(item) else "__module__", None))
        special = sys.modules.get("scipy.special")
        if isinstance(item, np.ufunc) and getattr(special, item.__name__, None) is item:
            used.append("scipy.special")
        code = getattr(item, "__code__", None)
        home = getattr(item, "__module__", None) or ""
        if code is None or code in seen or home.startswith("numpy"):
            continue
        seen.add(code)
        codes = [code]
        for code in codes:
            codes += [const for const in code.co_consts if isinstance(const, types.CodeType)]
            for step in dis.get_instructions(code):
                if step.opname == "IMPORT_NAME":
                    note(used, step.argval)
                elif step.opname == "LOAD_GLOBAL" and step.argval in item.__globals__:
                    todo.append(item.__globals__[step.argval])
    return used


def numpy_is_intact():
    """Put back what an answer replaced in NumPy, and say so."""
    kept = NUMPY_AS_IMPORTED.items()
    changed = [key for key, value in kept if vars(key[0]).get(key[1]) is not value]
    for module, name in changed:
        setattr(module, name, NUMPY_AS_IMPORTED[module, name])
    if changed:
        module, name = changed[0]
        raise Wrong(say("numpy_replaced", name=f"{module.__name__}.{name}"))


def parameters(function):
    """The names of a function's parameters, as far as they are known, then numbers."""
    try:
        yield from inspect.signature(function).parameters
    except (TypeError, ValueError):
        yield from (f"argument {i}" for i in range(1, 20))


def input_changed(name, given, now):
    """The wrong answer of a function that changed an argument."""
    rows = [(f"`{name}` before", show_value(given)), (f"`{name}` after", show_value(now))]
    return Wrong(say("input_changed", name=name), rows)


def crash(function, error, args):
    """The learner's own exception as a wrong answer, with the line that failed and the inputs."""
    frames = traceback.extract_tb(error.__traceback__)
    home = getattr(getattr(function, "__code__", None), "co_filename", None)
    lines = [(frame.lineno, frame.line) for frame in frames if frame.filename == home][-1:]
    given = zip(parameters(function), args, strict=False)
    return crashed("The function", type(error).__name__, safely(str, error), lines, given)


def crashed(what, kind, said, lines, given=()):
    """A wrong answer that tells of an exception, the lines that failed and the arguments."""
    rows = [(f"line {line} of the cell", text.strip()) for line, text in lines]
    rows += [(f"`{name}`", show_value(value)) for name, value in given]
    message = f": {said}" if said else "."
    if "could not be broadcast" in said:
        message += " Does a sum, a mean or a norm need `keepdims=True`?"
    return Wrong(f"{what} stopped with `{kind}`{message}", rows)


def safely(text, value):
    """`text(value)`, or nothing where the learner's own class fails at it."""
    try:
        return text(value)
    except Exception:
        return ""


def show_value(value, digits=4):
    """A value rounded for reading; a large array by its shape and its beginning."""
    if isinstance(value, tuple | list):
        return "(" + ", ".join(show_value(item, digits) for item in value) + ")"
    if isinstance(value, np.ndarray) and value.size > 48:
        head = value.reshape(-1)[:6]
        return f"array of shape {value.shape}, beginning {show_value(head, digits)}"
    if isinstance(value, np.ndarray):
        shown = value + 0.0 if value.dtype.kind == "f" else value
        return np.array2string(shown, precision=digits, suppress_small=True, separator=", ")
    if isinstance(value, float | np.floating):
        return f"{value + 0.0:.{digits + 2}g}"
    return safely(repr, value)
