"""Lists pairs of students whose answers are more alike than honest work explains.

The list is a reason to look, never a verdict. It shows that two students share much code that few
others wrote. It cannot show who wrote it first, whether the two were allowed to work together, or
that both took it from a third. Two who share only some tasks are seldom on it, and short answers
and small classes tell little, because honest work is alike there too.
"""

import re
import tokenize
from contextlib import suppress
from keyword import iskeyword
from zlib import crc32

import numpy as np
from scipy.sparse import csr_array

# Characters that are read of an answer; tokens in a gram, grams in a window.
LONGEST, GRAM, WINDOW = 20_000, 6, 3
ALIKE, ENOUGH = 0.6, 13  # from simulated classes, as in tests/test_grading_alike.py
HEAD = re.compile(r"\bdef\s+\w+\s*\([^()]*\)[^:\n]*:")  # where the type hints are


def prints(source):
    """Return fingerprints of Python code that new names, comments and layout do not change.

    Every GRAM tokens in a row are hashed, and of every WINDOW hashes in a row the least is kept
    (winnowing: Schleimer, Wilkerson and Aiken, 2003).

    Parameters
    ----------
    source : str
        Code, broken or not: what stands before the first fault counts.

    Returns
    -------
    list of int
        Sorted, below 2**32, the same on every machine; none for less than 8 tokens.
    """
    lines, found = HEAD.sub("", source[:LONGEST]).splitlines(keepends=True), []
    with suppress(SyntaxError, tokenize.TokenError, ValueError):
        found.extend(_symbols(tokenize.generate_tokens(iter(lines).__next__)))
    hashes = [crc32(ascii(found[i : i + GRAM]).encode()) for i in range(len(found) - GRAM + 1)]
    return sorted({min(hashes[i : i + WINDOW]) for i in range(len(hashes) - WINDOW + 1)})


def _symbols(tokens):
    """Yield what is compared: attributes, keywords, numbers and signs as they are written."""
    before = ""
    for kind, text, *_ in tokens:
        if kind == tokenize.NAME:
            yield text if before == "." or iskeyword(text) else "x"
        elif kind not in (tokenize.STRING, tokenize.COMMENT) and text.strip():
            yield text
        before = text


def similar(results, blanks, most=200):
    """Return the pairs of students who share much that few others wrote.

    A fingerprint that k of n students have weighs log(n / k): what all have says nothing. The share
    of a pair is the cosine of their weighted fingerprints; who has few of weight gets less.

    Parameters
    ----------
    results : iterable of dict
        Results as `mark` makes them, read once.
    blanks : dict
        By a task's number the fingerprints of what everybody was given.
    most : int
        How many pairs are returned at most.

    Returns
    -------
    list of (str, str, float, list of str)
        Two students, their share (0.6 to 1) and the tasks in which they share what at most a tenth
        of the students wrote, the most suspicious pair first.
    """
    held, columns = {}, {}
    for result in results:
        for number, task in result["tasks"].items():
            for mark in set(task.get("prints", ())) - set(blanks.get(number, ())):
                column = columns.setdefault((number, mark), len(columns))
                held.setdefault(result["student"], set()).add(column)
    names, keys, found = sorted(held), list(columns), []
    where = np.array([column for name in names for column in sorted(held[name])], int)
    ends, counts = np.cumsum([0, *(len(held[n]) for n in names)]), np.bincount(where)
    has = csr_array((np.log(len(names) / counts)[where], where, ends), (len(names), len(keys)))
    norms = np.maximum(np.sqrt(has.power(2).sum(axis=1)), ENOUGH)
    pairs = []
    for a in range(len(names)):  # all at once they would fill the memory of a large class
        shares = ((has[[a]] @ has.T).toarray()[0] / norms[a] / norms).round(3)
        pairs += [(-shares[b], a, b) for b in np.flatnonzero(shares >= ALIKE) if b > a]
    for share, a, b in sorted(pairs)[:most]:
        one, other = names[a], names[b]
        rare = {k for k in held[one] & held[other] if counts[k] <= max(2, len(names) / 10)}
        tasks = sorted({keys[k][0] for k in rare}, key=lambda number: (len(number), number))
        found.append((one, other, -float(share), tasks))
    return found
