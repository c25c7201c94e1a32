"""qlayer turns a request in plain words into software that is proved to run.

The order of the folders is the architecture: ``cli`` over ``app`` over ``pipeline`` over the stages
(``generation``, ``validation``, ``packaging``) over the backends (``llm``, ``sandbox``, ``store``,
``events``) over ``types`` over ``errors``. Imports go down only; a linter keeps it so.
"""

__version__ = "0.1.0"
