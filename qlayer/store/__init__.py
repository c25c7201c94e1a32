"""Keeping things: blobs by content digest, runs and capsules as append-only records.

What belongs here: the `Blobs`, `Records` and `Memories` protocols and their backends. What never does: what
a record means (`qlayer.pipeline`) and how a capsule is built (`qlayer.packaging`).
"""
