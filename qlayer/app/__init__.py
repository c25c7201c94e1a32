"""The composition root: settings become objects here, and only here are environment and config files read."""
