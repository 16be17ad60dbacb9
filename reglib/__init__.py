"""Regularization from scratch: every technique of the course, each short enough to read.

``from reglib import L1, RegularizedNeuralNetwork`` works for every public name of the subject.
"""

from reglib.augment import *
from reglib.network import *
from reglib.noise import *
from reglib.penalties import *
