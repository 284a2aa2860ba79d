"""Which rows somebody asks for: by place, by label, by field. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

import msgspec

from catalyst.contracts.subjects import PLATFORM, RowKey
from catalyst.projector.entry import Entry
from catalyst.projector.views.table import BY_KIND, BY_PLURAL

ALL: Final = "all"
LABEL_PREFIX: Final = "openova.io/"
"""What a label without a prefix begins with."""
MAX_TERMS: Final = 16
MAX_NAME: Final = 253
"""Characters of the name of a row."""
PLACES: Final = ("organization", "environment", "label", "field")
"""Parameters of every filter."""
PLACED: Final = frozenset({"environment", "subscription"})
"""Kinds whose keys name an Environment."""
_TERM: Final = re.compile(r"(!?)([A-Za-z0-9][A-Za-z0-9_./-]{0,127})(?:(!=|==?)(.{0,253}))?")


class BadFilter(ValueError):
    """A part of a filter cannot be read; the text is for a person."""

    def __init__(self, parameter: str, message: str) -> None:
        """Name the parameter."""
        super().__init__(message)
        self.parameter = parameter


class UnknownKind(LookupError):
    """There is no such kind of row."""


class Term(msgspec.Struct, frozen=True, order=True):
    """One condition on a label or a field."""

    name: str
    equal: bool
    """True if it must be there (with this value), False if it must not."""
    value: str | None
    """None: any value."""

    def holds(self, found: str | None) -> bool:
        """Return whether a value (None: not there) meets the condition."""
        there = found is not None and (self.value is None or found == self.value)
        return there is self.equal


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is asked for; what is left out is not filtered by."""

    kinds: frozenset[str] = frozenset(BY_KIND)
    organization: str | None = None
    """`_`: what no Organization owns."""
    environment: str | None = None
    """Of a row that stands in several: one of them."""
    name: str | None = None
    labels: tuple[Term, ...] = ()
    fields: tuple[Term, ...] = ()

    @property
    def by_content(self) -> bool:
        """True if a row may come and go by what it holds."""
        return bool(self.labels or self.fields or self.environment is not None)

    def at(self, place: RowKey) -> bool:
        """Return whether a row stands where it is asked for."""
        return (
            place.kind in self.kinds
            and (self.organization is None or self.organization == (place.organization or PLATFORM))
            and (self.environment is None or self._may_be_in(place))
            and (self.name is None or place.name == self.name)
        )

    def _may_be_in(self, place: RowKey) -> bool:
        if place.environment is not None:
            return place.environment == self.environment
        return BY_KIND[place.kind].environments is not None

    def holds(self, entry: Entry) -> bool:
        """Return whether a row's content is as asked for; the place is not looked at."""
        if not self.by_content:
            return True
        doc = entry.doc
        view = entry.view
        if doc is None or view is None:
            return False
        if self.environment is not None and entry.place.environment is None:
            found = view.environments
            if found is None or self.environment not in found(doc):
                return False
        labels = view.labels(doc) if self.labels else {}
        return all(term.holds(labels.get(term.name)) for term in self.labels) and all(
            term.holds(_field(doc, term.name)) for term in self.fields
        )

    def canonical(self) -> str:
        """Return the same text for the same filter, however it was written."""
        return repr(
            (
                sorted(self.kinds),
                self.organization,
                self.environment,
                self.name,
                sorted(map(repr, self.labels)),
                sorted(map(repr, self.fields)),
            )
        )


def strange(query: Iterable[tuple[str, str]], known: Collection[str]) -> list[BadFilter]:
    """Return what is wrong with the names of parameters, each name once.

    Args:
        query: Names and values in the order in which they were sent.
        known: Names that mean something.
    """
    times = Counter(name for name, _ in query)
    found = []
    for name, count in times.items():
        if name not in known:
            listed = ", ".join(known)
            found.append(BadFilter(name, f"{name[:64]!r} is not known here; there are {listed}"))
        elif count > 1:
            found.append(BadFilter(name, f"{name!r} is given {count} times"))
    return found


def parse(kinds: str, query: Mapping[str, str], name: str | None = None) -> Filter:
    """Return the filter of a request.

    Args:
        kinds: Plurals with commas, or `all`.
        query: Parameters of the request.
        name: Name of the one row, if one is asked for.

    Raises:
        UnknownKind: If a kind does not exist.
        BadFilter: If a parameter is wrong.
    """
    environment = query.get("environment") or None
    found = _kinds(kinds)
    if name is not None and not 1 <= len(name) <= MAX_NAME:
        raise BadFilter("name", f"write a name of 1 to {MAX_NAME} characters")
    if environment is not None:
        _check_places(found)
    return Filter(
        kinds=found,
        organization=query.get("organization") or None,
        environment=environment,
        name=name,
        labels=_terms("label", query.get("label", ""), LABEL_PREFIX),
        fields=_terms("field", query.get("field", ""), ""),
    )


def _kinds(text: str) -> frozenset[str]:
    if text == ALL:
        return frozenset(BY_KIND)
    found = set()
    for plural in text.split(","):
        view = BY_PLURAL.get(plural)
        if view is None:
            known = ", ".join(BY_PLURAL)
            raise UnknownKind(f"there is no kind {plural[:64]!r}; there are {known}, and {ALL}")
        found.add(view.kind)
    return frozenset(found)


def _check_places(kinds: Collection[str]) -> None:
    views = [BY_KIND[kind] for kind in kinds]
    if not any(one.kind in PLACED or one.environments for one in views):
        listed = ", ".join(sorted(one.plural for one in views))
        raise BadFilter("environment", f"{listed} belong to no Environment: leave it out")


def _terms(parameter: str, text: str, prefix: str) -> tuple[Term, ...]:
    if not text:
        return ()
    parts = text.split(",")
    if len(parts) > MAX_TERMS:
        raise BadFilter(parameter, f"at most {MAX_TERMS} conditions are allowed")
    found = (_term(parameter, part, prefix) for part in parts)
    # That something is there stands before what it is: the two are not to be compared.
    return tuple(sorted(found, key=lambda one: (one.name, one.equal, one.value or "")))


def _term(parameter: str, text: str, prefix: str) -> Term:
    found = _TERM.fullmatch(text)
    if found is None or (found[1] and found[3]):
        raise BadFilter(
            parameter,
            f"{text[:64]!r} is not a condition: write name=value, name!=value, name or !name",
        )
    name = found[2] if not prefix or "/" in found[2] else prefix + found[2]
    equal = not found[1] and found[3] != "!="
    return Term(name, equal, found[4] if found[3] else None)


def _field(doc: Any, path: str) -> str | None:
    """Return a scalar of a document as text, or None if it is not there or null."""
    found: Any = msgspec.to_builtins(doc)
    for step in path.split("."):
        if not isinstance(found, Mapping) or step not in found:
            return None
        found = found[step]
    return _text(found)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, Mapping):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ",".join(filter(None, map(_text, value)))
    return str(value)
