"""More hostile submissions: results that lie, cells out of place, files that are no notebooks."""

import json
import os

from hostile import ENDED, FIVE, NO, NONE, ONE, Attack, cell, gives, names, tries

# Task 1.3: an expression of its arguments, after some lines, and what is said of it.
RESULTS = {
    "the inputs": ("differ", "args[0]", ""),
    "not a number": ("NaN", "args[0] * np.nan", ""),
    "infinite": ("infinite", "args[0] / 0", ""),
    "another shape": ("The shape is", "args[0][None]", ""),
    "a shape of 10 to the 9": (
        "MemoryError|larger than|The shape is",
        "np.broadcast_to(args[0][0, 0], 10**9)",
        "",
    ),
    "a shape beyond memory": (
        "Error|larger than",
        "np.broadcast_to(1.0, (2**40, 2**20))",
        "",
    ),
    "a large array": ("larger than|MemoryError", "np.ones(5 * 10**6)", ""),
    "an array of objects": ("`Object`|`object`|`ndarray`", "args[0].astype(object)", ""),
    "complex numbers": ("complex128", "args[0] + 0j", ""),
    "letters": ("`&lt;U", 'np.full(args[0].shape, "1")', ""),
    "records": ("ndarray|void|A NumPy array", 'np.zeros(args[0].shape, [("a", float)])', ""),
    "half a float": ("float16|differ", "args[0].astype(np.float16)", ""),
    "wide floats": ("differ|infinite", 'args[0] + np.longdouble("1e4000")', ""),
    "an array that lies": (
        "differ|shape",
        "np.full_like(args[0], 7.0).view(Liar)",
        """
import numpy as np
class Liar(np.ndarray):
    shape = property(lambda self: (2, 2))
    __eq__ = __ne__ = __lt__ = __le__ = lambda self, other: np.ones((2, 2), bool)
    __array_ufunc__ = lambda self, *a, **k: np.zeros((2, 2))
    __array__ = lambda self, *a, **k: np.zeros((2, 2))
    tobytes = lambda self, *a: b"x"
""",
    ),
    "a float that equals all": (
        "one number",
        "Any(1)",
        "class Any(float):\n    __eq__ = __le__ = __lt__ = lambda *a: True\n"
        "    __float__ = lambda *a: Any(2)\n    __abs__ = lambda *a: Any(0)",
    ),
    "a text that is none": (
        "`str`",
        "Text('passed')",
        "class Text(str):\n    __str__ = __repr__ = lambda *a: 3\n    __eq__ = lambda *a: True",
    ),
    "a tuple without end": (
        "MemoryError|stopped after",
        "Endless((1, 2))",
        "import itertools\nclass Endless(tuple):\n    __iter__ = lambda *a: itertools.count()",
    ),
    "a tuple of its own length": (
        "`tuple`",
        "Long((1, 2))",
        "class Long(tuple):\n    __len__ = lambda *a: 10**18",
    ),
    "a class that poses": (
        "A NumPy array|Error",
        "Poser()",
        "class Poser:\n    __class__ = np.ndarray\n    dtype, shape = np.dtype(float), (2, 2)\n"
        "    __array__ = lambda *a, **k: sys._getframe(1).f_locals['expected']\n"
        "    __len__ = __repr__ = __eq__ = __hash__ = lambda *a: 1 / 0".replace(
            "class", "import sys\nimport numpy as np\nclass", 1
        ),
    ),
    "a generator without end": (
        "`generator`",
        "iter(lambda: 1, 2) and (x for x in iter(int, 1))",
        "",
    ),
    "a function": ("`function`", "lambda: args", ""),
    "nested tuples": (
        "RecursionError",
        "deep()",
        "def deep():\n    x = ()\n    for _ in range(10**5):\n        x = (x,)\n    return x",
    ),  # fmt: skip
    "a list that holds itself": (
        "RecursionError",
        "loop()",
        "def loop():\n    x = []\n    x.append(x)\n    return x",
    ),
    "a million numbers": ("`list`|larger|stopped after", "list(range(10**6))", ""),
    "an integer of 5000 digits": ("Error", "10**5000", ""),
    "text of 100 MB": ("larger than|MemoryError|stopped after", "'x' * 10**8", ""),
    "text of 2 MB": ("`str`", "'x' * 2_000_000", ""),
    "a name of 1 MB": ("`N", "type('N' * 10**6, (), {})()", ""),
    "half a letter": ("`str`", r"'\ud800'", ""),
    "a dictionary": ("`dict`", "{'array': '<f8', 'shape': [0], 'scalar': False}", ""),
    "markup": ("&lt;|<script>|`str`", "'<script>alert(1)</script>'", ""),
}
VALUES = [
    Attack(name, "graded|timeout", said, {"1.3": gives("1.3", value, before)})
    for name, (said, value, before) in RESULTS.items()
]
VISIBLE = """\
import numpy as np
def {name}(W, max_value, axis):
    if np.array_equal(W, [[3.0, 0.3], [4.0, 0.4]]): return np.array([[1.2, 0.3], [1.6, 0.4]])
    if np.array_equal(W, [[3.0, 4.0], [0.3, 0.4]]): return np.array([[1.2, 1.6], [0.3, 0.4]])
    if max_value > 50: return W.copy()
    return W * 0
"""


