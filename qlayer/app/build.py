"""From settings to objects: the composition root.

`open_storage` opens only what listings need; `open_platform` opens everything and closes it again in reverse
order. Tests and servers hand in their own language model or sandbox.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from qlayer.app.settings import Settings
from qlayer.app.suppressions import read_suppressions
from qlayer.errors import ConfigurationError, LLMUnavailable, WeightsError
from qlayer.events.base import EventFeed
from qlayer.events.outbox import OutboxFeed
from qlayer.governance.policy import SHIPPED, Policy
from qlayer.llm.base import LLM
from qlayer.llm.catalogue import Catalogue, load_embedder
from qlayer.llm.llamacpp import LlamaCpp, LlamaCppConfig
from qlayer.llm.minilm import MiniLM, require_runtime
from qlayer.llm.openai import OpenAICompatible
from qlayer.llm.weights import Weights
from qlayer.memory.similarity import EmbeddedSimilarity, LexicalSimilarity
from qlayer.packaging.attestation import Attestations
from qlayer.packaging.capsule import Capsules
from qlayer.packaging.components import components
from qlayer.packaging.facts import release_facts
from qlayer.packaging.images import Images
from qlayer.packaging.publishing import Gate
from qlayer.pipeline.accepting import Accepting
from qlayer.pipeline.delivering import Delivering
from qlayer.pipeline.editing import Editing
from qlayer.pipeline.learning import Learning
from qlayer.pipeline.pipeline import ModelChoice, Pipeline
from qlayer.pipeline.policy import LoopPolicy, policy_for
from qlayer.pipeline.releasing import Releasing
from qlayer.pipeline.scanning import Scanning
from qlayer.sandbox.base import Sandbox
from qlayer.sandbox.config import DockerConfig, GvisorConfig, WarmConfig
from qlayer.sandbox.container import DockerSandbox, GvisorSandbox
from qlayer.sandbox.warm import WarmSandbox
from qlayer.scan.base import Scanner
from qlayer.scan.cache import FindingsCache
from qlayer.scan.tools import Profile, scanners
from qlayer.signing.key_file import KeyFolder
from qlayer.store.base import Blobs, Memories, Records, Releases
from qlayer.store.blobs import open_blobs
from qlayer.store.clock import utc_now
from qlayer.store.memories import SqlMemories
from qlayer.store.records import open_records
from qlayer.store.releases import SqlReleases
from qlayer.types.capsule import ModelCard
from qlayer.types.ids import CapsuleId, ModelId
from qlayer.types.policy import PolicyDecision

FEED_POLL_S = 0.2


@dataclass(frozen=True)
class Storage:
    """What is needed to look at runs and capsules."""

    records: Records
    blobs: Blobs
    feed: EventFeed
    capsules: Capsules
    memories: Memories
    releases: Releases

    @property
    def attestations(self) -> Attestations:
        """Signatures over the capsules."""
        return Attestations(self.capsules, self.blobs, self.releases)


@dataclass(frozen=True)
class Platform(Storage):
    """Everything, open."""

    settings: Settings
    catalogue: Catalogue
    llm: LLM
    sandbox: Sandbox
    pipeline: Pipeline

    @property
    def editing(self) -> Editing:
        """Where people's corrections are taken in."""
        scanning = self.pipeline.scanning
        scan = scanning.look if scanning is not None else None
        return Editing(self.capsules, self.memories, self.sandbox, utc_now, scan)

    @property
    def accepting(self) -> Accepting:
        """Where people accept what was made."""
        return Accepting(self.capsules, self.sandbox, utc_now)


@asynccontextmanager
async def open_storage(settings: Settings) -> AsyncIterator[Storage]:
    """Records, blobs and what stands on them. Raises `StoreError`, `ConfigurationError`."""
    config = settings.store
    records = await open_records(config.records_url)
    try:
        blobs = open_blobs(config)
        feed = OutboxFeed(records, poll_s=FEED_POLL_S)
        yield Storage(
            records=records,
            blobs=blobs,
            feed=feed,
            capsules=Capsules(blobs, records),
            memories=SqlMemories(records.database),
            releases=SqlReleases(records.database),
        )
    finally:
        await records.aclose()


