"""Following runs as they happen.

What belongs here: the `EventFeed` protocol and its backends. The durable source is always the run record;
what only matters while somebody watches (tokens as they stream) goes through `publish` and is never stored.
"""
