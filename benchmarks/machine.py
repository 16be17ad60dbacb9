"""The machine that a table was made on, in the words that stand below the table."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path


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


def write(name, parts):
    """Write the Markdown parts, a blank line between two, to a page of ``docs/``; print it."""
    text = "\n\n".join(parts) + "\n"
    page = Path(__file__).parents[1] / "docs" / name
    page.write_text(text, encoding="utf-8", newline="\n")
    print(text)
