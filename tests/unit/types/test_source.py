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


def test_a_file_cannot_lie_below_a_file() -> None:
    with pytest.raises(ValidationError, match="below another file"):
        SourceTree(files={"a": b"", "a/b": b""})


def test_limits_are_named() -> None:
    with pytest.raises(ValidationError, match=str(MAX_FILE_BYTES)):
        SourceTree(files={"big": bytes(MAX_FILE_BYTES + 1)})
    with pytest.raises(ValidationError, match=str(MAX_FILES)):
        SourceTree(files={f"f{i}": b"" for i in range(MAX_FILES + 1)})
