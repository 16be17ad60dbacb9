"""The sandbox: what a student's program sees, may do, and sends back."""

import os
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from reglib.assess.grading import inside, sandbox
from reglib.assess.grading.sandbox import Sandbox, Stopped

ROOT = Path(__file__).resolve().parents[1]
LACK = sandbox.missing()
pytestmark = pytest.mark.skipif(bool(LACK), reason=LACK)
MODES = pytest.mark.parametrize("mode", sandbox.HOW["modes"])


def value(expression, mode="bubblewrap", before="pass", **how):
    """What an expression gives inside, or the name of the exception that stopped it."""
    box = Sandbox(10, mode, **how)
    try:
        code = f"def f():\n    import os, sys\n    {before}\n    return {expression}"
        assert box.ask("run", "cell", code, "1", "f")[0]["defined"]
        reply, values = box.ask("call", "1")
        return reply["error"] if "error" in reply else values[0]
    finally:
        box.close()


# What it sees
def test_it_sees_the_interpreter_and_numpy_and_nothing_of_this_repository():
    places = "{name for place, _, names in os.walk('/') for name in [place, *names]}"
    found = value(f"sorted({places})")
    named = {"reglib", "solutions", "exercises", "bank.py", "tutor.py", "scipy", "sklearn", "torch"}
    assert not named & {Path(name).name for name in found}
    assert not [name for name in found if name.startswith(str(ROOT))]
    assert value("sorted(os.listdir('/numpy'))") in (["numpy"], ["numpy", "numpy.libs"])


@pytest.mark.parametrize("name", ["scipy", "sklearn", "pandas", "matplotlib", "IPython", "joblib"])
@MODES
def test_no_other_library_can_be_imported(name, mode):
    assert value("1", mode, before=f"import {name}") == "ModuleNotFoundError"


def test_it_has_no_environment_no_other_process_and_no_name():
    assert value("sorted(os.environ)") == sorted({*sandbox.HOW["environment"], "PWD"})
    assert value("(os.getpid(), os.getuid(), os.path.exists('/proc'))") == (1, 65534, False)


def test_its_disk_is_read_only_but_for_a_small_tmp():
    for place in ("/x", "/numpy/x", "/usr/x", "/dev/x", "/inside.py"):
        error = value(f"open({place!r}, 'w')")
        assert error in ("OSError", "PermissionError"), f"{place}: {error}"
    flood = "[open(f'/tmp/{i}', 'wb').write(bytes(2**23)) for i in range(99)]"
    assert value(flood) == "OSError"


# What it may do
@pytest.mark.parametrize(
    "act",
    [
        "os.fork()",
        "1 / (os.system('true') == 0)",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "os.kill(os.getppid(), 0)",
        "__import__('socket').socket()",
        "__import__('socket').socketpair()",
        "__import__('resource').setrlimit(0, (99, 99))",
        "os.setpriority(0, 0, 5)",
        "os.memfd_create('x')",
        "os.sched_setaffinity(0, [0])",
        "os.unshare(1) if hasattr(os, 'unshare') else 1 / 0",
        "__import__('multiprocessing').Process(target=int).start()",
    ],
)
@MODES
def test_a_system_call_that_no_answer_needs_is_refused(act, mode):
    assert value(act, mode) in ("PermissionError", "ZeroDivisionError", "ValueError")


@MODES
def test_no_thread_and_no_timer_can_be_started(mode):
    start = "import threading; threading.Thread(target=int).start()"
    assert value("7", mode, start) == "RuntimeError"
    assert value("__import__('signal').setitimer(0, 1)", mode) in (
        "itimer_error",
        "PermissionError",
    )


@MODES
def test_no_file_sends_a_signal_or_keeps_others_waiting(mode):
    for command in (4, 8, 10, 15, 1024, 1026, 1031):  # SETFL SETOWN SETSIG LEASE NOTIFY SETPIPE_SZ
        assert value(f"__import__('fcntl').fcntl(0, {command}, 1)", mode) == "PermissionError"
    assert value("os.get_inheritable(os.dup(0))", mode) is False


def test_memory_that_no_limit_counts_is_refused(tmp_path):
    for flags in ("mmap.MAP_SHARED", "mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 256"):
        before = "import mmap"
        assert value(f"mmap.mmap(-1, 99, {flags})", before=before) == "PermissionError"
    assert value("os.path.exists('/dev/zero')") is False