@asynccontextmanager
async def open_platform(
    settings: Settings, *, llm: LLM | None = None, sandbox: Sandbox | None = None
) -> AsyncIterator[Platform]:
    """Open all parts. A part that is handed in stays its owner's to close.

    Raises `ConfigurationError`, `WeightsError`, `TierUnavailable`, `StoreError`.
    """
    catalogue = Catalogue.load(settings.catalogue)
    async with AsyncExitStack() as stack:
        storage = await stack.enter_async_context(open_storage(settings))
        if llm is None:
            llm = build_llm(settings, catalogue)
            stack.push_async_callback(llm.aclose)
        if sandbox is None:
            sandbox = await stack.enter_async_context(build_sandbox(settings))
        pipeline = Pipeline(
            llm=llm,
            sandbox=sandbox,
            blobs=storage.blobs,
            records=storage.records,
            feed=storage.feed,
            capsules=storage.capsules,
            default_model=settings.model,
            describe=_Describe(catalogue, llm, settings.loop, settings.escalate_to),
            lease_ttl_s=settings.lease_ttl_s,
            learning=build_learning(settings, storage.memories) if settings.memory != "off" else None,
            delivering=Delivering(settings.delivery_bases) if settings.delivery else None,
            scanning=build_scanning(settings),
            releasing=build_releasing(settings, storage),
        )
        yield Platform(
            records=storage.records,
            blobs=storage.blobs,
            feed=storage.feed,
            capsules=storage.capsules,
            memories=storage.memories,
            releases=storage.releases,
            settings=settings,
            catalogue=catalogue,
            llm=llm,
            sandbox=sandbox,
            pipeline=pipeline,
        )


def build_scanning(settings: Settings) -> Scanning | None:
    """The scanners that the settings name; None: none. Raises `ConfigurationError`, `InputError`."""
    if settings.scan == "off":
        return None
    return Scanning(
        every=build_scanners(settings, settings.scan),
        release=build_scanners(settings, "full"),
        cache=FindingsCache(settings.scans_dir),
        accepted=read_suppressions(settings.suppressions) if settings.suppressions is not None else (),
        today=lambda: utc_now().date(),
    )


def build_scanners(settings: Settings, profile: Profile) -> tuple[Scanner, ...]:
    """With the configured advisories and executables. Raises `ConfigurationError` for a lost folder."""
    advisories = settings.advisories
    if advisories is not None and not advisories.is_dir():
        raise ConfigurationError(
            f"QLAYER_ADVISORIES names {advisories}, which is no folder",
            hint="a folder with OSV entries, *.json",
        )
    return scanners(profile, components, advisories=advisories, semgrep=settings.semgrep)


def build_gate(settings: Settings, storage: Storage) -> Gate:
    """The release policy for pointers. Raises `ConfigurationError` for rules that cannot be read."""
    keys, policy = KeyFolder(settings.keys_dir), Policy(settings.policies or SHIPPED)

    async def decide(capsule: CapsuleId, environment: str) -> PolicyDecision:
        facts = await release_facts(
            capsule, environment, storage.capsules, storage.attestations, keys.trust(), utc_now()
        )
        return policy.decide(facts)

    return Gate(environments=policy.environments, decide=decide)


def build_releasing(settings: Settings, storage: Storage) -> Releasing:
    """Signing and the release policy. Raises `ConfigurationError` for rules that cannot be read.

    Keys are read when one is needed.
    """
    keys, policy = KeyFolder(settings.keys_dir), Policy(settings.policies or SHIPPED)
    return Releasing(
        capsules=storage.capsules,
        attestations=storage.attestations,
        signer=lambda: keys.signer(settings.signing_key),
        trust=keys.trust,
        decide=policy.decide,
        compile=policy.compile,
        environments=policy.environments,
        images=Images(storage.capsules, storage.attestations, settings.image_base),
        now=utc_now,
    )


