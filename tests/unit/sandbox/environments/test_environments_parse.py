"""Locks: what is read, and that everything else is refused with its line."""

from __future__ import annotations

import pytest

from qlayer.errors import DependencyError
from qlayer.sandbox.environments.base import Target, environment_id
from qlayer.sandbox.environments.parse import find_lock, parse_lock
from qlayer.types.source import SourceTree

A, B = "a" * 64, "b" * 64
GOOD = f"""# made by a tool
Left_Pad==1.0 \\
    --hash=sha256:{B} \\
    --hash=sha256:{A}   # two wheels
"""


def pins(text: str, name: str = "requirements.txt") -> list[tuple[str, str, tuple[str, ...]]]:
    return [(pin.name, pin.version, pin.hashes) for pin in parse_lock(name, text.encode()).pins]


def test_reads_pins_over_several_lines() -> None:
    assert pins(GOOD) == [("left-pad", "1.0", (A, B))]
    assert parse_lock("requirements.txt", GOOD.encode()).where("left-pad") == "requirements.txt:2"


def test_extras_are_read_as_the_package_itself() -> None:
    assert pins(f"httpx[http2]==1.0 --hash=sha256:{A}") == [("httpx", "1.0", (A,))]


def test_leaves_out_what_is_for_another_platform() -> None:
    text = "one==1 ; sys_platform == 'win32' HASH\ntwo==1 ; python_version >= '3' HASH"
    text = text.replace("HASH", f"--hash=sha256:{A}")
    assert [name for name, _, _ in pins(text)] == ["two"]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("one==1.0", "no --hash"),
        (f"one --hash=sha256:{A}", "not pinned"),
        (f"one>=1 --hash=sha256:{A}", "not pinned"),
        (f"one==1.* --hash=sha256:{A}", "not pinned"),
        (f"one==1,!=2 --hash=sha256:{A}", "not pinned"),
        (f"one===1 --hash=sha256:{A}", "not pinned"),
        ("one==1 --hash=md5:d41d8cd98f00b204e9800998ecf8427e", "no --hash"),
        ("one==1 --hash=sha256:12", "malformed hash"),
        (f"one @ http://127.0.0.1/one.whl --hash=sha256:{A}", "address"),
        (f"git+http://127.0.0.1/one --hash=sha256:{A}", "not a pinned requirement"),
        (f"./one-1.0.whl --hash=sha256:{A}", "not a pinned requirement"),
        (f"/one-1.0.whl --hash=sha256:{A}", "not a pinned requirement"),
        ("--index-url http://127.0.0.1/simple", "--index-url is not allowed"),
        ("--extra-index-url=http://127.0.0.1/simple", "--extra-index-url is not allowed"),
        ("-r other.txt", "-r is not allowed"),
        ("-e .", "-e is not allowed"),
        ("--find-links .", "--find-links is not allowed"),
        (f"one==1 --global-option=x --hash=sha256:{A}", "--global-option is not allowed"),
        (f"one==1 --config-settings=x --hash=sha256:{A}", "--config-settings is not allowed"),
    ],
)
def test_refuses_with_the_line(line: str, why: str) -> None:
    with pytest.raises(DependencyError, match=why) as caught:
        parse_lock("requirements.txt", f"{GOOD}\n{line}\n".encode())
    assert caught.value.field == "requirements.txt:6"


def test_refuses_a_package_twice() -> None:
    with pytest.raises(DependencyError, match="twice"):
        pins(GOOD + f"left.pad==2.0 --hash=sha256:{A}")


@pytest.mark.parametrize("name", ["uv.lock", "poetry.lock", "Pipfile.lock"])
def test_says_how_another_tools_lock_is_exported(name: str) -> None:
    with pytest.raises(DependencyError) as caught:
        parse_lock(name, b"")
    assert "requirements.lock" in (caught.value.hint or "")


@pytest.mark.parametrize("data", [b"\xff\xfe", b"# " + b"x" * 3_000_000])
def test_refuses_what_is_no_text_or_too_long(data: bytes) -> None:
    with pytest.raises(DependencyError):
        parse_lock("requirements.txt", data)


PYLOCK = f"""
lock-version = "1.0"
created-by = "a test"
[[packages]]
name = "left-pad"
version = "1.0"
[[packages.wheels]]
name = "left_pad-1.0-py3-none-any.whl"
url = "http://127.0.0.1/left_pad-1.0-py3-none-any.whl"
hashes = {{sha256 = "{A}"}}
"""


def test_reads_pylock() -> None:
    assert pins(PYLOCK, "pylock.toml") == [("left-pad", "1.0", (A,))]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[[", "not TOML"),
        (PYLOCK.replace('lock-version = "1.0"', ""), "lock-version"),
        (PYLOCK.replace("sha256 =", "sha512 ="), "no --hash"),
        (
            'lock-version = "1.0"\ncreated-by = "t"\n[[packages]]\nname = "one"\n'
            '[packages.vcs]\ntype = "git"\nurl = "http://127.0.0.1/one"\ncommit-id = "1"\n',
            "comes from a vcs",
        ),
    ],
)
def test_refuses_a_pylock(text: str, why: str) -> None:
    with pytest.raises(DependencyError, match=why):
        pins(text, "pylock.toml")


def test_finds_a_projects_lock() -> None:
    def found(**files: str) -> bool:
        tree = SourceTree().with_files({name.replace("__", "."): text for name, text in files.items()})
        return find_lock(tree) is not None

    assert found(requirements__lock=GOOD) and found(requirements__txt=GOOD) and found(pylock__toml=PYLOCK)
    assert not found(main__py="") and not found(requirements__txt="fastapi\n")


def test_the_id_is_of_the_pins_and_of_the_interpreter_only() -> None:
    target = Target(tags=("cp311-cp311-linux_x86_64",))
    two = f"one==1 --hash=sha256:{A}\ntwo==1.0 --hash=sha256:{A} --hash=sha256:{B}\n"
    turned = f"# other\ntwo==1.0 --hash=sha256:{B} --hash=sha256:{A}\n\nOne==1 --hash=sha256:{A}\n"

    def id_of(text: str, target: Target = target) -> str:
        return environment_id(parse_lock("x.txt", text.encode()), target)

    assert id_of(two) == id_of(turned)
    changed = {
        two,
        two.replace("one", "uno"),
        two.replace("==1 ", "==2 "),
        two.replace(f" --hash=sha256:{B}", ""),
    }
    assert len({id_of(text) for text in changed}) == 4
    assert id_of(two) != id_of(two, Target(tags=("cp312-cp312-linux_x86_64",)))
