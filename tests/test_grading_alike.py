"""The similarity list: copies are found in simulated classes, honest answers are left alone."""

import ast
import copy
import random
import time

import pytest

from reglib.assess import course
from reglib.assess.grading.alike import prints, similar

SOLUTIONS = course.root() / "solutions"
ANSWER = '''
def ridge(X, y, l2):
    """Return the weights."""
    n, d = X.shape
    centre = X.mean(axis=0)
    Z = X - centre
    return np.linalg.solve(Z.T @ Z + n * l2 * np.eye(d), Z.T @ (y - y.mean()))
'''
DISGUISED = '''
def ridge(A: np.ndarray, b: np.ndarray,
          strength: float = 0.1) -> np.ndarray:
    """My own work."""
    # the rows and columns
    rows, cols = A.shape

    middle = A.mean( axis = 0 )
    B = A - middle  # centred
    return np.linalg.solve(
        B.T @ B + rows * strength * np.eye(cols), B.T @ (b - b.mean())
    )
'''
BLANK = 'def f(x):\n    """Return it."""\n    raise NotImplementedError("write your answer here")\n'


def test_new_names_comments_hints_and_layout_change_nothing():
    plain = prints(ANSWER)
    assert plain == prints(DISGUISED), "a disguised copy has other fingerprints"
    assert plain == sorted(set(plain)) and all(0 <= mark < 2**32 for mark in plain)
    assert prints("a = np.sum(b * c - d)\n") == [1590428426, 1841311736, 2756780795], (
        "they must stay the same"
    )


def test_another_method_changes_the_prints():
    other = ANSWER.replace("linalg.solve", "linalg.lstsq")
    assert set(prints(ANSWER)) - set(prints(other)), "the method called leaves no trace"
    assert prints("def f():\n    return 'b'\n") == [], "a letter says nothing about who chose it"


@pytest.mark.parametrize(
    "source",
    [
        "", "\0", "x = 1 +\0 2", "'" * 99_999, '"""' + "x\n" * 99_999, "(" * 99_999, "x+" * 99_999,
        "\\" * 99_999, "def " * 99_999, "def f(" * 99_999, "x = '\ud800' + \ud800",
        "%timeit x\n!ls",
        "if x:\n    y\n  z\n", "x\n" + "\t" * 999 + "y", "🙂 = 1\r\f\v", "f'{" * 9_999,
    ],
    ids=range(16),
)  # fmt: skip
def test_broken_code_gives_what_can_be_had(source):
    start = time.process_time()
    assert isinstance(prints(source), list)
    assert time.process_time() - start < 5, "hostile code takes too long"


def test_what_stands_before_the_fault_counts():
    assert set(prints(ANSWER)) & set(prints(ANSWER + "\nx = (((")), "one fault hides the answer"


def bank(chapter):
    """The answers of a chapter's banks as they would be written, by the task's number."""
    found = {}
    for path in sorted((SOLUTIONS / chapter).glob("bank*.py")):
        tree, written = ast.parse(path.read_text(encoding="utf-8")), []
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                written.append(node)
            targets = getattr(node, "targets", [None])
            if isinstance(targets[0], ast.Subscript):  # RIGHT["1.1"] = [...]
                functions = {function.name: function for function in written}
                for part in ast.walk(node.value):
                    if isinstance(part, ast.Lambda):
                        answer = f"def f({ast.unparse(part.args)}):\n    return "
                        answer += ast.unparse(part.body)
                    elif getattr(part, "id", None) in functions:
                        answer = ast.unparse(functions[part.id])
                    else:
                        continue
                    found.setdefault(targets[0].slice.value, []).append(answer)
    return found


class Habits(ast.NodeTransformer):
    """Write the same in other words, as honest students do: each place with a chance of 0.15."""

    def __init__(self, rng):
        self.rng = rng

    def visit_BinOp(self, node):
        self.generic_visit(node)
        if self.rng.random() > 0.15:
            return node
        left, right = node.left, node.right
        if isinstance(node.op, ast.Pow):
            return ast.BinOp(left, ast.Mult(), copy.deepcopy(left))
        if isinstance(node.op, ast.MatMult):
            return ast.Call(ast.Attribute(left, "dot", ast.Load()), [right], [])
        commutes = isinstance(node.op, ast.Add | ast.Mult)
        return ast.BinOp(right, node.op, left) if commutes else node

    def visit_Call(self, node):
        self.generic_visit(node)
        method, rng = node.func, self.rng
        if rng.random() > 0.15 or not isinstance(method, ast.Attribute):
            return node
        if method.attr in ("sum", "mean", "max", "min", "any", "all", "std"):
            if ast.unparse(method.value) != "np":
                call = ast.Attribute(ast.Name("np", ast.Load()), method.attr, ast.Load())
                return ast.Call(call, [method.value, *node.args], node.keywords)
        return node

    def visit_Return(self, node):
        self.generic_visit(node)
        if self.rng.random() > 0.3 or node.value is None:
            return node
        return [ast.Assign([ast.Name("result", ast.Store())], node.value), RESULT]


