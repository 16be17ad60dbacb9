"""The sandbox in which a student's program runs: bubblewrap, limits, and a system-call filter."""

import functools
import json
import math
import os
import platform
import resource
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from reglib.assess.grading import inside

MODES = ("bubblewrap", "container-already")
MEMORY, FILE, FOLDER = 2**30, 2**24, 2**26  # bytes: of the process, of a file, of all its files
FLAGS = ("-I", "-S", "-B")
ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1",
    "PYTHONMALLOC": "malloc",  # memory is asked for as it is needed, so that a limit can be close
}  # fmt: skip
# What reading an array and solving equations need once is there before the memory is measured.
WARM = """import io, numpy as np
A, file = np.eye(99), io.BytesIO()
np.linalg.solve(A @ A, A), np.save(file, A), file.seek(0), np.load(file)"""

# The machines whose system calls we know: the column of their numbers below, and their name.
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
THREAD, ALLOW, REFUSE, NO_SUCH, KILL = 0x10000, 0x7FFF0000, 0x50001, 0x50026, 0x80000000
NONE = 0xFFFF  # the machine has no such call
CLONE, CLONE3 = (56, 220), (435, 435)
RENAMES = ((82, NONE), (264, 38), (316, 276))
# New processes and programs, signals to and debugging of others, sockets, memory that no limit
# sees, and the kernel's less guarded doors.
REFUSED = {
    "fork": (57, NONE), "vfork": (58, NONE), "execve": (59, 221), "execveat": (322, 281),
    "kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "pidfd_send_signal": (424, 424), "pidfd_open": (434, 434),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "prlimit64": (302, 261), "setrlimit": (160, 164), "socket": (41, 198),
    "socketpair": (53, 199), "io_uring_setup": (425, 425), "memfd_create": (319, 279),
    "memfd_secret": (447, 447), "shmget": (29, 194), "msgget": (68, 186), "semget": (64, 190),
    "mq_open": (240, 180), "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40),
    "umount2": (166, 39), "fsopen": (430, 430), "move_mount": (429, 429),
    "pivot_root": (155, 41), "chroot": (161, 51), "bpf": (321, 280),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "add_key": (248, 217),
    "request_key": (249, 218), "keyctl": (250, 219), "setpriority": (141, 140),
    "sched_setaffinity": (203, 122), "sched_setscheduler": (144, 119), "modify_ldt": (154, NONE),
}  # fmt: skip


class Stopped(BaseException):
    """The program ended before it answered: `state` is "timeout" or "crashed"."""

    def __init__(self, state, said):
        super().__init__(said)
        self.state, self.said = state, said


def missing(mode="bubblewrap"):
    """Return what this machine lacks for grading in this mode, in a sentence, or ""."""
    if mode not in MODES:
        raise ValueError(f"sandbox must be one of {', '.join(MODES)}, got {mode!r}")
    other = "Inside a container of your own: --sandbox=container-already"
    if sys.platform != "linux" or platform.machine() not in MACHINES:
        return "Grading needs Linux on a 64-bit Intel, AMD or ARM processor."
    if mode == "bubblewrap" and not shutil.which("bwrap"):
        return (
            "Grading runs what students wrote, and the sandbox for that is not here: install "
            f"the package `bubblewrap`. {other}"
        )
    try:
        Sandbox(mode=mode).close()
    except RuntimeError as reason:
        return f"{reason} User namespaces may be switched off on this machine. {other}"
    return ""


def program(killed=()):
    """The seccomp filter as bytes: calls in `REFUSED` fail, those in `killed` end the process.

    A thread may be started, a process may not.
    """
    column, machine = MACHINES[platform.machine()]
    load, equal, above, bits, end = 0x20, 0x15, 0x35, 0x45, 0x06
    rules = [(load, 0, 0, 4), (equal, 1, 0, machine), (end, 0, 0, KILL), (load, 0, 0, 0)]
    rules += [(above, 0, 1, 0x40000000), (end, 0, 0, KILL)]  # x32, another numbering
    answers = [(CLONE3, NO_SUCH), *((call, REFUSE) for call in REFUSED.values())]
    for call, answer in [*answers, *((call, KILL) for call in killed)]:
        rules += [(equal, 0, 1, call[column]), (end, 0, 0, answer)]
    rules += [(equal, 0, 3, CLONE[column]), (load, 0, 0, 16), (bits, 1, 0, THREAD)]
    rules += [(end, 0, 0, REFUSE), (end, 0, 0, ALLOW)]
    return b"".join(struct.pack("HBBI", *rule) for rule in rules)


