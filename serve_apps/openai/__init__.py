"""The OpenAI-compatible HTTP API over one engine.

What belongs here: the wire's types, its errors, and the life of a request from its body to its last token.
What never does: how an engine generates (`qlayer.llm`), and how replicas are deployed (`serve_apps.llm`).
"""
