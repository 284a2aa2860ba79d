"""What a registration has to know of the stored content, before it is decided."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from datetime import datetime
from typing import Final

from catalyst.blueprint_controller.domain import spec
from catalyst.blueprint_controller.domain.blueprint import Prepared
from catalyst.blueprint_controller.domain.dependencies import Graph, Offered
from catalyst.blueprint_controller.domain.source import require_name
from catalyst.blueprint_controller.ports import Content, Place, Sources
from catalyst.blueprints import document
from catalyst.blueprints.document import Blueprint
from catalyst.blueprints.package import BadPackage
from catalyst.blueprints.reading import read_tar
from catalyst.chassis.service import Asking
from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts.decision import Actor
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.roles import SOVEREIGN_ADMIN
from catalyst.contracts.subjects import Ref

_KEPT: Final = 200
"""Documents that are kept, the longest unused forgotten first: a decision may be made again."""


class Preparing:
    """The preparations of this service's rules."""

    def __init__(self, sources: Sources, content: Content, graph: Graph) -> None:
        """Look at sources and content; `graph` follows the log."""
        self._sources = sources
        self._content = content
        self._graph = graph
        self._read: OrderedDict[str, Blueprint] = OrderedDict()

    async def place(
        self, command: bp1.AddSource, ref: Ref, actor: Actor, _now: datetime, _asking: Asking
    ) -> None:
        """Refuse a source at a place that must not be read; its name is told before that.

        Raises:
            Rejected: `source-name-invalid`, `source-location-forbidden` or
                `source-location-invalid`.
        """
        require_name(ref.id)
        place = Place(
            organization=ref.organization,
            name=ref.id,
            kind=command.kind,
            location=command.location,
            branch=command.branch,
            folder=command.folder,
        )
        if ref.organization is None and SOVEREIGN_ADMIN not in actor.roles:
            # The rule refuses whoever may not add one; what may be read here is not told to them.
            return
        await self._sources.admit(place)

    async def content(
        self, command: bp1.RegisterVersion, ref: Ref, _actor: Actor, _now: datetime, _asking: Asking
    ) -> Prepared:
        """Return what the content says; it is read from the store, never believed.

        Raises:
            Rejected: `content-missing`, `content-invalid` or `spec-too-large`.
            Retry: If the store does not answer.
        """
        blueprint = await self._blueprint(command.digest)
        if (blueprint.name, blueprint.version) != (command.blueprint, command.version):
            message = f"the content is {blueprint.name} {blueprint.version}"
            raise Rejected("content-invalid", message, pointer="/data/digest")
        needs = spec.needs(blueprint)
        known = self._graph.known(ref.organization) if needs else {}
        return Prepared(spec=spec.travelling(blueprint), needs=needs, known=known)

    async def known(
        self,
        _command: bp1.CheckDependencies,
        ref: Ref,
        _actor: Actor,
        _now: datetime,
        _asking: Asking,
    ) -> Offered:
        """Return which version depends on which."""
        return self._graph.known(ref.organization)

    async def _blueprint(self, digest: str) -> Blueprint:
        kept = self._read.get(digest)
        if kept is not None:
            self._read.move_to_end(digest)
            return kept
        tar = await self._content.get(digest)
        found = await asyncio.to_thread(_document, tar)
        self._read[digest] = found
        if len(self._read) > _KEPT:
            self._read.popitem(last=False)
        return found


def _document(tar: bytes) -> Blueprint:
    try:
        found = document.read(read_tar(tar)).blueprint
    except BadPackage as error:
        raise Rejected("content-invalid", str(error)) from error
    if found is None:
        raise Rejected("content-invalid", "the content holds no document of a Blueprint")
    return found
