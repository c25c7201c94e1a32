"""Blobs as S3 objects, through s3fs: the only file that knows S3.

S3 stores an object whole or not at all and answers when it is durable, so one call is one blob; what is
larger than `MULTIPART_BYTES` goes in parts and appears when the last one is there. The client tries again by
itself where that can help. The bucket must exist: nothing here makes one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeVar

from fsspec import AbstractFileSystem
from pydantic import Field, ValidationError

from qlayer.errors import ConfigurationError, CorruptBlob, InputError, NotFoundError, StoreError, StoreFull
from qlayer.store.faults import FULL_HINT
from qlayer.store.keeping import Area, StoredBlob
from qlayer.store.keys import check_digest
from qlayer.types.frozen import Frozen
from qlayer.types.ids import Digest, is_digest, sha256

CONNECT_TIMEOUT_S = 3
READ_TIMEOUT_S = 60
PART_BYTES = 16 * 1024 * 1024
MULTIPART_BYTES = 2 * PART_BYTES
"""From here on a blob is sent in parts, several at a time; a part that fails is sent again alone."""
MAX_LINK_S = 7 * 24 * 3600
"""The longest that a signature of version 4 may hold (S3's own limit)."""

_FULL_CODES = ("InsufficientStorage", "QuotaExceeded", "XMinioStorageFull")
_FAILING_CODES = ("InternalError", "500", "503", "ServiceUnavailable", "SlowDown")
_FAILING_HINT = (
    "the server failed; a bucket over its quota or a full disk shows like this on some servers (SeaweedFS): "
    "free some space, then run the same command again"
)
_Result = TypeVar("_Result")


class BucketOptions(Frozen):
    """What `blobs_options` may say of a bucket. Credentials come from the environment."""

    endpoint_url: str | None = None
    """None: the vendor's own cloud."""
    region_name: str | None = None
    lock_days: int | None = Field(default=None, ge=1, le=36_500)
    """Every blob is written with a retention of so many days; the bucket must have object lock on."""
    lock_mode: Literal["GOVERNANCE", "COMPLIANCE"] = "GOVERNANCE"


class BucketFacts(Frozen):
    """What a bucket promises by itself."""

    versioning: bool
    """Overwritten and removed objects are kept as older versions."""
    object_lock: bool
    """Objects can be written with a retention, before whose end nobody removes them."""


class BucketBlobs:
    """`KeptBlobs` as objects ``<root>/ab/cdef...``; set aside: ``<root>/.trash/abcdef...``."""

    def __init__(self, root: str, options: Mapping[str, str]) -> None:
        self.root = root
        self._bucket = root.partition("/")[0]
        self._options = _parsed(options)
        self._s3, self._client_error = _client(self._options)

    async def put(self, data: bytes) -> Digest:
        digest = sha256(data)
        key, lock = self._key(digest), _retention(self._options, datetime.now(UTC))
        await self._asked(lambda: self._s3.pipe_file(key, data, chunksize=PART_BYTES, **lock))
        return digest

    async def get(self, digest: Digest) -> bytes:
        data = await self._read(digest)
        if data is None and await self._restored(digest):
            data = await self._read(digest)
        if data is None:
            raise NotFoundError(f"no blob {digest} in s3://{self.root}", kind="blob")
        if sha256(data) != digest:
            raise CorruptBlob(
                f"blob {digest} in s3://{self.root} is damaged: {len(data)} bytes of another digest"
            )
        return data

    async def has(self, digest: Digest) -> bool:
        return await self._exists(self._key(digest)) or await self._restored(digest)

    async def delete(self, digest: Digest) -> None:
        key = self._key(digest)
        await self._asked(lambda: self._s3.rm_file(key))

    async def list(self) -> AsyncIterator[Digest]:
        async for blob in self.stored():
            yield blob.digest

    async def stored(self, area: Area = Area.BLOBS) -> AsyncIterator[StoredBlob]:
        place = self.root if area is Area.BLOBS else f"{self.root}/.{area}"
        found = await self._asked(lambda: self._s3.find(place, detail=True))
        for key in sorted(found):
            parts = key.removeprefix(f"{place}/").split("/")
            digest = "sha256:" + "".join(parts)
            if is_digest(digest) and len(parts) == (2 if area is Area.BLOBS else 1):
                size, written_at = found[key]["size"], found[key]["LastModified"]
                yield StoredBlob(digest=Digest(digest), size_bytes=size, written_at=written_at)

    async def move(
        self, digest: Digest, source: Area, target: Area, *, written_before: datetime | None = None
    ) -> bool:
        """A copy, then the removal. The age is asked right before that: what is left is one round trip."""
        here, there = self._key(digest, source), self._key(digest, target)
        if not await self._exists(here, written_before):
            return False
        if target is not Area.BLOBS or not await self._exists(there):
            await self._asked(lambda: self._s3.cp_file(here, there))
        if not await self._exists(here, written_before):
            return False
        await self._asked(lambda: self._s3.rm_file(here))
        return True

    async def purge(self, digest: Digest, area: Area) -> None:
        key = self._key(digest, area)
        await self._asked(lambda: self._s3.rm_file(key))

    async def clear_partial(self, before: datetime) -> int:
        """Uploads in parts that were begun before and never completed: their parts cost room, unseen."""
        prefix = self.root.removeprefix(self._bucket).lstrip("/")
        answer = await self._call("list_multipart_uploads", Prefix=prefix)
        old = [one for one in answer.get("Uploads", []) if one["Initiated"] < before]
        for one in old:
            await self._call("abort_multipart_upload", Key=one["Key"], UploadId=one["UploadId"])
        return len(old)

    async def link(self, digest: Digest, valid_s: int) -> str:
        """A URL that anybody may read the blob with until it ends; it holds a signature, no credentials.

        Raises `NotFoundError`, `InputError`.
        """
        if not 1 <= valid_s <= MAX_LINK_S:
            raise InputError(f"a link cannot hold {valid_s} s", field="seconds", limit=f"1 to {MAX_LINK_S}")
        if not await self.has(digest):
            raise NotFoundError(f"no blob {digest} in s3://{self.root}", kind="blob")
        key = self._key(digest)
        return str(await self._asked(lambda: self._s3.url(key, expires=valid_s)))

    async def facts(self) -> BucketFacts:
        versioning = await self._call("get_bucket_versioning")
        try:
            lock = await self._call("get_object_lock_configuration")
        except StoreError as error:
            if _code(error.__cause__) != "ObjectLockConfigurationNotFoundError":
                raise
            lock = {}
        enabled = lock.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") == "Enabled"
        return BucketFacts(versioning=versioning.get("Status") == "Enabled", object_lock=enabled)

    async def _read(self, digest: Digest) -> bytes | None:
        key = self._key(digest)
        try:
            data: bytes = await self._asked(lambda: self._s3.cat_file(key))
        except NotFoundError:
            return None
        return data

    async def _exists(self, key: str, written_before: datetime | None = None) -> bool:
        """Whether an object is there and, given a moment, was written before it."""
        try:
            found = await self._asked(lambda: self._s3.info(key))
        except NotFoundError:
            return False
        return written_before is None or bool(found["LastModified"] < written_before)

    async def _restored(self, digest: Digest) -> bool:
        return await self.move(digest, Area.TRASH, Area.BLOBS)

    def _key(self, digest: Digest, area: Area = Area.BLOBS) -> str:
        digits = check_digest(digest).removeprefix("sha256:")
        place = f"{digits[:2]}/{digits[2:]}" if area is Area.BLOBS else f".{area}/{digits}"
        return f"{self.root}/{place}"

    async def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        asked = {"Bucket": self._bucket, **arguments}
        answer: dict[str, Any] = await self._asked(lambda: self._s3.call_s3(operation, **asked))
        return answer

    async def _asked(self, call: Callable[[], _Result]) -> _Result:
        with self._explained():
            return await asyncio.to_thread(call)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what the client raises into our errors. An object that is not there is a `NotFoundError`."""
        try:
            yield
        except FileNotFoundError as error:
            if _code(error) == "NoSuchBucket":
                raise self._refused(f"the bucket {self._bucket} does not exist", "create it first") from error
            raise NotFoundError(f"no such object in s3://{self.root}", kind="blob") from error
        except PermissionError as error:
            told = f"s3://{self.root} refuses these credentials: {error}"
            hint = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to a key that may read and write there"
            raise self._refused(told, hint) from error
        except (OSError, self._client_error) as error:
            raise self._explanation(error) from error

    def _explanation(self, error: BaseException) -> StoreError:
        if _code(error) in _FULL_CODES:
            message = f"no space left for blobs in s3://{self.root}; nothing was half-written"
            return StoreFull(message, hint=FULL_HINT)
        place = self._options.endpoint_url or "the vendor's cloud"
        if _code(error):
            hint = _FAILING_HINT if _code(error) in _FAILING_CODES else None
            return StoreError(f"blobs in s3://{self.root} cannot be used: {error}", hint=hint)
        return StoreError(
            f"blobs in s3://{self.root} cannot be used: {place} cannot be reached ({type(error).__name__})",
            hint="start the server or correct endpoint_url in QLAYER_BLOBS_OPTIONS, then run it again",
        )

    @staticmethod
    def _refused(message: str, hint: str) -> StoreError:
        refused = StoreError(message, hint=hint)
        refused.retryable = False
        return refused


def _code(error: BaseException | None) -> str:
    """S3's own name for what went wrong, where the client still has it."""
    response = getattr(getattr(error, "__cause__", None), "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


def _retention(options: BucketOptions, now: datetime) -> dict[str, Any]:
    if options.lock_days is None:
        return {}
    until = now + timedelta(days=options.lock_days)
    return {"ObjectLockMode": options.lock_mode, "ObjectLockRetainUntilDate": until}


def _parsed(options: Mapping[str, str]) -> BucketOptions:
    try:
        return BucketOptions.model_validate(dict(options))
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigurationError(
            f"blobs_options {first['loc'][0]!r}: {first['msg']}",
            hint=f"known: {', '.join(BucketOptions.model_fields)}; credentials come from the environment "
            "(AWS_...)",
        ) from None


def _client(options: BucketOptions) -> tuple[AbstractFileSystem, type[Exception]]:
    """The S3 filesystem, and the base of the errors that its transport raises."""
    try:
        from botocore.exceptions import BotoCoreError
        from s3fs import S3FileSystem
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"blobs in S3 need the package {error.name}", hint="pip install 'qlayer[s3]'"
        ) from None
    filesystem = S3FileSystem(
        endpoint_url=options.endpoint_url,
        client_kwargs={"region_name": options.region_name} if options.region_name else {},
        config_kwargs={
            "connect_timeout": CONNECT_TIMEOUT_S,
            "read_timeout": READ_TIMEOUT_S,
            "signature_version": "s3v4",  # the only one that links to objects may have everywhere
            "retries": {"max_attempts": 1},  # s3fs itself tries five times, with growing pauses
        },
        use_listings_cache=False,
        skip_instance_cache=True,
    )
    return filesystem, BotoCoreError
