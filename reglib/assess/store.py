"""The learner's progress: one small SQLite file that is only ever added to."""

import os
import sqlite3
import time
import urllib.parse  # noqa: F401  `as_uri` needs it when perhaps nothing more can be opened
from contextlib import closing
from functools import cache
from pathlib import Path

from reglib.assess.says import say

NAME, GATE = "progress.sqlite", "progress.gate"
MARK = 0x7265676C  # "regl": tells our file from one that merely has the same name
WAIT = 10  # seconds to wait while another notebook writes
SCHEMA = Path(__file__).with_name("progress.sql").read_text(encoding="utf-8")
COLUMNS = {"id", "task", "time", "kind", "detail"}


def folder():
    """Return the folder that keeps what the course remembers: `$REGLIB_DATA` or the user's own."""
    if os.environ.get("REGLIB_DATA"):
        return Path(os.environ["REGLIB_DATA"])
    import platformdirs

    return Path(platformdirs.user_data_dir("reglib", appauthor=False))


class Store:
    """What happened, task by task: passed, failed, hint shown, solution seen, reset, predicted,
    a question answered.

    Every write is one transaction, so a killed kernel leaves the last complete state. A file that
    is broken or not ours is set aside under another name; where nothing can be written, the course
    goes on in memory. Both are said once, through `tell`.

    Parameters
    ----------
    path : pathlib.Path
        The file, made on the first write.
    tell : callable
        Called with a sentence when progress cannot be kept as usual.
    """

    def __init__(self, path, tell=print):
        self.path, self.tell, self.memory = Path(path), tell, None

    def add(self, task, kind, detail=None):
        """Remember one event."""
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        statement = "INSERT INTO events (task, time, kind, detail) VALUES (?, ?, ?, ?)"
        self._run(statement, (task, now, kind, detail))

    def count(self, task, kind):
        """How often something happened."""
        statement = "SELECT COUNT(*) FROM events WHERE task = ? AND kind = ?"
        return self._run(statement, (task, kind))[0][0]

    def last(self, task, *kinds):
        """The detail of the latest such event that has one, or None."""
        rows = self._run(
            "SELECT detail FROM events WHERE task = ? AND detail IS NOT NULL "
            f"AND kind IN ({', '.join('?' * len(kinds))}) ORDER BY id DESC LIMIT 1",
            (task, *kinds),
        )
        return rows[0][0] if rows else None

    def latest(self, kind):
        """The detail of the latest such event of every task that has one."""
        statement = "SELECT task, detail FROM events WHERE kind = ? ORDER BY id"
        return dict(self._run(statement, (kind,)))

    def status(self, task):
        """'not tried', 'tried', 'passed' or 'passed with the solution seen'."""
        rows = self._run("SELECT kind FROM events WHERE task = ? ORDER BY id", (task,))
        kinds = [kind for (kind,) in rows]
        if "pass" not in kinds:
            return "tried" if "fail" in kinds else "not tried"
        earned = "solution" not in kinds[: kinds.index("pass")]
        return "passed" if earned else "passed with the solution seen"

    def _run(self, statement, values):
        if self.memory is None:
            seen = None
            try:
                seen = self._identity()
                return self._on_disk(statement, values)
            except (sqlite3.OperationalError, OSError) as error:
                self._to_memory(error)
            except sqlite3.DatabaseError:
                self._set_aside(seen)
                try:
                    return self._on_disk(statement, values)
                except (sqlite3.Error, OSError) as error:
                    self._to_memory(error)
        with self.memory:
            return self.memory.execute(statement, values).fetchall()

    def _on_disk(self, statement, values):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.path, timeout=WAIT)) as base, base:
            if base.execute("PRAGMA application_id").fetchone()[0] != MARK:
                self._begin(base)
            if not COLUMNS <= {row[1] for row in base.execute("PRAGMA table_info(events)")}:
                raise sqlite3.DatabaseError("not a progress file of this version")
            return base.execute(statement, values).fetchall()

    def _begin(self, base):
        base.execute("BEGIN IMMEDIATE")  # two notebooks may open a new file at once
        tables = base.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]
        mark = base.execute("PRAGMA application_id").fetchone()[0]
        if tables and mark != MARK:
            raise sqlite3.DatabaseError("not a progress file")
        base.execute(SCHEMA)
        base.execute(f"PRAGMA application_id = {MARK}")
        base.commit()

    def _identity(self):
        return self.path.stat().st_ino if self.path.exists() else None

    def _set_aside(self, seen):
        try:
            with closing(sqlite3.connect(self.path.with_name(GATE), timeout=WAIT)) as gate:
                gate.execute("BEGIN EXCLUSIVE")  # one notebook at a time; a killed one lets go
                if self._identity() != seen:  # another one did it first
                    return
                number = 1
                while (aside := self.path.with_name(f"{NAME}.broken-{number}")).exists():
                    number += 1
                # A journal left behind would be played back into the new file.
                journal = self.path.with_name(f"{NAME}-journal")
                if journal.exists():
                    journal.rename(aside.with_name(f"{aside.name}-journal"))
                self.path.rename(aside)
        except (OSError, sqlite3.Error):  # the next attempt to write says what is wrong
            return
        self.tell(say("set_aside", name=aside.name, folder=aside.parent))

    def _to_memory(self, error):
        self.memory = sqlite3.connect(":memory:", check_same_thread=False)
        try:  # what can still be read goes on counting
            uri = f"{self.path.absolute().as_uri()}?mode=ro"
            with closing(sqlite3.connect(uri, uri=True, timeout=1)) as base:
                base.backup(self.memory)
        except (sqlite3.Error, OSError):
            self.memory = sqlite3.connect(":memory:", check_same_thread=False)
        self.memory.execute(SCHEMA)
        self.tell(say("in_memory", folder=self.path.parent, error=error))


_opened = cache(Store)


def store():
    """The store of the current data folder, made once for each folder."""
    return _opened(folder() / NAME, _tell)


def _tell(sentence):
    from reglib.assess.cards import Card, show

    show(Card("note", "Your progress", (sentence,)))
