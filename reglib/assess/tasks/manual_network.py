"""The checks of exercise 04 on the forward pass, the loss, each backward step and the start.

Each reference takes the known mistakes as further arguments; what is said of them is in `says`.
"""

import numpy as np

from reglib.assess.compare import judged

TESTS = {}


def sigmoid(z):
    return np.exp(-np.logaddexp(0, -z))


ACTIVATIONS = {"sigmoid": sigmoid, "tanh": np.tanh, "relu": lambda z: np.maximum(z, 0)}


def scores(X, weights, biases, activation,
           of=None, first=np.array, last=np.array, bias=1, late=0):  # fmt: skip
    """The last layer's z; `of` is an activation in place of the one that is asked for."""
    a, act = first(X), of or ACTIVATIONS[activation]
    for W, b in zip(weights[:-1], biases[:-1], strict=True):
        a = act(a @ W + bias * b) + late * b
    return last(a @ weights[-1] + (bias or late) * biases[-1])


def network(rng, *sizes):
    """Weights and biases of unit scale, so that no slope is flat and no bias small."""
    pairs = list(zip(sizes, sizes[1:], strict=False))
    weights = tuple(rng.normal(size=pair) / pair[0] ** 0.5 for pair in pairs)
    return weights, tuple(rng.uniform(0.3, 1, size=(1, n)) for n in sizes[1:])


def score_cases(rng):
    def case(activation, n, *sizes):
        return rng.normal(size=(n, sizes[0])).round(1), *network(rng, *sizes), activation

    cases = [case("relu", 2, 2, 3, 1), case("tanh", 4, 3, 5, 2), case("sigmoid", 5, 3, 4, 4, 2)]
    return [*cases, case("relu", 6, 4, 5, 3, 6, 2), case("tanh", 3, 4, 2)]


def activated(**places):
    """A mistake that needs the name of the activation."""
    return lambda *c: scores(*c, **{name: ACTIVATIONS[c[3]] for name in places})


TESTS["4.1"] = judged(scores, score_cases, [
    ("last_activated", activated(last=1)), ("input_activated", activated(first=1)),
    ("last_activated", {"last": sigmoid}), ("never_activated", {"of": np.array}),
    *(("other_activation", {"of": of}) for of in ACTIVATIONS.values()),
    ("no_bias", {"bias": 0}), ("bias_late", {"bias": 0, "late": 1}),
])  # fmt: skip
