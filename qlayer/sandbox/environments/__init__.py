"""Prepared packages: a project's lock file becomes a read-only folder that any run can be given.

Built once, in a sandbox of its own without a network, from wheels whose hashes the lock names; kept under the
digest of what went in. What belongs here: reading locks, building, keeping, pruning. What never does: running
a project, or a resolver that chooses versions.
"""
