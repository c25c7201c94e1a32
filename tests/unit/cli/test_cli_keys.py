"""``qlayer keys`` at a terminal: what is made, told, shared and refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from click.testing import Result

Run = Callable[..., Result]


def test_keys_are_made_listed_rotated_and_revoked(qlayer: Run) -> None:
    first = json.loads(qlayer("keys", "new", "--json").output)
    assert first["name"] == "default" and first["state"] == "active"
    again = qlayer("keys", "new")
    assert again.exit_code == 5 and "qlayer keys rotate default" in again.output
    second = json.loads(qlayer("keys", "rotate", "--reason", "yearly", "--json").output)
    assert second["id"] != first["id"]
    revoked = qlayer("keys", "revoke", first["id"][:8], "--reason", "the laptop was lost")
    assert revoked.exit_code == 0 and first["id"] in revoked.output
    states = {key["id"]: key["state"] for key in json.loads(qlayer("keys", "ls", "--json").output)}
    assert states == {first["id"]: "revoked", second["id"]: "active"}
    assert "the laptop was lost" in qlayer("keys", "ls").output


def test_a_public_key_travels_and_a_damaged_one_is_refused(
    qlayer: Run, machine: Path, tmp_path: Path
) -> None:
    qlayer("keys", "new", "release")
    file = tmp_path / "release.pub.json"
    file.write_text(qlayer("keys", "export", "release").output)
    for kept in (machine / "keys").iterdir():
        kept.unlink()
    assert qlayer("keys", "trust", str(file)).exit_code == 0
    (listed,) = json.loads(qlayer("keys", "ls", "--json").output)
    assert listed == json.loads(file.read_text())
    file.write_text(json.dumps({**listed, "public": "0" * 64}))
    refused = qlayer("keys", "trust", str(file))
    assert refused.exit_code == 2 and "does not belong" in refused.output
    file.write_text("PRIVATE")
    assert qlayer("keys", "trust", str(file)).exit_code == 2
    assert qlayer("keys", "trust", str(tmp_path / "absent")).exit_code == 2


def test_an_unknown_key_is_not_found(qlayer: Run) -> None:
    for command in (("export", "absent"), ("revoke", "absent", "--reason", "x"), ("rotate", "absent")):
        assert qlayer("keys", *command).exit_code == 4


def test_a_transit_engine_is_asked_with_a_token_from_a_file_alone(qlayer: Run, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("open-to-all")
    token.chmod(0o644)
    asked = ("keys", "fetch", "release", "--transit-url", "http://127.0.0.1:1", "--token-file", str(token))
    refused = qlayer(*asked)
    assert refused.exit_code == 3 and "others may read" in refused.output
    token.chmod(0o600)
    away = qlayer(*asked)
    assert away.exit_code == 3 and "open-to-all" not in away.output
    assert qlayer("keys", "fetch", "release").exit_code == 2
    assert qlayer("capsule", "sign", "abcdef", "--signer", "transit").exit_code == 2
