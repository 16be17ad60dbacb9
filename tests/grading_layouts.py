"""Folders of submissions in each layout, and notebooks that are damaged in every way."""

import json
from pathlib import Path

from reglib.assess.grading.collect import LIMIT

ROOT = Path(__file__).resolve().parents[1]
NAMES = tuple(sorted(path.name for path in (ROOT / "exercises").iterdir()))
ONE, TWO, THREE = NAMES[:3]
STAMP = "2026-11-20 17:00:00.123456 UTC"
ISO = "2026-11-20T17:00:00+00:00"
BLANK = 'raise NotImplementedError("write your answer here")'
released = {name: (ROOT / f"exercises/{name}/{name}.ipynb").read_text() for name in NAMES}


def answered(name, count):
    """The release with so many of its tasks answered."""
    return released[name].replace(json.dumps(BLANK)[1:-1], "return 1", count)


def put(root, files):
    """Write the files, each given by its path, and return their folder."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


LAYOUTS = {  # each with what is to be found: student, exercise, number, layout, time
    "nbgrader-submitted": (
        {
            f"ann/{ONE}/x.ipynb": ONE, f"ann/{ONE}/timestamp.txt": STAMP,
            f"bob/{ONE}/x.ipynb": ONE, "bob/hw2/renamed.ipynb": TWO,
            "bob/hw2/timestamp.txt": STAMP + "\n", "bob/hw2/submission_secret.txt": "x",
        },
        [("ann", ONE, "", "nbgrader", ISO), ("bob", ONE, "", "plain", ""),
         ("bob", TWO, "", "nbgrader", ISO)],
    ),
    "nbgrader-inbound": (
        {
            f"ann+{ONE}+{STAMP}/x.ipynb": ONE, f"b+c+hw1+{STAMP}+aB-_9/x.ipynb": ONE,
            "dora+hw1+2026-11-20 17:00:00 UTC/timestamp.txt": STAMP,
            "dora+hw1+2026-11-20 17:00:00 UTC/x.ipynb": ONE,
        },
        [("ann", ONE, "", "nbgrader", ISO), ("b+c", ONE, "", "nbgrader", ISO),
         ("dora", ONE, "", "nbgrader", ISO)],
    ),
    "canvas": (
        {
            f"doejane_12_345_{ONE}.ipynb": ONE, f"roejim_LATE_13_346_{ONE}-2.ipynb": ONE,
            "o_neil_14_347_alice_1_2_x.ipynb": TWO, "müllerä_15_348_x.ipynb": ONE,
        },
        [("doejane", ONE, "12", "canvas", ""), ("müllerä", ONE, "15", "canvas", ""),
         ("roejim", ONE, "13", "canvas", ""), ("o_neil", TWO, "14", "canvas", "")],
    ),
    "canvas-blind": (
        {"anon_aB3xZ_345_x.ipynb": ONE, "LATE_anon_aB3xY_346_x.ipynb": ONE},
        [("anon_aB3xY", ONE, "aB3xY", "canvas", ""), ("anon_aB3xZ", ONE, "aB3xZ", "canvas", "")],
    ),
    "canvas-one-name-twice": (
        {"doejane_12_345_x.ipynb": ONE, "doejane_13_346_x.ipynb": ONE},
        [("doejane_12", ONE, "12", "canvas", ""), ("doejane_13", ONE, "13", "canvas", "")],
    ),
    "moodle": (
        {
            "Ann Lee_12_assignsubmission_file_/x.ipynb": ONE,
            "Bo O'Hara_13_assignsubmission_file/in/side/x.ipynb": ONE,
            "Bo O'Hara_13_assignsubmission_onlinetext/onlinetext.html": "<p>",
            "Flat Q_14_assignsubmission_file_x.ipynb": TWO,
            "Default group_assignsubmission_file/x.ipynb": THREE,
        },
        [("Ann Lee", ONE, "12", "moodle", ""), ("Bo O'Hara", ONE, "13", "moodle", ""),
         ("Flat Q", TWO, "14", "moodle", ""), ("Default group", THREE, "", "moodle", "")],
    ),
    "moodle-blind": (
        {"Participant_7_assignsubmission_file/x.ipynb": ONE,
         "Participant_8_assignsubmission_file/x.ipynb": ONE},
        [("Participant_7", ONE, "7", "moodle", ""), ("Participant_8", ONE, "8", "moodle", "")],
    ),
    "plain-flat": (
        {"ann.ipynb": ONE, "b.o. lee.IPYNB": ONE, f"carl_{TWO}.ipynb": TWO,
         f"{TWO}-dora.ipynb": TWO, "notes.pdf": "%"},
        [("ann", ONE, "", "plain", ""), ("b.o. lee", ONE, "", "plain", ""),
         ("carl", TWO, "", "plain", ""), ("dora", TWO, "", "plain", "")],
    ),
    "plain-a-folder-a-student": (
        {"ann/anything.ipynb": ONE, "ann/data.csv": "1", "bob/work/in/x.ipynb": TWO,
         f"carl/{ONE}/x.ipynb": ONE, f"carl/{TWO}/{TWO}.ipynb": TWO, "carl/me.pdf": "%"},
        [("ann", ONE, "", "plain", ""), ("carl", ONE, "", "plain", ""),
         ("bob", TWO, "", "plain", ""), ("carl", TWO, "", "plain", "")],
    ),
    "plain-a-folder-an-exercise": (
        {f"{ONE}/ann.ipynb": ONE, f"{ONE}/bob/x.ipynb": ONE, f"{TWO}/ann.ipynb": TWO,
         f"{ONE}/readme.txt": "x"},
        [("ann", ONE, "", "plain", ""), ("bob", ONE, "", "plain", ""),
         ("ann", TWO, "", "plain", "")],
    ),
}  # fmt: skip


def cells(*sources):
    """A notebook with such sources."""
    made = [{"cell_type": "code", "id": f"task-1-{n}", "source": s} for n, s in enumerate(sources)]
    return json.dumps({"nbformat": 4, "cells": made})


DAMAGED = {  # content, and a word of the sentence
    "empty": (b"", "damaged"),
    "not-json": (b"<html>", "damaged"),
    "truncated": (released[ONE][:9999].encode(), "damaged"),
    "not-utf8": (b"\xff\xfe{}", "damaged"),
    "utf16": (released[ONE].encode("utf-16"), "damaged"),
    "nested": (b"[" * 10**6, "damaged"),
    "nested-dicts": (b'{"a":' * 10**6, "damaged"),
    "huge-number": (b'{"nbformat": ' + b"9" * 10**5 + b"}", "damaged"),
    "a-list": (b"[]", "damaged"),
    "a-number": (b"4", "damaged"),
    "null": (b"null", "damaged"),
    "no-format": (b"{}", "damaged"),
    "format-3": (b'{"nbformat": 3, "worksheets": []}', "format is 3, not 4: save it in JupyterLab"),
    "format-list": (b'{"nbformat": [' + b"4," * 999 + b"4]}", "not 4"),
    "no-cells": (b'{"nbformat": 4}', "damaged"),
    "cells-dict": (b'{"nbformat": 4, "cells": {"a": 1}}', "damaged"),
    "cells-text": (b'{"nbformat": 4, "cells": "abc"}', "damaged"),
    "cells-number": (b'{"nbformat": 4, "cells": 7}', "damaged"),
    "cell-number": (b'{"nbformat": 4, "cells": [7]}', "damaged"),
    "cell-empty": (b'{"nbformat": 4, "cells": [{}]}', "damaged"),
    "source-number": (cells(7), "damaged"),
    "source-null": (cells(None), "damaged"),
    "source-dict": (cells({"a": 1}), "damaged"),
    "source-of-numbers": (cells(["a", 1]), "damaged"),
    "metadata-text": (cells("x").replace('"id"', '"metadata": "x", "id"'), "damaged"),
    "name-number": (cells("x").replace('"task-1-0"', "7"), "damaged"),
    "too-large": (b" " * (LIMIT + 1), "over 10 MB"),
}
