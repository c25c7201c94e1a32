"""Reads entities and their fields: ``Book: title (str), pages (int), read (bool, default false)``.

Types are named freely (string, text, number, boolean, ...) and mapped to the six that `EntityField` knows.
What is said about a field beyond its type and default becomes a rule in words: "pages must be > 0".
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from qlayer.types.spec import Entity, EntityField

_TYPES = {
    "str": "str string text varchar char uuid email url enum",
    "int": "int integer whole long bigint",
    "float": "float double decimal number numeric real",
    "bool": "bool boolean flag",
    "date": "date day",
    "datetime": "datetime timestamp",
}
TYPE_NAMES: Mapping[str, str] = {word: kind for kind, words in _TYPES.items() for word in words.split()}

_ENTITY = re.compile(
    r"^[*`]*([A-Za-z][\w ]{0,38}?\w|[A-Za-z])[*`]*\s*(?::|\(|—|–| - | has | with | keeps )\s*[*`]*(.*)$"
)
_BARE = re.compile(r"^[*`]*([A-Za-z]\w{0,39})[*`]*$")
_FIELD = re.compile(r"^[*_`]*([A-Za-z]\w{0,39})[*_`]*\s*(.*)$")
_DEFAULT = re.compile(
    r"\b(?:default(?:s)?(?:\s+to|\s+is)?\s*[:=]?|=)\s*(.+)$|(?<![<>=!])=(?!=)\s*(.+)$", re.I
)
_NOISE = frozenset({"a", "an", "the", "required", "mandatory", "field", "of", "type", "in", "primary", "key"})
_OPTIONAL = frozenset({"optional", "nullable", "none", "null"})
_RANGE = re.compile(r"^(-?\d+(?:\.\d+)?)\s*(?:-|–|\.\.\.?|to)\s*(-?\d+(?:\.\d+)?)$")
_CONSTRAINT = re.compile(
    r"(?:>=?|<=?|(?:unique|positive|non-negative|at least|at most|greater|less|between)\b)"
)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?\Z")


@dataclass
class Draft:
    """An entity while it is being read."""

    name: str
    fields: list[EntityField] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)

    @classmethod
    def named(cls, words: str) -> Draft:
        """From words such as ``Book loan`` or ``book_loan``: BookLoan."""
        parts = re.findall(r"[A-Za-z][a-z0-9]*|[0-9]+", words.split("(")[0])
        return cls("".join(part[:1].upper() + part[1:] for part in parts) or "Thing")

    def entity(self) -> Entity:
        return Entity(name=self.name, fields=tuple(self.fields))


def split_entity(text: str) -> tuple[str, list[str]]:
    """The entity's name and its fields as texts; the name is empty when there is none."""
    bare = _BARE.match(text.strip().rstrip(":"))
    if bare:
        return bare[1], []
    match = _ENTITY.match(text.strip())
    if not match:
        return "", []
    body = match[2].strip()
    if text.strip()[match.end(1) :].lstrip("*` ").startswith("(") and body.endswith(")"):
        body = body[:-1]
    body = re.sub(r"^(?:has|with|keeps|fields?)\b\s*:?\s*", "", body)
    return match[1], [part for part in _split_outside(body) if part]


def read_field(draft: Draft, text: str) -> tuple[str, ...]:
    """Add one field such as ``read (bool, default false)`` to the draft; returns what was not understood."""
    match = _FIELD.match(re.sub(r"^(?:and|an?)\s+", "", text.strip().rstrip(".")))
    if not match:
        return (f"{text.strip()!r} is not understood as a field of {draft.name}",)
    name = _snake(match[1])
    if name == "id":
        return ()  # the platform numbers rows itself
    if keyword.iskeyword(name) or any(known.name == name for known in draft.fields):
        return (f"{draft.name} cannot have a field {name!r} (a Python keyword, or given twice)",)
    about = re.sub(r"[()]", ",", re.sub(r"^[\s:–—-]+", "", match[2]))
    return _add(draft, name, about.strip("`*, "))


