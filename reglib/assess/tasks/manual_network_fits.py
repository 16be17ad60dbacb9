"""The checks of exercise 04 on the gradient check, the training loop and the repairs."""

TESTS = {}
