"""What the benchmarks share: the machine in words, and the pages that they write."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

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


def write(page, parts):
    """Write the Markdown parts to a page of ``docs/``, a blank line between two; print it."""
    text = "\n\n".join(parts) + "\n"
    (ROOT / "docs" / page).write_text(text, encoding="utf-8", newline="\n")
    print(text)


def quote(name, text):
    """Put the text between the two comments in the README that carry the name."""
    readme = ROOT / "README.md"
    before, mark, rest = readme.read_text(encoding="utf-8").partition(f"<!-- {name} -->\n")
    _, end, after = rest.partition(f"<!-- end of {name} -->")
    if not (mark and end):
        raise ValueError(f"README.md must have the comments {name} and end of {name}")
    new = before + mark + text + "\n" + end + after
    readme.write_text(new, encoding="utf-8", newline="\n")
