"""Thin commands and the output that people read. No decisions: those are made below.

What belongs here: one file per group of commands, the live view, and the two ways in which a run is carried
out for a person (in this process, or by a server). What never does: anything that a server or a job needs.
"""
