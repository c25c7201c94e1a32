"""Shell sessions in a request: ``$ calc add 1 2`` with what the terminal shows below it.

Beside the tool itself a session may use what sets a stage or looks at it: ``cat``, ``echo``,
``printf``, a pipe into the tool, ``<``, ``>`` and ``echo $?``. Nothing is run.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

from qlayer.types.spec import Ignored
from qlayer.types.tool import Invocation

_PROMPT = re.compile(r"^[ \t]*(?:[-*+][ \t]+|\d+[.)][ \t]+)?`*[ \t]*\$[ \t]+(?P<command>\S.*)$")
_FENCE = re.compile(r"^\s*(?:```|~~~)")
_INLINE = re.compile(
    r"^(?P<command>.*?)`?\s*(?:->|=>|→|⇒|➞|\b(?:prints?|outputs?|shows?|gives?|answers?)\b:?)\s*`?(?P<output>.*?)`?\s*$"
)
_STATUS = re.compile(
    r"\s*[\[(#]+\s*(?:it )?exit(?:s|ed)?(?: (?:with|status|code))*\s*:?\s*(\d{1,3})\s*[\])]?\s*$", re.I
)
_FAILS = re.compile(r"^(?:error|fatal|invalid|unknown|cannot|can't|[\w.-]+: (?:error|cannot))\b", re.I)
# fmt: off
_FOREIGN = frozenset({
    "pip", "pip3", "cd", "mkdir", "curl", "uvicorn", "pytest", "git", "ls", "rm", "make", "docker", "npm",
    "sudo", "export", "touch", "source", "uv", "tar", "mv", "cp",
})
# fmt: on
_ESCAPES = {"n": "\n", "t": "\t", "\\": "\\"}


@dataclass
class Session:
    """What was read so far. `files` holds what lies in the folder of the block that is being read."""

    program: str | None
    invocations: list[Invocation] = field(default_factory=list)
    ignored: list[Ignored] = field(default_factory=list)
    lines: set[int] = field(default_factory=set)
    files: dict[str, str] = field(default_factory=dict)
    fresh: bool = True

    def begin(self, given: dict[str, str]) -> None:
        """A new block: an empty folder with the files that the request gives."""
        self.files, self.fresh = dict(given), True


@dataclass(frozen=True)
class _Shown:
    """A command line with the lines below it."""

    line: int
    end: int
    command: str
    output: str | None
    block: int


def read_sessions(text: str, program: str | None, given: dict[str, str]) -> Session:
    """All calls of the tool; without a known `program` the first command that could be one names it."""
    shown = list(_shown(text.split("\n")))
    program = program or next((name for one in shown if (name := _program_of(one.command))), None)
    session = Session(program)
    block = -1
    for one in shown:
        if one.block != block:
            session.begin(given)
            block = one.block
        session.lines.update(range(one.line, one.end + 1))
        reason = _read(session, one)
        if reason:
            session.ignored.append(Ignored(line=one.line, text=one.command[:160], reason=reason))
    return session


def program_name(word: str) -> str:
    """``./calc.py`` and ``calc`` are the program calc."""
    return word.rpartition("/")[2].removesuffix(".py")


def _shown(lines: list[str]) -> Iterator[_Shown]:
    """Each prompt with its output; every fence, and every paragraph outside of one, is a block of its own."""
    fenced, block, at = False, 0, 0
    while at < len(lines):
        if _FENCE.match(lines[at]):
            fenced, block = not fenced, block + 1
        elif not fenced and not lines[at].strip():
            block += 1
        prompt = _PROMPT.match(lines[at])
        at += 1
        if prompt is None:
            continue
        start, command = at, prompt["command"].rstrip()
        below: list[str] = []
        while at < len(lines) and not _ends(lines[at], fenced):
            below.append(lines[at])
            at += 1
        inline = _INLINE.match(command) if not any(line.strip() for line in below) else None
        if inline and not re.search(r"[|<>]\s*$", inline["command"]):
            yield _Shown(start, at, inline["command"].rstrip("` "), _unescaped(inline["output"]), block)
        else:
            yield _Shown(start, at, command.rstrip("`"), _dedented(below), block)


def _ends(line: str, fenced: bool) -> bool:
    """Whether a line below a prompt is no longer its output."""
    if _PROMPT.match(line) or _FENCE.match(line):
        return True
    return not fenced and (not line.strip() or re.match(r"\s*(?:[-*+] |#)", line) is not None)


def _dedented(lines: list[str]) -> str:
    kept = [line.rstrip() for line in lines]
    pad = min((len(line) - len(line.lstrip()) for line in kept[:1] if line), default=0)
    return "\n".join(line[min(pad, len(line) - len(line.lstrip())) :] for line in kept).strip("\n")


def _words(command: str) -> list[str]:
    lexer = shlex.shlex(command, posix=True, punctuation_chars="|<>;&")
    lexer.whitespace_split, lexer.commenters = True, ""
    return list(lexer)


def _program_of(command: str) -> str | None:
    try:
        words = _words(command)
    except ValueError:
        return None
    if "|" in words:
        words = words[words.index("|") + 1 :]
    words = _without_interpreter(words)
    name = program_name(words[0]) if words else ""
    taken = name in _FOREIGN or name in ("cat", "echo", "printf", "python", "python3")
    return name if re.fullmatch(r"[A-Za-z][\w.-]*", name) and not taken else None


def _without_interpreter(words: list[str]) -> list[str]:
    if words and re.fullmatch(r"python3?(?:\.\d+)?", words[0]):
        words = words[1:]
        return words[1:] if words[:1] == ["-m"] else words
    return words


def _read(session: Session, shown: _Shown) -> str | None:
    """Take one line into the session; the reason when it is not understood."""
    command, status = shown.command, None
    output = shown.output or ""
    for text in (command, output):
        if noted := _STATUS.search(text):
            status = int(noted[1])
    command, output = _STATUS.sub("", command), _STATUS.sub("", output)
    try:
        words = _words(command)
    except ValueError as error:
        return f"the shell would not understand it: {error}"
    if words == ["echo", "$?"]:
        return _status_of_last(session, output)
    words, stdin = _piped(session, words)
    words, target = _redirected(session, words)
    if stdin is None or any(word in ("|", ">", "<", ";", "&", "&&", ">>", "||") for word in words):
        return "only a call of the tool, with one pipe, < or > at most, is understood"
    if isinstance(stdin, _Missing):
        return f"it reads {stdin.name}, whose content the request does not show"
    words = _without_interpreter(words)
    if not words:
        return "it calls nothing"
    if words[0] in ("cat", "echo", "printf"):
        return _stage(session, words, target, output)
    if program_name(words[0]) != session.program:
        return f"it does not call {session.program}"
    return _call(session, words[1:], stdin, target, output, status, shown.line)


def _call(
    session: Session,
    argv: list[str],
    stdin: str,
    target: str | None,
    output: str,
    status: int | None,
    line: int,
) -> str | None:
    if output.lower().startswith("usage:") or "..." in output.split("\n"):
        return "its output is not shown as it must be, to the letter"
    refuses = _FAILS.match(output) is not None or output.startswith(f"{session.program}: ")
    fails = refuses if status is None else status > 0
    shown = None if target is not None else output
    session.invocations.append(
        Invocation(
            argv=tuple(argv),
            stdin=stdin,
            files=session.files if session.fresh else {},
            output=shown if shown or not fails else None,
            fails=fails,
            status=status,
            fresh=session.fresh,
            line=line,
        )
    )
    session.fresh = False
    if target is not None:
        session.files[target] = ""
    return None


def _status_of_last(session: Session, output: str) -> str | None:
    if not session.invocations or not output.strip().isdigit():
        return "there is no call before it, or no status below it"
    status = int(output)
    session.invocations[-1] = session.invocations[-1].model_copy(
        update={"status": status, "fails": status > 0}
    )
    return None


@dataclass(frozen=True)
class _Missing:
    name: str


def _piped(session: Session, words: list[str]) -> tuple[list[str], str | _Missing | None]:
    """The call behind one pipe, or before one ``<``, with what it reads; None for anything longer."""
    if "<" in words[1:-1]:
        at = words.index("<")
        text = session.files.get(words[at + 1])
        return words[:at] + words[at + 2 :], _Missing(words[at + 1]) if text is None else text
    if "|" not in words:
        return words, ""
    before, after = words[: words.index("|")], words[words.index("|") + 1 :]
    if before[:1] == ["cat"] and len(before) == 2:
        text = session.files.get(before[1])
        return after, _Missing(before[1]) if text is None else text
    return after, _said(before)


def _redirected(session: Session, words: list[str]) -> tuple[list[str], str | None]:
    """``> file`` at the end names the file that gets the output."""
    if len(words) >= 3 and words[-2] == ">":
        return words[:-2], words[-1]
    return words, None


def _said(words: list[str]) -> str | None:
    """What ``echo`` or ``printf`` writes; None for anything else."""
    if words[:1] == ["printf"] and len(words) == 2:
        return _unescaped(words[1])
    if words[:1] == ["echo"]:
        flags = [word for word in words[1:] if word in ("-n", "-e")]
        text = " ".join(words[1 + len(flags) :])
        return (_unescaped(text) if "-e" in flags else text) + ("" if "-n" in flags else "\n")
    return None


def _unescaped(text: str) -> str:
    return re.sub(r"\\([nt\\])", lambda m: _ESCAPES[m[1]], text)


def _stage(session: Session, words: list[str], target: str | None, output: str) -> str | None:
    """``echo a > f`` and ``cat f`` before the first call give a file; ``cat f`` after one shows a file."""
    said = _said(words)
    if said is not None and target is not None and session.fresh:
        session.files[target] = said
        return None
    if words[0] != "cat" or len(words) != 2 or target is not None:
        return "only the giving and the showing of a file is understood"
    if session.fresh:
        session.files[words[1]] = output + "\n" if output else ""
        return None
    last = session.invocations[-1]
    session.invocations[-1] = replace_written(last, words[1], output)
    return None


def replace_written(invocation: Invocation, path: str, text: str) -> Invocation:
    """The call with one more file that it must have written."""
    return invocation.model_copy(update={"written": {**invocation.written, path: text}})
