"""Query parameters of this door, checked by pydantic; every one that is wrong is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Final, TypeVar

import msgspec
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from starlette.requests import Request

from catalyst.contracts.codec import pointer_token
from catalyst.contracts.message import FieldError, UtcTime
from catalyst.contracts.registry import COMMANDS, EVENTS
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import PLATFORM

MAX_NAME: Final = 253
MAX_PAGE: Final = 500
DEFAULT_PAGE: Final = 100
MAX_SEQUENCE: Final = 2**63 - 1


def _instant(value: object) -> datetime:
    """Return an RFC 3339 time; pydantic alone would take numbers and bare dates for one."""
    try:
        return msgspec.convert(value, UtcTime)
    except msgspec.ValidationError as error:
        raise ValueError("write a time such as 2026-01-31T12:00:00Z") from error


Instant = Annotated[datetime, BeforeValidator(_instant)]


def _event(value: str) -> str:
    """Return the type of an event; no page would ever hold one of another type."""
    if value not in EVENTS:
        what = "is a command, and no event" if value in COMMANDS else "is no event"
        raise ValueError(f"{what}; GET /v1/contracts lists those there are")
    return value


EventType = Annotated[str, Field(min_length=1, max_length=MAX_NAME), AfterValidator(_event)]


class Parameters(BaseModel):
    """Base of every set of parameters; an unknown one is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


P = TypeVar("P", bound=Parameters)

_WORDS: Final = {
    "bool_parsing": "must be true or false",
    "extra_forbidden": "is not known here",
    "greater_than_equal": "must be at least {ge}",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number",
    "less_than_equal": "must be at most {le}",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must not be empty",
    "value_error": "{error}",
}
"""What pydantic's kinds of errors mean, of all that the parameters here may be."""


class Owner(Parameters):
    """Whose things are meant."""

    organization: str | None = Field(default=None, min_length=1, max_length=MAX_NAME)
    """An Organization's slug, or `_` for what no Organization owns."""

    @property
    def owner(self) -> str | None:
        """The Organization, or None for the platform.

        Raises:
            Rejected: `invalid-query`, if it is not given.
        """
        if self.organization is None:
            raise wrong("organization", "is missing")
        return None if self.organization == PLATFORM else self.organization


class Addressing(Owner):
    """What a command is addressed to."""

    id: str | None = Field(default=None, min_length=1, max_length=MAX_NAME)
    aggregate: str | None = Field(default=None, min_length=1, max_length=MAX_NAME)


class Asking(Owner):
    """Whom a question concerns."""

    version: int = Field(default=1, ge=1, le=9999)


class Picture(Owner):
    """Which version's icon, and who looks at it."""

    version: str = Field(default="", max_length=64)


class Page(Parameters):
    """Which part of a list."""

    organization: str | None = Field(default=None, min_length=1, max_length=MAX_NAME)
    limit: int = Field(default=DEFAULT_PAGE, ge=1, le=MAX_PAGE)
    after: int = Field(default=0, ge=0, le=MAX_SEQUENCE, alias="continue")
    """Sequence behind which to go on."""


def read(request: Request, kind: type[P]) -> P:
    """Return the parameters of a request.

    Raises:
        Rejected: `invalid-query`, with one entry for each that is wrong.
    """
    found: dict[str, str] = {}
    errors = []
    for name, value in request.query_params.multi_items():
        if name in found:
            errors.append(_error(name, "is given twice"))
        found[name] = value
    try:
        parsed = kind.model_validate(found)
    except ValidationError as error:
        for item in error.errors(include_url=False):
            name = str(item["loc"][0]) if item["loc"] else ""
            words = _WORDS[item["type"]]
            errors.append(_error(name, words.format(**item.get("ctx", {}))))
        raise _refusal(errors) from error
    if errors:
        raise _refusal(errors)
    return parsed


def wrong(name: str, text: str) -> Rejected:
    """Return the refusal of one parameter."""
    return several({name: text})


def several(texts: Mapping[str, str], beside: Sequence[FieldError] = ()) -> Rejected:
    """Return the refusal of parameters, by name; `beside` is what is wrong with the body."""
    errors = [_error(name, text) for name, text in texts.items()]
    told = "; ".join(error.message for error in errors)
    return Rejected("invalid-query", told, (*errors, *beside))


def _error(name: str, text: str) -> FieldError:
    return FieldError(pointer=f"/{pointer_token(name)}", rule="query", message=f"{name}: {text}")


def _refusal(errors: list[FieldError]) -> Rejected:
    return Rejected("invalid-query", "; ".join(error.message for error in errors), errors)