def read_table_field(draft: Draft, row: Mapping[str, str]) -> tuple[str, ...]:
    """Add the field that a table row describes (columns field or name, type, required, default)."""
    name = row.get("field") or row.get("name") or row.get("column") or row.get("attribute") or ""
    said = [row.get("type", "")]
    if row.get("required", "").lower() in ("no", "false", "optional"):
        said.append("optional")
    if row.get("default", "") not in ("", "-", "—"):
        said.append(f"default {row['default']}")
    return read_field(draft, f"{name} ({', '.join(part for part in said if part)})")


def _add(draft: Draft, name: str, about: str) -> tuple[str, ...]:
    kind, required, default = "str", True, None
    unknown: list[str] = []
    choices = re.search(r"\bone of\b:?\s*(.+?)(?=[;,]\s*default|$)", about, re.I)
    if choices:
        draft.rules.append(f"{name} must be one of {choices[1].strip(' ,[]')}")
        about = about[: choices.start()] + about[choices.end() :]
    for said in _split_outside(about):
        given = _DEFAULT.search(said)
        if given:
            default, required = (given[1] or given[2]).strip("`"), False
            said = said[: given.start()]
        words = re.findall(r"[^\s|?\[\]]+", said)
        required = required and "?" not in said and not any(w.lower() in _OPTIONAL for w in words)
        left = [w for w in words if w.lower() not in _NOISE | _OPTIONAL]
        types = [TYPE_NAMES[w.lower()] for w in left if w.lower() in TYPE_NAMES]
        kind = types[0] if types else kind
        rest = " ".join(w for w in left if w.lower() not in TYPE_NAMES)
        if rest:
            rule = _rule(name, rest)
            draft.rules += [rule] if rule else []
            unknown += [] if rule else [rest]
    reasons = [f"{draft.name}.{name}: {rest!r} is not understood" for rest in unknown]
    value = None if default is None else _default_literal(default, kind)
    if default is not None and value is None:
        reasons.append(f"{draft.name}.{name}: {default!r} is no {kind}, so it has no default")
    draft.fields.append(EntityField(name=name, type=kind, required=required, default=value))
    return tuple(reasons)


def _rule(name: str, said: str) -> str | None:
    """A remark about a field as a sentence; None when it is not one of the known forms."""
    text = said.lower().strip()
    bounds = _RANGE.match(text)
    if bounds:
        return f"{name} must be between {bounds[1]} and {bounds[2]}"
    if text in ("not empty", "non-empty", "nonempty"):
        return f"{name} must not be empty"
    if re.match(
        r"(unique|positive|non-negative|>=?|<=?|at least|at most|greater|less|between)(\b|\s|\d|$)", text
    ):
        return f"{name} must be {text}"
    bound = re.match(r"(min(?:imum)?|max(?:imum)?)\s*:?=?\s*(-?\d+(?:\.\d+)?)\s*(characters|chars)?$", text)
    if bound:
        return f"{name} must be at {'least' if bound[1].startswith('min') else 'most'} {bound[2]}" + (
            " characters" if bound[3] else ""
        )
    return None


def _default_literal(text: str, kind: str) -> str | None:
    """The default as a Python literal of the field's type; None when it does not fit."""
    bare = text.strip("\"'")
    if bare.lower() in ("null", "none"):
        return "None"
    match kind:
        case "bool":
            return {"true": "True", "false": "False", "yes": "True", "no": "False"}.get(bare.lower())
        case "int":
            return bare if _NUMBER.match(bare) and "." not in bare else None
        case "float":
            return str(float(bare)) if _NUMBER.match(bare) else None
        case "str":
            return repr(bare)
    return None


def _split_outside(text: str) -> list[str]:
    """Split at commas and semicolons that stand outside brackets."""
    parts, depth = [""], 0
    for ch in text:
        depth += (ch in "([{") - (ch in ")]}")
        if ch in ",;" and depth <= 0:
            parts.append("")
        else:
            parts[-1] += ch
    return [part.strip() for part in parts]


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
