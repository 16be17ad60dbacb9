"""A student's functions as the judge calls them: stand-ins that ask the student's own process."""

import subprocess
import tempfile
from typing import NamedTuple

from reglib.assess.grading.sandbox import Sandbox, Stopped
from reglib.assess.guard import LIBRARIES, NotAttempted, Wrong, crashed, input_changed, refuse


class Cell(NamedTuple):
    """A cell to run: its name, its source, and the task and the function that it answers, or ""."""

    place: str
    source: str
    task: str = ""
    function: str = ""


class Student:
    """Runs a student's cells as Run All does: no further than to the task that is judged.

    A cell that ends its process is left out when the cells are run again, so that it costs no
    other task its points. A cell of the student's own that does so takes all such cells with it.

    Parameters
    ----------
    cells : list of Cell
        In the order in which they run.
    seconds : float
        How much real time a cell or a call may take.
    mode : str
        As in `Sandbox`.
    """

    def __init__(self, cells, seconds=20.0, mode="bubblewrap"):
        self.cells, self.seconds, self.mode = list(cells), seconds, mode
        self.replies, self.boxes, self.folder = {}, {}, tempfile.mkdtemp(prefix="judge-")

    def reach(self, task, limits=()):
        """Return a process with these limits that has just run the task's cell."""
        box, done = self.boxes.pop(limits, None) or (Sandbox(self.seconds, self.mode, *limits), 0)
        last = [cell.task for cell in self.cells].index(task)
        for cell in self.cells[done : last + 1]:
            try:
                self.replies[cell.task], _ = box.ask("run", *cell)
            except Stopped:
                box.close()
                if cell.task == task:
                    raise
                self.cells.remove(cell)
                self.cells = [kept for kept in self.cells if kept.task or cell.task]
                return self.reach(task, limits)
        self.boxes[limits] = box, last + 1
        return box

    def ask(self, do, task, args, limits=()):
        """Call a task's function in a process with these limits; return the reply and values."""
        box = self.reach(task, limits)
        try:
            return box.ask(do, task, *args)
        except Stopped:
            self.boxes.pop(limits)[0].close()
            raise

    def close(self):
        """End all processes and remove the folder."""
        for box, _ in self.boxes.values():
            box.close()
        subprocess.run(["rm", "-rf", self.folder])  # however deep it is


class Remote:
    """A student's function, called as the checks call it; see `guard.Answer` for the one at hand.

    Arguments that are files of the judge's are shared with a process that sees their folder alone.
    Raises `Wrong` and `NotAttempted` as `Answer` does, and `Stopped` when the process ended.
    """

    def __init__(self, student, cell, names):
        self.student, self.cell, self.names = student, cell, names
        self.lines = cell.source.splitlines()

    def undefined(self, reply):
        """Say why the cell defined no function."""
        if "error" in reply:
            raise self.trouble(reply, what="The cell")
        if not self.lines:
            raise NotAttempted
        name = self.cell.function
        raise Wrong(f"The cell defines no function `{name}`: keep the name that was given.")

    def __call__(self, *args):
        return self._call("call", args, self._limits(args))[0]

    def counted(self, *args):
        """The result, and the name and shape of each matrix that was factorized."""
        result, reply = self._call("count", args, ())
        return result, [(str(name)[:20], tuple(map(int, shape))) for name, shape in reply["found"]]

    def limited(self, data, *args):
        """The result of a process that may hold `data` bytes more than at its start."""
        try:
            return self._call("call", args, (self.student.folder, data))[0]
        except Wrong as mistake:
            if "`MemoryError`" in mistake.sentence:
                raise MemoryError from None
            raise

    def watched(self, look, *args):
        """The result, after `look()` before each system call that changes a file."""
        limits = (self.student.folder, 0, True)
        box = self.student.reach(self.cell.task, limits)
        box.look = look
        try:
            return self._call("call", args, limits)[0]
        finally:
            box.look = None

    def _limits(self, args):
        home = self.student.folder
        shared = any(isinstance(value, str) and value.startswith(home) for value in args)
        return (home,) if shared else ()

    def _call(self, do, args, limits):
        reply, values = self.student.ask(do, self.cell.task, args, limits)
        if "error" in reply:
            raise self.trouble(reply, args)
        for i, now in zip(reply["changed"], values[1:], strict=True):
            raise input_changed(self.names[i], args[i], now)
        return values[0], reply

    def trouble(self, reply, args=(), what="The function"):
        """What to raise for an exception in the student's code."""
        if reply.get("untouched"):
            return NotAttempted("The task still holds its blank.")
        name = str(reply.get("missing") or "")
        if name.partition(".")[0] in LIBRARIES:
            try:
                refuse([name])
            except Wrong as mistake:
                return mistake
        line = reply.get("line")
        known = isinstance(line, int) and 0 < line <= len(self.lines)
        lines = [(line, self.lines[line - 1])] if known else []
        given = zip(self.names, args, strict=False)
        return crashed(what, str(reply["error"]), str(reply.get("said", "")), lines, given)
