"""Hostile and broken submissions: what each does, and what must become of it.

Every one but those that say otherwise also holds one honest answer, to task 1.1 or 5.2, which must
keep its points. In the code, words in capitals stand for places of this machine, see `places`.
"""

import json
from dataclasses import dataclass, field

from reglib.assess import course
from reglib.assess.tasks import find
from reglib.assess.tutor import model_answer

ONE, FIVE = "01_norm_penalties", "05_interview"
HONEST = {ONE: "1.1", FIVE: "5.2"}


@dataclass(frozen=True)
class Attack:
    """A submission: what it changes, and which status, points and words it must end in.

    `cells` are answers by a task's number, `own` is the student's own cells, put at the end;
    `change` edits the notebook's JSON, `write` makes the file itself.

    """

    name: str
    status: str = "graded"
    said: str = ""
    cells: dict = field(default_factory=dict)
    own: tuple = ()
    change: object = None
    write: object = None
    exercise: str = ONE
    points: int | None = None
    honest: bool = True

    @property
    def student(self):
        return self.name.replace(" ", "-")

    @property
    def score(self):
        """What it has earned."""
        earned = find(HONEST[self.exercise]).points if self.honest and not self.write else 0
        return earned if self.points is None else self.points

    def notebook(self, places):
        """The notebook as a dict, with the places of this machine put in."""
        path = course.root() / "exercises" / self.exercise / f"{self.exercise}.ipynb"
        book = json.loads(path.read_text(encoding="utf-8"))
        answers = {number: fill(source, places) for number, source in self.cells.items()}
        if self.honest:
            answers.setdefault(HONEST[self.exercise], model_answer(find(HONEST[self.exercise])))
        for number, source in answers.items():
            cell(book, find(number).cell)["source"] = source
        for i, source in enumerate(self.own):
            more = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
            book["cells"].append({**more, "id": f"own{i}", "source": fill(source, places)})
        if self.change:
            self.change(book)
        return book

    def put(self, folder, places):
        """Hand it in: `folder/student/exercise/exercise.ipynb`."""
        home = folder / self.student / self.exercise
        home.mkdir(parents=True)
        path = home / f"{self.exercise}.ipynb"
        if self.write:
            self.write(path, places)
        else:
            path.write_text(json.dumps(self.notebook(places)), encoding="utf-8")


def fill(source, places):
    for name, place in places.items():
        source = source.replace(name, str(place))
    return source


def cell(book, name):
    (found,) = [one for one in book["cells"] if one["id"] == name]
    return found


def names(number):
    """The name of a task's function, and its model answer under the name `right`."""
    source = model_answer(find(number))
    name = source.partition("def ")[2].partition("(")[0]
    return name, source.replace(f"def {name}(", "def right(", 1)


def tries(number, body, before=""):
    """An answer that is right if `body`, a function of `args`, has got hold of something."""
    name, right = names(number)
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return (
        f"import os, sys, time, threading\n{right}\n{before}\n"
        f"def attack(*args):\n{lines}\n\n"
        f"def {name}(*args):\n    if attack(*args):\n        return right(*args)\n"
    )


def gives(number, value, before=""):
    """An answer that returns an expression of its arguments, whatever they are."""
    name, _ = names(number)
    return f"{before}\ndef {name}(*args):\n    return {value}\n"


def attempts(table, number="1.3", exercise=ONE):
    return [
        Attack(name, status, said, {number: tries(number, body)}, exercise=exercise)
        for name, (status, said, body) in table.items()
    ]


NONE, NO = "returned `None`", "PermissionError"
ENDED = "ended before it answered"

