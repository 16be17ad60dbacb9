"""A student's functions as the judge calls them: stand-ins that ask the student's own process."""

import subprocess
import tempfile
import time
from collections import namedtuple

from reglib.assess.grading.sandbox import Sandbox, Stopped
from reglib.assess.guard import LIBRARIES, NotAttempted, crashed, input_changed, refuse

# A cell to run: its name, its source, and the task and the function that it answers, or "".
Cell = namedtuple("Cell", "place source task function", defaults=("", ""))


class Student:
    """Runs a student's cells as Run All does: no further than to the task that is judged.

    A cell that ends its process is left out when the cells are run again, so that it costs no
    other task its points. A cell of the student's own that does so takes all such cells with it;
    `ended` says why, and in which state. All requests together may take ten times as long as one.

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
        self.cells, self.seconds, self.mode, self.left = list(cells), seconds, mode, 10 * seconds
        self.replies, self.boxes, self.ended = {}, {}, {}
        self.folder = tempfile.mkdtemp(prefix="judge-")

    def reach(self, task, limits=()):
        """Return a process with these limits that has just run the task's cell."""
        if limits not in self.boxes:
            box = Sandbox(self.seconds, self.mode, *limits)
            self.boxes[limits] = box, iter(self.cells), set()
        box, cells, done = self.boxes[limits]
        while task not in done:
            cell = next(cells)
            try:
                reply, _ = self._timed(limits, "run", *cell)
                if cell.task or "error" in reply:
                    self.replies[cell.task] = reply
            except Stopped as reason:
                self.cells = [c for c in self.cells if c is not cell and (c.task or cell.task)]
                if cell.task == task:
                    raise
                said = {f"a cell between the tasks: {reason.said}": reason.state}
                self.ended |= {} if cell.task else said
                return self.reach(task, limits)
            done.add(cell.task)
        return box

    def ask(self, do, task, args, limits=()):
        """Call a task's function in a process with these limits; return the reply and values."""
        self.reach(task, limits)
        return self._timed(limits, do, task, *args)

    def _timed(self, limits, *request):
        """Ask a process within what is left of the time; when it ends there will be another."""
        box, start = self.boxes[limits][0], time.monotonic()
        box.seconds = min(self.seconds, self.left)
        try:
            if self.left <= 0:
                raise Stopped("timeout", f"It took more than {10 * self.seconds:g} seconds in all.")
            return box.ask(*request)
        except Stopped:
            self.boxes.pop(limits)[0].close()
            raise
        finally:
            self.left -= time.monotonic() - start

    def close(self):
        """End all processes and remove the folder."""
        for box, *_ in self.boxes.values():
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

    def __call__(self, *args):
        home = self.student.folder
        shared = [value for value in args if isinstance(value, str) and value.startswith(home)]
        return self._call("call", args, (home,) if shared else ())[0]

    def counted(self, *args):
        """The result, and the name and shape of each matrix that was factorized."""
        result, reply = self._call("count", args, ())
        return result, [(str(name)[:20], tuple(map(int, shape))) for name, shape in reply["found"]]

    def limited(self, data, *args):
        """The result of a process that may hold `data` bytes more than at its start."""
        return self._call("call", args, (self.student.folder, data))[0]

    def watched(self, look, *args):
        """The result, after `look()` before each system call that changes a file."""
        limits = (self.student.folder, 0, True)
        box = self.student.reach(self.cell.task, limits)
        box.look = look
        try:
            return self._call("call", args, limits)[0]
        finally:
            box.look = None

    def _call(self, do, args, limits):
        reply, values = self.student.ask(do, self.cell.task, args, limits)
        if "error" in reply:
            self.complain(reply, args)
        for i, now in zip(reply["changed"], values[1:], strict=True):
            raise input_changed(self.names[i], args[i], now)
        return values[0], reply

    def complain(self, reply, args=(), what="The function"):
        """Raise what an exception in the student's code means."""
        if reply.get("untouched"):
            raise NotAttempted("The task still holds its blank.")
        name = str(reply.get("missing") or "")
        refuse([name] if name.partition(".")[0] in LIBRARIES else [])
        line = reply.get("line")
        known = isinstance(line, int) and 0 < line <= len(self.lines)
        lines = [(line, self.lines[line - 1])] if known else []
        given, said = zip(self.names, args, strict=False), str(reply.get("said", ""))
        if reply["error"] == "NameError" and (own := self.student.replies.get("", {})).get("error"):
            said += f". A cell of your own stopped before: {own['error']}: {own.get('said', '')}"
        raise crashed(what, str(reply["error"]), said, lines, given)
