"""The program that runs a student's cells and calls their functions, in a sandbox with NumPy alone.

It reads requests from its standard input and answers on its standard output, each a frame: the
lengths of two parts, a header in JSON, and the bytes of the arrays that it names. The judge uses
the same `pack` and `unpack`; nothing is ever pickled. Whatever comes out of the sandbox may be
forged, so `unpack` believes none of it.
"""

import copy
import json
import math
import numbers
import os
import re
import struct
import sys
import types
import warnings
from functools import cache

if __name__ == "__main__":  # in the sandbox, where the argument names the folder of NumPy
    sys.path.append(sys.argv[1])

import numpy as np  # noqa: E402

SIZES = struct.Struct("<II")
KINDS = {"tuple": tuple, "list": list, "set": set}
MOST = 2**25  # bytes of one frame's arrays; a header has a tenth at most
FACTORS = set("solve inv cholesky eig eigh svd qr pinv lstsq eigvals eigvalsh svdvals".split())


def plain(value):
    """The same value in NumPy's and Python's own types, so that it cannot pose as another."""
    if isinstance(value, tuple | list):
        return (list if isinstance(value, list) else tuple)(map(plain, value))
    if isinstance(value, np.ndarray):
        return np.asarray(value)
    if isinstance(value, np.generic):
        return np.asarray(value)[()]
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        return value
    number = int(value) if isinstance(value, int) else float(value)
    return number if abs(number) < 2**63 else float(number)


def unchanged(before, now):
    """Whether two values are equal, arrays entry by entry with their shape and type."""
    if isinstance(before, tuple | list):
        return len(before) == len(now) and all(map(unchanged, before, now))
    if isinstance(before, np.ndarray):
        same = before.shape == now.shape and before.dtype == now.dtype
        return same and bool((before == now).all())
    return before == now


def pack(value, blob):
    """The JSON form of a value; the bytes of its arrays go to the end of the bytearray `blob`."""
    value = plain(set(value) if isinstance(value, frozenset) else value)
    if isinstance(value, str) and not isinstance(value, np.generic):
        return str.__str__(value)
    if value is None or type(value) in (bool, int, float):
        return value
    for name, kind in KINDS.items():
        if isinstance(value, kind):
            return {name: [pack(item, blob) for item in value]}
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biufcU":
        blob += value.tobytes()
        scalar = isinstance(value, np.generic)
        return {"array": value.dtype.str, "shape": value.shape, "scalar": scalar}
    return {"object": type(value).__name__}


def unpack(form, blob):
    """The value of a JSON form; what it needs is taken from the front of the bytearray `blob`.

    Raises ValueError, TypeError, KeyError or RecursionError when the form is forged.
    """
    if not isinstance(form, dict):
        return plain(form)
    if "object" in form:
        return husk(str(form["object"])[:40])
    if "array" not in form:
        ((name, items),) = form.items()
        if name == "set" and not all(type(item) is str for item in items):
            raise ValueError("a set of anything but text")
        return KINDS[name](unpack(item, blob) for item in items)
    dtype = np.dtype(str(form["array"]))
    if dtype.kind not in "biufcU" or any(type(n) is not int or n < 0 for n in form["shape"]):
        raise ValueError("no array of numbers or letters")
    if math.prod(n or 1 for n in form["shape"]) > MOST:
        raise ValueError("too long, though perhaps empty")
    size = math.prod(form["shape"]) * dtype.itemsize
    array = np.frombuffer(bytes(blob[:size]), dtype).reshape(form["shape"]).copy()
    del blob[:size]
    if dtype.itemsize > 8 and dtype.kind == "f":  # nobody needs it, and it is slow
        array = array.astype(float)
    return array[()] if form["scalar"] and array.ndim == 0 else array


@cache
def husk(name):
    """An object that has nothing but the name of its type."""
    return type(name, (), {})()


def frame(message, values=()):
    """The bytes that carry a message, and values in its entry "values"."""
    blob = bytearray()
    header = json.dumps({**message, "values": [pack(value, blob) for value in values]}).encode()
    if len(blob) > MOST or len(header) > MOST // 10:
        raise ValueError(f"the result is larger than {MOST:,} bytes")
    return SIZES.pack(len(header), len(blob)) + header + blob


def message(header, blob):
    """The message and its values from the two parts of a frame."""
    found, blob = json.loads(header), bytearray(blob)
    return found, [unpack(form, blob) for form in found["values"]]


