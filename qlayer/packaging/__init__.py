"""From an accepted tree and its evidence to a capsule in the store, and back out again.

What belongs here: the manifest, storing, loading, exporting, comparing and verifying capsules.
"""
