"""Keys in files: ``NAME.key`` (private, PKCS #8, mode 0600) and one ``trust.json`` of public keys.

The private key is read for each signature and held no longer. A key file that others may read is refused,
like ssh does: it may have been copied. Nothing here follows a symbolic link.

A private half is written as ``.NAME.key.new`` first, then the trust, then it gets its name: killed in
between, the next use finishes what the trust says, and a private half that was never trusted is removed.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError
from securesystemslib.signer import CryptoSigner

from qlayer.errors import ConflictError, InputError, NotFoundError, SigningError
from qlayer.signing.base import key_id, pre_authentication
from qlayer.types.signature import Envelope, KeyState, PublicKey, Signature, Trust

TRUST_FILE = "trust.json"
_ENDS = (KeyState.ACTIVE, KeyState.RETIRED, KeyState.REVOKED)
"""A key only ever goes on in this order."""
_FORBIDDEN_MODE = stat.S_IRWXG | stat.S_IRWXO
_FRESH = ".new"
MAX_TRUST_BYTES = 4 * 1024 * 1024
MAX_KEY_BYTES = 16 * 1024


class KeyFolder:
    """The keys of one user or server. Every change of the trust is one atomic replacement under a lock."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def trust(self) -> Trust:
        """Raises `SigningError` when the file is damaged."""
        path = self._folder / TRUST_FILE
        try:
            return Trust.model_validate_json(_read(path, MAX_TRUST_BYTES)[0])
        except FileNotFoundError:
            return Trust()
        except (ValidationError, OSError) as error:
            raise SigningError(f"{path} cannot be read: {error}", hint="restore it from a backup") from None

    def create(self, name: str, now: datetime) -> PublicKey:
        """Make a key and trust it. Raises `ConflictError` when an active one has that name."""
        key, private = _generate(name, now)

        def add(trust: Trust) -> Trust:
            if _active(trust, name) is not None:
                raise ConflictError(f"there is a key {name} already", hint=f"qlayer keys rotate {name}")
            _write_private(self._fresh_path(key), private)
            return trust.with_key(key)

        self._change(add)
        return key

    def rotate(self, name: str, now: datetime, reason: str) -> PublicKey:
        """Retire the active key of that name and make its successor, in one step.

        What the old one signed still counts; its private half is deleted. Raises `NotFoundError`.
        """
        key, private = _generate(name, now)
        retired: list[PublicKey] = []

        def replace(trust: Trust) -> Trust:
            old = _active(trust, name)
            if old is None:
                raise NotFoundError(f"there is no active key {name}", kind="key", hint="qlayer keys ls")
            retired.append(_ended(old, KeyState.RETIRED, now, reason))
            _write_private(self._fresh_path(key), private)
            return trust.with_key(retired[0]).with_key(key)

        self._change(replace)
        return key

    def revoke(self, name_or_id: str, now: datetime, reason: str) -> PublicKey:
        """Trust this key no more, for anything; its private half is deleted. Raises `NotFoundError`."""
        revoked: list[PublicKey] = []

        def end(trust: Trust) -> Trust:
            key = trust.find(name_or_id)
            if key is None:
                raise NotFoundError(f"no key {name_or_id}", kind="key", hint="qlayer keys ls")
            if key.state is KeyState.REVOKED:
                raise ConflictError(f"key {key.name} ({key.id[:12]}) is revoked already")
            revoked.append(_ended(key, KeyState.REVOKED, now, reason))
            return trust.with_key(revoked[0])

        self._change(end)
        return revoked[0]

    def add(self, key: PublicKey) -> None:
        """Trust somebody else's public key, or take over that it was retired or revoked.

        Raises `InputError` when its id is not its own, `ConflictError` when it would undo an end known
        here or take the name of a key of one's own.
        """
        if key_id(key.public) != key.id:
            raise InputError(f"the id of key {key.name} does not belong to its public key", field="id")

        def trusted(trust: Trust) -> Trust:
            known = next((k for k in trust.keys if k.id == key.id), None)
            if known is not None and _ENDS.index(key.state) < _ENDS.index(known.state):
                raise ConflictError(f"key {key.name} was {known.state} here: {known.reason}")
            own = _active(trust, key.name)
            if own is not None and own.id != key.id and self._private_path(own).exists():
                raise ConflictError(f"a key of your own is called {key.name}", hint="ask for another name")
            return trust.with_key(key)

        self._change(trusted)

    def signer(self, name: str) -> FileSigner:
        """Raises `NotFoundError` without an active key of that name."""
        key = _active(self.trust(), name)
        if key is not None and self._fresh_path(key).exists():
            with self._locked():
                self._settle(self.trust())
        if key is None or not self._private_path(key).exists():
            raise NotFoundError(
                f"there is no active key {name} here", kind="key", hint=f"qlayer keys new {name}"
            )
        return FileSigner(key, self._private_path(key))

    def _change(self, change: Callable[[Trust], Trust]) -> None:
        with self._locked():
            before = self.trust()
            self._settle(before)
            after = change(before)
            fresh = self._folder / f".{TRUST_FILE}{_FRESH}"
            fresh.unlink(missing_ok=True)
            _write_new(fresh, f"{after.model_dump_json(indent=2)}\n".encode(), 0o644)
            fresh.replace(self._folder / TRUST_FILE)
            _sync_folder(self._folder)
            self._settle(after)

    def _settle(self, trust: Trust) -> None:
        """Bring the private halves in line with the trust, which is what counts.

        Those of active keys get their name, those of ended keys go, and so does one that was written for a
        trust that never came. A named one that the trust does not know stays: it may be newer than a backup.
        """
        active = {self._fresh_path(key): key for key in trust.keys if key.state is KeyState.ACTIVE}
        for fresh in self._folder.glob(f".*.key{_FRESH}"):
            if fresh in active:
                fresh.replace(self._private_path(active[fresh]))
            else:
                fresh.unlink(missing_ok=True)
        for key in trust.keys:
            if key.state is not KeyState.ACTIVE:
                self._private_path(key).unlink(missing_ok=True)
        _sync_folder(self._folder)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(self._folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor) as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise SigningError(f"{self._folder} cannot be written: {error.strerror or error}") from error

    def _private_path(self, key: PublicKey) -> Path:
        return self._folder / f"{key.name}-{key.id[:12]}.key"

    def _fresh_path(self, key: PublicKey) -> Path:
        return self._folder / f".{key.name}-{key.id[:12]}.key{_FRESH}"


