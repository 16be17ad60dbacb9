"""Attacks on the grader: one class of hostile and two honest students, graded in one run."""

import hashlib
import json
import os
import re
import signal
import socket
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import hostile
import hostile_values
import pytest
from hostile import FIVE, HONEST, ONE, Attack

from reglib.assess import course
from reglib.assess.grading.sandbox import missing
from reglib.assess.tasks import chapter, find
from reglib.assess.tutor import model_answer

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")
if not (course.root() / "solutions").is_dir():
    pytest.skip("the honest students need solutions/", allow_module_level=True)
from reglib.assess.grading.run import grade  # noqa: E402  it needs what is skipped for above

SECONDS, LONGEST = 2, 400
ALL = [
    *hostile.RESOURCES, *hostile.PLACES, *hostile.PROTOCOL, *hostile_values.VALUES,
    *hostile_values.CELLS, *hostile_values.FILES5, *hostile_values.FILES,
]  # fmt: skip
# In a container of one's own there is no private /tmp and no file out of sight: the container is
# what protects the machine. These need neither.
SHARED_TMP = ("memory by a mapped file", "tmp filled", "a file without end", "many small files")
ANYWHERE = [
    *(attack for attack in hostile.RESOURCES if attack.name not in SHARED_TMP),
    *hostile.PROTOCOL, *hostile_values.VALUES[::4],
]  # fmt: skip


def honest(student, exercise):
    """A submission with all tasks answered rightly, and its points."""
    tasks = chapter(str(int(exercise[:2])))
    answers = {number: model_answer(task) for number, task in tasks.items()}
    points = sum(task.points for task in tasks.values())
    return Attack(student, "graded", cells=answers, exercise=exercise, points=points)


CLASS = [honest("ana", ONE), honest("ana", FIVE), honest("ben", ONE)]
NAMED = [Attack(name) for name in hostile_values.NAMES]


def snapshot(*folders):
    """Everything below some folders: its size, time and content."""
    found = {}
    for path in (path for folder in folders for path in Path(folder).rglob("*")):
        info = path.lstat()
        plain = path.is_file() and not path.is_symlink() and info.st_size < 10**7
        content = hashlib.sha256(path.read_bytes()).hexdigest() if plain else ""
        found[str(path)] = info.st_mode, info.st_size, info.st_mtime_ns, content
    return found


def sandboxes():
    """Processes of sandboxes that this test, or a worker of it that ended, has started."""
    left = []
    for home in Path("/proc").glob("[0-9]*"):
        try:
            if "inside.py" in (home / "cmdline").read_text() and not elsewhere(int(home.name)):
                left.append(home.name)
        except OSError:  # it has just ended
            continue
    return left


def elsewhere(pid):
    """Whether a process has a living parent that is not this one's offspring."""
    chain = []
    while pid > 1:
        chain.append(pid)
        pid = int(re.search(r"PPid:\s(\d+)", Path(f"/proc/{pid}/status").read_text())[1])
    top = chain[-1]
    return os.getpid() not in chain and "inside.py" not in Path(f"/proc/{top}/cmdline").read_text()


def listeners(stack, canary):
    """Sockets that wait for whoever gets out, and the places that attacks are told."""
    tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    port = tcp.getsockname()[1]
    udp = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
    udp.bind(("127.0.0.1", port))
    found = [tcp, udp]
    abstract = f"reglib-test-{os.getpid()}"  # so that two runs on one machine do not meet
    for name in (str(canary / "socket"), f"\0{abstract}"):
        found.append(stack.enter_context(socket.socket(socket.AF_UNIX)))
        found[-1].bind(name)
        found[-1].listen()
    for one in found:
        one.setblocking(False)
    return found, {"PORT": port, "ABSTRACT": abstract}


def late(*_):
    raise TimeoutError(f"the class was not graded in {LONGEST} seconds")