@MODES
def test_its_memory_and_files_are_limited(mode):
    assert value("bytearray(2**31)", mode) == "MemoryError"
    assert value("len([open('/dev/null') for _ in range(99)])", mode) == "OSError"


@MODES
@pytest.mark.parametrize("loop", ["while True: pass", "__import__('time').sleep(99)"])
def test_a_program_that_does_not_end_is_killed_at_the_limit(loop, mode):
    box, start = Sandbox(1, mode), time.monotonic()
    with pytest.raises(Stopped, match="after 1 seconds") as stopped:
        box.ask("run", "cell", loop, "", "")
    assert stopped.value.state == "timeout" and time.monotonic() - start < 40
    assert not Path(f"/proc/{box.pid}").exists(), "it is still there"
    box.close()


def test_nothing_outlives_a_judge_that_is_killed():
    code = (
        "import sys\nfrom reglib.assess.grading.sandbox import Sandbox\nbox = Sandbox()\n"
        "print(box.process.pid, box.pid, flush=True)\nbox.ask('run', '', 'while 1: pass', '', '')"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=ROOT) as judge:
        pids = list(map(int, judge.stdout.readline().split()))
        judge.kill()
    until = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < until:
        time.sleep(0.05)
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


# What it sends back
ROUND = [
    None, True, 0, -7, 1.5, float("inf"), "ä", (), (1, [2.0, "x"]), np.arange(6.0).reshape(2, 3),
    np.array(3, "i2"), np.float32(0.1), np.array(["a", "bc"]), np.zeros((0, 4)), {"a", "b"},
    np.array([True]), 1 + 2 * np.eye(2), np.array([1j]), [np.ones(2), (np.ones(1),)],
]  # fmt: skip


@pytest.mark.parametrize("i", range(len(ROUND)))
def test_values_arrive_as_they_were(i):
    frame = inside.frame({"do": "it"}, [ROUND[i], 5])
    header, blob = inside.SIZES.unpack(frame[:8])
    found, (back, five) = inside.message(frame[8 : 8 + header], frame[8 + header :])
    assert len(frame) == 8 + header + blob and found["do"] == "it" and five == 5
    assert type(back) is type(ROUND[i]) and inside.unchanged(ROUND[i], back)
    if isinstance(back, np.ndarray):
        assert back.flags.writeable and back.dtype == ROUND[i].dtype


def test_nothing_can_pose_as_something_else():
    class Liar(float):
        __eq__ = __ne__ = lambda self, other: True

    class Array(np.ndarray):
        __eq__ = lambda self, other: True  # noqa: E731

    blob = bytearray()
    forms = [Liar(2.0), np.ones(1).view(Array), object(), lambda: 0, np.array([None]), {"a": 1}]
    back = [inside.unpack(inside.pack(form, blob), blob) for form in forms]
    assert type(back[0]) is float and type(back[1]) is np.ndarray
    assert [type(x).__name__ for x in back[2:]] == ["object", "function", "ndarray", "dict"]


FORGED = [
    {"array": "|O", "shape": [1], "scalar": False},
    {"array": "<f8", "shape": [-1], "scalar": False},
    {"array": "<f8", "shape": [10**12], "scalar": False},
    {"array": "<f8", "shape": [2**40, 2**40], "scalar": False},
    {"array": "<f8", "shape": "12", "scalar": False},
    {"array": "V8", "shape": [1], "scalar": False},
    {"array": "M8[s]", "shape": [1], "scalar": False},
    {"array": "nonsense", "shape": [1], "scalar": False},
    {"array": "<U999999999", "shape": [1], "scalar": True},
    {"frozen": []},
    {"tuple": 3},
    {"set": [{"list": []}]},
    {"tuple": [], "list": []},
    {"object": "a\0b"},
    {},
]


@pytest.mark.parametrize("i", range(len(FORGED)))
def test_a_forged_value_is_refused(i):
    with pytest.raises((ValueError, TypeError, KeyError)):
        inside.unpack(FORGED[i], bytearray(16))


def pack(header, blob=b""):
    return struct.pack("<II", len(header), len(blob)) + header + blob


