import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from qlayer.types.source import MAX_FILE_BYTES, MAX_FILES, SourceTree

NAMES = st.text("abcxyz_.", min_size=1, max_size=6).filter(lambda name: name not in (".", ".."))


@given(st.dictionaries(NAMES, st.binary(max_size=20), max_size=5))
def test_the_digest_depends_on_content_alone(files: dict[str, bytes]) -> None:
    backwards = dict(reversed(list(files.items())))
    assert SourceTree(files=files).digest == SourceTree(files=backwards).digest
    assert SourceTree.model_validate_json(SourceTree(files=files).model_dump_json()) == SourceTree(
        files=files
    )
    assert SourceTree(files=files).with_files({"zz": b"new"}).digest != SourceTree(files=files).digest


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "../x", "a/../b", "a//b", "./a", "a/", "a\nb", "a\\b", "a\x00", "x" * 513, "\ud800"],
)
def test_a_path_that_leads_out_or_astray_is_refused(path: str) -> None:
    with pytest.raises(ValidationError):
        SourceTree(files={path: b""})


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("a/" + "x" * 256, "at most 255 bytes"),
        ("x" * 5_000, "1 to 512 bytes, got 5000"),
        ("a\x7fb", "control character"),
        ("a\x85b", "control character"),
        ("a\u2028b", "control character"),
        ("gpj.\u202eexe", "control character"),
        ("src/AUX.c", "devices"),
        ("nul", "devices"),
    ],
)
def test_a_refusal_names_the_rule(path: str, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason) as refused:
        SourceTree(files={path: b""})
    assert refused.value.errors()[0]["loc"][0] == "files"


@pytest.mark.parametrize(
    "pair", [("a/README", "a/readme"), ("caf\u00e9", "cafe\u0301"), ("STRASSE", "straße")]
)
def test_two_names_that_some_system_holds_for_one(pair: tuple[str, str]) -> None:
    with pytest.raises(ValidationError, match="differ in case or spelling only"):
        SourceTree(files=dict.fromkeys(pair, b""))


def test_names_of_every_day_are_taken() -> None:
    names = ["naïve.py", "日本.txt", "a b.c", "console.py", "com10", "auxiliary/null.py", ".env", "👩‍💻.md"]
    assert len(SourceTree(files=dict.fromkeys(names, b"")).files) == len(names)


def test_a_file_cannot_lie_below_a_file() -> None:
    with pytest.raises(ValidationError, match="below another file"):
        SourceTree(files={"a": b"", "a/b": b""})


def test_limits_are_named() -> None:
    with pytest.raises(ValidationError, match=str(MAX_FILE_BYTES)):
        SourceTree(files={"big": bytes(MAX_FILE_BYTES + 1)})
    with pytest.raises(ValidationError, match=str(MAX_FILES)):
        SourceTree(files={f"f{i}": b"" for i in range(MAX_FILES + 1)})
