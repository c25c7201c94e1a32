"""Files that go into a run and come out of it: whose names are taken, and how they are read.

`beneath` opens one path and nothing else, `patterns` says which names are asked for, `collect` brings them
back. Nothing here knows a backend; a backend hands over a descriptor of a folder whose program is dead.
"""