SENT = {
    "noise": b"\xff" * 4096,
    "a huge header": struct.pack("<II", 2**32 - 1, 0),
    "a huge part": struct.pack("<II", 2, 2**31) + b"{}",
    "no JSON": pack(b"no"),
    "no dictionary": pack(b"[]"),
    "no values": pack(b"{}"),
    "a huge number": pack(b'{"values": [' + b"9" * 9999 + b"]}"),
    "deep": pack(b'{"values": ' + b"[" * 99999 + b"}"),
    "nothing more": b"",
}


@pytest.mark.parametrize("name", SENT)
@MODES
def test_whatever_is_written_to_the_judge_ends_in_a_status(name, mode):
    write = f"import os\nfor fd in range(3, 64):\n    try:\n        os.write(fd, {SENT[name]!r})"
    box = Sandbox(5, mode)
    with pytest.raises(Stopped) as stopped:
        box.ask("run", "c", f"{write}\n    except OSError: pass\nos._exit(7)", "", "")
        box.ask("run", "c", "pass", "", "")
    assert stopped.value.state == "crashed"
    box.close()


@MODES
def test_a_flood_ends_at_once_and_needs_no_memory(mode):
    flood = "import os\nwhile True:\n  for fd in range(3, 9):\n    try: os.write(fd, bytes(2**20))"
    box, start = Sandbox(5, mode), time.monotonic()
    with pytest.raises(Stopped):
        box.ask("run", "c", flood + "\n    except OSError: pass", "", "")
        for _ in range(9):
            box.ask("run", "c", "pass", "", "")
    assert time.monotonic() - start < 40  # not 5 for each of the ten
    box.close()


# The folder that is shared where a task reads or writes a file
@MODES
def test_a_shared_folder_is_scrubbed_and_measured(mode, tmp_path):
    secret, folder = tmp_path / "secret", tmp_path / "shared"
    secret.write_text("mine")
    folder.mkdir()
    box = Sandbox(10, mode, str(folder))
    box.ask("run", "c", (
        f"import os\nos.chdir({str(folder)!r})\nos.symlink({str(secret)!r}, 'out')\n"
        "os.symlink('kept', 'in')\nos.mkfifo('pipe')\nopen('kept', 'w').write('x')"
    ), "", "")  # fmt: skip
    assert sorted(os.listdir(folder)) == ["in", "kept"]
    flood = f"i = 0\nwhile True:\n    open('{folder}/%d' % i, 'wb').write(bytes(2**22)); i += 1"
    with pytest.raises(Stopped, match="wrote more than it may"):
        box.ask("run", "c", flood, "", "")
    box.close()


@MODES
def test_while_the_judge_looks_nothing_moves(mode, tmp_path):
    box = Sandbox(10, mode, str(tmp_path))
    box.ask("run", "c", "import signal\nsignal.signal(signal.SIGCONT, lambda *a: 1)", "", "")
    state = Path(f"/proc/{box.pid}/status").read_text()
    assert "State:\tT" in state, "it runs while the judge looks"
    assert box.ask("run", "c", "1", "", "") == ({"values": []}, [])
    box.close()


@MODES
def test_the_judge_sees_the_disk_before_every_call_that_changes_it(mode, tmp_path):
    box, seen = Sandbox(10, mode, str(tmp_path), watched=True), []
    box.look = lambda: seen.append(sorted(os.listdir(tmp_path)))
    code = (
        f"import os; os.chdir('{tmp_path}'); open('a', 'w').close(); "
        "os.rename('a', 'b'); os.unlink('b')"
    )
    box.ask("run", "c", code, "", "")
    order = [now for now, before in zip(seen, [None, *seen], strict=False) if now != before]
    assert order == [[], ["a"], ["b"], []]
    box.close()


def test_a_close_limit_on_memory_holds(tmp_path):
    code = "import numpy as np\ndef f(n):\n    return len(np.ones(n))"
    box = Sandbox(10, folder=str(tmp_path), data=300_000)
    box.ask("run", "c", code, "1", "f")
    assert box.ask("call", "1", 20_000)[1] == [20_000]
    assert box.ask("call", "1", 320_000)[0]["error"] == "MemoryError"
    box.close()


def test_the_filter_holds_every_call_of_the_table():
    rules = list(struct.iter_unpack("HBBI", sandbox.program()))
    numbers = {rule[3] for rule in rules if rule[0] == 0x15}
    assert {sandbox.own(name) % 2**32 for name in sandbox.CALLS["refused"]} <= numbers
    assert rules[-1] == (0x06, 0, 0, sandbox.ALLOW)
