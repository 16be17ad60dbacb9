"""The benchmarks run, are fair where it can be checked, and README quotes what they wrote."""

import copy
import re
import sys
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import augment as speed
from benchmarks import effects, latency, machine
from benchmarks import network as steps
from reglib import augment, explore

ROOT = Path(__file__).resolve().parents[1]
TINY = {(5, 6, 1): 3, (8, 8, 3): 2}
README = (ROOT / "README.md").read_text(encoding="utf-8")


def page(name):
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def rows(table):
    """Return {first cell: the other cells} of a Markdown table."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    return {first: others for first, *others in cells}


def test_speeds_are_measured_and_shown_without_peers():
    results = speed.measure(TINY, None, rounds=1, seconds=0)
    shown = rows(speed.table(results, speed.both))
    assert set(shown) == {"transform", "---", *speed.ours((8, 8, 3))}
    assert shown["transform"] == ["5x6x1", "8x8x3"]
    assert shown["saturation"][0] == "-"  # grey stays grey
    assert all(re.fullmatch(r"[\d,.]+ / -", cells[1]) for cells in list(shown.values())[2:])
    text = "\n".join(speed.report(results, None))
    assert "make bench" in text and "Machine: " in text


def test_a_missing_peer_is_said_once(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "albumentations", None)
    assert speed.find_peers() is None
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "albumentations" in said and "make bench" in said


def test_ratios_have_digits_enough():
    pairs = {(1, 2): "0.50", (99, 10): "9.90", (1234, 10): "123", (1, None): "-"}
    assert {pair: speed.ratio(*pair) for pair in pairs} == pairs
    assert speed.both(123456, 7.891) == "123,000 / 8"


def test_a_table_of_times_takes_the_median_of_turns(monkeypatch):
    """Two arms of known times, one of them with an outlier."""
    clock = {"now": 0.0}
    costs = {"fast": [1.0] * 20, "slow": [2.0] * 6 + [50.0] + [2.0] * 20}

    def arm(name):
        def call(X, Y, rng):
            clock["now"] += costs[name].pop(0)

        return call

    calls = [arm("fast"), arm("slow")]
    monkeypatch.setattr(speed, "turns", partial(machine.turns, clock=lambda: clock["now"]))
    assert speed.rates(calls, (2, 2, 1), 10, rounds=5, seconds=0).tolist() == [10.0, 5.0]


def batch(n=6):
    rng = np.random.default_rng(0)
    return rng.random((n, 8, 9, 3), dtype=np.float32), np.eye(n, dtype=np.float32)


@pytest.mark.parametrize("seed", range(5))
def test_the_loops_do_what_ours_does(seed):
    add = SimpleNamespace(addWeighted=lambda a, p, b, q, r: p * a + q * b + r)
    loops = (
        (lambda *given: speed.mixup_loop(add, *given), augment.MixUp()),
        (speed.cutmix_loop, augment.CutMix()),
    )
    for loop, own in loops:
        X, Y = loop(*batch(), np.random.default_rng(seed))
        want_X, want_Y = own(*batch(), np.random.default_rng(seed))
        np.testing.assert_allclose(np.stack(X), want_X, atol=1e-6)
        np.testing.assert_allclose(Y, want_Y, atol=1e-6)


def test_peers_do_equal_work():
    modules = speed.find_peers()
    if modules is None:
        pytest.skip("the peers are not installed: make bench brings them")
    size = (8, 9, 3)
    ours, theirs = speed.ours(size), speed.theirs(size, modules)
    assert set(ours) == set(theirs)
    for name, peer in theirs.items():
        X, _ = peer(*batch(), np.random.default_rng(0))
        own, _ = ours[name](*batch(), np.random.default_rng(0))
        X = np.stack(X)
        assert (X.shape, X.dtype) == (own.shape, own.dtype), name
        assert X.min() >= 0 and X.max() <= 1, name
        if name.endswith("flip"):
            np.testing.assert_array_equal(X, own, err_msg=name)


NETS = {((3, 4, 1), 2): 3, ((5, 6, 7, 4), 8): 2}  # shapes of networks: batches


def test_steps_are_measured_and_shown_without_pytorch(monkeypatch):
    monkeypatch.setattr(steps, "SHAPES", NETS)
    found = steps.measure(NETS, None, rounds=2, seconds=0)
    threads = steps.measure_threads(NETS, rounds=1, seconds=0)
    text = "\n".join(steps.report(found, threads, None))
    assert "pytorch.org" in text and "Machine: " in text
    shown = rows(steps.ratios(found))
    assert list(shown)[2:] == ["3-4-1 / 2", "5-6-7-4 / 8"]
    assert all(
        cells[1] == "-" and "-" not in cells[0] + cells[2] for cells in list(shown.values())[2:]
    )
    assert all(len(speeds) == 4 and min(speeds) > 0 for speeds in threads.values())


def test_a_missing_pytorch_is_said_once(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert steps.find_torch() is None
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "PyTorch" in said and "pytorch.org" in said


def one_pass(shape, n, dropout=0.0):
    """Our network after one step on each of n batches, and as it was; and the data."""
    X, y = steps.batches(shape, n)
    net = steps.ours(shape, dropout)
    fresh = copy.deepcopy(net)
    steps.our_pass(net, shape, X, y)()
    return net, fresh, X, y


@pytest.mark.parametrize("shape", NETS, ids=steps.label)
def test_scikit_learn_takes_the_same_steps(shape):
    net, fresh, X, y = one_pass(shape, NETS[shape])
    model = steps.learn_model(fresh, shape, X, y)
    steps.learn_pass(model, X, y)()
    assert model.coefs_[0].dtype == net.weights[0].dtype == np.float32
    for W, start, other in zip(net.weights, fresh.weights, model.coefs_, strict=True):
        np.testing.assert_allclose(other, W, atol=1e-6)
        assert np.abs(W - start).max() > 1e-5, "a step that moves nothing shows nothing"
    for b, other in zip(net.biases, model.intercepts_, strict=True):
        np.testing.assert_allclose(other, b[0], atol=1e-6)


@pytest.mark.parametrize("shape", NETS, ids=steps.label)
def test_pytorch_takes_the_same_steps(shape):
    torch = pytest.importorskip("torch")
    net, fresh, X, y = one_pass(shape, NETS[shape])
    model = steps.torch_model(torch, fresh, dropout=0.0)
    steps.torch_pass(torch, model, shape, X, y)()
    layers = [layer for layer in model if isinstance(layer, torch.nn.Linear)]
    for W, b, layer in zip(net.weights, net.biases, layers, strict=True):
        np.testing.assert_allclose(layer.weight.detach().numpy().T, W, atol=1e-6)
        np.testing.assert_allclose(layer.bias.detach().numpy(), b[0], atol=1e-6)


def test_pytorch_drops_as_many_units_as_ours():
    torch = pytest.importorskip("torch")
    layers = list(steps.torch_model(torch, steps.ours(((5, 6, 7, 4), 8))))
    assert [layer.p for layer in layers if isinstance(layer, torch.nn.Dropout)] == [0.5, 0.5]
    assert isinstance(layers[-1], torch.nn.Linear)


def test_the_limit_is_every_product_of_a_step(monkeypatch):
    done = []
    dot = np.dot
    monkeypatch.setattr(
        np, "dot", lambda a, b, out: done.append((a.shape, b.shape)) or dot(a, b, out)
    )
    shape = (5, 6, 4), 8
    steps.bare_pass(shape, steps.batches(shape, 1)[0])()
    forward, gradients = [((8, 5), (5, 6)), ((8, 6), (6, 4))], [((6, 8), (8, 4)), ((5, 8), (8, 6))]
    assert sorted(done) == sorted([*forward, *gradients, ((8, 4), (4, 6))])


def test_the_run_that_varies_least_is_kept(monkeypatch):
    runs = [{"shape": {"a": (1.0, width), "b": (2.0, 0.5)}} for width in (0.3, 0.1, 0.2)]
    left = iter(runs)
    monkeypatch.setattr(steps, "measure", lambda shapes, torch: next(left))
    assert steps.steadiest(NETS, None) is runs[1]
    assert steps.spread(runs[1]) == 0.3


def test_strength_and_rate_are_chosen_on_validation(monkeypatch):
    settings = [("plain", {}), ("L2", {"l2": 0.1}), ("L2", {"l2": 0.2})]
    validation = {0.1: [0.5, 0.6, 0.7], 0.03: [0.4, 0.8, 0.1]}

    def scores(parts, condition, rate, options, seeds, epochs):
        own = np.array(validation[rate])[:, None, None]
        return np.concatenate([own, 1 - own], axis=2)  # the test part says the opposite

    monkeypatch.setattr(effects, "scores", scores)
    chosen = effects.best(None, None, settings, range(2), rates=(0.1, 0.03))
    options = {name: option for name, (option, _) in chosen.items()}
    assert options == {"plain": {"rate": 0.1}, "L2": {"rate": 0.03, "l2": 0.1}}
    assert chosen["L2"][1][0, 0] == 0.8


def test_every_augmentation_is_trained_with_and_compared(monkeypatch):
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    weakest = {name: (name, option) for name, option in reversed(effects.AUGMENTED)}
    monkeypatch.setattr(effects, "AUGMENTED", list(weakest.values())[::-1])
    monkeypatch.setattr(effects, "LABELS", (20,))
    monkeypatch.setattr(effects, "FEW_SEEDS", (0, 1))
    monkeypatch.setattr(effects, "FEW_STEPS", 40)
    monkeypatch.setattr(effects, "RATES", (0.1,))
    shown = rows("\n".join(effects.few_table()))
    assert list(shown) == [name for name, _ in effects.AUGMENTED]
    assert len(shown) == 1 + len(effects.AUGMENTATIONS)
    assert len({cells[0] for cells in shown.values()}) > 4  # an ignored option would be "+0.000"


def test_a_share_is_shifted():
    X, Y = np.ones((4000, 8, 8, 1)), np.zeros((4000, 2))
    moved, _ = effects.shift(0.5)(X, Y, np.random.default_rng(0))
    share = np.mean((moved != X).any(axis=(1, 2, 3)))
    assert abs(share - 0.5 * 8 / 9) < 6 * np.sqrt(0.25 / 4000)  # one shift in nine is none


def test_the_machine_is_described_without_its_name():
    line = machine.machine("numpy")
    assert f"numpy {np.__version__}" in line and "Python 3" in line and "core" in line
    assert str(ROOT) not in line


def test_a_quotation_needs_its_place(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "ROOT", tmp_path)
    readme = tmp_path / "README.md"
    readme.write_text("a\n<!-- speed -->\nold\n<!-- end of speed -->\nz\n")
    machine.quote("speed", "new")
    machine.quote("speed", "newer")
    assert readme.read_text() == "a\n<!-- speed -->\nnewer\n<!-- end of speed -->\nz\n"
    with pytest.raises(ValueError, match="README"):
        machine.quote("pace", "new")


def test_the_pages_name_their_machine_and_every_arm():
    pages = {
        "speed.md": speed.ours((8, 8, 3)),
        "effects.md": effects.ARMS,
        "network.md": map(steps.label, steps.SHAPES),
        "latency.md": map("`{}`".format, explore.__all__),
    }
    for name, arms in pages.items():
        assert "Machine: " in page(name), name
        missing = [arm for arm in arms if f"| {arm} |" not in page(name)]
        assert not missing, f"docs/{name} lacks {missing}: run make bench"


@pytest.mark.parametrize("name", ["speed", "network", "effects", "latency"])
def test_the_readme_quotes_the_pages(name):
    quoted = re.search(rf"<!-- {name} -->\n(.*)<!-- end of {name} -->", README, re.S)[1]
    numbers = re.findall(r"\d[\d.]*", "\n".join(quoted.splitlines()[2:]))
    wrong = [number for number in numbers if number not in page(f"{name}.md")]
    assert numbers and not wrong, f"docs/{name}.md does not say {wrong}: run make bench"


def test_the_readme_shows_the_largest_gain_first(monkeypatch):
    accuracy = {"plain": 0.7, "L2": 0.75, "dropout": 0.8}

    def best(parts, flipped, settings, seeds):
        return {name: ({}, np.full((2, 9), v + (flipped == 0))) for name, v in accuracy.items()}

    monkeypatch.setattr(effects, "best", best)
    shown = rows(effects.gain_table())
    assert list(shown)[2:] == ["plain", "dropout", "L2"]
    assert shown["plain"] == ["0.700", "1.700", "0.700", "0.700"]
    assert shown["dropout"] == ["+0.100", "+0.100", "0.800", "0.800"]


def test_the_slider_that_costs_most_is_moved(monkeypatch):
    explorer = explore.constraint_balls()
    update = explorer.update

    def slow(best2, **values):
        until = time.process_time() + 0.02 * (best2 != explorer.start["best2"])
        while time.process_time() < until:
            pass
        return update(best2=best2, **values)

    monkeypatch.setattr(explorer, "update", slow)
    monkeypatch.setattr(explore, "constraint_balls", lambda: explorer)
    assert latency.slowest("constraint_balls") == ["least loss at w₂"]
    moved = latency.slowest("switches")
    assert moved[:4] == ["L1", "L1", "L2", "L2"] and len(moved) == 18


def test_latencies_are_held_to_every_goal():
    good = latency.Result(["l2"], [50.0] * 28 + [99.0] * 2, [20.0] * 30, [300.0] * 10)
    late = good._replace(ours=[50.0] * 27 + [101.0] * 3)
    results = {
        "good": good,
        "late": late,
        "slow": good._replace(ours=[66.0] * 30, anew=[400.0] * 10),
        "no gain": good._replace(anew=[249.0] * 10),
    }
    text = "\n".join(latency.report(results))
    assert "of the 4 explorers" in text and "Machine: " in text
    assert "65 or less,\n3; a 95th percentile of 100 or less, 3; 5 times" in text
    assert "`interact`,\n3." in text
    assert rows(text)["`late`"] == ["l2", "50", "101", "20", "300", "6.0"]
    assert latency.short(results).endswith("| 50 to 66 | 66 to 101 | 249 to 400 | 5.0 to 6.1 |")
