"""Frozen data and nothing else: no I/O, no clock, no environment.

What belongs here: the nouns that cross a package border (specs, trees, checks, verdicts, runs, capsules)
and the pure functions that derive one from another. What never does: anything that opens, waits or prints.
Identity is a content digest: same bytes, same id.
"""
