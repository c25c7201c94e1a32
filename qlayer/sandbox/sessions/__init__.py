"""Stateful sessions: one sandbox that stays, in which many small things are done one after the other.

A session is for people and agents who try things out. Nothing in it is judged, and what it says about itself
is its own word. What must be believed is a job for `qlayer.sandbox.base.Sandbox`.
"""
