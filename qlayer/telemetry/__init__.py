"""Metrics and logs: a leaf like `types` that anyone may import and that imports nothing of qlayer."""
