"""The only place where stages meet. It holds the one loop, the budget and the resumable run.

The flow goes one way; what an earlier step needs of a later one travels as recorded data.
"""
