"""Opening the blobs that the settings name, and blobs in object storage through fsspec.

S3 stores an object whole or not at all and answers when it is durable, so one call is one blob. The vendor's
client is imported only when a URL needs it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from fsspec import AbstractFileSystem

from qlayer.errors import ConfigurationError, CorruptBlob, NotFoundError, StoreError, StoreFull
from qlayer.store.base import Blobs
from qlayer.store.config import StoreConfig
from qlayer.store.directory import DirectoryBlobs
from qlayer.store.faults import FULL_HINT
from qlayer.store.keys import check_digest
from qlayer.types.ids import Digest, is_digest, sha256

S3_OPTIONS = ("endpoint_url", "region_name")
CONNECT_TIMEOUT_S = 10
READ_TIMEOUT_S = 60

_FULL_CODES = ("InsufficientStorage", "QuotaExceeded", "XMinioStorageFull")


def open_blobs(config: StoreConfig) -> Blobs:
    """Blobs in a directory (a path or ``file://``) or in a bucket (``s3://bucket/prefix``). Does no I/O yet.

    Raises `ConfigurationError` for another kind of URL, an unknown option, or a missing extra.
    """
    scheme, separator, rest = config.blobs_url.partition("://")
    if not separator or scheme == "file":
        _check_options(config, ())
        return DirectoryBlobs(Path(rest if separator else config.blobs_url).expanduser())
    if scheme == "s3" and rest.strip("/"):
        _check_options(config, S3_OPTIONS)
        return BucketBlobs(rest.strip("/"), config.blobs_options)
    raise ConfigurationError(
        f"blobs cannot be kept at {scheme}://", hint="use a directory or s3://bucket/prefix"
    )


class BucketBlobs:
    """`Blobs` as S3 objects ``<root>/ab/cdef...``. The bucket must exist: nothing here makes one."""

    def __init__(self, root: str, options: Mapping[str, str]) -> None:
        self.root = root
        self._bucket = root.partition("/")[0]
        self._s3, self._client_error = _client(options)

    async def put(self, data: bytes) -> Digest:
        digest = sha256(data)
        with self._explained():
            await asyncio.to_thread(self._s3.pipe_file, self._key(digest), data)
        return digest

    async def get(self, digest: Digest) -> bytes:
        key = self._key(digest)
        with self._explained(digest):
            data: bytes = await asyncio.to_thread(self._s3.cat_file, key)
        if sha256(data) != digest:
            raise CorruptBlob(
                f"blob {digest} in s3://{self.root} is damaged: {len(data)} bytes of another digest"
            )
        return data

    async def has(self, digest: Digest) -> bool:
        key = self._key(digest)
        with self._explained():
            return bool(await asyncio.to_thread(self._s3.exists, key))

    async def delete(self, digest: Digest) -> None:
        key = self._key(digest)
        with self._explained():
            await asyncio.to_thread(self._s3.rm_file, key)

    async def list(self) -> AsyncIterator[Digest]:
        with self._explained():
            keys = await asyncio.to_thread(self._s3.find, self.root)
        for key in sorted(keys):
            digest = "sha256:" + "".join(key.split("/")[-2:])
            if is_digest(digest):
                yield Digest(digest)

    def _key(self, digest: Digest) -> str:
        digits = check_digest(digest).removeprefix("sha256:")
        return f"{self.root}/{digits[:2]}/{digits[2:]}"

    @contextmanager
    def _explained(self, wanted: Digest | None = None) -> Iterator[None]:
        """Turn what the client raises into our errors. What it cannot find is `wanted`, else the bucket."""
        try:
            yield
        except FileNotFoundError as error:
            if wanted is not None and _code(error) != "NoSuchBucket":
                raise NotFoundError(f"no blob {wanted} in s3://{self.root}", kind="blob") from error
            raise StoreError(f"the bucket {self._bucket} does not exist", hint="create it first") from error
        except (OSError, self._client_error) as error:
            if _code(error) in _FULL_CODES:
                message = f"no space left for blobs in s3://{self.root}; nothing was half-written"
                raise StoreFull(message, hint=FULL_HINT) from error
            hint = "credentials come from the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY"
            raise StoreError(f"blobs in s3://{self.root} cannot be used: {error}", hint=hint) from error


def _code(error: BaseException) -> str:
    """S3's own name for what went wrong, where the client still has it."""
    response = getattr(error.__cause__, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


def _check_options(config: StoreConfig, known: tuple[str, ...]) -> None:
    for name in config.blobs_options:
        if name not in known:
            raise ConfigurationError(
                f"blobs_options has no {name!r} for this blobs URL",
                hint=f"known: {', '.join(known) or 'none'}; credentials come from the environment (AWS_...)",
            )


def _client(options: Mapping[str, str]) -> tuple[AbstractFileSystem, type[Exception]]:
    """The S3 filesystem, and the base of the errors that its transport raises."""
    try:
        from botocore.exceptions import BotoCoreError
        from s3fs import S3FileSystem
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"blobs in S3 need the package {error.name}", hint="pip install 'qlayer[s3]'"
        ) from None
    region = {"region_name": options["region_name"]} if "region_name" in options else {}
    filesystem = S3FileSystem(
        endpoint_url=options.get("endpoint_url"),
        client_kwargs=region,
        config_kwargs={
            "connect_timeout": CONNECT_TIMEOUT_S,
            "read_timeout": READ_TIMEOUT_S,
            "retries": {"max_attempts": 1},  # s3fs itself tries five times, with growing pauses
        },
        use_listings_cache=False,
        skip_instance_cache=True,
    )
    return filesystem, BotoCoreError
