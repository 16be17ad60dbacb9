"""Grading a class: submissions are found, run in a sandbox, judged from outside, and reported."""
