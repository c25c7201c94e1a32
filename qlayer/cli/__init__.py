"""Thin commands and the output that people read. No decisions: those are made below."""