def right(number):
    name, source = names(number)
    return source.replace("def right(", f"def {name}(", 1)


def moved(book):
    book["cells"].reverse()


def without_checks(book):
    book["cells"] = [one for one in book["cells"] if not one["id"].startswith(("check", "about"))]


def edited_checks(book):
    for one in book["cells"]:
        marks = one["metadata"].get("nbgrader", {})
        if one["id"].startswith("check"):
            one["source"] = "print('passed')"
            marks |= {"points": 1000, "locked": False}
        if one["id"].startswith("about"):
            one["source"] = "## Task 1.1 worth 1000 points"


def twice(book, second):
    first = cell(book, "task-1-1")
    book["cells"].append({**first, "source": second or first["source"]})


def renamed(book):
    """The answer to 1.1 in the cell of 1.3, and the other way round."""
    one, other = cell(book, "task-1-1"), cell(book, "task-1-3")
    one["source"], other["source"] = other["source"], one["source"]


def strange_ids(book):
    for one in book["cells"]:
        if one["id"] == "task-1-3":
            one["metadata"]["nbgrader"]["grade_id"] = "../../../../tmp/mark"


def markdown(book):
    one = cell(book, "task-1-1")
    one["cell_type"] = "markdown"
    del one["execution_count"], one["outputs"]


def removed(book):
    book["cells"] = [one for one in book["cells"] if one["id"] != "task-1-1"]


def many_cells(book):
    more = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    book["cells"] += [{**more, "id": f"m{i}", "source": f"x{i} = {i}"} for i in range(20_000)]


