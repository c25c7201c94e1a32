"""Inputs on which candidates are compared: made from types and examples, without knowing any answer.

What belongs here: deriving the shape of each parameter and drawing values of it, always as Python literals
and always the same ones for the same seed. What never does: running anything, or judging an output.
"""
