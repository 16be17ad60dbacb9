"""The package keeps its shape: three wings, short files, a light import."""

import ast
import io
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "reglib"
MODULES = sorted(PACKAGE.rglob("*.py"))
# What may be imported besides the standard library: at the top of a module, or in a function.
SUBJECT_TOP = {"numpy", "scipy"}
SUBJECT_INSIDE = {"data": {"sklearn"}}
ANY_SUBJECT_INSIDE = {"threadpoolctl", "tqdm"}


def wing(path):
    """Return the wing of a module: subject, explore, assess, cli or style."""
    first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return first if first in ("explore", "assess", "cli", "style") else "subject"


def imports(path):
    """Yield (absolute module name, whether at the top of the module, line number)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    package = ("reglib", *path.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            stem = ".".join([*base, *([node.module] if node.module else [])])
            names = [f"{stem}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            yield name, id(node) not in inside, node.lineno


def offence(path, name, top):
    """Say why a module may not import a name, or return None."""
    home, (first, *rest) = wing(path), name.split(".")
    second = rest[0] if rest else ""
    if first == "reglib":
        barred = {
            "subject": ("explore", "assess", "cli", "style"),
            "style": ("explore", "assess", "cli"),
            "explore": ("assess", "cli"),
            "assess": ("explore", "cli"),
            "cli": (),
        }[home]
        return f"{home} may not use {second}" if second in barred else None
    if home != "subject" or first in sys.stdlib_module_names or first in SUBJECT_TOP:
        return None
    allowed = SUBJECT_INSIDE.get(path.stem, set()) | ANY_SUBJECT_INSIDE
    if first in allowed:
        return f"{first} belongs inside the function that needs it" if top else None
    return f"the subject uses NumPy and SciPy, not {first}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_keep_the_wings_apart(path):
    bad = [
        f"{path.relative_to(ROOT)}:{line} imports {name}: {reason}"
        for name, top, line in imports(path)
        if (reason := offence(path, name, top))
    ]
    assert not bad, "\n".join(bad)


@pytest.mark.parametrize(
    ("module", "name", "top"),
    [
        ("penalties.py", "reglib.explore.paths", True),
        ("penalties.py", "matplotlib.pyplot", False),
        ("data.py", "sklearn.datasets", True),
        ("network.py", "sklearn.datasets", False),
        ("explore/paths.py", "reglib.assess.check", False),
        ("assess/tidy.py", "reglib.explore", False),
        ("assess/tidy.py", "reglib.cli", False),
    ],
)
def test_a_wrong_import_is_seen(module, name, top):
    assert offence(PACKAGE / module, name, top)


def test_nothing_imports_a_notebook_or_the_tests():
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in MODULES
        for name, _, line in imports(path)
        if name.split(".")[0] in ("notebooks", "solutions", "exercises", "tests", "benchmarks")
    ]
    assert not wrong, "\n".join(wrong)


def code_lines(path):
    """Return how many lines hold code: no docstrings, comments or blank lines."""
    text = path.read_text(encoding="utf-8")
    skip = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in (*skip, tokenize.ENCODING, tokenize.ENDMARKER):
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        alone = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if alone and isinstance(node.value.value, str):
            lines.difference_update(range(node.lineno, node.end_lineno + 1))
    return len(lines)


def test_a_line_of_code_is_counted_as_one(tmp_path):
    path = tmp_path / "sample.py"
    path.write_text('"""Doc.\n\nMore."""\n\nx = (\n    1\n)  # why\n# comment\ny = """a\nb"""\n')
    assert code_lines(path) == 5


def test_the_subject_can_be_read_in_an_evening():
    counted = {
        path.relative_to(ROOT).as_posix(): code_lines(path)
        for path in MODULES
        if wing(path) in ("subject", "style")
    }
    assert sum(counted.values()) <= 900, f"the subject has {sum(counted.values())} lines: {counted}"


def test_no_file_is_long():
    files = MODULES + [path for path in (ROOT / "tests").rglob("*.py")]
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    long = [f"{path.relative_to(ROOT)}: {n} lines" for path, n in lengths.items() if n > 400]
    assert not long, "over 400 lines, split inside the wing: " + ", ".join(long)


def is_question_data(path):
    """Whether a module holds the tasks of one chapter: their references, inputs and mistakes."""
    return path.parent.name == "tasks" and path.stem not in ("__init__", "choice")


def test_the_package_is_small():
    """Question data counts apart: the texts in TOML, and the tables of mistakes beside them."""
    counted = {path: code_lines(path) for path in MODULES if not is_question_data(path)}
    total = sum(counted.values())
    assert total < 5000, f"reglib/ has {total} lines of code without its questions, allowed 5000"


@pytest.mark.parametrize("chapter", ["norm", "noise", "data", "manual", "interview"])
def test_the_questions_of_a_chapter_are_not_many_lines(chapter):
    files = list((PACKAGE / "assess" / "tasks").glob(f"{chapter}_*.py"))
    files += (PACKAGE / "assess" / "tasks").glob(f"{chapter}.py")
    lines = {path.name: code_lines(path) for path in files}
    assert files and sum(lines.values()) <= 450, lines


def test_importing_reglib_costs_what_numpy_costs():
    heavy = {"matplotlib", "ipywidgets", "sklearn", "IPython", "scipy", "jupyterlab", "nbformat"}
    code = "import reglib, sys; print(*{name.split('.')[0] for name in sys.modules})"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300
    )
    assert not heavy & set(answer.stdout.split())
