"""Lists pairs of students whose answers are more alike than honest work explains.

The list is a reason to look, never a verdict. It shows that two answers share code that few others
wrote. It cannot show who wrote it first, whether the two may have worked together, or that both
took it from one source outside the class.
"""

import io
import tokenize
from collections import defaultdict
from keyword import iskeyword
from zlib import crc32

import numpy as np
from scipy.sparse import csr_array, hstack, triu

LONGEST = 20_000  # characters that are read of one answer
GRAM, WINDOW = 6, 3  # in tokens: a passage of GRAM + WINDOW - 1 that two answers share is found
ALIKE, EVIDENCE = 0.6, 100.0  # from simulated classes, see tests/test_grading_alike.py
SPACE = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)


def prints(source):
    """Return fingerprints of Python code that renaming, comments and layout do not change.

    Names other than keywords and attributes become one symbol, so do strings; comments, docstrings
    and the heads of functions go. Every GRAM tokens in a row are hashed and of every WINDOW
    hashes the least is kept (winnowing: Schleimer, Wilkerson and Aiken, 2003).

    Parameters
    ----------
    source : str
        Code, broken or not: what can be read before the first fault counts.

    Returns
    -------
    list of int
        Sorted, each below 2**32, the same on every machine.
    """
    found, readable = [], source[:LONGEST].encode("utf-8", "replace").decode()
    try:
        for symbol in _symbols(tokenize.generate_tokens(io.StringIO(readable).readline)):
            found.append(symbol)
    except (SyntaxError, tokenize.TokenError, ValueError):
        pass  # the code is broken here
    starts = range(max(1, len(found) - GRAM + 1)) if found else ()
    hashes = [crc32(" ".join(found[i : i + GRAM]).encode()) for i in starts]
    windows = range(max(1, len(hashes) - WINDOW + 1)) if hashes else ()
    return sorted({min(hashes[i : i + WINDOW]) for i in windows})


def _symbols(tokens):
    """Yield what is compared of each token."""
    head, depth, before = False, 0, "\n"
    for kind, text, *_ in tokens:
        depth += (text in ("(", "[", "{")) - (text in (")", "]", "}"))
        if head:
            head = text != ":" or depth > 0
        elif text == "def":
            head, depth = True, 0
        elif kind == tokenize.STRING:
            yield from ["s"] * bool(before.strip())  # at the start of a line it is a docstring
        elif kind == tokenize.NAME:
            yield text if before == "." or iskeyword(text) else "x"
        elif kind not in SPACE:
            yield text
        before = text if kind not in (tokenize.COMMENT, tokenize.NL) else before


def similar(results, blanks, most=200):
    """Return the pairs of students whose answers share much that few others wrote.

    Each fingerprint weighs log(n / k), where k of the n who answered the task have it: what all
    have says nothing. The share is the cosine of two students' weighted fingerprints.

    Parameters
    ----------
    results : iterable of dict
        Results of `mark`, read once; a student may have several.
    blanks : dict
        The fingerprints of what everybody was given, by a task's number.
    most : int
        How many pairs are returned at most.

    Returns
    -------
    list of (str, str, float, list of str)
        Two students, their share from 0.6 to 1 and the tasks in which they are alike, the most
        suspicious pair first.
    """
    held = defaultdict(lambda: defaultdict(set))  # task, student: prints
    for result in results:
        for number, task in result["tasks"].items():
            own = set(task.get("prints", ())) - set(blanks.get(number, ()))
            if own:
                held[number][result["student"]] |= own
    names = sorted({student for students in held.values() for student in students})
    parts = {number: _weighed(students, names) for number, students in held.items()}
    if not parts:
        return []
    whole = hstack(list(parts.values()), format="csr")
    dots, long = triu(whole @ whole.T, 1).tocoo(), np.sqrt(_squares(whole))
    a, b = dots.coords
    shares = dots.data / (long[a] * long[b])
    worst = np.lexsort((b, a, -shares.round(6)))
    worst = worst[((shares >= ALIKE) & (dots.data >= EVIDENCE))[worst]][:most]
    tasks = [[] for _ in worst]
    for number, part in parts.items():
        here, norms = part[a[worst]].multiply(part[b[worst]]).sum(axis=1), np.sqrt(_squares(part))
        for i in np.flatnonzero((here > 0) & (here >= ALIKE * norms[a[worst]] * norms[b[worst]])):
            tasks[i].append(number)
    return [
        (names[a[k]], names[b[k]], round(float(shares[k]), 3), alike)
        for k, alike in zip(worst, tasks, strict=True)
    ]


def _weighed(students, names):
    """The weights of one task's fingerprints: a row a student, a column a fingerprint."""
    rows = [i for i, name in enumerate(names) for _ in students.get(name, ())]
    held = [mark for name in names for mark in students.get(name, ())]
    _, columns, counts = np.unique(held, return_inverse=True, return_counts=True)
    weights = np.log(len(students) / counts)
    return csr_array((weights[columns], (rows, columns)), shape=(len(names), len(counts)))


def _squares(part):
    return part.power(2).sum(axis=1)
