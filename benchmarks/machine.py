"""What the benchmarks share: the machine in words, and the pages that they write."""

import os
import platform
import subprocess
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from reglib.assess.course_map import between

ROOT = Path(__file__).parents[1]


def machine(*packages):
    """Return one line: processor, cores, system, Python, and the packages' versions."""
    versions = [f"{name} {version(name)}" for name in packages]
    cores = os.cpu_count()
    return ", ".join(
        [
            processor(),
            f"{cores} core{'s' if cores != 1 else ''}",
            f"{platform.system()} {platform.machine()}",
            f"Python {platform.python_version()}",
            *versions,
        ]
    )


def processor():
    """Return the processor's name as its system gives it."""
    if platform.system() == "Darwin":
        ask = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
    if platform.system() == "Linux":
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        if names:  # ARM gives none
            return names[0]
    return platform.processor() or platform.machine()


def turns(calls, rounds, seconds, clock=time.process_time, threads=1):
    """Return the seconds that each call takes in each round, (rounds, calls): all take turns.

    In a round each is made so often that it lasts for at least ``seconds``. ``threads`` is how
    many each may use, a number or a list; the processor time that is counted unless a ``clock``
    is given sees little of other work on the machine, and adds up the time of all threads.
    """
    limits = np.broadcast_to(threads, len(calls)).tolist()

    def taken(call, limit, times):
        with threadpool_limits(limit):
            start = clock()
            for _ in range(times):
                call()
            return (clock() - start) / times

    pairs = list(zip(calls, limits, strict=True))
    warm = [min(taken(*pair, 1) for _ in range(3)) for pair in pairs]
    often = [1 + int(seconds / max(second, 1e-6)) for second in warm]
    return np.array(
        [[taken(*pair, n) for pair, n in zip(pairs, often, strict=True)] for _ in range(rounds)]
    )


def ratio(own, peer):
    """Return how many times the peer's speed ours is."""
    return "-" if peer is None else f"{own / peer:.2f}" if own < 10 * peer else f"{own / peer:.0f}"


def write(page, parts):
    """Write the Markdown parts to a page of ``docs/``, a blank line between two; print it."""
    text = "\n\n".join(parts) + "\n"
    (ROOT / "docs" / page).write_text(text, encoding="utf-8", newline="\n")
    print(text)


def quote(name, text):
    """Put the text between the two comments in the README that carry the name."""
    readme = ROOT / "README.md"
    new = between(readme.read_text(encoding="utf-8"), name, text)
    readme.write_text(new, encoding="utf-8", newline="\n")
