"""Tasks that ask for a choice: which answers are valid, which is right, and why each is wrong."""

import re

from reglib.assess.guard import NotAttempted, Wrong

INCOMPLETE = "What you chose belongs, and something is still missing."


def letters(value):
    """The chosen letters in lower case: "B", " b ", ("b",), "a, c" and {"a", "c"} are all fine."""
    value = value.tolist() if hasattr(value, "tolist") else value  # NumPy's
    parts = value if isinstance(value, tuple | list | set | frozenset) else [value]
    if not all(isinstance(part, str) for part in parts):
        return None
    return set(re.sub(r"[^a-z]+", "", "".join(parts).lower()))


def choice_test(options, answer, why):
    """Return the test of a choice task.

    Parameters
    ----------
    options : list of str
        One string of letters for each question, such as ["abc"] or ["abc", "def"]: exactly one
        letter of each is a valid answer. A string that ends in "*" may be answered with several.
    answer : str
        The right letters.
    why : dict
        For each wrong letter, why it is wrong.
    """
    right = set(answer)

    def test(given, seed=0):
        chosen = letters(given())
        if not chosen or not _valid(chosen, options):
            raise NotAttempted(f"This task is answered with {_asked(options)}.")
        if chosen != right:
            errors = " ".join(why[letter] for letter in sorted(chosen - right))
            raise Wrong(errors or INCOMPLETE, [("your choice", ", ".join(sorted(chosen)))])

    return test


def _valid(chosen, options):
    counts = [len(chosen & set(group)) for group in options]
    fits = all(n >= 1 if "*" in group else n == 1 for n, group in zip(counts, options, strict=True))
    return fits and chosen <= set("".join(options)) - {"*"}


def _asked(options):
    parts = []
    for group in options:
        names = ", ".join(group.strip("*"))
        parts.append(f"one or more of {names}" if "*" in group else f"one of {names}")
    example = "".join(group[0] for group in options)
    return " and ".join(parts) + f', for example `return "{example}"`'
