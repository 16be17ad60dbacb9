"""Files that were damaged, made by others or half written: refused by name, never half read."""

import copy
import json
import os
import pickle
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_network import alike, make, raises

from reglib import RegularizedNeuralNetwork
from reglib.saving import FORMAT

load = RegularizedNeuralNetwork.load


def saved(folder, sizes=(2, 3, 1)):
    """Return a network that has learnt a little, and the path of its file."""
    net, path = make(sizes, optimizer="adam", dropout=0.2, l2=0.01), folder / "net.npz"
    net.fit(np.eye(4, sizes[0]), [0, 1, 1, 0], 3, 2, 0.1)
    net.save(path)
    return net, path


def refused(path, *parts):
    """Assert that loading says which file is wrong, and what it expected."""
    raises(lambda: load(path), str(path), "save()", *parts)


def test_a_truncated_file_is_refused_whatever_its_length(tmp_path):
    _, path = saved(tmp_path)
    content = path.read_bytes()
    for length in [*range(0, len(content), 23), *range(len(content) - 60, len(content))]:
        path.write_bytes(content[:length])
        refused(path)


def equal_or_refused(path, net, damage):
    """Assert that a damaged file is refused, or loads as the network that was saved."""
    try:
        loaded = load(path)
    except ValueError as error:
        assert str(path) in str(error) and "save()" in str(error), f"{damage}: {error}"
    else:
        alike(loaded, net, f"a damaged file was loaded: {damage}")
        for one, other in zip(loaded._optimizers, net._optimizers, strict=True):
            for name, value in vars(one).items():
                wanted = vars(other)[name]
                np.testing.assert_array_equal(value, wanted, f"{damage}: optimizer's {name}")


def test_a_flipped_byte_is_refused_or_does_no_harm(tmp_path):
    net, path = saved(tmp_path)
    content = path.read_bytes()
    for where in range(0, len(content), 17):
        damaged = bytearray(content)
        damaged[where] ^= 0xFF
        path.write_bytes(damaged)
        equal_or_refused(path, net, f"byte {where} of {len(content)} flipped")


def test_a_changed_header_of_an_array_is_refused_or_does_no_harm(tmp_path):
    """Its type and shape say how much of a large array to read, and so whether its sum is seen."""
    net, path = saved(tmp_path, (40, 30, 1))
    net.weights[0][...] = 0.5  # finite however it is read
    net.save(path)
    content = path.read_bytes()
    starts = [i for i in range(len(content)) if content.startswith(b"'descr'", i)]
    assert len(starts) > 20, "the format has changed: this test sees no headers"
    for start in starts:
        end = content.index(b"}", start)
        for where in range(start, end):
            for new in b"1248 ," if chr(content[where]).isdigit() else b"":
                damaged = bytearray(content)
                damaged[where] = new
                path.write_bytes(damaged)
                header = bytes(damaged[start:end])
                equal_or_refused(path, net, f"{content[start:end]} became {header}")


