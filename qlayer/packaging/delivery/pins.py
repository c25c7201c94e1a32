"""The versions that rendered pipelines use.

An action is pinned by the commit of its release: a tag can be moved to other code. Each digest was found,
with the same version beside it, in several unrelated public repositories.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

ACTIONS: Mapping[str, str] = MappingProxyType(
    {
        "checkout": "actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0",
        "python": "actions/setup-python@e797f83bcb11b83ae66e0230d6156d7c80228e7c # v6.0.0",
        "node": "actions/setup-node@a0853c24544627f65ddf259abe73b1d18a591444 # v5.0.0",
        "upload": "actions/upload-artifact@330a01c490aca151604b8cf639adc76d48f6c5d4 # v5.0.0",
        "download": "actions/download-artifact@018cc2cf5baa6db3ef3c5f8a56943fffe632ef53 # v6.0.0",
        "cosign": "sigstore/cosign-installer@d58896d6a1865668819e1d91763c7751a165e159 # v3.9.2",
    }
)
"""What stands after ``uses:``."""

TOOLS: Mapping[str, str] = MappingProxyType(
    {
        "bandit": "bandit==1.9.4",
        "pip-audit": "pip-audit==2.10.1",
        "detect-secrets": "detect-secrets==1.5.0",
        "build": "build==1.6.1",
    }
)
"""Python tools that a pipeline runs with pipx."""