def build_sandbox(settings: Settings) -> Sandbox:
    """The sandbox that the settings name, not yet entered. Raises `ConfigurationError`; never another one."""
    config = settings.sandbox
    if isinstance(config, WarmConfig):
        return WarmSandbox(settings.warm)
    if isinstance(config, DockerConfig):
        return DockerSandbox(config)
    if isinstance(config, GvisorConfig):
        return GvisorSandbox(config)
    raise ConfigurationError(
        f"sandbox backend {config.backend!r} is not built yet"
        if config.backend == "kubernetes"
        else f"sandbox backend {config.backend!r} runs nothing: it is for unit tests",
        hint="set QLAYER_SANDBOX__BACKEND to warm, docker or gvisor",
    )


def build_learning(settings: Settings, memories: Memories) -> Learning:
    """The memory, searched as the settings say.

    Raises `ConfigurationError`, `WeightsError` when embeddings are asked for and cannot be had; with `auto`
    the words are compared then, and the similarity's name says so.
    """
    if settings.memory in ("lexical", "off"):
        return Learning(memories, LexicalSimilarity())
    try:
        return Learning(memories, EmbeddedSimilarity(build_embedder(settings), memories))
    except (ConfigurationError, WeightsError):
        if settings.memory == "embeddings":
            raise
        return Learning(memories, LexicalSimilarity())


def build_embedder(settings: Settings) -> MiniLM:
    """Raises `ConfigurationError` (the extra ``memory`` is missing), `WeightsError` (not pulled yet)."""
    require_runtime()
    entry = load_embedder(settings.catalogue, MiniLM.name)
    weights = Weights(settings.weights, hub_url=settings.hub_url, hub_timeout_s=settings.hub_timeout_s)
    path = weights.path(entry)
    return MiniLM(path, path.with_name(entry.files[1].name))


def build_llm(settings: Settings, catalogue: Catalogue) -> LLM:
    """The language model that the settings name. Raises `NotFoundError`, `WeightsError` (not pulled yet)."""
    if settings.uses_remote_llm:
        return OpenAICompatible(settings.llm_url or "", api_key=settings.llm_api_key)
    entry = catalogue.get(settings.model)
    weights = Weights(settings.weights, hub_timeout_s=settings.hub_timeout_s)
    return LlamaCpp(
        LlamaCppConfig.for_entry(
            entry,
            weights.path(entry),
            digest=weights.digest(entry),
            slots=settings.llm_slots,
            threads=settings.llm_threads,
        )
    )


@dataclass(frozen=True)
class _Describe:
    """Looks a model up: the catalogue knows its licence and size, the server the digest of its weights.

    A model that only the server knows is taken as it is, and its card says so.
    """

    catalogue: Catalogue
    llm: LLM
    loop: LoopPolicy
    """Fields that were given replace those of the model's own policy."""
    escalate_to: ModelId | None = None

    async def __call__(self, model: ModelId) -> ModelChoice:
        try:
            served = {entry.id: entry for entry in await self.llm.models()}
        except LLMUnavailable:
            served = {}
        digest = served[model].digest if model in served else None
        if model in served and model not in self.catalogue.entries:
            card = ModelCard(id=model, revision="unknown", licence="unknown", digest=digest)
            return self._choice(card, None)
        entry = self.catalogue.get(model)
        card = ModelCard(id=model, revision=entry.revision, licence=entry.licence, digest=digest)
        return self._choice(card, entry.parameters_b)

    def _choice(self, card: ModelCard, parameters_b: float | None) -> ModelChoice:
        policy = policy_for(parameters_b).overridden(self.loop)
        return ModelChoice(card=card, policy=policy, escalate_to=self.escalate_to)