class FileSigner:
    """Signs with a private key from a file."""

    def __init__(self, key: PublicKey, path: Path) -> None:
        self._key = key
        self._path = path

    @property
    def key(self) -> PublicKey:
        return self._key

    async def sign(self, payload: bytes, payload_type: str) -> Envelope:
        raw = CryptoSigner(_read_private(self._path)).sign(pre_authentication(payload, payload_type))
        if raw.keyid != self._key.id:
            raise SigningError(f"{self._path.name} is not the private half of key {self._key.name}")
        signature = Signature(keyid=self._key.id, sig=bytes.fromhex(raw.signature))
        return Envelope(payload=payload, payloadType=payload_type, signatures=(signature,))


def _generate(name: str, now: datetime) -> tuple[PublicKey, Ed25519PrivateKey]:
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes_raw().hex()
    try:
        return PublicKey(id=key_id(public), name=name, public=public, created_at=now), private
    except ValidationError:
        raise InputError(
            f"{name!r} is no name for a key: lower-case letters, digits, '.', '_' and '-', at most 63",
            field="name",
        ) from None


def _active(trust: Trust, name: str) -> PublicKey | None:
    return next((key for key in trust.keys if key.name == name and key.state is KeyState.ACTIVE), None)


def _ended(key: PublicKey, state: KeyState, now: datetime, reason: str) -> PublicKey:
    return key.model_copy(update={"state": state, "ended_at": now, "reason": reason})


def _write_private(path: Path, private: Ed25519PrivateKey) -> None:
    data = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write_new(path, data, 0o600)


def _write_new(path: Path, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    """Make names durable: a rename alone may be undone by a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path, limit: int) -> tuple[bytes, int]:
    """The bytes and the mode of a regular file. Raises `OSError`."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as stream:
        mode = os.fstat(descriptor).st_mode
        data = stream.read(limit + 1) if stat.S_ISREG(mode) else b""
    if not stat.S_ISREG(mode) or len(data) > limit:
        raise OSError(f"it is no regular file of at most {limit} bytes")
    return data, mode


def _read_private(path: Path) -> Ed25519PrivateKey:
    """Never says what the file holds, in no error either."""
    try:
        data, mode = _read(path, MAX_KEY_BYTES)
    except OSError as error:
        raise SigningError(f"{path.name} cannot be read: {error.strerror or error}") from None
    if mode & _FORBIDDEN_MODE:
        raise SigningError(
            f"others may read {path.name} (mode {stat.S_IMODE(mode):04o})",
            hint=f"chmod 600 {path}; if it may have been copied, revoke it: qlayer keys revoke",
        )
    try:
        private = serialization.load_pem_private_key(data, password=None)
    except ValueError:
        raise SigningError(f"{path.name} is no private key in PEM form") from None
    if not isinstance(private, Ed25519PrivateKey):
        raise SigningError(f"{path.name} is no ed25519 key")
    return private