def factorizations(found):
    """A function for `sys.settrace` that adds the name and shape of each matrix factorized."""

    def look(frame, event, arg):
        code, home = frame.f_code, frame.f_globals.get("__name__", "")
        if code.co_name in FACTORS and home.startswith("numpy.linalg"):
            found.append((code.co_name, np.shape(frame.f_locals[code.co_varnames[0]])))

    return look


def trouble(error, place):
    """What is told of an exception: its type, its words, and the last line in the cell."""
    lines = [error.lineno] if isinstance(error, SyntaxError) else []
    step = error.__traceback__
    while step:
        lines += [step.tb_lineno] * (step.tb_frame.f_code.co_filename == place)
        step = step.tb_next
    found = {"error": type(error).__name__[:60], "said": "", "line": (lines or [None])[-1]}
    found["missing"] = isinstance(error, ImportError) and error.name
    found["untouched"] = isinstance(error, NotImplementedError)
    try:
        return found | {"said": str(error)[:500]}
    except BaseException:
        return found


def compiled(source, place):
    """A cell's code; where it is no Python, IPython's own commands are left out."""
    try:
        return compile(source, place, "exec")
    except SyntaxError:
        lines = re.sub(r"^([ \t]*)[%!].*", r"\1pass", source, flags=re.M)
        return compile(lines, place, "exec")


class Student:
    """The names that the cells define, and the function of each task as its cell left it."""

    def __init__(self):
        self.names, self.functions = {"__name__": "__main__", "get_ipython": Quiet}, {}
        sys.modules |= {"reglib": types.ModuleType("reglib"), "reglib.assess": Quiet()}

    def run(self, place, source, task, function):
        """Run a cell; keep the function that a task asks for, as it is after this cell."""
        found = {}
        try:
            exec(compiled(source, place), self.names)
        except BaseException as error:
            found = trouble(error, place)
        if task:
            self.functions[task] = (place, self.names.get(function))
            found["defined"] = callable(self.functions[task][1])
        return found, ()

    def call(self, task, args, count=False):
        """Call a task's function, and say what it did to its arguments."""
        function, found = self.functions[task][1], []
        before = copy.deepcopy(args)
        sys.settrace(factorizations(found) if count else None)  # also after one that stopped
        with warnings.catch_warnings(action="ignore"), np.errstate(all="ignore"):
            value = function(*args)
        sys.settrace(None)
        pairs = zip(before, args, strict=True)
        changed = [i for i, pair in enumerate(pairs) if not unchanged(*pair)][:1]
        return {"changed": changed, "found": found}, [value, *(args[i] for i in changed)]


class Quiet:
    """Stands for `check`, `hint` and IPython itself: whatever is called of it does nothing."""

    def __call__(self, *args, **options):
        return None

    def __getattr__(self, name):
        return Quiet()


def confine(limits, program, call, channel):
    """Give up what an answer does not need; nothing here can be undone by the student's code.

    The filter is set by the system call `call`. With a `channel`, a socket, the judge gets what
    tells it of the watched calls.
    """
    import ctypes
    import resource  # not on Windows, where this file is imported all the same
    import socket

    for name, most in limits:
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))
    code = bytes.fromhex(program)
    libc, kept = ctypes.CDLL(None, use_errno=True), ctypes.create_string_buffer(code, len(code))
    rules = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(kept))
    libc.prctl(1, 9, 0, 0, 0)  # to be killed when the parent dies
    libc.prctl(38, 1, 0, 0, 0)  # no new rights, ever
    listener = libc.syscall(call, 1, 8 if channel else 0, rules)
    if listener < 0:
        raise OSError(ctypes.get_errno(), "the system-call filter was refused")
    if channel:
        socket.send_fds(socket.socket(fileno=channel), [b"."], [listener])


def serve(source, target):
    """Answer requests until there are no more."""
    student = Student()
    while sizes := source.read(SIZES.size):
        header, blob = SIZES.unpack(sizes)
        request, args = message(source.read(header), source.read(blob))
        do, place = request["do"], None
        try:
            if do == "confine":
                confine(*args)
                reply = {}, ()
            elif do == "run":
                place = args[0]
                reply = student.run(*args)
            else:
                place = student.functions[args[0]][0]
                reply = student.call(args[0], args[1:], do == "count")
            reply = frame(*reply)
        except BaseException as error:
            reply = frame(trouble(error, place))
        target.write(reply)
        target.flush()


if __name__ == "__main__":
    sys.path.pop()  # nothing that lies beside NumPy
    streams = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    for number in range(3):
        os.dup2(os.open(os.devnull, os.O_RDWR), number)
    serve(*streams)
    os._exit(0)  # whatever the student's code left running
