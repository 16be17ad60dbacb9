"""A network in a file: all that training needs to go on as if it had never stopped."""

import inspect
import json
import os
from pathlib import Path

import numpy as np

from reglib.checks import choice

__all__ = ["load", "save"]

FORMAT = "reglib network 1"
STREAMS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")


def save(net, path):
    """Write all that training needs to go on to ``path``, an .npz file without pickle.

    Options, weights, biases, what the optimizer remembers and where the random streams stand;
    not a transform. The file is written whole or not at all.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from reglib import RegularizedNeuralNetwork
    >>> net = RegularizedNeuralNetwork([2, 4, 1], l2=0.01)
    >>> with TemporaryDirectory() as folder:
    ...     net.save(f"{folder}/net.npz")
    ...     RegularizedNeuralNetwork.load(f"{folder}/net.npz").l2
    0.01
    """
    part, states = Path(f"{path}.part"), enumerate(_states(net))
    arrays = {f"{i} {name}": value for i, state in states for name, value in state.items()}
    with open(part, "wb") as file:
        np.savez(file, about=json.dumps(_about(net), default=lambda v: v.tolist()), **arrays)
    os.replace(part, path)  # all at once: an interrupted save leaves the old file whole


def load(cls, path, augment=None):
    """Return the network that `save` wrote; training goes on, bit for bit, as without a break.

    Parameters
    ----------
    path : str or path
    augment : callable, optional
        The transform again, if there was one: a file holds arrays alone. Without it the network
        predicts, and `fit` raises.

    Raises
    ------
    ValueError
        If the file is damaged or was not written by `save`.
    """
    with open(path, "rb") as file:
        try:
            with np.load(file, allow_pickle=False) as stored:
                return _rebuilt(cls, dict(stored), augment)
        except Exception as error:  # a damaged archive fails in a dozen ways
            wanted = f"an undamaged file written by save() ({FORMAT})"
            raise ValueError(f"path must be {wanted}, got {os.fspath(path)!r}: {error}") from error


def _about(net):
    """Return what is no array: the options, and where the random streams stand."""
    names = [n for n in inspect.signature(type(net)).parameters if n not in ("augment", "rng")]
    return {
        "format": FORMAT,
        "options": {n: getattr(net, n) for n in names} | {"dtype": net.dtype.name},
        "augmented": net.augment is not None,
        "streams": [rng.bit_generator.state for rng in (net.rng, net.noise_rng)],
    }


def _states(net):
    """Return for each array w of weights or biases all that a step changes, by name: w, memory."""
    pairs = zip(net.weights + net.biases, net._optimizers, strict=True)
    return [{"w": w} | vars(optimizer) for w, optimizer in pairs]


def _rebuilt(cls, stored, augment):
    about = json.loads(str(stored.pop("about")))
    choice("its format", about["format"], (FORMAT,))
    if about["augmented"] and augment is None:
        augment = _missing
    net = cls(**about["options"], augment=augment)
    net.rng, net.noise_rng = [_stream(state) for state in about["streams"]]
    for i, (state, optimizer) in enumerate(zip(_states(net), net._optimizers, strict=True)):
        w = state.pop("w")
        w[...] = _like(w, f"{i} w", stored)
        vars(optimizer).update({name: _like(w, f"{i} {name}", stored) for name in state})
    if stored:
        raise ValueError(f"arrays that this network lacks: {sorted(stored)}")
    return net


def _stream(state):
    kind = choice("its random stream", state["bit_generator"], STREAMS)
    rng = np.random.Generator(getattr(np.random, kind)())
    rng.bit_generator.state = state
    return rng


def _like(w, name, stored):
    """Take the entry out of the file's: an array like w or, of an optimizer, also a number."""
    value = stored.pop(name)
    number = value.ndim == 0 and not name.endswith(" w")
    if not (number or value.shape == w.shape) or not np.isfinite(value).all():
        raise ValueError(f"array {name!r} must be finite and {w.shape}, got {value!r}")
    return value.item() if number else value


def _missing(X, Y, rng):
    raise ValueError("augment must be given to load() to train on: a file cannot hold a transform")
