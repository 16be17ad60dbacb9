"""Regularization from scratch: every technique of the course, each short enough to read.

``from reglib import L1, RegularizedNeuralNetwork`` works for every public name of the subject's
modules; each module is loaded when one of its names is first used.
"""

from importlib import import_module

_MODULES = {
    "penalties": ["L1", "L2", "ElasticNet", "MaxNorm"],
    "noise": ["Dropout", "DropConnect", "GaussianNoise", "smooth_labels"],
    "network": ["RegularizedNeuralNetwork", "check_gradient"],
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = list(_HOME)


def __getattr__(name):
    if name not in _HOME:
        raise AttributeError(f"module 'reglib' has no attribute {name!r}")
    return getattr(import_module(f"reglib.{_HOME[name]}"), name)


def __dir__():
    return sorted([*globals(), *__all__])