@functools.cache
def _needed():
    """The interpreter, the folders of its library and its shared libraries, and NumPy's."""
    home = Path(np.__file__).parents[1]
    probe = (
        f"import sys; sys.path.append({str(home)!r})\n"
        "import bz2, ctypes, hashlib, json, lzma, os, sysconfig, zlib, numpy\n"
        "maps = {line.split(maxsplit=5)[5].strip() for line in open('/proc/self/maps') "
        "if '.so' in line}\n"
        "library = [sysconfig.get_path(name) for name in ('stdlib', 'platstdlib')]\n"
        "print(json.dumps([os.path.realpath(sys.executable), library, sorted(maps)]))"
    )
    ask = [sys.executable, *FLAGS, "-c", probe]
    found = subprocess.run(ask, capture_output=True, check=True, timeout=60).stdout
    binary, library, maps = json.loads(found)
    library = {Path(path) for path in library}
    shared = {Path(path).parent for path in maps}
    shared = {path for path in shared if not any(map(path.is_relative_to, (home, *library)))}
    return Path(binary), sorted(library | shared), home


@functools.cache
def _bubblewrap():
    """The command that starts a program with Python and NumPy in sight, and nothing else."""
    binary, folders, home = _needed()
    command = ["bwrap", "--unshare-all", "--unshare-user", "--uid", "65534", "--gid", "65534"]
    command += ["--die-with-parent", "--as-pid-1", "--clearenv", "--cap-drop", "ALL"]
    for name, value in ENVIRONMENT.items():
        command += ["--setenv", name, value]
    links = [path for path in map(Path, ("/lib", "/lib64")) if path.is_symlink()]
    for path in links:
        command += ["--symlink", os.readlink(path), str(path)]
    loader = Path("/lib64").resolve()
    for path in [*folders, *filter(Path.exists, [loader, Path("/etc/ld.so.cache")]), binary]:
        command += ["--ro-bind", str(path), str(path)]
        for pattern in ("site-packages", "dist-packages", "python3*/*-packages"):
            for hidden in path.glob(pattern) if path.is_dir() else ():
                command += ["--tmpfs", str(hidden)]
    for path in [home / "numpy", *home.glob("numpy.libs")]:
        command += ["--ro-bind", str(path), f"/numpy/{path.name}"]
    for path in ("/dev/null", "/dev/urandom", "/dev/zero"):
        command += ["--dev-bind", path, path]
    command += [
        "--ro-bind",
        inside.__file__,
        "/inside.py",
        "--size",
        str(FOLDER),
        "--tmpfs",
        "/tmp",
    ]
    return command, [str(binary), *FLAGS, "/inside.py", "/numpy"]