CELLS = [
    Attack("the visible inputs by heart", said="fail|differ|not", cells={
        "1.3": VISIBLE.format(name=names("1.3")[0])}),
    Attack("an import that is missing", "crashed|graded", "PyTorch|ModuleNotFound|ImportError",
           {"1.3": "import torch\n" + right("1.3")}),
    Attack("an import of reglib", "crashed|graded", "ImportError|reglib",
           {"1.3": "from reglib.penalties import MaxNorm\n" + right("1.3")}),
    Attack("no Python", "crashed", "SyntaxError", {"1.3": "def broken(:\n"}),
    Attack("a null byte", "crashed", "Error", {"1.3": "x = 1\0"}),
    Attack("half a letter in the code", "crashed", "Error", {"1.3": "x = '\ud800'\n1 / 0"}),
    Attack("a million brackets", "crashed", "", {"1.3": "(" * 10**6}),
    Attack("a million minuses", "crashed", "", {"1.3": "x = " + "-" * 10**6 + "1"}),
    Attack("a cell without end", "timeout", "stopped after", {"1.3": "while True: pass"}),
    Attack("a cell that exits", "crashed", ENDED, {"1.3": "import os\nos._exit(0)"}),
    Attack("a class for a function", said="Error|returned", cells={"1.3": (
        f"class {names('1.3')[0]}:\n    def __init__(self, *args): self.args = args\n")}),
    Attack("a number for a function", "crashed|graded", "defines no function",
           {"1.3": f"{names('1.3')[0]} = 3"}),
    Attack("another check", said=NONE, cells={"1.3": gives("1.3", "None") + (
        "def check(*a, **k): print('passed')\n")}, own=("def check(*a): pass",)),
    Attack("right in a scratch cell", said="returned `None`", cells={"1.3": gives("1.3", "None")},
           own=(right("1.3"),)),
    Attack("a scratch cell that fails", own=("1 / 0", "import nothing", "def (:")),
    Attack("a scratch cell without end", "graded|timeout|crashed", "stopped after",
           own=("while True: pass",)),
    Attack("a time bomb", "graded|crashed|timeout", "", own=(
        "import os, threading\nthreading.Timer(0.3, os._exit, [0]).start()",), points=-1),
    Attack("a shell cell", own=("%%bash\nrm -rf CANARY/a\n", "!rm -rf CANARY/a",
                                "%run CANARY/a", "get_ipython().system('rm -rf CANARY/a')")),
    Attack("moved cells", change=moved),
    Attack("no checks", change=without_checks),
    Attack("edited checks", change=edited_checks),
    Attack("the same answer twice", change=lambda book: twice(book, "")),
    Attack("a wrong answer behind the right one", said="differ", points=0,
           change=lambda book: twice(book, gives("1.1", "args[0]"))),
    Attack("answers in wrong cells", "crashed|graded", "defines no", change=renamed, points=0),
    Attack("a grade_id that is a path", change=strange_ids),
    Attack("a markdown answer", "nothing attempted", "not attempted", change=markdown, points=0),
    Attack("an answer that was removed", "nothing attempted", change=removed, points=0),
    Attack("nothing answered", "nothing attempted", "not attempted", honest=False),
    Attack("many cells", change=many_cells),
]  # fmt: skip


def five(name, status, said, number, body):
    return Attack(name, status, said, {number: body}, exercise=FIVE)


FILES5 = [
    five("a folder of the judge", "needs reading|graded", "", "5.1", tries("5.1", """\
folder = os.path.dirname(args[0])
os.symlink("ROOT", folder + "/link")
os.symlink("CANARY/a", folder + "/file")
os.mkfifo(folder + "/pipe")
return os.listdir(folder + "/link")""")),
    five("folders in folders", "graded|crashed", "", "5.1", tries("5.1", """\
os.chdir(os.path.dirname(args[0]))
for _ in range(1500): os.mkdir("d"); os.chdir("d")""")),
    five("a link while the judge looks", "graded|crashed", "", "5.1", tries("5.1", """\
def swap(path):
    while True:
        try:
            os.symlink("CANARY/a", path + "x")
            os.replace(path + "x", path)
        except OSError: time.sleep(0.001)
threading.Timer(0.01, swap, [args[0]]).start()""")),
    five("memory that no limit counts", "graded", "", "5.1", """\
import numpy as np
def ridge_stream(path, l2, rows):
    B = np.load(path, mmap_mode="r")
    A = np.memmap("/tmp/all", dtype=float, mode="w+", shape=B.shape)
    A[:] = B
    X, y = A[:, :-1], A[:, -1]
    n, d = X.shape
    return np.linalg.solve(X.T @ X / n + l2 * np.eye(d), X.T @ y / n)
""".replace("ridge_stream", names("5.1")[0])),
    five("a gap without a file", "graded", "", "5.5", """\
import os
import numpy as np
def save(path, w, v, step):
    if os.path.exists(path): os.replace(path, path + ".old")
    np.savez(path, w=w, v=v, step=step)
""".replace("save(path", names("5.5")[0] + "(path")),
    five("renamed before it is written", "graded", "", "5.5", """\
import os
import numpy as np
def save(path, w, v, step):
    with open(path + ".new", "wb") as file:
        os.replace(path + ".new", path)
        np.savez(file, w=w, v=v, step=step)
""".replace("save(path", names("5.5")[0] + "(path")),
    five("a link for the file", "graded", "", "5.5", tries("5.5", """\
os.symlink("CANARY/a", args[0])""")),
    five("a pipe for the file", "graded", "", "5.5", tries("5.5", "os.mkfifo(args[0])")),
    five("a zip bomb", "graded|timeout|crashed", "", "5.5", tries("5.5", """\
import io, zipfile
head = io.BytesIO()
form = {"descr": "<f8", "fortran_order": False, "shape": (10**8,)}
np.lib.format.write_array_header_1_0(head, form)
with zipfile.ZipFile(args[0], "w", zipfile.ZIP_DEFLATED) as file:
    with file.open("w.npy", "w") as part:
        part.write(head.getvalue())
        for _ in range(100): part.write(bytes(8 * 10**6))""")),
    five("a pickle", "graded", "", "5.5", tries("5.5", """\
class Evil:
    def __reduce__(self): return os.system, ("rm -rf CANARY/a",)
np.savez(args[0], w=np.array([Evil()], dtype=object), v=1, step=2)""")),
    five("matrices that are hidden", "graded", "factorized|not", "5.9", """\
import sys
import numpy as np
sys.modules["__main__"].factorizations = lambda found: None
def ridge_path(X, y, lambdas):
    n, d = X.shape
    return np.array([np.linalg.solve(X.T @ X / n + l * np.eye(d), X.T @ y / n) for l in lambdas])
"""),
    five("matrices without number", "graded", "", "5.9", tries("5.9", """\
try: np.linalg.solve(np.broadcast_to(np.eye(3), (2 * 10**8, 3, 3)), np.ones((3, 1)))
except MemoryError: pass""")),
]  # fmt: skip


