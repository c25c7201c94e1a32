"""`parse_spec`: from the text of a request to a `Spec`."""

from __future__ import annotations

from collections.abc import Iterable

from qlayer.errors import InputError
from qlayer.generation.intake.asserts import target_of_asserts
from qlayer.generation.intake.calls import read_calls
from qlayer.generation.intake.described import read_described
from qlayer.generation.intake.doctests import read_doctests
from qlayer.generation.intake.heads import find_head
from qlayer.generation.intake.literals import parse_value
from qlayer.generation.intake.page import Findings, blank
from qlayer.generation.intake.pairs import read_pairs
from qlayer.generation.intake.prose import description_of, title_of
from qlayer.generation.intake.tables import read_tables
from qlayer.generation.intake.target import Target
from qlayer.generation.intake_data import DataParts, parse_data
from qlayer.generation.intake_http import HttpParts, parse_http
from qlayer.generation.intake_tool import ToolParts, parse_tool
from qlayer.generation.naming import function_name
from qlayer.types.spec import MAX_SPEC_BYTES, Example, Ignored, Signature, Spec

MAX_EXAMPLES = 500
MAX_IGNORED = 200


def parse_spec(text: str, *, template: str | None = None) -> Spec:
    """Understand a request in plain words, Markdown or Python.

    Raises `InputError` with `field` ``text`` and the limit that was broken: empty, more than `MAX_SPEC_BYTES`
    bytes of UTF-8, control characters or lone surrogates (binary), no letters, several functions at once.
    """
    page = _checked(text)
    http = parse_http(page) if template != "function" else HttpParts()
    head = None if http.routes else find_head(page)
    if not (http.routes or http.scenario or (http.entities and head is None)):
        http = HttpParts()
    if template == "cli" or (template is None and not http.routes):
        tool = parse_tool(page, wanted=template == "cli")
        if tool.tool is not None and (template == "cli" or head is None):
            return _tool_spec(page, template, tool)
    if template == "data" or (template is None and head is None and not (http.routes or http.scenario)):
        data = parse_data(page)
        if data.conversions or template == "data":
            return _data_spec(page, template, data)
    prose = _without_lines(blank(page, head.spans) if head else page, http.lines)
    target = Target.of(head.signature) if head else None
    found = _read_examples(prose, target)
    for helper in head.helpers if head else ():
        found = _with_helper(found, prose, helper)
    if target is None and not http.routes:
        target = _target_from(found.examples) if found.examples else target_of_asserts(prose)
    if head is None and target is not None:
        found += _read_described(prose, found, target)
    title = title_of(page, blank(prose, found.spans), head)
    if not http.routes:
        found += read_pairs(blank(prose, found.spans), target or _target_from_title(title))
        if target is None and found.examples:
            target = _target_from_title(title)
    signature = head.signature if head else _inferred(target)
    examples, contradicting = _settled(found.examples)
    description = page.strip() if http.routes else description_of(page, blank(prose, found.spans), head)
    return Spec(
        title=title,
        description=description,
        template=template,
        signature=signature,
        helpers=head.helpers if head else (),
        examples=examples[:MAX_EXAMPLES],
        entities=http.entities,
        routes=http.routes,
        scenario=http.scenario,
        rules=http.rules,
        ignored=_by_line((*found.ignored, *contradicting, *http.ignored)),
    )


def _tool_spec(page: str, template: str | None, parts: ToolParts) -> Spec:
    """A request for a command-line tool: its calls are the examples."""
    prose = _without_lines(page, parts.lines)
    return Spec(
        title=title_of(page, prose, None),
        description=description_of(page, prose, None),
        template=template,
        tool=parts.tool,
        ignored=_by_line(parts.ignored),
    )


def _data_spec(page: str, template: str | None, parts: DataParts) -> Spec:
    """A request for a data tool: its tables are the examples."""
    prose = _without_lines(page, parts.lines)
    return Spec(
        title=title_of(page, prose, None),
        description=description_of(page, prose, None),
        template=template,
        conversions=parts.conversions,
        ignored=_by_line(parts.ignored),
    )


