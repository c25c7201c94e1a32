"""Language models behind one interface, near or far.

What belongs here: the `LLM` protocol, its backends (an in-process llama.cpp, any OpenAI-compatible server,
vLLM through Ray), the catalogue of models and the care of their weights. What never does: prompts for a
particular purpose (`qlayer.generation`) and serving over HTTP (`serve_apps.llm`).
"""