@functools.cache
def _numpy_alone():
    """A folder through which NumPy can be imported, and nothing that lies beside it."""
    folder = Path(tempfile.mkdtemp(prefix="numpy-"))
    home = Path(np.__file__).parents[1]
    for path in [home / "numpy", *home.glob("numpy.libs")]:
        (folder / path.name).symlink_to(path)
    return str(folder)


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
    killed : tuple
        System calls at which it is killed.

    Raises
    ------
    RuntimeError
        When it does not start, which is no fault of the student's.
    """

    def __init__(self, seconds=20.0, mode="bubblewrap", folder="", data=0, killed=()):
        self.seconds, self.folder, self.late, self.held = seconds, folder, "", bytearray()
        info, theirs = os.pipe()
        if mode == "bubblewrap":
            command, python = _bubblewrap()
            shared = ["--bind", folder, folder] * bool(folder)
            command = [*command, *shared, "--remount-ro", "/", "--chdir", "/tmp"]
            command += ["--info-fd", str(theirs), *python]
        else:
            command = [sys.executable, *FLAGS, inside.__file__, _numpy_alone()]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            pass_fds=[theirs], start_new_session=True, env=ENVIRONMENT,
            cwd=folder or tempfile.gettempdir(),
        )  # fmt: skip
        os.close(theirs)
        os.set_blocking(self.process.stdin.fileno(), False)
        with open(info, "rb") as pipe:
            said = pipe.read() if mode == "bubblewrap" else b""
        self.pid = json.loads(said)["child-pid"] if said else self.process.pid
        limits = {"AS": MEMORY, "CPU": math.ceil(10 * seconds), "FSIZE": FILE, "NOFILE": 64}
        try:
            if data:
                self.ask("run", "", WARM, "", "")
                pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[5])
                limits["DATA"] = pages * resource.getpagesize() + data
            self.ask("confine", list(limits.items()), program(killed).hex())
        except (Stopped, OSError) as reason:
            self.close()
            why = self.process.stderr.read().decode(errors="replace").strip()[-300:] or reason
            raise RuntimeError(f"The sandbox does not start: {why}") from None

    def ask(self, do, *values):
        """Return the reply to a request and the values in it, or raise `Stopped`."""
        self.end = time.monotonic() + self.seconds
        try:
            if self.folder:
                os.kill(self.pid, signal.SIGCONT)
            self._send(inside.frame({"do": do}, values))
            sizes = inside.SIZES.unpack(self._read(inside.SIZES.size))
            if max(sizes) > inside.MOST:
                raise ValueError("too large a frame")
            reply, values = inside.message(*map(self._read, sizes))
            return dict(reply), values
        except (ValueError, TypeError, LookupError, RecursionError, OSError, EOFError):
            raise self._ended() from None
        finally:
            if self.folder:
                self._freeze()

    def _send(self, data):
        pipe, data = self.process.stdin.fileno(), memoryview(data)
        while data:
            self._wait([], [pipe])
            data = data[os.write(pipe, data) :]

    def _read(self, size):
        pipe = self.process.stdout.fileno()
        while len(self.held) < size:
            self._wait([pipe], [])
            if not (more := os.read(pipe, 2**20)):
                raise EOFError
            self.held += more
        found = bytes(self.held[:size])
        del self.held[:size]
        return found

    def _wait(self, read, write):
        """Wait for a pipe, no longer than there is time, while its folder is not too full."""
        while not any(select.select(read, write, [], min(0.2, self.seconds))):
            if time.monotonic() > self.end:
                self.late = f"It was stopped after {self.seconds:g} seconds."
            elif self.folder and overfull(self.folder):
                self.late = "It was stopped: it wrote more than it may."
            if self.late:
                raise TimeoutError

    def _ended(self):
        """What to raise when no reply came, or one that is none."""
        self._kill()
        code = self.process.wait()
        if self.late:
            return Stopped("timeout" if "seconds" in self.late else "crashed", self.late)
        return Stopped("crashed", f"Its process ended before it answered (exit code {code}).")

    def _kill(self):
        """Kill the program, by which its processor time is counted, and then what holds it."""
        for pid in (self.pid, self.process.pid):
            try:
                os.kill(pid, signal.SIGKILL)
                self.process.wait(1)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                pass

    def _freeze(self):
        """Stop every thread of the program, so that it changes nothing while the judge looks."""
        try:
            os.kill(self.pid, signal.SIGSTOP)
            while any(
                path.read_text().rpartition(")")[2].split()[0] not in "tTZX"
                for path in Path(f"/proc/{self.pid}/task").glob("*/stat")
            ):
                time.sleep(0.001)
        except (OSError, IndexError):  # it has ended
            pass

    def close(self):
        """End the program and all that it left behind."""
        try:
            self.process.stdin.close()  # at which it ends by itself
            self.process.wait(0 if self.folder else 0.5)
        except (OSError, subprocess.TimeoutExpired):
            self._kill()
            self.process.wait()
        self.process.stdout.close()


def overfull(folder, entries=1000):
    """Whether a folder holds more than a program may write."""
    size = 0
    for place, folders, files in os.walk(folder):
        entries -= len(folders) + len(files)
        for name in files:
            try:
                size += os.lstat(os.path.join(place, name)).st_size
            except OSError:  # gone again
                pass
        if entries < 0 or size > FOLDER:
            return True
    return False
