"""The files that build, check and ship a finished project: pipeline, container, chart, manifests, Makefile.

What belongs here: which family gets which of them, what they need to know of a project, and rendering them.
They are added when the model is done, so no prompt shows them; what tools say of them is `qlayer.scan`.
"""
