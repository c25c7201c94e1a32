"""The bill of materials of a capsule, in CycloneDX 1.6: what it is made of and what it needs.

The same capsule gives the same bytes. Every file is a component with its hash; so is every package that the
project names, and the model that wrote the code.
"""

from __future__ import annotations

import uuid
import warnings
from collections.abc import Iterator

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from qlayer.packaging.components import components
from qlayer.types.capsule import CapsuleManifest, ModelCard
from qlayer.types.component import Dependency
from qlayer.types.ids import Digest
from qlayer.types.source import SourceTree

SBOM_PATH = ".qlayer/sbom.cdx.json"
MEDIA_TYPE = "application/vnd.cyclonedx+json"
_NAMESPACE = uuid.UUID("6f0a4a55-0a0c-5d7e-9d5e-1b1f3c6a7e01")
"""Makes serial numbers from capsule ids; any constant would do, it only must stay."""
_LICENCES = LicenseFactory()
_ALGORITHMS = {
    "sha256": HashAlgorithm.SHA_256,
    "sha384": HashAlgorithm.SHA_384,
    "sha512": HashAlgorithm.SHA_512,
}


def bill_of_materials(manifest: CapsuleManifest, tree: SourceTree) -> bytes:
    """CycloneDX 1.6 JSON. Deterministic; times are the manifest's."""
    found = components(tree)
    root = Component(
        type=ComponentType.APPLICATION,
        name=manifest.title,
        bom_ref=manifest.id,
        version=manifest.id.removeprefix("sha256:")[:12],
        hashes=[_sha256(manifest.tree)],
        components=_files(manifest),
        properties=[
            Property(name="qlayer:template", value=manifest.template),
            Property(name="qlayer:level", value=str(manifest.decision.level or "none")),
            *(
                Property(name="qlayer:unreadable", value=f"{file.path}: {file.problem}")
                for file in found.unreadable
            ),
        ],
    )
    libraries = [_library(one) for one in found.dependencies]
    bom = Bom(
        serial_number=uuid.uuid5(_NAMESPACE, manifest.id),
        metadata=BomMetaData(
            component=root,
            timestamp=manifest.created_at,
            tools=[],
            properties=[Property(name="qlayer:version", value=manifest.qlayer_version)],
        ),
        components=[*libraries, _model(manifest.model)],
    )
    bom.register_dependency(root, libraries)
    with warnings.catch_warnings():
        # A project that needs no packages is complete without a graph of them.
        warnings.filterwarnings("ignore", "The Component this BOM is describing", UserWarning)
        text = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=2)
    return text.encode() + b"\n"


def _library(one: Dependency) -> Component:
    return Component(
        type=ComponentType.LIBRARY,
        name=one.name,
        version=one.version,
        bom_ref=one.purl,
        purl=PackageURL.from_string(one.purl),
        hashes=[HashType(alg=_ALGORITHMS[name], content=digest) for name, digest in one.hashes],
        licenses=[_LICENCES.make_from_string(one.licence)] if one.licence else None,
        properties=[
            Property(name="qlayer:declared-in", value=one.path),
            Property(name="qlayer:locked", value="yes" if one.version else f"no: {one.specifier or 'any'}"),
        ],
    )


def _files(manifest: CapsuleManifest) -> Iterator[Component]:
    for path, digest in manifest.files.items():
        yield Component(type=ComponentType.FILE, name=path, bom_ref=f"file:{path}", hashes=[_sha256(digest)])


def _model(card: ModelCard) -> Component:
    return Component(
        type=ComponentType.MACHINE_LEARNING_MODEL,
        name=card.id,
        version=card.revision,
        bom_ref=f"model:{card.id}",
        hashes=[_sha256(card.digest)] if card.digest else None,
        licenses=[_LICENCES.make_from_string(card.licence)],
        properties=[Property(name="qlayer:role", value="wrote the code; is not part of what runs")],
    )


def _sha256(digest: Digest) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=digest.removeprefix("sha256:"))
