"""Ray Serve applications. Each module has one ``build(args) -> Application``."""
