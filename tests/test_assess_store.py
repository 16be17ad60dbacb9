"""Progress survives what happens to files: two writers, a kill, damage, a full or closed disk."""

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest

from reglib.assess.store import MARK, NAME, Store, folder

WRITER = """
import sys
from reglib.assess.store import Store
store = Store(sys.argv[1])
for i in range(int(sys.argv[2])):
    store.add("1.1", "fail", "x" * 2000)
    print(i, flush=True)
"""


@pytest.fixture
def told():
    return []


@pytest.fixture
def kept(tmp_path, told):
    return Store(tmp_path / NAME, told.append)


def writer(path, times):
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), str(times)], stdout=subprocess.PIPE, text=True
    )


def test_the_folder_is_the_one_asked_for(monkeypatch, tmp_path):
    monkeypatch.setenv("REGLIB_DATA", str(tmp_path))
    assert folder() == tmp_path
    monkeypatch.setenv("REGLIB_DATA", "")
    assert folder().name == "reglib"


def test_events_last_beyond_one_store(kept, told):
    kept.add("1.1", "fail", "first")
    kept.add("1.1", "pass", "second")
    kept.add("1.10", "hint")
    again = Store(kept.path, told.append)
    assert again.count("1.1", "fail") == 1 and again.count("1.1", "hint") == 0
    assert again.last("1.1", "pass", "fail") == "second" and again.last("1.10", "hint") is None
    assert not told


@pytest.mark.parametrize(
    ("kinds", "status"),
    [
        ([], "not tried"),
        (["hint"], "not tried"),
        (["fail"], "tried"),
        (["fail", "pass"], "passed"),
        (["pass", "fail", "solution"], "passed"),
        (["fail", "solution", "pass"], "passed with the solution seen"),
        (["fail", "solution"], "tried"),
    ],
)
def test_the_status_follows_from_the_events(kept, kinds, status):
    for kind in kinds:
        kept.add("1.1", kind)
    assert kept.status("1.1") == status


def test_nothing_personal_is_kept(kept):
    kept.add("1.1", "pass", "def f(): pass")
    with closing(sqlite3.connect(kept.path)) as base:
        columns = [row[1] for row in base.execute("PRAGMA table_info(events)")]
    assert columns == ["id", "task", "time", "kind", "detail"]


def test_two_notebooks_write_at_once_into_a_new_file(kept, told):
    both = [writer(kept.path, 40) for _ in range(2)]
    assert [process.wait(timeout=300) for process in both] == [0, 0]
    assert kept.count("1.1", "fail") == 80 and not told


def test_a_kernel_killed_while_writing_loses_nothing_that_was_written(kept, told):
    process = writer(kept.path, 100_000)
    while int(process.stdout.readline()) < 20:
        pass
    time.sleep(0.05)
    process.kill()
    process.wait(timeout=300)
    last = int(process.stdout.read().split()[-1])
    assert kept.count("1.1", "fail") >= last + 1
    kept.add("1.1", "pass")
    assert kept.status("1.1") == "passed" and not told


def damaged(path):
    path.write_bytes(b"this is no database, and long enough to look like one" * 40)


def cut_short(path):
    Store(path).add("1.1", "pass", "x" * 50_000)
    os.truncate(path, 5000)


def of_another_program(path):
    with closing(sqlite3.connect(path)) as base, base:
        base.execute("CREATE TABLE events (colour TEXT)")


@pytest.mark.parametrize("spoil", [damaged, cut_short, of_another_program])
def test_a_file_that_is_broken_or_not_ours_is_set_aside_and_kept(kept, told, spoil):
    spoil(kept.path)
    before = kept.path.read_bytes()
    kept.add("1.2", "pass")
    kept.add("1.2", "hint")
    assert kept.status("1.2") == "passed" and kept.memory is None
    assert kept.path.with_name(f"{NAME}.broken-1").read_bytes() == before
    assert len(told) == 1 and f"{NAME}.broken-1" in told[0]
    spoil(kept.path.with_name("other"))
    os.replace(kept.path.with_name("other"), kept.path)
    kept.add("1.2", "pass")
    assert kept.path.with_name(f"{NAME}.broken-2").exists(), "the first broken file was replaced"


def test_two_notebooks_meet_a_broken_file_at_once(kept):
    damaged(kept.path)
    both = [writer(kept.path, 20) for _ in range(2)]
    assert [process.wait(timeout=300) for process in both] == [0, 0]
    assert kept.count("1.1", "fail") == 40
    assert len(list(kept.path.parent.glob("*.broken-*"))) == 1


def test_a_file_where_the_folder_should_be_is_not_fatal(tmp_path, told):
    (tmp_path / "data").write_text("a file")
    store = Store(tmp_path / "data" / NAME, told.append)
    store.add("1.1", "pass")
    assert store.status("1.1") == "passed"
    assert len(told) == 1 and "cannot be written" in told[0]


def test_a_disk_that_takes_no_more_keeps_what_it_had_and_goes_on_in_memory(kept, told):
    kept.add("1.1", "pass")
    real = kept._on_disk

    def full(statement, values):
        if statement.startswith("INSERT"):
            raise sqlite3.OperationalError("database or disk is full")
        return real(statement, values)

    kept._on_disk = full
    kept.add("1.2", "pass")
    assert kept.status("1.1") == kept.status("1.2") == "passed"
    assert len(told) == 1 and "disk is full" in told[0]
    assert Store(kept.path).status("1.2") == "not tried"


def test_a_folder_that_is_read_only_is_not_fatal(kept, told):
    kept.add("1.1", "pass")
    code = (
        "import os, sys; from reglib.assess.store import Store\n"
        "if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "s = Store(sys.argv[1]); s.add('1.2', 'pass'); print(s.status('1.1'), s.status('1.2'))"
    )
    if not hasattr(os, "geteuid"):
        pytest.skip("no way to give up rights on this system")
    for path, mode in ((kept.path, 0o444), (kept.path.parent, 0o555)):
        path.chmod(mode)
    parents = [kept.path.parent, *kept.path.parent.parents]
    before = {path: path.stat().st_mode for path in parents if not path.stat().st_mode & 0o005}
    try:
        for path in before:
            path.chmod(before[path] | 0o055)
        run = subprocess.run(
            [sys.executable, "-c", code, str(kept.path)],
            capture_output=True,
            text=True,
            timeout=300,
        )
    finally:
        for path, mode in before.items():
            path.chmod(mode)
        kept.path.parent.chmod(0o755)
    assert run.stdout.strip().endswith("passed passed"), run.stdout + run.stderr
    assert "cannot be written" in run.stdout


def test_a_lock_held_by_another_is_waited_for(kept, told):
    kept.add("1.1", "fail")
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sqlite3, sys, time\nb = sqlite3.connect(sys.argv[1])\n"
            "b.execute('BEGIN IMMEDIATE')\nprint('held', flush=True)\ntime.sleep(0.5)\nb.commit()",
            str(kept.path),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout.readline() == "held\n"
    kept.add("1.1", "pass")
    assert holder.wait(timeout=300) == 0
    assert kept.status("1.1") == "passed" and not told


def test_the_mark_is_written(kept):
    kept.add("1.1", "hint")
    with closing(sqlite3.connect(kept.path)) as base:
        assert base.execute("PRAGMA application_id").fetchone()[0] == MARK
