"""The sandbox in which a student's program runs: bubblewrap, limits, and a system-call filter."""

import functools
import json
import math
import os
import platform
import re
import select
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import threading
import time
import tomllib
from contextlib import suppress
from pathlib import Path

import numpy as np

from reglib.assess.grading import inside

HOW = tomllib.loads(Path(__file__).with_name("sandbox.toml").read_text(encoding="utf-8"))
CALLS, FLAGS = HOW["calls"], ("-I", "-S", "-B")
ALLOW, REFUSE, NO_SUCH, IGNORE, KILL = 0x7FFF0000, 0x50001, 0x50026, 0x50000, 0x80000000
TELL, RECEIVE, REPLY = 0x7FC00000, 0xC0502100, 0xC0182101  # of seccomp's user notification


class Stopped(BaseException):
    """The program ended before it answered: `state` is "timeout" or "crashed"."""

    def __init__(self, state, said):
        super().__init__(said)
        self.state, self.said = state, said


def missing(mode="bubblewrap"):
    """Return what this machine lacks for grading in this mode, in a sentence, or ""."""
    if mode not in HOW["modes"]:
        raise ValueError(f"sandbox must be one of {', '.join(HOW['modes'])}, got {mode!r}")
    other = "Inside a container of your own: --sandbox=container-already"
    if sys.platform != "linux" or platform.machine() not in CALLS["machines"]:
        return "Grading needs Linux on a 64-bit Intel, AMD or ARM processor."
    if mode == "bubblewrap" and not shutil.which("bwrap"):
        return f"Students' code runs in a sandbox: install the package `bubblewrap`. {other}"
    try:
        Sandbox(mode=mode).close()
    except ChildProcessError as reason:
        return f"{reason} User namespaces may be switched off on this machine. {other}"
    return ""


def own(name):
    """The number that this machine has for a system call, or for itself."""
    column = CALLS["machines"].index(platform.machine())
    return next(group[name][column] for group in list(CALLS.values())[1:] if name in group)


def program(watched=False):
    """The seccomp filter as bytes: refused is what is listed so, and memory that no limit counts.

    A `watched` program waits at each call that changes a file.
    """
    load, equal, least, bits, end = 0x20, 0x15, 0x35, 0x45, 0x06
    rules = [(load, 0, 0, 4), (equal, 1, 0, own("machine"))]
    rules += [(end, 0, 0, KILL), (load, 0, 0, 0)]
    rules += [(least, 0, 1, 0x40000000), (end, 0, 0, KILL)]  # x32, another numbering
    answers = {"refused": REFUSE, "absent": NO_SUCH, "ignored": IGNORE}
    answers |= {"watched": TELL} if watched else {}
    for kind, answer in answers.items():
        for name in CALLS[kind]:
            rules += [(equal, 0, 1, own(name) % 2**32), (end, 0, 0, answer)]
    # Of fcntl's commands, at byte 24, the first four and F_DUPFD_CLOEXEC: none has signals sent.
    rules += [(equal, 0, 4, own("fcntl")), (load, 0, 0, 24), (equal, 8, 0, 1030)]
    rules += [(least, 0, 7, 4), (end, 0, 0, REFUSE)]
    # Of mmap's flags, at byte 40: what grows downwards, or is shared and no file.
    rules += [(equal, 0, 5, own("mmap")), (load, 0, 0, 40), (bits, 2, 0, 256), (bits, 0, 2, 1)]
    rules += [(bits, 0, 1, 32), (end, 0, 0, REFUSE), (end, 0, 0, ALLOW)]
    return b"".join(struct.pack("HBBI", *rule) for rule in rules)


@functools.cache
def _needed():
    """The interpreter, the folders of its library and its shared libraries, and NumPy's."""
    home = Path(np.__file__).parents[1]
    ask = [sys.executable, *FLAGS, "-c", HOW["probe"], str(home)]
    found = subprocess.run(ask, capture_output=True, check=True, timeout=60).stdout
    binary, library, maps = json.loads(found)
    shared = {Path(path).parent for path in maps}
    shared = {path for path in shared if not any(map(path.is_relative_to, (home, *library)))}
    return Path(binary), sorted(shared.union(map(Path, library))), home


