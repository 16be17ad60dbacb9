"""Comparing what an answer gives with what it should give, and recognising a known mistake."""

import copy
import numbers
from functools import partial
from inspect import signature
from itertools import product
from math import inf

# Taken by name, so that an answer that later replaces `np.abs` is not believed.
from numpy import abs as absolute
from numpy import argmax, asarray, errstate, integer, isfinite, isnan, ndarray, unravel_index, where
from numpy.random import default_rng

from reglib.assess.guard import NotAttempted, Wrong, show_value
from reglib.assess.says import say

NTH = ("first", "second", "third", "fourth", "fifth")


def match(answer, right, cases, wrongs=(), names=(), tol=1e-9, order=(), explain=None):
    """Compare `answer` with `right` on every case; raise `Wrong` at the first difference.

    Parameters
    ----------
    answer : callable
        The learner's function, or a stand-in that asks another process.
    right : callable
        The reference: a number, an array, or a tuple of these.
    cases : list of tuple
        Arguments. Each call gets fresh copies.
    wrongs : list of (str, callable)
        Known mistakes. When the answer equals one of them, its sentence is the message.
    names : tuple of str
        Names of the arguments, and after them names of the outputs.
    tol : float
        Allowed difference, relative to the largest expected entry (at least 1e-3). The references
        are sums of at most a few thousand products of well-conditioned float64 numbers: any order
        of summation stays below 1e-12.
    order : tuple of int
        In which order several outputs are judged, where one follows from another.
    explain : callable, optional
        `explain(given, case)` returns a sentence, or None, where no known mistake explains it.
    """
    for case in cases:
        given, expected = answer(*copy.deepcopy(case)), right(*case)
        problem = difference(given, expected, tol, names[len(case) :], order)
        if problem is None:
            continue
        known = known_mistake(answer, right, given, case, cases, wrongs, tol)
        problem = known or (explain and explain(given, case)) or problem
        rows = [(f"`{name}`", show_value(value)) for name, value in zip(names, case, strict=False)]
        # Twelve show a difference that rounding hides.
        digits = 12 if show_value(expected) == show_value(given) else 4
        rows += [("expected", show_value(expected, digits)), ("yours", show_value(given, digits))]
        raise Wrong(problem, rows)


def judged(right, cases, wrongs, outputs=(), **how):
    """Return a test that compares an answer with `right` by `match`.

    `cases(rng)` gives the list of cases. In `wrongs`, a mistake is a key and a function, or the
    keyword arguments with which `right` itself makes the mistake: all its others are the answer's.
    """
    known = [(key, partial(right, **w) if isinstance(w, dict) else w) for key, w in wrongs]
    own = [arg.name for arg in signature(right).parameters.values() if arg.default is arg.empty]

    def test(answer, seed=0):
        match(answer, right, cases(default_rng(seed)), known, (*own, *outputs), **how)

    return test


def combined(options, all_three=""):
    """Return every combination of mistakes: its keys, and the keyword arguments that make it.

    `options` gives for each argument its values, each with a key: "" is right. The keys
    `all_three` get one more before them, of this name.
    """
    found = []
    for parts in product(*options.values()):
        keys = " ".join(dict.fromkeys(key for key, _ in parts if key))
        values = {name: value for name, (_, value) in zip(options, parts, strict=True)}
        found.append(("all_three " * (keys == all_three) + keys, values))
    return [pair for pair in found if pair[0]]


def known_mistake(answer, right, given, case, cases, wrongs, tol):
    """The sentence of the known mistake that the answer makes, or None.

    Two mistakes may give the same numbers once: of the cases that go wrong, at least half must
    go wrong in this way. (Not all: without a penalty a wide X has many solutions.)
    """
    with errstate(all="ignore"):
        fits = [pair for pair in wrongs if difference(given, pair[1](*case), tol) is None]
        scores, wrong_cases = [0] * len(fits), 0
        for other in cases if fits else ():
            try:
                there = answer(*copy.deepcopy(other))
            except (Wrong, NotAttempted):  # it stopped there, which says nothing about this one
                continue
            if difference(there, right(*other), tol) is not None:
                wrong_cases += 1
                for i, (_, wrong) in enumerate(fits):
                    scores[i] += difference(there, wrong(*other), tol) is None
    best = max(scores, default=0)
    return fits[scores.index(best)][0] if best and 2 * best >= wrong_cases else None


