"""The lessons' lines for Keras and PyTorch: they run, and do what the table beside them says."""

import re
from pathlib import Path

import nbformat
import numpy as np
import pytest

from reglib.penalties import L1, L2, ElasticNet, MaxNorm

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
BLOCKS = [
    pytest.param(block, id=f"{path.stem}-{number}")
    for path in NOTEBOOKS
    for number, block in enumerate(
        block
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "markdown"
        for block in re.findall(r"```python\n(.*?)```", cell.source, flags=re.DOTALL)
    )
]


@pytest.mark.parametrize("block", BLOCKS)
def test_a_lessons_block_compiles_and_runs_where_its_library_is(block):
    code = compile(block, "<block>", "exec")
    pytest.importorskip(re.search(r"import (\w+)", block)[1])
    exec(code, {})


def run_block(words):
    """Run the one block that contains ``words`` and return its variables."""
    (block,) = [param.values[0] for param in BLOCKS if words in param.values[0]]
    variables = {}
    exec(block, variables)
    return variables


@pytest.mark.parametrize(
    ("words", "penalty"),
    [
        ("regularizers.L2(", L2(0.01)),
        ("regularizers.L1(", L1(0.01)),
        ("regularizers.L1L2(", ElasticNet(0.01, 0.1)),
    ],
)
def test_keras_penalises_with_our_factors(words, penalty):
    pytest.importorskip("keras")
    layer = run_block(words)["layer"]
    W = np.random.default_rng(0).standard_normal((10, 1)).astype(np.float32)
    np.testing.assert_allclose(float(layer.kernel_regularizer(W)), penalty(W), rtol=1e-5)


def test_keras_max_norm_is_ours():
    pytest.importorskip("keras")
    W = np.random.default_rng(0).standard_normal((64, 128)).astype(np.float32)
    held = run_block("constraints.MaxNorm")["layer"].kernel_constraint(W)
    np.testing.assert_allclose(np.asarray(held), MaxNorm(1.0)(W), rtol=1e-5)


def test_weight_decay_of_torchs_sgd_is_twice_our_l2_and_leaves_the_bias():
    torch = pytest.importorskip("torch")
    block = run_block("weight_decay")
    layer, optimizer, l2 = block["layer"], block["optimizer"], block["l2"]
    W, b = layer.weight.detach().numpy().copy(), layer.bias.detach().numpy().copy()
    (0 * layer(torch.zeros(1, 10)).sum()).backward()  # the data's gradient is zero
    optimizer.step()
    np.testing.assert_allclose(layer.weight.detach().numpy(), W - 0.1 * L2(l2).grad(W), rtol=1e-6)
    np.testing.assert_array_equal(layer.bias.detach().numpy(), b)


def test_the_proximal_lines_are_our_proximal_step():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    before = torch.nn.Linear(10, 1).weight.detach().numpy()  # what the block's layer starts with
    torch.manual_seed(0)
    block = run_block("prox of both")
    wanted = ElasticNet(block["l1"], block["l2"]).prox(before, block["rate"])
    np.testing.assert_allclose(block["layer"].weight.detach().numpy(), wanted, atol=1e-7)


def test_torchs_renorm_is_max_norm_of_the_transpose():
    torch = pytest.importorskip("torch")
    W = np.random.default_rng(0).standard_normal((64, 128))
    held = torch.renorm(torch.tensor(W.T), p=2, dim=0, maxnorm=1.0).numpy()
    np.testing.assert_allclose(held.T, MaxNorm(1.0)(W), rtol=1e-6)