def run(tmp, attacks, mode):
    """Grade a class; what came of it, and what it left."""
    folders = {name: tmp / name for name in ("in", "canary", "tmp")}
    for folder in folders.values():
        folder.mkdir()
    (folders["canary"] / "a").write_text("as it was")
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("TMPDIR", str(folders["tmp"]))
        patch.setattr(tempfile, "tempdir", str(folders["tmp"]))
        sockets, places = listeners(stack, folders["canary"])
        ana = folders["in"] / "ana" / ONE / f"{ONE}.ipynb"
        places |= {"ROOT": course.root(), "SUBMISSIONS": folders["in"], "REPORT": tmp / "out"}
        places |= {"HOME": Path.home(), "CANARY": folders["canary"], "HONEST": ana}
        places |= {"SLOW": 0.9 * SECONDS}
        for attack in attacks:
            attack.put(folders["in"], places)
        watched = [folders["in"], folders["canary"]]
        watched += [course.root() / name for name in ("exercises", "solutions", "notebooks")]
        running, roots = sandboxes(), [course.root(), Path.home(), Path("/")]
        before, marks, start = snapshot(*watched), [set(os.listdir(r)) for r in roots], time.time()
        signal.signal(signal.SIGALRM, late)
        signal.alarm(LONGEST)
        grade(course.root(), folders["in"], tmp / "out", jobs=2, seconds=SECONDS, seed=7,
              sandbox=mode)  # fmt: skip
        signal.alarm(0)
        came = [one for one in sockets if reached(one)]
        after, new = snapshot(*watched), [set(os.listdir(r)) for r in roots]
        changed = {path for path in before.keys() | after if before.get(path) != after.get(path)}
        return SimpleNamespace(
            out=tmp / "out", changed=changed, came=came, seconds=time.time() - start,
            marked=[n for a, b in zip(marks, new, strict=True) for n in b - a if "mark" in n],
            running=running, tmp=os.listdir(folders["tmp"]), results=results(tmp / "out"),
        )  # fmt: skip


def reached(one):
    try:
        return one.accept() if one.type == socket.SOCK_STREAM else one.recv(9)
    except BlockingIOError:
        return None


def results(out):
    """Each student's marks by exercise and name, with the feedback page as a text."""
    found = {}
    for path in sorted(out.glob("*/marks.json")):
        for mark in json.loads(path.read_text())["students"]:
            page = (path.parent / "feedback" / mark["feedback"]).read_text()
            found[mark["student"], path.parent.name] = mark | {"page": page}
    return found


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    return run(tmp_path_factory.mktemp("class"), [*CLASS, *ALL, *NAMED], "bubblewrap")


@pytest.fixture(scope="module")
def contained(tmp_path_factory):
    return run(tmp_path_factory.mktemp("contained"), [*CLASS, *ANYWHERE], "container-already")


def expect(attack, results):
    """Its status, its points, and a word for what happened."""
    found = results.get((attack.student, attack.exercise))
    assert found, f"{attack.name}: no result"
    seen = f"{attack.name}: {found['status']}, {found['score']}, {found['happened']}"
    assert re.fullmatch(attack.status, found["status"]), f"expected {attack.status}; {seen}"
    said = re.sub("</?code>", "`", found["page"])
    assert re.search(attack.said, said), f"nothing says {attack.said!r}; {seen}"
    assert len(said) < 100_000, f"{attack.name}: a page of {len(said):,} characters"
    most = find(HONEST[attack.exercise]).points
    if attack.points == -1:  # it may end the process at any time
        assert found["score"] <= most, f"too many points; {seen}"
    else:
        assert (found["score"] or 0) == attack.score, f"expected {attack.score} points; {seen}"


@pytest.mark.parametrize("attack", ALL, ids=lambda attack: attack.student)
def test_an_attack_earns_nothing_and_is_told(attack, graded):
    expect(attack, graded.results)


@pytest.mark.parametrize("attack", ANYWHERE, ids=lambda attack: attack.student)
def test_an_attack_earns_nothing_in_a_container_either(attack, contained):
    expect(attack, contained.results)


def test_the_honest_students_have_all_their_points(graded, contained):
    for one in (graded, contained):
        for attack in CLASS:
            found = one.results[attack.student, attack.exercise]
            states = {n: t["mistake"] for n, t in found["tasks"].items() if t["state"] == "not yet"}
            assert found["score"] == attack.points, f"{attack.student}: {found['score']}, {states}"


def test_a_name_is_only_a_name(graded):
    names = {one.student.encode("utf-8", "backslashreplace").decode() for one in NAMED}
    marks = [one for one in graded.results.values() if one["file"].split("/")[0] in names]
    assert len(marks) == len(names), names - {one["student"] for one in marks}
    for mark in marks:
        assert mark["score"] == find("1.1").points and "/" not in mark["feedback"], mark["file"]
        assert "<script>alert" not in mark["page"], "markup of a student in a page"


def test_nothing_outside_the_report_has_changed(graded, contained):
    for one in (graded, contained):
        assert not one.changed, f"changed: {sorted(one.changed)[:9]}"
        assert not one.marked, f"left a mark: {one.marked}"


def test_nobody_reached_the_network(graded, contained):
    assert not graded.came and not contained.came


def test_nothing_is_left_behind(graded, contained):
    end = time.time() + 60
    while (left := {*sandboxes()} - {*graded.running, *contained.running}) and time.time() < end:
        time.sleep(0.1)
    assert not left, f"processes are left: {left}"
    assert not graded.tmp and not contained.tmp, f"files are left: {graded.tmp} {contained.tmp}"
    assert graded.seconds < LONGEST, f"{graded.seconds:.0f} seconds"


def test_there_are_many_attacks():
    names = [attack.student for attack in ALL]
    assert len(names) >= 45 and len(set(names)) == len(names)