def _checked(text: str) -> str:
    """The text with Unix newlines, or `InputError`."""
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_SPEC_BYTES:
        raise InputError(
            f"the request has {size} bytes; at most {MAX_SPEC_BYTES} are read",
            field="text",
            limit=f"{MAX_SPEC_BYTES} bytes",
        )
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise InputError("the request is empty", field="text", limit="at least 1 letter")
    for at, ch in enumerate(text):
        if (ord(ch) < 0x20 and ch not in "\n\t\f") or ord(ch) == 0x7F or 0xD800 <= ord(ch) < 0xE000:
            line = text.count("\n", 0, at) + 1
            raise InputError(
                f"the request is not text: character U+{ord(ch):04X} in line {line}",
                field="text",
                limit="no control characters, valid UTF-8",
            )
    if not any(ch.isalpha() for ch in text):
        raise InputError("the request has no words", field="text", limit="at least 1 letter")
    return text


def _without_lines(page: str, numbers: Iterable[int]) -> str:
    lines = page.split("\n")
    for number in numbers:
        lines[number - 1] = " " * len(lines[number - 1])
    return "\n".join(lines)


def _read_examples(prose: str, target: Target | None) -> Findings:
    found = read_doctests(prose, target)
    if target is None and found.examples:
        target = _target_from(found.examples)
    found += read_tables(blank(prose, found.spans), target)
    if target is not None:
        found += _read_described(prose, found, target)
    return found + read_calls(blank(prose, found.spans), target)


def _with_helper(found: Findings, prose: str, helper: Signature) -> Findings:
    """The findings with the examples of a further function, which were refused as another one's."""
    target = Target.of(helper)
    own = read_doctests(prose, target)
    own += read_calls(blank(prose, own.spans), target)
    foreign = f"it calls {helper.name}, "
    mine = tuple(example for example in own.examples if example.function == helper.name)
    kept = tuple(item for item in found.ignored if not item.reason.startswith(foreign))
    return Findings((*found.examples, *mine), kept, (*found.spans, *own.spans))


def _read_described(prose: str, found: Findings, target: Target) -> Findings:
    return read_described(blank(prose, found.spans), target)


def _target_from(examples: tuple[Example, ...]) -> Target:
    """The function that examples call when no head was given: parameters are named arg1, arg2, ..."""
    first = examples[0]
    same = [example for example in examples if example.function == first.function]
    counts = [_count(example) for example in same]
    keywords = tuple(dict.fromkeys(name for example in same for name in _keywords(example)))
    return Target(
        name=first.function,
        positional=tuple(f"arg{i}" for i in range(1, max(counts) + 1)),
        optional=max(counts) - min(counts),
        keyword_only=keywords,
    )


def _target_from_title(title: str) -> Target:
    """A function of one value, for a request that shows no call."""
    return Target(name=function_name(title), positional=("value",))


def _count(example: Example) -> int:
    args = parse_value(example.args)
    assert isinstance(args, tuple)
    return len(args)


def _keywords(example: Example) -> tuple[str, ...]:
    keywords = parse_value(example.kwargs)
    assert isinstance(keywords, dict)
    return tuple(map(str, keywords))


def _inferred(target: Target | None) -> Signature | None:
    if target is None:
        return None
    required = len(target.positional) - target.optional
    names = [*target.positional[:required], *(f"{name}=None" for name in target.positional[required:])]
    names += ["*", *(f"{name}=None" for name in target.keyword_only)] if target.keyword_only else []
    return Signature(name=target.name, source=f"def {target.name}({', '.join(names)})")


def _settled(examples: Iterable[Example]) -> tuple[tuple[Example, ...], tuple[Ignored, ...]]:
    """One example a call, in the order of the request; those that contradict each other prove nothing."""
    by_call: dict[tuple[str, str, str], list[Example]] = {}
    for example in sorted(examples, key=lambda item: item.line or 0):
        by_call.setdefault((example.function, example.args, example.kwargs), []).append(example)
    settled: list[Example] = []
    ignored: list[Ignored] = []
    for same in by_call.values():
        if len({(item.expected, item.raises) for item in same}) == 1:
            settled.append(same[0])
            continue
        ignored += [
            Ignored(
                line=item.line or 0,
                text=f"{item.function}{item.args} gives {item.expected}",
                reason="another example says that the same call gives something else",
            )
            for item in same
        ]
    return tuple(settled), tuple(ignored)


def _by_line(ignored: Iterable[Ignored]) -> tuple[Ignored, ...]:
    """In the order of the request, at most `MAX_IGNORED`; the last one says how many more there are."""
    items = sorted(ignored, key=lambda item: item.line)
    if len(items) > MAX_IGNORED:
        more = Ignored(line=items[MAX_IGNORED].line, text="", reason=f"and {len(items) - MAX_IGNORED} more")
        items = [*items[:MAX_IGNORED], more]
    return tuple(items)
