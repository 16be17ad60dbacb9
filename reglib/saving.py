"""A network in a file: all that training needs to go on as if it had never stopped."""

import inspect
import json
import os

import numpy as np

from reglib.checks import choice

FORMAT = "reglib network 1"  # also the name of the entry that is no array of numbers
STREAMS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")


def save(net, path):
    """Write all that training needs to go on to ``path``, an .npz file without pickle.

    Options, weights, biases, what the optimizer remembers and where the random streams stand;
    not a transform. The file is written whole or not at all; where the disk is full, what was
    written so far stays beside it as ``path.part``.

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
    arrays = {FORMAT: json.dumps(_about(net), default=lambda value: value.tolist())}
    for i, (w, optimizer) in enumerate(zip(net.weights + net.biases, net._optimizers, strict=True)):
        arrays |= {f"{i} {name}": value for name, value in [("w", w), *vars(optimizer).items()]}
    with open(f"{path}.part", "wb") as file:
        np.savez(file, **arrays)
    os.replace(file.name, path)  # all at once: an interrupted save leaves the old file whole


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
            got = f"{os.fspath(path)!r}: {error!r}"
            raise ValueError(f"path must be an undamaged file of save(), got {got}") from error


def _about(net):
    """Return what is no array: the options, and where the random streams stand."""
    names = [n for n in inspect.signature(type(net)).parameters if n not in ("augment", "rng")]
    return {
        "options": {n: getattr(net, n) for n in names} | {"dtype": net.dtype.name},
        "augmented": net.augment is not None,
        "streams": [rng.bit_generator.state for rng in (net.rng, net.noise_rng)],
    }


def _rebuilt(cls, stored, augment):
    about = json.loads(str(stored[FORMAT]))
    kind = choice("its random stream", about["streams"][0]["bit_generator"], STREAMS)
    if about["augmented"] and augment is None:
        augment = _missing
    net = cls(**about["options"], augment=augment, rng=getattr(np.random, kind)())
    for rng, state in zip((net.rng, net.noise_rng), about["streams"], strict=True):
        rng.bit_generator.state = state
    for i, (w, optimizer) in enumerate(zip(net.weights + net.biases, net._optimizers, strict=True)):
        w[...] = _like(w, stored, f"{i} w")
        for name in vars(optimizer):
            setattr(optimizer, name, _like(w, stored, f"{i} {name}", number=True))
    return net


def _like(w, stored, name, number=False):
    """Return the file's array, of the shape and dtype of w, or a number where one may stand."""
    value = stored[name]
    number = number and value.ndim == 0
    fits = number or (value.shape, value.dtype) == (w.shape, w.dtype)
    if not (fits and np.isfinite(value).all()):
        got = f"{value.dtype} {value.shape}"
        raise ValueError(f"{name!r} must be finite, {w.dtype} {w.shape}, got {got}")
    return value.item() if number else value


def _missing(X, Y, rng):
    raise ValueError("augment must be given to load() to train on: a file cannot hold a transform")
