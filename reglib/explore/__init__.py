"""Pictures that answer sliders: each function here returns one explorer.

``reglib.explore.constraint_balls()`` as the last line of a cell shows it.
"""

from reglib.explore.geometry import constraint_balls, soft_threshold
from reglib.explore.polynomial import polynomial_fit
from reglib.explore.regression import coefficient_paths, early_stopping, singular_values

__all__ = [
    "coefficient_paths",
    "constraint_balls",
    "early_stopping",
    "polynomial_fit",
    "singular_values",
    "soft_threshold",
]