@settings(max_examples=80, deadline=None, derandomize=True)
@given(changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_random_damage_is_refused_or_does_no_harm(changes):
    with TemporaryDirectory() as folder:
        net, path = saved(Path(folder))
        damaged = bytearray(path.read_bytes())
        for share, value in changes:
            damaged[int(share * (len(damaged) - 1))] = value
        path.write_bytes(damaged)
        equal_or_refused(path, net, changes)


class Bomb:
    """What a pickle could do: write a file as soon as it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def foreign(path, trap):
    """Write one foreign file after the other to ``path``, and yield what each is."""
    bomb = np.array([Bomb(trap)], dtype=object)
    for words, write in {
        "nothing": lambda f: None,
        "text": lambda f: f.write(b"weights: 1, 2, 3\n" * 50),
        "a picture": lambda f: f.write(b"\x89PNG\r\n\x1a\n" + bytes(500)),
        "one array": lambda f: np.save(f, np.ones((3, 2))),
        "other arrays": lambda f: np.savez(f, X=np.ones(3), y=np.zeros(3)),
        "a pickle": lambda f: pickle.dump(Bomb(trap), f),
        "a pickled array": lambda f: np.save(f, bomb, allow_pickle=True),
        "pickled arrays": lambda f: np.savez(f, **{FORMAT: bomb, "0 w": bomb}),
        "an archive of text": lambda f: zipfile.ZipFile(f, "w").writestr(
            f"{FORMAT}.npy", "network"
        ),
        "an empty archive": lambda f: zipfile.ZipFile(f, "w").close(),
        "about: not JSON": lambda f: np.savez(f, **{FORMAT: "{"}),
        "about: a list": lambda f: np.savez(f, **{FORMAT: "[]"}),
        "about: a number": lambda f: np.savez(f, **{FORMAT: 3}),
    }.items():
        with open(path, "wb") as file:
            write(file)
        yield words


def test_a_foreign_file_is_refused_and_no_pickle_runs(tmp_path):
    path, trap = tmp_path / "foreign.npz", tmp_path / "trap"
    for _ in foreign(path, trap):
        refused(path)
        assert not trap.exists(), "a pickle was run"


def newer(arrays):
    """A file of a later version carries the later format's name."""
    arrays["reglib network 2"] = arrays.pop(FORMAT)


def about(**changes):
    """A change of what the file says about the network; None takes an entry away."""

    def change(arrays):
        entries = json.loads(str(arrays[FORMAT])) | changes
        arrays[FORMAT] = json.dumps({k: v for k, v in entries.items() if v is not None})

    return change


def option(**changes):
    def change(arrays):
        about(options=json.loads(str(arrays[FORMAT]))["options"] | changes)(arrays)

    return change


def put(name, value):
    return lambda arrays: arrays.update({name: value})


CHANGES = {  # in the file of a network [2, 3, 1], and what the message must tell
    "weights missing": (lambda arrays: arrays.pop("0 w"), ["0 w"]),
    "memory missing": (lambda arrays: arrays.pop("1 mean"), ["1 mean"]),
    "weights of another shape": (put("0 w", np.ones((3, 2))), ["0 w", "(2, 3)"]),
    "weights that broadcast": (put("0 w", np.ones((1, 3))), ["0 w", "(2, 3)"]),
    "a number for weights": (put("0 w", np.float64(1)), ["0 w", "(2, 3)"]),
    "biases of another shape": (put("2 w", np.ones(3)), ["2 w", "(1, 3)"]),
    "memory of another shape": (put("0 mean", np.ones((1, 3))), ["0 mean", "(2, 3)"]),
    "nan in weights": (put("1 w", np.array([[1], [np.nan], [1]])), ["1 w", "finite"]),
    "infinity in biases": (put("3 w", np.array([[np.inf]])), ["3 w", "finite"]),
    "nan in memory": (put("0 square", np.full((2, 3), np.nan)), ["0 square", "finite"]),
    "nan for a number": (put("0 mean", np.float64(np.nan)), ["0 mean", "finite"]),
    "text for weights": (put("0 w", np.full((2, 3), "1")), []),
    "complex weights": (put("0 w", np.full((2, 3), 1j)), ["0 w", "complex128"]),
    "weights of another dtype": (put("0 w", np.ones((2, 3), np.float32)), ["0 w", "float32"]),
    "a newer format": (newer, ["reglib network 1"]),
    "no options": (about(options=None), ["options"]),
    "no streams": (about(streams=None), ["streams"]),
    "one stream": (about(streams=[np.random.PCG64(0).state]), []),
    "an unknown stream": (about(streams=[{"bit_generator": "os"}] * 2), ["PCG64", "os"]),
    "a stream without a state": (about(streams=[{"bit_generator": "PCG64"}] * 2), []),
    "an unknown option": (option(depth=3), ["depth"]),
    "an unknown activation": (option(activation="gelu"), ["sigmoid, tanh, relu", "gelu"]),
    "an option out of its range": (option(dropout=[1.5]), ["dropout", "[0, 1)"]),
    "other layers": (option(layer_sizes=[2, 4, 1]), ["0 w", "(2, 4)"]),
    "more layers": (option(layer_sizes=[2, 3, 1, 1], dropout=0), []),
    "fewer layers": (option(layer_sizes=[2, 3], dropout=[]), []),
    "another optimizer": (option(optimizer="sgd"), []),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_file_that_does_not_fit_together_is_refused(name, tmp_path):
    _, path = saved(tmp_path)
    change, parts = CHANGES[name]
    with np.load(path) as stored:
        arrays = dict(stored)
    change(arrays)
    with open(path, "wb") as file:
        np.savez(file, **arrays)
    refused(path, *parts)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.npz"):
        load(tmp_path / "nowhere.npz")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        make().save(tmp_path / "nowhere" / "net.npz")


# Interruption


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError("no space left")], ids=repr)
def test_an_interrupted_save_leaves_the_old_file_whole(error, tmp_path, monkeypatch):
    net, path = saved(tmp_path)
    old = path.read_bytes()
    later = copy.deepcopy(net)
    later.fit(np.eye(4, 2), [0, 1, 1, 0], 3, 2, 0.1)

    def half(file, *args, **arrays):
        file.write(old[: len(old) // 2])
        file.flush()
        assert path.read_bytes() == old, "the old file is gone before the new one is whole"
        raise error

    def failing(*args):
        raise error

    for place, name, stop in ((np, "savez", half), (os, "replace", failing)):
        with monkeypatch.context() as patch:
            patch.setattr(place, name, stop)
            with pytest.raises(type(error) if isinstance(error, OSError) else error):
                later.save(path)
        assert path.read_bytes() == old, f"stopped in {name}, the old file has changed"
        alike(load(path), net, f"stopped in {name}")
    later.save(path)
    alike(load(path), later, "saved at last")
    assert [p.name for p in tmp_path.iterdir()] == ["net.npz"], "an unfinished file was left"
