"""The checks of exercise 05 on a training job: data in pieces, going on after a kill, checkpoints.

Each reference takes the known mistakes as further arguments; what is said of them is in `says`.
"""

import contextlib
import os
import sys
import threading
import tracemalloc
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

import numpy as np

from reglib.assess.compare import difference, judged, match
from reglib.assess.guard import Wrong
from reglib.assess.tasks.noise_injection_draws import SIGMAS, blame

TESTS, STATE = {}, ("w", "v", "step")
ALLOWED = 300_000  # bytes held at once in 5.1, whose large file has 2,560,000


def cases(make, *shapes):
    """Return cases(rng): what `make` draws of each shape."""
    return lambda rng: [make(rng, *shape) for shape in shapes]


def solve(X, y, l2, n=None):
    """Ridge on the mean squared error; `n` is what the sums are divided by."""
    n = n or len(X)
    return np.linalg.solve(X.T @ X / n + l2 * np.eye(X.shape[1]), X.T @ y / n)


def ridge(path, l2, rows, of=lambda A, rows: [A], count=len):
    """The ridge on a file's last column; `of` gives its parts, whose answers are averaged."""
    parts = of(np.load(path).astype(float), rows)
    return np.mean([solve(P[:, :-1], P[:, -1], l2, count(P)) for P in parts], axis=0)


