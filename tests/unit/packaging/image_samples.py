"""A small capsule as an image."""

from __future__ import annotations

from capsule_samples import sample_manifest, sample_tree

from qlayer.packaging.oci import Image, Start, build_image

TREE = sample_tree()
MANIFEST = sample_manifest(TREE)


def sample_image(base: Image | None = None) -> Image:
    return build_image(MANIFEST, TREE, base, Start(command=("python3", "-m", "add"), ports=(8000,)))