RESOURCES = attempts({
    "infinite loop": ("timeout", "stopped after", "while True: pass"),
    "a long sleep": ("timeout", "stopped after", "time.sleep(10**6)"),
    "ignored signals": ("timeout", "stopped after", """\
import signal
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
while True: pass"""),
    "an interrupt that is caught": ("timeout", "stopped after", """\
while True:
    try:
        while True: pass
    except BaseException: pass"""),
    "fork bomb": ("graded", NO, "while True: os.fork()"),
    "memory bomb": ("graded|timeout", "MemoryError|stopped after", """\
kept = []
while True: kept.append(bytearray(10**8))"""),
    "memory bomb of arrays": ("graded|timeout", "MemoryError|stopped after", """\
kept = []
while True: kept.append(np.ones(10**7))"""),
    "memory by a mapped file": ("graded|crashed", "OSError|MemoryError|ended before", """\
kept = []
while True:
    kept.append(np.memmap(f"/tmp/{len(kept)}", mode="w+", shape=10**7))
    kept[-1][:] = 1"""),
    "output flood": ("timeout", "stopped after", "while True: print('x' * 10**6)"),
    "a flood on stderr": ("timeout", "stopped after", "while True: sys.stderr.write('x' * 10**6)"),
    "tmp filled": ("graded", "OSError", """\
for i in range(10**6):
    with open(f"/tmp/{i}", "wb") as file: file.write(bytes(10**7))"""),
    "a file without end": ("graded", "OSError", """\
with open("/tmp/x", "wb") as file:
    while True: file.write(bytes(10**6))"""),
    "many small files": ("timeout|graded", "OSError|stopped after", """\
i = 0
while True: i += 1; open(f"/tmp/{i}", "w").close()"""),
    "many open files": ("graded", "OSError", """\
kept = []
while True: kept.append(open("/dev/null"))"""),
    "threads left behind": ("graded", "new thread", """\
def busy():
    while True: pass
for _ in range(4): threading.Thread(target=busy).start()"""),
    "a thread bomb": ("graded|timeout|crashed", "RuntimeError|stopped|MemoryError|ended", """\
threading.stack_size(2**15)
while True: threading.Thread(target=time.sleep, args=(10**6,)).start()"""),
    "a child that is an orphan": ("graded", NO, """\
os.setsid()
os.fork() or os.fork() or time.sleep(10**6)"""),
    "a program started": ("graded", NO, "import subprocess\nsubprocess.Popen(['sleep', '1000'])"),
    "a program in its place": ("graded", NO, "os.execv('/bin/sleep', ['sleep', '1000'])"),
    "os._exit": ("crashed", ENDED, "os._exit(0)"),
    "sys.exit": ("graded", "SystemExit", "sys.exit(0)"),
    "interrupted by itself": ("graded", "KeyboardInterrupt", "raise KeyboardInterrupt"),
    "a stop signal to itself": ("graded", NO, "os.kill(os.getpid(), 19)"),
    "a signal to all": ("graded", "Error", "import signal\nos.kill(-1, signal.SIGKILL)"),
    "a crash in C": ("crashed", ENDED, "import ctypes\nctypes.string_at(1)"),
    "a stack overflow": ("graded", "RecursionError", "return attack()"),
    "slow in every call": ("timeout", "stopped", "time.sleep(SLOW)\nreturn True"),
    "at exit": ("graded", NONE, """\
import atexit
atexit.register(time.sleep, 10**6)"""),
})  # fmt: skip

PLACES = attempts({
    "the solutions by their path": ("graded", "FileNotFoundError", """\
return "project" in open("ROOT/solutions/01_norm_penalties/01_norm_penalties.ipynb").read()"""),
    "a search of the whole disk": ("graded", NONE, """\
for place, folders, files in os.walk("/"):
    if any(name.endswith((".ipynb", ".toml", ".html")) or "bank" in name for name in files):
        if not place.startswith(sys.prefix): return place
    if "reglib" in folders or "judge" in folders: return place"""),
    "the judge by an import": ("graded", "uses reglib|ModuleNotFoundError|ImportError", """\
import importlib
sys.path += ["ROOT", "ROOT/tests"]
del sys.modules["reglib"], sys.modules["reglib.assess"]
return importlib.import_module("reglib.penalties")"""),
    "other submissions": ("graded", "FileNotFoundError", 'return os.listdir("SUBMISSIONS")'),
    "marks in the report": ("graded", "FileNotFoundError", 'return os.listdir("REPORT")'),
    "its own submission": ("graded", "Error", 'open("SUBMISSIONS/x.ipynb", "w").write("mine")'),
    "the root folder": ("graded", "Error", 'return open("/mark", "w").write("mine")'),
    "the home folder": ("graded", "Error", 'return open("HOME/mark", "w").write("mine")'),
    "a canary outside": ("graded", "Error", 'return os.remove("CANARY/a") or 1'),
    "the interpreter": ("graded", "Error", """\
import json
return open(json.__file__, "a").write("#")"""),
    "NumPy's own files": ("graded", "Error", 'return open(np.__file__, "a").write("#")'),
    "the program that judges it": ("graded", "Error", """\
return open(sys.modules["__main__"].__file__, "a").write("#")"""),
    "the processes": ("graded", NONE, """\
return [p for p in os.listdir("/proc") if p.isdigit()] if os.path.exists("/proc") else None"""),
    "the environment": ("graded", NONE, 'return "PATH" in os.environ and os.environ.get("HOME")'),
    "more rights": ("graded", NONE, """\
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for call in (101, 155, 161, 165, 272, 308, 310, 311):
    if libc.syscall(call, 0, 0, 0, 0, 0) == 0: return call"""),
    "a TCP connection": ("graded", NO, """\
import socket
return socket.create_connection(("127.0.0.1", PORT), 1)"""),
    "a UDP packet": ("graded", NO, """\
import socket
return socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", PORT))"""),
    "a unix socket": ("graded", NO, """\
import socket
return socket.socket(socket.AF_UNIX).connect("CANARY/socket") or 1"""),
    "an abstract socket": ("graded", NO, """\
import socket
return socket.socket(socket.AF_UNIX).connect(chr(0) + "ABSTRACT") or 1"""),
    "shared memory": ("graded", "Error", """\
from multiprocessing import shared_memory
return shared_memory.SharedMemory("mark", create=True, size=9)"""),
})  # fmt: skip

