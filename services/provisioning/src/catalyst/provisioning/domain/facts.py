"""What a plan is made from: states that were read, contents, and what other services answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from catalyst.contracts.money_v1 import Money
from catalyst.contracts.prices_v1 import Quote
from catalyst.contracts.provisioning_values_v1 import Desired, Locked, PlanRequest
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain import foreign
from catalyst.provisioning.domain.application import Application
from catalyst.provisioning.domain.copies import There
from catalyst.provisioning.domain.files import Origin
from catalyst.provisioning.domain.owning import Used
from catalyst.provisioning.domain.place import Content, Place, host_of
from catalyst.provisioning.domain.rendered import Standing, standing


class Quoted(msgspec.Struct, frozen=True, kw_only=True):
    """What billing answered."""

    quote: Quote
    credit_after: Money | None = None
    covered: bool = True
    before: Money | None = None
    """What the same cost a month until now; None: not told."""
    limited: str = ""
    """Why the spend limit does not allow it; empty: it does."""
    elsewhere: tuple[Money, ...] = ()
    """What there is in other currencies in which it could be bought."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a plan may depend on."""

    name: str
    """Slug of the Organization."""
    now: datetime
    organization: foreign.Organization
    environments: Mapping[str, foreign.Environment]
    """By name: those that the change touches."""
    policies: Mapping[str, foreign.Policy] = {}
    """By name: those that these are under."""
    applications: Mapping[str, Application] = {}
    """By name: all of the lock."""
    blueprints: Mapping[str, foreign.Blueprint] = {}
    """By `<origin>-<name>`: all of the lock."""
    price_book: foreign.PriceBook = foreign.PriceBook()
    contents: Mapping[str, Content] = {}
    """By digest: what runs, and what shall run."""
    refused: Mapping[str, str] = {}
    """By digest, of an Organization's own: why a version would not be registered today."""
    quoted: Quoted | None = None
    going: Mapping[str, str] = {}
    """The change that deletes an Environment at this moment, by Environment."""
    held: frozenset[str] = frozenset()
    """Names of those whose room is only held, because what brings them is still in flight."""
    copies: Mapping[str, There] = {}
    """By `<origin>-<name>`: those that there are of what comes, where its author limits them; for
    who is told of risks."""
    chosen: frozenset[str] = frozenset()
    """Those of the lock that are used no more, and that somebody installed for themselves."""
    addresses: Mapping[str, str] = {}
    """By Application: where clusters were told to find its repository last, as far as that was
    kept; for who is told of risks."""
    author: str = ""
    """E-mail address of who asks for the plan; empty: not known, or a service."""
    git_url: str
    """Where clusters find the repositories: the part before `/git/`."""
    currency: str
    """In which is bought what names no other."""

    def expected(self, application: str, environment: str) -> Desired | None:
        """Return what will run there once every change before this one is over."""
        state = self.applications.get(application, Application())
        return state.expected(environment)[0]

    def used(self, application: str, environment: str) -> Used:
        """Return whose own the copies are that it will use there then, or used last."""
        return self.applications.get(application, Application()).used_in(environment)

    def lacking(self, application: str, environment: str) -> str:
        """Return that an Application does not run there, or will not, in words."""
        state = self.applications.get(application, Application())
        last = next((one for one in reversed(state.queue) if one.environment == environment), None)
        words = f"{application} does not run in {environment}"
        return words if last is None else f"{words} any more once {last.change} is over"

    def place(
        self, application: str, environment: str, desired: Desired, near: Mapping[str, Desired]
    ) -> Place:
        """Return an Application in its place; `near` is what runs beside it, by Application."""
        place = Place(
            organization=self.name,
            application=application,
            name=environment,
            environment=self.environments[environment],
            desired=desired,
        )
        hosts = {
            name: host_of(
                msgspec.structs.replace(place, application=name, desired=near[name]),
                self.contents[near[name].digest].blueprint,
            )
            for name in desired.dependencies.values()
            if name in near and near[name].digest in self.contents
        }
        return msgspec.structs.replace(place, hosts=hosts)

    def standing(
        self, application: str, environment: str, desired: Desired, near: Mapping[str, Desired]
    ) -> Standing:
        """Return what stands on the branch for an Application in its place, as it is committed.

        Raises:
            Rejected: As `rendered.standing`.
        """
        place = self.place(application, environment, desired, near)
        origin = Origin(url=self.git_url, branch=self.environments[environment].branch)
        return standing(place, self.contents[desired.digest], origin)


def going(states: Iterable[Application], environments: Iterable[str]) -> dict[str, str]:
    """Return the change that takes everything away, by Environment; it stands in every queue."""
    return {
        name: change
        for state in states
        for name in environments
        if (change := state.deleted_by(name))
    }


def held(states: Mapping[str, Application], environments: Iterable[str]) -> frozenset[str]:
    """Return the names of those whose room in one of the Environments is only held."""
    places = tuple(environments)
    return frozenset(name for name, state in states.items() if any(map(state.is_held, places)))


def required(request: PlanRequest) -> None:
    """Refuse a request that lacks what its action needs, or says what it has no use for.

    Raises:
        Rejected: `request-incomplete`, with an error at each field.
    """
    action = request.action
    needs: dict[str, bool] = {
        "environment": action != "delete-organization",
        "application": not action.startswith("delete-"),
        "blueprint": action == "install",
    }
    for name, needed in needs.items():
        given = getattr(request, name) is not None
        if needed != given:
            word = "needs" if needed else "takes no"
            raise Rejected(
                "request-incomplete",
                f"{action} {word} {name}",
                pointer=f"/request/{name}",
            )
    unused = {
        "values": bool(request.values) and action not in {"install", "configure", "upgrade"},
        "dependencies": bool(request.dependencies)
        and action not in {"install", "configure", "upgrade"},
        "version": request.version != "*" and action not in {"install", "upgrade"},
        "revision": bool(request.revision) and action != "rollback",
        "plan": request.plan is not None and action not in {"install", "configure", "upgrade"},
        "addons": bool(request.addons) and action not in {"install", "configure", "upgrade"},
        "currency": request.currency is not None
        and action not in {"install", "configure", "upgrade"},
        "drop_plan": request.drop_plan and action not in {"configure", "upgrade"},
        "drop_addons": bool(request.drop_addons) and action not in {"configure", "upgrade"},
    }
    for name, wrong in unused.items():
        if wrong:
            raise Rejected(
                "request-incomplete", f"{action} takes no {name}", pointer=f"/request/{name}"
            )
    _not_both(request)


def _not_both(request: PlanRequest) -> None:
    """Refuse what is ordered and taken away by one request."""
    if request.drop_plan and request.plan is not None:
        message = f"the package {request.plan!r} is ordered, and the package is taken away"
        raise Rejected("request-incomplete", message, pointer="/request/drop_plan")
    for number, sku in enumerate(request.drop_addons):
        if sku in request.addons:
            message = f"the add-on {sku!r} is ordered and taken away"
            raise Rejected("request-incomplete", message, pointer=f"/request/drop_addons/{number}")


def locked_of(answer: Any, environment: str) -> tuple[Locked, ...]:
    """Return a lock as the catalogue answered it, dependencies first.

    Raises:
        msgspec.ValidationError: If it is none.
    """
    items = answer["lock"] if isinstance(answer, dict) else answer
    known = set(Locked.__struct_fields__)
    return tuple(
        msgspec.convert(
            {
                **{name: value for name, value in item.items() if name in known},
                "environment": environment,
            },
            Locked,
        )
        for item in items
    )
