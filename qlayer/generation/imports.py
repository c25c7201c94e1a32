"""The imports that generated code may make, and where a well-known bare name comes from.

The list is a matter of taste and of early, clear messages; what a program can *do* is decided by the sandbox.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

# fmt: off
SAFE_MODULES = frozenset(
    {
        "__future__", "abc", "array", "ast", "asyncio", "base64", "binascii", "bisect", "calendar",
        "cmath", "collections", "colorsys", "contextlib", "contextvars", "copy", "csv",
        "dataclasses", "datetime", "decimal", "difflib", "enum", "fnmatch", "fractions",
        "functools", "graphlib", "hashlib", "heapq", "hmac", "html", "io", "ipaddress", "itertools",
        "json", "keyword", "logging", "math", "numbers", "operator", "pprint", "queue", "random",
        "re", "secrets", "statistics", "string", "struct", "sys", "textwrap", "time", "timeit",
        "token", "tokenize", "traceback", "types", "typing", "unicodedata", "urllib.parse", "uuid",
        "warnings", "weakref", "zlib", "zoneinfo",
    }
)
# fmt: on
"""The safe part of the standard library. An entry with a dot allows only that submodule."""

_FROM: Mapping[str, str] = {
    "collections": "ChainMap Counter OrderedDict defaultdict deque namedtuple",
    "collections.abc": "Generator Hashable Iterable Iterator Mapping MutableMapping Sequence",
    "contextlib": "contextmanager suppress",
    "copy": "deepcopy",
    "dataclasses": "asdict dataclass field",
    "datetime": "date timedelta timezone",
    "decimal": "Decimal ROUND_HALF_UP",
    "enum": "Enum IntEnum StrEnum auto",
    "fractions": "Fraction",
    "functools": "cache cmp_to_key lru_cache partial reduce wraps",
    "heapq": "heapify heappop heappush heappushpop heapreplace nlargest nsmallest",
    "bisect": "bisect_left bisect_right insort",
    "hashlib": "md5 sha256",
    "itertools": (
        "accumulate chain combinations combinations_with_replacement compress count cycle dropwhile groupby "
        "islice pairwise permutations product repeat starmap takewhile zip_longest"
    ),
    "math": (
        "acos asin atan atan2 ceil comb cos degrees dist exp factorial floor fsum gcd hypot isclose isqrt "
        "lcm log log10 log2 perm pi prod radians sin sqrt tan trunc"
    ),
    "operator": "attrgetter itemgetter mul",
    "statistics": "mean median mode pstdev stdev variance",
    "string": "ascii_letters ascii_lowercase ascii_uppercase digits punctuation",
    "typing": (
        "Any Callable ClassVar Deque DefaultDict Dict Final FrozenSet Generic List Literal NamedTuple "
        "NoReturn Optional Protocol Set Tuple Type TypedDict TypeVar Union cast overload"
    ),
    "uuid": "UUID uuid4",
}

NAMES: Mapping[str, str] = MappingProxyType(
    {name: f"from {module} import {name}" for module, names in _FROM.items() for name in names.split()}
)
"""Bare name -> the import that it is usually short for."""

_NO_MODULE_MEANT = frozenset({"__future__", "abc", "array", "token", "types", "queue", "numbers"})
"""Undefined names that are a forgotten variable more often than a forgotten module."""


def import_for(name: str) -> str | None:
    """The import statement that defines an undefined name; None when it is not well known.

    A module's own name wins: ``math`` is the module, ``sqrt`` comes out of it.
    """
    if name in SAFE_MODULES and name not in _NO_MODULE_MEANT:
        return f"import {name}"
    return NAMES.get(name)


def is_allowed(module: str, allowed: tuple[str, ...]) -> bool:
    """Whether code may import this dotted module. `allowed` empty: the safe part of the standard library."""
    entries = frozenset(allowed) if allowed else SAFE_MODULES
    parts = module.split(".")
    return any(".".join(parts[:n]) in entries for n in range(1, len(parts) + 1))
