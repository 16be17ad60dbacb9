"""Pictures that answer sliders: each function here returns one explorer.

``reglib.explore.constraint_balls()`` as the last line of a cell shows it.
"""

from reglib.explore.confidence import calibration, dropout_doubt, label_smoothing
from reglib.explore.geometry import constraint_balls, soft_threshold
from reglib.explore.noise import noise_boundary, thinned_network
from reglib.explore.polynomial import polynomial_fit
from reglib.explore.regression import coefficient_paths, early_stopping, singular_values

__all__ = [
    "calibration",
    "coefficient_paths",
    "constraint_balls",
    "dropout_doubt",
    "early_stopping",
    "label_smoothing",
    "noise_boundary",
    "polynomial_fit",
    "singular_values",
    "soft_threshold",
    "thinned_network",
]