@functools.lru_cache(2)
def _bubblewrap(folder):
    """The command that starts a program with Python and NumPy in sight, and nothing else."""
    binary, folders, home = _needed()
    command = ["bwrap", *HOW["bubblewrap"]]
    for name, value in HOW["environment"].items():
        command += ["--setenv", name, value]
    for link in filter(Path.is_symlink, map(Path, ("/lib", "/lib64"))):
        command += ["--symlink", os.readlink(link), str(link)]
    seen = [*folders, Path("/lib64").resolve(), Path("/etc/ld.so.cache"), binary]
    for path in filter(Path.exists, seen):
        command += ["--ro-bind", str(path), str(path)]
        for hidden in [*path.glob("*-packages"), *path.glob("python3*/*-packages")]:
            command += ["--size", "4096", "--tmpfs", str(hidden)]
    for path in [home / "numpy", *home.glob("numpy.libs")]:
        command += ["--ro-bind", str(path), f"/numpy/{path.name}"]
    command += ["--ro-bind", inside.__file__, "/inside.py"]
    command += ["--bind", folder, folder, "--setenv", "TMPDIR", folder] if folder else []
    return [*command, "--remount-ro", "/", str(binary), *FLAGS, "/inside.py", "/numpy"]


class Sandbox:
    """A running student's program, which answers one request at a time.

    Parameters
    ----------
    seconds : float
        How much real time a request may take.
    mode : str
        "bubblewrap", or "container-already" where a container keeps the program from the machine.
    folder : str
        A folder that it may write into, besides its private /tmp. Between two requests the
        program is stopped, so that the judge may look there.
    data : int
        How many bytes more than at its start it may hold; 0 for the usual limit.
    watched : bool
        Whether `look` is called before each system call of it that changes a file.

    Raises
    ------
    ChildProcessError
        When it does not start, which is no fault of the student's.
    """

    def __init__(self, seconds=20.0, mode="bubblewrap", folder="", data=0, watched=False):
        self.seconds, self.folder, self.late, self.end = seconds, folder, "", math.inf
        self.look, (ours, self.channel) = None, socket.socketpair()
        self.notices = [ours]
        command = [sys.executable, *FLAGS, inside.__file__, str(Path(np.__file__).parents[1])]
        if mode == "bubblewrap":
            command = _bubblewrap(folder)
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            pass_fds=[self.channel.fileno()], start_new_session=True,
            env=HOW["environment"] | {"TMPDIR": folder or "/tmp"},
        )  # fmt: skip
        threading.Thread(target=self._watch, daemon=True).start()
        try:
            self._confine(data, self.channel.fileno() * watched)
        except (Stopped, OSError) as reason:
            self._kill()
            why = self.process.stderr.read().decode(errors="replace").strip()[-300:] or reason
            self.close()
            raise ChildProcessError(f"The sandbox does not start: {why}") from None

    def _confine(self, data, channel):
        limits = HOW["limits"] | {"CPU": math.ceil(10 * self.seconds)}
        if data:
            self.ask("run", "", HOW["warm"], "", "")
            pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[5])
            limits |= {"DATA": pages * os.sysconf("SC_PAGE_SIZE") + data, "FSIZE": data}
        rules = program(watched=channel > 0).hex()
        self.ask("confine", list(limits.items()), rules, own("seccomp"), channel)

    @functools.cached_property
    def pid(self):
        """The student's program itself: bubblewrap's child, where that holds it."""
        own, children = self.process.pid, []
        while self.process.args[0] == "bwrap" and not children and self.process.poll() is None:
            children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
        return int((children or [own])[0])

    def ask(self, do, *values):
        """Return the reply to a request and the values in it, or raise `Stopped`."""
        self.end, pipe = time.monotonic() + self.seconds, self.process.stdout
        try:
            if self.folder:
                os.kill(self.pid, signal.SIGCONT)
            self.process.stdin.write(inside.frame({"do": do}, values))
            self.process.stdin.flush()
            sizes = inside.SIZES.unpack(pipe.read(inside.SIZES.size))
            if max(10 * sizes[0], sizes[1]) > inside.MOST:
                raise ValueError("too large a frame")
            reply, values = inside.message(*map(pipe.read, sizes))
            return dict(reply), values
        except (ValueError, TypeError, LookupError, RecursionError, OSError, struct.error):
            self._kill()
            said = f"Its process ended before it answered (exit code {self.process.wait()})."
            state = "timeout" if "seconds" in self.late else "crashed"
            raise Stopped(state, self.late or said) from None
        finally:
            self.end = math.inf
            if self.folder:
                self._freeze()

    def _watch(self):
        """End the program when its time is over or its folder too full; let the judge look."""
        try:
            while self.process.returncode is None and not self.late:
                if ready := select.select(self.notices, [], [], 0.1)[0]:
                    self._notice(ready[0])
                if time.monotonic() > self.end:
                    self.late = f"It was stopped after {self.seconds:.3g} seconds."
                elif self.folder and self._written() > HOW["most_written"]:
                    self.late = "It was stopped: it wrote more than it may."
        except (OSError, IndexError):  # it ended while it was looked at, or sent us something else
            pass
        finally:
            self._kill()
            for source in (*self.notices, self.channel):
                source.close()

    def _written(self):
        text = Path(f"/proc/{self.pid}/io").read_text()
        return max(map(int, re.findall(r"(?:wchar|write_bytes): (\d+)", text)))

    def _notice(self, source):
        """Let the judge look, and the watched call that waits go on."""
        if isinstance(source, socket.socket):
            self.notices.append(os.fdopen(socket.recv_fds(source, 1, 1)[1][0], "rb", 0))
            return
        import fcntl  # not on Windows, where `missing` says what is

        note = bytearray(80)
        fcntl.ioctl(source, RECEIVE, note)
        scrub(self.folder)
        if self.look:
            self.look()
        fcntl.ioctl(source, REPLY, bytes(note[:8]) + struct.pack("<qiI", 0, 0, 1))

    def _kill(self):
        """Kill the program, by which its processor time is counted, and then what holds it."""
        for pid in (self.pid, self.process.pid):
            with suppress(ProcessLookupError, subprocess.TimeoutExpired):
                if self.process.poll() is None:
                    os.kill(pid, signal.SIGKILL)
                    self.process.wait(1)

    def _freeze(self):
        """Stop the program, which has one thread, so that nothing changes while the judge looks."""
        with suppress(OSError):  # it has ended
            os.kill(self.pid, signal.SIGSTOP)
            while re.search(r"State:\t[RSD]", Path(f"/proc/{self.pid}/status").read_text()):
                time.sleep(0.001)
        scrub(self.folder)

    def close(self):
        """End the program and all that it left behind."""
        try:
            self.process.stdin.close()  # at which it ends by itself
            self.process.wait(0 if self.folder else 0.5)
        except (OSError, subprocess.TimeoutExpired):
            self._kill()
            self.process.wait()
        for pipe in (self.process.stdout, self.process.stderr):
            pipe.close()


def scrub(folder):
    """Remove from a folder, in which nothing moves, what is no plain file and no link to one."""
    home = os.path.realpath(folder) + os.sep
    for place, folders, files in os.walk(folder):
        for path in (os.path.join(place, name) for name in folders + files):
            mode = os.lstat(path).st_mode
            inner = stat.S_ISLNK(mode) and os.path.realpath(path).startswith(home)
            if not inner and stat.S_IFMT(mode) not in (stat.S_IFDIR, stat.S_IFREG):
                os.unlink(path)
        if place.count(os.sep) > 50:
            raise OSError("deeper than any answer needs")
