"""Pictures that answer sliders: each function here returns one explorer.

``reglib.explore.constraint_balls()`` as the last line of a cell shows it.
"""

from reglib.explore.boundaries import mixup_boundary, noise_boundary
from reglib.explore.geometry import constraint_balls, soft_threshold
from reglib.explore.image import color_transform, cutmix, geometric_transform, mixup, random_erasing
from reglib.explore.linear import coefficient_paths, early_stopping, polynomial_fit, singular_values
from reglib.explore.network import backprop, loss_surface, switches, training_curves
from reglib.explore.noise import calibration, dropout_doubt, label_smoothing, thinned_network

__all__ = [
    "backprop", "calibration", "coefficient_paths", "color_transform", "constraint_balls",
    "cutmix", "dropout_doubt", "early_stopping", "geometric_transform", "label_smoothing",
    "loss_surface", "mixup", "mixup_boundary", "noise_boundary", "polynomial_fit",
    "random_erasing", "singular_values", "soft_threshold", "switches", "thinned_network",
    "training_curves",
]  # fmt: skip