RESULT = ast.Return(ast.Name("result", ast.Load()))


def disguise(source, rng):
    """Other names and comments, and neighbours in another order where nothing depends on it."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id != "np":
            node.id += "_new"
        body = getattr(node, "body", None)
        for i in range(len(body) - 1 if isinstance(body, list) else 0):
            pair = body[i : i + 2]
            used = {part.id for line in pair for part in ast.walk(line) if hasattr(part, "id")}
            lines = all(isinstance(line, ast.Assign) for line in pair)
            new = {ast.unparse(line.targets[0]) for line in pair} if lines else used
            read = {part.id for line in pair for part in ast.walk(line.value) if hasattr(part, "id")
                    } if lines else used  # fmt: skip
            if lines and not new & read and len(new) == 2 and rng.random() < 0.5:
                body[i : i + 2] = pair[::-1]
    return "\n".join(
        line + "  # so" * (rng.random() < 0.3) for line in ast.unparse(tree).split("\n")
    )


def classroom(chapter, size, seed):
    """Results of a class with three copyists, each with one task of their own; and the pairs."""
    rng, answers = random.Random(seed), bank(chapter)

    def honest(number):
        tree = Habits(rng).visit(ast.parse(rng.choice(answers[number])))
        return ast.unparse(ast.fix_missing_locations(tree))

    students = {f"s{i:03}": {n: honest(n) for n in answers} for i in range(size)}
    chosen = rng.sample(sorted(students), 6)
    planted = list(zip(chosen[::2], chosen[1::2], strict=True))
    for giver, taker in planted:
        students[taker] = {n: disguise(a, rng) for n, a in students[giver].items()}
        own = rng.choice(sorted(answers))
        students[taker][own] = honest(own)
    return results(students), {tuple(sorted(pair)) for pair in planted}


def results(students):
    return [
        {"student": name, "tasks": {n: {"prints": prints(a)} for n, a in answers.items()}}
        for name, answers in students.items()
    ]


@pytest.mark.skipif(not SOLUTIONS.exists(), reason="the banks are not part of this copy")
@pytest.mark.parametrize("chapter", ["01_norm_penalties", "02_noise_injection", "05_interview"])
def test_copies_are_listed_and_honest_pairs_are_not(chapter):
    found = missed = wrong = 0
    for seed in range(3):
        answers, planted = classroom(chapter, 40, seed)
        pairs = similar(iter(answers), {})
        listed = {pair[:2] for pair in pairs}
        found, missed = found + len(listed & planted), missed + len(planted - listed)
        wrong += len(listed - planted)
        assert all(tasks for *_, tasks in pairs), "a pair is listed without a task to look at"
    assert missed <= 1, f"{missed} of {found + missed} planted copies are not on the list"
    assert wrong <= 1, f"{wrong} honest pairs are on the list"


def test_what_all_have_says_nothing():
    students = {f"s{i:02}": {"1.1": ANSWER, "1.2": ANSWER + BLANK} for i in range(30)}
    assert similar(results(students), {}) == [], "an answer that all gave is called suspicious"


def test_the_given_code_is_taken_away():
    students = {f"s{i:02}": {"1.1": ANSWER if i < 2 else f"x = {i}\n"} for i in range(30)}
    assert similar(results(students), {"1.1": prints(ANSWER)}) == [], "given code counts"


def test_the_list_is_sorted_stable_and_cut():
    other = ANSWER.replace("mean", "std")
    students = {f"s{i:02}": {"1.1": " + ".join(map(str, range(i, i + 40)))} for i in range(30)}
    for number in ("1.2", "1.10", "1.3"):
        for name, text in [("b", ANSWER), ("a", ANSWER), ("d", other), ("c", other)]:
            students.setdefault(name, {})[number] = text
    pairs = similar(results(students), {})
    assert [pair[:2] for pair in pairs][:2] == [("a", "b"), ("c", "d")]
    assert pairs[0][3] == ["1.2", "1.3", "1.10"], "the tasks are not in their order"
    assert similar(results(dict(reversed(students.items()))), {}) == pairs, "the order matters"
    assert similar(results(students), {}, most=1) == pairs[:1]


@pytest.mark.parametrize(
    "given", [[], [{"student": "a", "tasks": {}}], [{"student": "a", "tasks": {"1.1": {}}}]]
)
def test_nothing_to_compare_gives_an_empty_list(given):
    assert similar(given, {}) == []