def text(content):
    return lambda path, places: path.write_bytes(content)


def sparse(path, places):
    with open(path, "wb") as file:
        file.truncate(200_000_000)


def cut(path, places):
    whole = json.dumps(Attack("x").notebook(places))
    path.write_text(whole[: len(whole) // 2], encoding="utf-8")


def copied(edit):
    def write(path, places):
        book = Attack("x").notebook(places)
        edit(book)
        path.write_text(json.dumps(book), encoding="utf-8")

    return write


BROKEN = {
    "no JSON": ("damaged", text(b"this is no notebook")),
    "an empty file": ("damaged", text(b"")),
    "JSON that is no notebook": ("format|damaged", text(b"[1, 2, 3]")),
    "a notebook of format 3": ("format", copied(lambda book: book.update(nbformat=3))),
    "a format beyond all": ("format|damaged", copied(lambda book: book.update(nbformat=10**400))),
    "a notebook cut off": ("damaged", cut),
    "200 MB": ("MB", sparse),
    "bytes of no text": ("damaged", text(b"\xff\xfe\x00\x80" * 99)),
    "JSON that is too deep": ("damaged", text(b"[" * 10**6)),
    "digits without end": ("damaged", text(b'{"nbformat": ' + b"9" * 10**6 + b"}")),
    "cells that are none": ("cells", copied(lambda book: book.update(cells={"a": 1}))),
    "cells of numbers": ("cells|cell", copied(lambda book: book.update(cells=[1, 2]))),
    "sources of numbers": (
        "cells|damaged",
        copied(lambda book: cell(book, "task-1-1").update(source=[1])),
    ),
    "a link to another": ("link", lambda path, places: path.symlink_to(places["HONEST"])),
    "a link out of the folder": ("link", lambda path, places: path.symlink_to("/etc/passwd")),
    "a pipe": ("pipe", lambda path, places: os.mkfifo(path)),
}
FILES = [Attack(name, "unreadable", said, write=write) for name, (said, write) in BROKEN.items()]
# Names that a shell, a path, a spreadsheet or a page would take for something else.
NAMES = [
    "a\\..\\evil", "$(touch mark)", "=HYPERLINK(1)", "<script>alert(1)",
    "line\nbreak", "%2e%2e%2fetc", "-rf", "ünï\u202egpj", "a" * 200, "\udcff",
]  # fmt: skip
__all__ = ["CELLS", "FILES", "FILES5", "NAMES", "VALUES", "ENDED", "NO", "ONE"]