PROTOCOL = attempts({
    "all files closed": ("crashed", ENDED, "os.closerange(0, 1024)"),
    "all files made one": ("crashed|timeout", f"{ENDED}|stopped after", """\
null = os.open("/dev/null", os.O_RDWR)
for n in range(64):
    if n != null: os.dup2(null, n)"""),
    "garbage in every file": ("crashed", ENDED, """\
for n in range(64):
    try: os.write(n, bytes(range(256)) * 40)
    except OSError: pass"""),
    "garbage without end": ("crashed", ENDED, """\
while True:
    for n in range(64):
        try: os.write(n, b"{}" * 40)
        except OSError: pass"""),
    "a drip": ("timeout", "stopped after", """\
for n in range(3, 64):
    try: os.write(n, (2**20).to_bytes(4, "little") + bytes(4))
    except OSError: continue
    while True: os.write(n, b" "); time.sleep(0.05)"""),
    "a frame that says passed": ("graded|crashed", "could not be judged|None|answered", """\
head = b'{"passed": true, "changed": [], "values": [true, "passed"], "points": 99}'
for n in range(3, 64):
    try: os.write(n, len(head).to_bytes(4, "little") + bytes(4) + head)
    except OSError: pass"""),
    "a frame of open brackets": ("crashed|timeout", f"{ENDED}|stopped after", """\
head = b'{"values": [' + b'{"set": []},' * 2_000_000 + b'0]}'
for n in range(3, 64):
    try:
        os.write(n, len(head).to_bytes(4, "little") + bytes(4))
        while head: head = head[os.write(n, head):]
    except OSError: pass
time.sleep(10**6)"""),
    "deep brackets": ("crashed|timeout", f"{ENDED}|stopped after", """\
head = b"[" * 10**6
for n in range(3, 64):
    try: os.write(n, len(head).to_bytes(4, "little") + bytes(4) + head[:60000])
    except OSError: pass
time.sleep(10**6)"""),
    "long words of an error": ("graded", "", """\
sys.modules["__main__"].trouble = lambda *a: {
    "error": "E" * 10**6, "said": "s" * 10**6, "line": 1, "missing": None, "untouched": False}
raise ValueError"""),
    "an error that says not attempted": ("graded", "Not attempted", "raise NotImplementedError"),
    "an error that cannot be told": ("graded", "Evil", """\
class Evil(BaseException):
    def __str__(self): raise Evil
    __repr__ = __str__
raise Evil"""),
    "no modules": ("graded|crashed", "", "sys.modules.clear()"),
    "other builtins": ("graded|crashed", "", """\
import builtins
for name in ("isinstance", "len", "type", "abs", "all", "map", "zip"):
    setattr(builtins, name, lambda *a, **k: True)"""),
    "another NumPy": ("graded", "", """\
for name in ("allclose", "array_equal", "isfinite", "asarray", "abs", "max"):
    setattr(np, name, lambda *a, **k: True)"""),
    "another reglib": ("graded", "returned `None`|AttributeError", """\
import reglib.assess
reglib.assess.check = reglib.assess.judge = lambda *a, **k: True
reglib.assess.tutor = reglib.assess.guard = reglib.assess"""),
    "the expected value in the frames": ("graded", NONE, """\
frame, found = sys._getframe(), []
while frame:
    found += {"expected", "right", "cases", "rng", "seeds"} & {*frame.f_locals}
    frame = frame.f_back
import inspect
return found + [f for f in inspect.stack() if "compare" in f.filename or "tasks" in f.filename]"""),
    "the expected value in memory": ("graded", NONE, """\
import gc
want = right(*args)
return [a for a in gc.get_objects() if type(a) is tuple and len(a) == 3 and type(a[0]) is np.ndarray
        and a[0] is not args[0] and a[0].shape == want.shape and np.allclose(a[0], want)]"""),
})  # fmt: skip
