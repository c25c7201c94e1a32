"""What runs inside the sandbox's own processes: keeper, zygote (pid 1) and the child of each run.

Standard library only, so that a fresh interpreter loads it in milliseconds and holds little memory. Imports
from the rest of qlayer: `qlayer.sandbox.wire` only. The host's half is `qlayer.sandbox.warm`.
"""
