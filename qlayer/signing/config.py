"""Where a key that is no file is to be found. Needs no client."""

from __future__ import annotations

from qlayer.types.frozen import Frozen


class TransitConfig(Frozen):
    """Where the server is and which key signs. The token is kept out of reprs and messages."""

    url: str
    key: str
    mount: str = "transit"
    verify: bool | str = True
    """TLS: whether to check the server's certificate, or the path of the authority's certificate."""
