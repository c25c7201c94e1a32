"""The `service` family: a FastAPI service from entities and routes.

What belongs here: everything that is the same for any service of this kind. Rows, plain routes and simple
rules are made without a single token; each other route and each open rule becomes one small slot.
"""

from qlayer.generation.templates.service.template import ServiceTemplate

__all__ = ["ServiceTemplate"]
