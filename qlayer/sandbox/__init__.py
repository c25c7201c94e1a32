"""Running untrusted programs and saying, unforgeably, what happened.

What belongs here: the `Sandbox` protocol with its jobs and results, and its backends. What never does: what a
result *means* for a candidate (`qlayer.validation`). A tier that is missing is refused, never weakened.
"""
