"""Entrypoints for Ray Jobs; each also runs directly with ``python -m jobs.NAME``."""
