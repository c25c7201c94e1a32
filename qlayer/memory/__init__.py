"""What people's corrections teach: rules, examples for a prompt, and data to train on.

What belongs here: folding corrections into rules, finding those that are like a task, writing them out. What
never does: making a correction (`qlayer.pipeline.editing`) and reading or changing code
(`qlayer.generation.learned`).
"""
