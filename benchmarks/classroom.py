"""A simulated class: submissions made of the answers in the banks that prove the checks."""

import ast
import builtins
import copy
import importlib.util
import json
import re
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType

import numpy as np

from reglib.assess import tasks, tutor

ROOT = Path(__file__).parents[1]
# The powers of a student's strength, 0 to 1, that give the chance of a right answer: 0 never, 1
# always. Half the power gives the chance of any answer.
LEVELS = {"Easy": 0.5, "Medium": 1.0, "Hard": 2.0}
HOMES = {"": builtins, "np.": np, "np.linalg.": np.linalg, "np.random.": np.random}
ESSAYS = (
    "I would draw both losses over the epochs first. Where they part, the model learns by heart.",
    "The loss becomes the data loss plus a price on the weights, so every step pulls them to zero.",
    "I would choose the strength on validation data, and report on a test set that is opened once.",
    "Not sure. Probably more data and some dropout?",
)


def banks(homes):
    """Return the right and the wrong answers of the folders of ``solutions/``, by task."""
    right, wrong = {}, {}
    for path in [path for home in homes for path in sorted(home.glob("bank*.py"))]:
        spec = importlib.util.spec_from_file_location(f"{path.stem}_{path.parent.name}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        right, wrong = right | module.RIGHT, wrong | module.WRONG
    return right, wrong


def simulate(folder, exercise, students, seed=0, strengths=None):
    """Write submissions of an exercise as nbgrader collects them, and return what each earns.

    Parameters
    ----------
    folder : path
        Gets ``student-001/EXERCISE/EXERCISE.ipynb`` and so on.
    exercise : str
        Such as "01_norm_penalties".
    students : int
        How many; the strength of each is the same in every exercise.
    seed : int
        Decides everything that is not given.
    strengths : sequence of float, optional
        One for each student, from 0 (hands in the blank) to 1 (every answer right).

    Returns
    -------
    dict
        ``{"student-001": {"1.1": True, ...}}``: True passes, False does not, None was left blank.

    Raises
    ------
    FileNotFoundError
        Where ``solutions/`` is not there.
    """
    blank = json.loads((ROOT / "exercises" / exercise / f"{exercise}.ipynb").read_text("utf-8"))
    answers, earned = sources(exercise), {}
    for i in range(students):
        name = f"student-{i + 1:03}"
        strength = (
            np.random.default_rng([seed, i]).beta(4, 2) if strengths is None else strengths[i]
        )
        rng = np.random.default_rng([seed, i, int(exercise[:2])])
        notebook = copy.deepcopy(blank)
        earned[name] = fill(notebook, answers, strength, rng)
        path = Path(folder, name, exercise, f"{exercise}.ipynb")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(notebook, indent=1), "utf-8")
    return earned


def fill(notebook, answers, strength, rng):
    """Write a student's answers into the blank exercise; return what each task earns."""
    cells, earned = {cell["id"]: cell for cell in notebook["cells"]}, {}
    for task, right, wrong in answers:
        tries, passes = rng.random(2) < strength ** (LEVELS[task.level] / 2)
        if tries:
            bank = right if passes else wrong
            cells[task.cell]["source"] = bank[rng.integers(len(bank))]
        earned[task.number] = bool(passes) if tries else None
    for name, cell in cells.items():
        if name.startswith("text-") and rng.random() < strength:
            cell["source"] = ESSAYS[rng.integers(len(ESSAYS))]
    return earned


@cache
def sources(exercise):
    """Return [(task, cells with a right answer, cells with a wrong one)] of an exercise."""
    home = ROOT / "solutions" / exercise
    if not home.is_dir():
        raise FileNotFoundError("solutions/ is not here, and with it the answers of a class")
    right, wrong = banks([home])
    found = []
    for task in tasks.chapter(str(int(exercise[:2]))).values():
        model = tutor.model_answer(task)
        name = re.search(r"^def (\w+)", model, re.M)[1]
        pair = right[task.number], [answer for answer, _ in wrong[task.number]]
        good, bad = ([cell for answer in bank if (cell := source(answer, name))] for bank in pair)
        found.append((task, [model, *good], bad))
    return found


def source(answer, name):
    """Return a cell that defines an answer of a bank under a name, or None: it needs more."""
    parts = {}
    try:
        define(answer, name, parts)
    except (LookupError, SyntaxError, ValueError):
        return None
    return "\n\n\n".join(parts.values())


def define(function, name, parts):
    """Add to ``parts`` the code of a function, after that of all that it names."""
    code = function.__code__
    tree, statements = read(code.co_filename)
    held = [cell.cell_contents for cell in function.__closure__ or ()]
    found = next(node for node in ast.walk(tree) if is_of(node, code))
    body = [ast.Return(found.body)] if isinstance(found, ast.Lambda) else found.body
    node = ast.FunctionDef(name, found.args, body, [])
    require(node, dict(zip(code.co_freevars, held, strict=True)), statements, parts)
    add(parts, name, node)


def is_of(node, code):
    """Whether this is the piece of its bank that the code was compiled from."""
    if getattr(node, "lineno", None) != code.co_firstlineno:
        return False
    if isinstance(node, ast.FunctionDef):
        return node.name == code.co_name
    if not isinstance(node, ast.Lambda):
        return False
    other = eval(compile(ast.Expression(node), "", "eval")).__code__
    return traits(other) == traits(code)


def traits(code):
    """Return what tells the lambdas of one line apart, whether or not they enclose a value."""
    consts = [repr(const) for const in code.co_consts if not isinstance(const, CodeType)]
    return code.co_varnames, {*code.co_names, *code.co_freevars}, consts


@cache
def read(path):
    """Return the tree of a bank, and its statements by the names that they bind."""
    tree = ast.parse(Path(path).read_text("utf-8"))
    statements = {}
    for statement in tree.body:
        named = [statement, *getattr(statement, "names", ()), *getattr(statement, "targets", ())]
        keys = [getattr(node, key, None) for node in named for key in ("asname", "name", "id")]
        statements |= dict.fromkeys(filter(None, keys), statement)
    return tree, statements


def require(node, enclosed, statements, parts):
    """Add the values that a piece of code encloses, and the statements of its bank it names."""
    for key in {part.id: None for part in ast.walk(node) if isinstance(part, ast.Name)}:
        value = enclosed.get(key)
        own = getattr(value, "__name__", "")
        known = [
            home + own for home, space in HOMES.items() if vars(space).get(own, HOMES) is value
        ]
        if isinstance(value, FunctionType) and not known:
            define(value, key, parts)
        elif key in enclosed:
            text = known[0] if known else repr(value)  # what has no literal is a SyntaxError
            add(parts, key, ast.parse(f"{key} = {text}"))
        elif key in ("RIGHT", "WRONG"):
            raise LookupError(f"it calls {key}")
        elif key in statements and key not in {*parts, "np"}:
            parts[key] = ""  # met: a function may call itself
            require(statements[key], {}, statements, parts)
            del parts[key]
            add(parts, key, statements[key])


def add(parts, name, node):
    """Add a definition; ValueError when its name means something else already."""
    text = ast.unparse(ast.fix_missing_locations(node))
    if parts.setdefault(name, text) != text:
        raise ValueError(f"{name} has two meanings")