def evened(n, k):
    """What multiplies each row where the means of all pieces count alike, also of a short one."""
    size = np.minimum(k, n - np.arange(n) // k * k)
    return np.sqrt(n / (-(-n // k) * size))


def near(answer, *case):
    """The result of an answer in this process, blamed when it holds more than `ALLOWED` bytes."""
    running = tracemalloc.is_tracing()
    tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        base = tracemalloc.get_traced_memory()[0]
        bytearray(ALLOWED)  # let go at once: a lower peak afterwards was made by the answer
        most = tracemalloc.get_traced_memory()[1]
        result, (_, peak) = answer(*case), tracemalloc.get_traced_memory()
    finally:
        if not running:
            tracemalloc.stop()
    if peak < most:
        blame("unwatched", "an answer that leaves `tracemalloc` alone", "another")
    if peak > most:
        blame("whole_file", f"{ALLOWED:,} bytes at most", f"{peak - base:,} bytes at once")
    return result


def far(answer, *case):
    """The result of an answer in a process that gets no more memory; its cells take some too."""
    try:
        return answer.limited(2 * ALLOWED, *case)
    except Wrong as mistake:
        if "`MemoryError`" in mistake.sentence:
            blame("whole_file", f"{ALLOWED:,} bytes at most", "more")
        raise


def frugal(answer):
    """`answer`, blamed when it holds more than `ALLOWED` bytes at once, or changes its file."""

    def measured(path, *case):
        file = Path(path)
        before = file.read_bytes()
        result = (far if hasattr(answer, "limited") else near)(answer, path, *case)
        if not file.exists() or file.read_bytes() != before:
            file.unlink(missing_ok=True)  # it may be a link by now
            file.write_bytes(before)
            blame("changed", "the file as it was", "another file, or none")
        return result

    return measured


def streamed(answer, seed=0):
    rng, files = np.random.default_rng(seed), []
    with TemporaryDirectory() as folder:
        for n, d, rows in ((50, 3, 20), (62, 2, 15), (40_000, 15, 100)):
            A = rng.normal(size=(n, d + 1)) + rng.uniform(-1, 1, size=d + 1)
            A[:, -1] += A[:, :-1] @ rng.normal(size=d)
            files.append((f"{folder}/{n}.npy", float(rng.uniform(0.1, 1)), rows))
            np.save(files[-1][0], A.astype(np.float32))
        match(frugal(answer), ridge, files, [
            ("not_mean", lambda *c: ridge(*c, count=lambda P: 1)),
            ("short", lambda *c: ridge(
                *c, lambda A, k: [A * (np.arange(len(A)) < len(A) // k * k)[:, None]])),
            ("averaged", lambda *c: ridge(*c, lambda A, k: np.split(A, range(k, len(A), k)))),
            ("unequal", lambda *c: ridge(*c, lambda A, k: [A * evened(len(A), k)[:, None]])),
        ], explain=lambda w, c: None if difference(w, ridge(*c), 1e-4) else "coarse")  # fmt: skip


TESTS["5.1"] = streamed


def moments(count, mean, m2, X, share=None, between=1, around=None, over=0):
    """Count, mean and sum of squared deviations of all rows, the old ones and those of X."""
    n, here = count + len(X), X.mean(axis=0)
    after, gap = mean + (here - mean) * (share or len(X) / n), here - mean
    own = ((X - {"old": mean, "new": after}.get(around, here)) ** 2).sum(axis=0)
    m2 = m2 + own + between * gap**2 * count * len(X) / n
    return n, after, m2 / n if over else m2


def grown(rng, n, k):
    """The moments of n rows about 1e6 and a piece of k more, which lies elsewhere."""
    zeros, X = np.zeros(3), 1e6 + 10 * rng.normal(size=(n + k, 3))
    X[:n] += 9
    return *(moments(0, zeros, zeros, X[:n]) if n else (0, zeros, zeros)), X[n:]


TESTS["5.2"] = judged(moments, cases(grown, (7, 5), (30, 4), (12, 1), (0, 6), (40, 30)), [
    ("no_between", {"between": 0}), ("half_way", {"share": 0.5}), ("variance", {"over": 1}),
    *(("from_one", {"between": 0, "around": which}) for which in ("old", "new")),
], ("count", "mean", "m2"), explain=lambda given, case: None if (
    difference(given, moments(*case), 1e-3) or difference(given[1], moments(*case)[1])
) else "cancels")  # fmt: skip


def batches(answer, seed=0):
    """Each epoch has every row once, in an order of its own that the seed and the step decide."""

    def order(seed, epoch, n=30, size=7):
        per = -(-n // size)
        rows = [answer(n, size, seed, epoch * per + i) for i in range(per)]
        for i, part in enumerate(rows):
            problem = difference(part, np.zeros(min(size, n - i * size)), np.inf)
            if problem or part.dtype.kind == "f":
                blame(
                    problem or "not_whole",
                    "row numbers",
                    part,
                    n=n,
                    size=size,
                    step=epoch * per + i,
                )
        if (np.sort(np.concatenate(rows)) != np.arange(n)).any():
            key = "again" if np.array_equal(rows[0], rows[1]) else "not_once"
            blame(key, f"0 to {n - 1}, each once", np.concatenate(rows), n=n, size=size, seed=seed)
        return tuple(np.concatenate(rows).tolist())

    rng = np.random.default_rng(seed)
    seed = int(rng.integers(10**6))
    orders = [[order(s, epoch) for epoch in range(4)] for s in range(seed, seed + 3)]
    one, again = orders[0], rng.permutation([*np.ndindex(3, 4)]).tolist()
    pairs = [{frozenset(pair) for pair in zip(rows, rows[1:], strict=False)} for rows in one]
    # Rows 0 and 1 of 12 are in two different batches of 6 with probability 6/11.
    places = np.array([np.argsort(order(seed, e, 12, 6))[:2] // 6 for e in range(120)])
    odd = abs(np.mean(places[:, 0] != places[:, 1]) - 6 / 11) > SIGMAS * (30 / 121 / 120) ** 0.5
    faults = (
        # In another order, so that an answer that counts its calls is no answer.
        ("not_repeated", any(order(seed + s, epoch) != orders[s][epoch] for s, epoch in again)),
        ("same_order", len(set(one)) < 3),
        ("neighbours", odd),
        ("seed_ignored", any(len(set(epoch)) < 3 for epoch in zip(*orders, strict=True))),
        ("same_order", any(len(set(epochs)) < 4 for epochs in orders)),
        # Of 29 pairs of neighbours two meet again on average; 15 do once in 10**9 shuffles.
        ("moved", len(pairs[0] & pairs[1]) > 15),
        ("added", len({rows for epochs in orders for rows in epochs}) < 12),
    )
    for key in (key for key, found in faults if found):
        blame(key, "orders as a shuffle makes them", np.array(one[:2]), n=30, size=7, seed=seed)


TESTS["5.3"] = batches


def train(X, y, rows, w, v, step, steps, learning_rate, momentum, l2,
          two=2, keep=1, begin=None, reset=1, one=1, more=1):  # fmt: skip
    """Steps of gradient descent with momentum, each on its own row of `rows`."""
    v, first = keep * v, step if begin is None else begin
    for batch in rows[first : first + steps]:
        A = X[batch]
        g = two * A.T @ (A @ w - y[batch]) / len(A) + 2 * l2 * w
        v = momentum * reset * v - learning_rate * g
        w = w + v
    return w, v, one * step + more * steps


started = cases(lambda rng, n, d, step, steps: (
    rng.normal(size=(n, d)), rng.normal(size=n), rng.integers(n, size=(12, 4)),
    *rng.normal(size=(2, d)), step, steps, 0.05, 0.8, 0.3),
    (5, 2, 4, 3), (6, 3, 2, 8), (9, 4, 7, 2), (7, 3, 3, 0))  # fmt: skip
trained = judged(train, started, [
    ("again", {"begin": 0}), ("reset", {"keep": 0}), ("reset", {"reset": 0}), ("half", {"two": 1}),
    ("half_penalty", lambda *c: train(*c[:9], c[9] / 2)),
    ("no_penalty", lambda *c: train(*c[:9], 0)),
    ("step", {"one": 0}), ("step", {"more": 0}),
], STATE, order=(2, 1, 0))  # fmt: skip


def resumed(answer, seed=0):
    """A known training, and then a stop at every step: no bit may differ."""
    trained(answer, seed)
    for *data, w, v, step, steps, rate, momentum, l2 in started(np.random.default_rng(seed)):
        straight = answer(*data, w, v, step, steps, rate, momentum, l2)
        for k in range(steps + 1):
            state = answer(*data, w, v, step, k, rate, momentum, l2)
            there = answer(*data, *state, steps - k, rate, momentum, l2)
            if not all(map(np.array_equal, there, straight)):
                blame("resume", str(straight), str(there), stop=k, steps=steps)


TESTS["5.4"] = resumed


def traced(look, answer, *case):
    """`answer(*case)`, with `look(frame, event, arg)` called as Python's tracing does."""
    previous, in_threads = sys.gettrace(), threading.gettrace()
    sys.settrace(look)
    threading.settrace(look)
    try:
        result, watched = answer(*case), sys.gettrace() is look
    finally:
        sys.settrace(previous)
        threading.settrace(in_threads)
    if not watched:
        blame("unwatched", "an answer that leaves `sys.settrace` alone", "another")
    return result


def held(content):
    """The state in the bytes of a checkpoint, or None where they hold none."""
    try:
        with ZipFile(BytesIO(content)) as parts:  # a few numbers, however well they are packed
            if sum(part.file_size for part in parts.infolist()) > 10**6:
                return None
        with np.load(BytesIO(content)) as file:
            parts = [file[name] for name in STATE]
            return [part.tolist() for part in parts if part.ndim < 2]
    except Exception:
        return None


def checkpoint(answer, seed=0):
    """Save twice: at each line of the second the disk is seen as a kill would leave it."""
    old, new = np.random.default_rng(seed).normal(size=(2, 2, 5))
    known, seen, names = [[*old.tolist(), 600], [*new.tolist(), 1200]], {}, set()
    home = getattr(getattr(answer, "function", answer), "__code__", None)
    # An answer that changes the working folder, or writes into it, leaves nothing behind.
    with TemporaryDirectory() as folder, TemporaryDirectory() as other, contextlib.chdir(other):
        path = f"{folder}/checkpoint.npz"

        def look(frame=None, event=None, arg=None):
            if home and frame and frame.f_code.co_filename == home.co_filename:
                frame.f_trace_opcodes = True  # two steps may stand in one line
            try:
                names.update(os.listdir(folder))
                with open(path, "rb") as file:
                    seen[file.read(10**5), os.fstat(file.fileno()).st_ino] = None
            except OSError:
                seen[b"", 0] = None
            return look

        answer(path, *old, 600)
        look()
        if hasattr(answer, "watched"):  # it runs in another process, at each of its system calls
            answer.watched(look, path, *new, 1200)
        else:
            traced(look, answer, path, *new, 1200)
        look()
    (first, place), *_, (last, end) = [*seen, *seen]
    if [held(first), held(last)] != known:
        blame("unreadable", "the `w`, `v` and `step` that were given", "others, or no such file")
    for content, inode in seen:
        if held(content) not in known or len(seen) > 1 and place == end != 0:
            left = f"{len(content)} bytes{', in the same file' * (inode == place)}"
            left = left if inode else "no file"
            blame("torn" if inode else "gap", "the old file or a whole new one", left)
    if len(names) == 1:
        blame("elsewhere", "a new file that grows in the same folder", "none was seen there")


TESTS["5.5"] = checkpoint