def difference(given, expected, tol=1e-9, names=(), order=()):
    """One sentence that says how `given` differs from `expected`, or None."""
    if given is None:
        return "The function returned `None`. Is the `return` missing?"
    if isinstance(expected, tuple):
        stacked = (len(expected), *asarray(expected[0]).shape)
        if isinstance(given, ndarray) and given.shape == stacked:
            given = list(given)  # it unpacks as a tuple does
        if not isinstance(given, tuple | list) or len(given) != len(expected):
            order = f" in this order: {', '.join(f'`{name}`' for name in names)}" if names else ""
            return f"The function must return {len(expected)} things{order}."
        for i in order or range(len(expected)):
            problem = difference(given[i], expected[i], tol)
            if problem is not None:
                return f"Look at `{names[i]}`, the {NTH[i]} output. {problem}" if names else problem
        return None
    is_array = isinstance(expected, ndarray)
    unlike = unlike_array(given, expected) if is_array else unlike_number(given)
    return unlike or unlike_values(asarray(given), asarray(expected), tol)


def unlike_array(given, expected):
    """What is wrong with the kind or the shape of `given` where an array is expected."""
    if unlike_number(given) is None:
        return say("one_number", shape=expected.shape)
    if not isinstance(given, ndarray):
        how = " (`np.array(...)` makes an array of a list.)" * isinstance(given, tuple | list)
        return f"A NumPy array is expected, and the function returned {a(given)}.{how}"
    if given.dtype.kind not in "fiu":
        return f"Real numbers are expected, and the array holds values of type `{given.dtype}`."
    if given.shape != expected.shape:
        return f"The shape is {given.shape}, and it should be {expected.shape}."
    return None


def unlike_number(given):
    """What is wrong with the kind of `given` where one real number is expected."""
    if isinstance(given, ndarray) and (given.shape or given.dtype.kind not in "fiu"):
        return f"One number is expected, and the function returned an array of shape {given.shape}."
    if isinstance(given, bool) or not isinstance(given, numbers.Real | integer | ndarray):
        return f"One real number is expected, and the function returned {a(given)}."
    return None


def a(value):
    name = type(value).__name__
    return f"an `{name}`" if name[0] in "aeiou" else f"a `{name}`"


def unlike_values(given, expected, tol):
    """How the values differ; NaN only equals NaN."""
    if isfinite(given).all() and (tol == inf or (given == expected).all()):
        return None
    if (isnan(given) & ~isnan(expected)).any():
        return "The result holds NaN (not a number). Look for 0/0 or the root of a negative number."
    if (~isfinite(given) & isfinite(expected)).any():
        return "The result holds an infinite value. Look for a division by zero or a log of zero."
    finite = isfinite(expected)
    scale = max(1e-3, float(absolute(expected[finite]).max(initial=0.0)))
    same = (given == expected) | (isnan(given) & isnan(expected))
    with errstate(invalid="ignore"):
        gap = where(same, 0.0, absolute(given - expected))
    if (gap <= tol * scale).all():
        return None
    if given.dtype.kind in "iu" and expected.dtype.kind == "f" and gap.max() < 1:
        return "The result holds whole numbers: its fractions were cut off. Compute in floats."
    if given.dtype.itemsize < 8 and given.dtype.kind == "f" and gap.max() <= 1e-2 * scale:
        return f"The result is `{given.dtype}`, too coarse here: keep the input's `float64`."
    with errstate(all="ignore"):  # a reference may be huge
        for digits in range(3, 7):
            if given.any() and (given == expected.round(digits)).all():
                return f"The result is rounded to {digits} decimals. Return it as it was computed."
    if given.size == 1:
        return "The value is not the expected one."
    index = [int(i) for i in unravel_index(int(argmax(gap)), gap.shape)]
    return f"The values differ, most of all at index {index}."
