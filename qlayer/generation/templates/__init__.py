"""The families of projects, and the choice of one.

A family is a folder: its manifest, the files that it renders, and the class that says how it fits a spec and
instantiates them. A new family is a new folder and one new line here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from qlayer.errors import InputError
from qlayer.generation.base import Template
from qlayer.generation.templates.cli import CliTemplate
from qlayer.generation.templates.data import DataTemplate
from qlayer.generation.templates.function import FunctionTemplate
from qlayer.generation.templates.mobile import MOBILE
from qlayer.generation.templates.model_serving import MODEL_SERVING
from qlayer.generation.templates.node_service import NODE_SERVICE
from qlayer.generation.templates.serverless import SERVERLESS
from qlayer.generation.templates.service import ServiceTemplate
from qlayer.generation.templates.web import WEB
from qlayer.generation.templates.worker import WORKER
from qlayer.types.spec import Spec

_FAMILIES: tuple[Template, ...] = (
    FunctionTemplate(),
    ServiceTemplate(),
    CliTemplate(),
    DataTemplate(),
    WORKER,
    SERVERLESS,
    MODEL_SERVING,
    NODE_SERVICE,
    WEB,
    MOBILE,
)

TEMPLATES: Mapping[str, Template] = MappingProxyType({family.name: family for family in _FAMILIES})
"""Name -> family."""


def choose(spec: Spec, more: Sequence[Template] = ()) -> tuple[Template, str]:
    """The family for a spec, with the reason as a sentence.

    The one that the spec names, else the one that fits best; the first of equals; `more` stand after the
    shipped ones. Raises `InputError` for a name that is not known.
    """
    if spec.template is not None:
        if spec.template not in TEMPLATES:
            raise InputError(
                f"there is no template {spec.template!r}",
                field="template",
                limit="one of " + ", ".join(sorted(TEMPLATES)),
            )
        return TEMPLATES[spec.template], f"the request asks for the template {spec.template}"
    fits = [(template, template.fit(spec)) for template in (*TEMPLATES.values(), *more)]
    template, fit = max(fits, key=lambda pair: pair[1].score)
    return template, fit.reason
