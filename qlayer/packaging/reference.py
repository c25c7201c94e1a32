"""Where an image lies, by the grammar of distribution references (github.com/distribution/reference 0.6)."""

from __future__ import annotations

import re

from qlayer.errors import InputError
from qlayer.types.frozen import Frozen
from qlayer.types.ids import Digest

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    r"(?P<host>[a-zA-Z0-9.-]+(?::\d{1,5})?|\[[0-9a-f:]+\](?::\d{1,5})?)/"
    rf"(?P<name>{_COMPONENT}(?:/{_COMPONENT})*)"
    r"(?::(?P<tag>[\w][\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?\Z",
    re.ASCII,
)
_MAX_NAME = 255


class Reference(Frozen):
    """Where an image lies: ``host[:port]/name[:tag][@digest]``."""

    host: str
    name: str
    tag: str = "latest"
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Raises `InputError`."""
        found = _REFERENCE.match(text)
        if found is None or len(found["name"]) > _MAX_NAME:
            raise InputError(
                f"{text!r} is no image reference",
                field="reference",
                hint="for example localhost:5000/books:1.0",
            )
        digest = found["digest"]
        return cls(
            host=found["host"],
            name=found["name"],
            tag=found["tag"] or "latest",
            digest=Digest(digest) if digest else None,
        )

    def __str__(self) -> str:
        return f"{self.host}/{self.name}:{self.tag}" + (f"@{self.digest}" if self.digest else "")
