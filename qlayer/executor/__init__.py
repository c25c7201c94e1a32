"""Fanning many small pieces of work out over workers, without losing or doubling one.

What belongs here: order, fairness, bounds, retries and the exactly-once rule, here and over Ray. What never
does: what the work is. A worker is whatever a builder opens; `qlayer.app` gives builders of sandboxes.
"""
