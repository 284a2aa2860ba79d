"""Why nothing was planned, and what a person does about it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any, Final, get_args

import msgspec

from catalyst.blueprints import versions
from catalyst.cli import application, goingback, owned, passed, planshow
from catalyst.cli.exits import Failure, of_problem
from catalyst.cli.target import Target
from catalyst.cli.typed import keys_of
from catalyst.client.errors import ClientError, Problem
from catalyst.contracts.codec import pointer_token
from catalyst.contracts.message import FieldError
from catalyst.contracts.prices_v1 import Package

_NO_TEXT: Final = "must be a text"
_PACKAGES: Final = frozenset(get_args(Package))


def refusal(target: Target, problem: Problem, asked: dict[str, Any], owner: str) -> Failure:
    """Return why nothing was planned, and where a person finds what would have been."""
    failure = of_problem(problem)
    failure.hint = _another_way(problem) or failure.hint
    if asked.get("action") == "upgrade" and (back := _back(target, asked, owner)):
        failure.hint = back
    elif problem.code == "values-invalid" and "application" in asked:
        lists = f"{_form(target, asked, owner)} lists the fields"
        failure.hint = "; ".join((*_quoted(failure, asked.get("values", {})), lists))
    elif problem.code == "value-immutable" and "application" in asked:
        _name_typed(failure, asked.get("values", {}))
        failure.hint = f"{_form(target, asked, owner)} shows each value as it is"
    elif _of_extras(problem) and not problem.code.endswith("-not-ordered"):
        _name_sold(target, failure, asked, owner)
        failure.hint = f"`catalyst query billing prices --org {owner}` has their prices"
    elif problem.code == "sku-unknown":
        failure.hint = (
            "a billing-admin adds it to the price book, under a new version: "
            "`catalyst billing price-book apply FILE`; docs/own-blueprint.md has an example"
        )
    elif problem.code == "environment-not-found" and "environment" in asked:
        failure.hint = owned.environments(target, asked["environment"], owner)
    elif problem.code == "application-exists":
        failure.hint = _beside(target, asked, owner)
    elif problem.code in {"nothing-to-change", "revision-not-found"}:
        _name_others(target, failure, asked, owner)
    elif problem.code == "application-not-found" and "application" in asked:
        env = asked["environment"]
        near = owned.suggested(
            asked["application"],
            lambda: application.names(owned.docs(target, "applications", owner), env),
        )
        failure.hint = f"{near}`catalyst app list --org {owner} --env {env}` shows what runs there"
    return failure


def _another_way(problem: Problem) -> str:
    """Return how a copy of its own is asked for where that is another way; empty if it is none."""
    aliases = [one.own_copy for one in problem.errors if one.own_copy]
    return "; ".join(f"{planshow.chosen(one)} plans it with a {one} of its own" for one in aliases)


def form_of(blueprint: str, version: str, env: str, owner: str) -> str:
    """Return the command that shows a form: of this version, where it is one and no range."""
    try:
        versions.parse(version)
        of = f" --version {version}"
    except versions.BadVersion:
        of = ""
    return f"`catalyst catalog show {blueprint} --form{of} --env {env} --org {owner}`"


def _name_others(target: Target, failure: Failure, asked: dict[str, Any], owner: str) -> None:
    """Let what would change nothing, or is not there, be told with what would."""
    if asked["action"] == "configure":
        fields = f"{_form(target, asked, owner)} lists the fields"
        failure.hint = f"--set PATH=VALUE says what becomes another; {fields}"
    if asked["action"] == "rollback":
        failure.hint = _before_removal(target, asked, owner)
        failure.hint += (
            f"`catalyst app history {asked['application']} --org {owner}` lists its changes"
        )
    if asked["action"] != "upgrade":
        return
    runs = _wanted(target, asked, owner)
    place = f"{asked['application']} --env {asked['environment']} --org {owner}"
    if runs:
        copy = passed.Copy.at(asked, owner, runs["blueprint"])
        newer = passed.over(target, copy, runs["version"], asked["version"])
        failure.message += (
            f": {copy.application} runs {copy.blueprint} {runs['version']}, the newest registered "
            "that fits"
        )
        failure.message += f"; newer: {'; '.join(newer)}" if newer else ""
        lists = f"`catalyst catalog show {copy.blueprint} --org {owner}` lists its versions"
        failure.hint = f"{copy.shows} says more of one; " if newer else f"{lists}; "
    failure.hint += f"`catalyst plan configure {place} --set PATH=VALUE` plans other values"


def _before_removal(target: Target, asked: dict[str, Any], owner: str) -> str:
    """Return that a change is of before an Application was removed; empty: it is not."""
    name, env, change = asked["application"], asked["environment"], asked.get("revision")
    try:
        docs = owned.docs(target, "changes", owner) if change else []
    except (ClientError, Failure):
        return ""
    gone = goingback.removed_by(docs, name, env, change or "")
    if not change or not gone:
        return ""
    doc = next(doc for doc in docs if doc["change"] == change)
    made = next(one for one in doc["lock"] if one["application"] == name)
    return (
        f"{change} ran before {gone} removed {name}, and nothing goes back beyond that: then it "
        f"was {made['blueprint']} {made['version']}, and `catalyst plan show {change} --org "
        f"{owner}` shows how; "
    )


def _back(target: Target, asked: dict[str, Any], owner: str) -> str:
    """Return how an older version comes back than the one that runs; else nothing."""
    runs = _wanted(target, asked, owner).get("version")
    try:
        older = runs is not None and versions.parse(asked["version"]) < versions.parse(runs)
    except versions.BadVersion:
        older = False
    if not older:
        return ""
    name = asked["application"]
    return (
        f"{asked['version']} is older than what runs; if it ran as {name} before, `catalyst plan "
        f"rollback {name} --env {asked['environment']} --org {owner} --to CHANGE` brings it back, "
        f"and `catalyst app history {name} --org {owner}` names the change"
    )


def _name_typed(failure: Failure, values: dict[str, Any]) -> None:
    """Let what cannot be so begin with the one value that was typed, if that is all there is."""
    if {one.pointer for one in failure.errors} != {"/request/values"}:
        return
    path = []
    found: Any = values
    while isinstance(found, dict) and len(found) == 1:
        [(name, found)] = found.items()
        path.append(name)
    if path and not isinstance(found, dict):
        at = "/".join(("/request/values", *map(pointer_token, path)))
        message = f"--set {'.'.join(path)}: {failure.message}"
        failure.message = message
        failure.errors = (FieldError(pointer=at, rule=failure.code, message=message),)


def _quoted(failure: Failure, values: dict[str, Any]) -> Iterator[str]:
    """Yield how each text is written that was read as something else, as digits are.

    A number with a point is not shown: how it was typed, such as `1.10`, is not known any more.
    """
    for error in failure.errors:
        way = keys_of(error.pointer)[2:]
        found: Any = values
        for name in way:
            found = found.get(name) if isinstance(found, dict) else None
        if not way or _NO_TEXT not in error.message or not isinstance(found, int | float):
            continue
        path = ".".join(way)
        text = "TEXT" if isinstance(found, float) else msgspec.json.encode(found).decode()
        what = "true or false" if isinstance(found, bool) else "a number"
        setting = shlex.quote(f'{path}="{text}"')
        yield f"{path} was read as {what}; with quotes within quotes it is a text: --set {setting}"


def _form(target: Target, asked: dict[str, Any], owner: str) -> str:
    """Return the command that shows what can be configured in what was to be planned."""
    blueprint, version = asked.get("blueprint"), asked.get("version", "")
    if not blueprint:
        runs = _wanted(target, asked, owner)
        blueprint = runs.get("blueprint", "BLUEPRINT")
        version = version or runs.get("version", "")
    return form_of(blueprint, version, asked["environment"], owner)


def _beside(target: Target, asked: dict[str, Any], owner: str) -> str:
    """Return what can be done where an Application of that name runs already."""
    name, blueprint = asked["application"], asked["blueprint"]
    runs = _wanted(target, asked, owner).get("blueprint", blueprint)
    if runs != blueprint:
        return f"{name} is a copy of {runs}; --as gives the one of {blueprint} another name"
    place = f"{name} --env {asked['environment']} --org {owner}"
    return (
        f"`catalyst plan configure {place} --set PATH=VALUE` plans other values of it, "
        f"`catalyst plan upgrade {place}` another version; --as gives a second one another name"
    )


def _of_extras(problem: Problem) -> bool:
    """Return whether all that is wrong is the package, or add-ons."""
    steps = [set((one.pointer or "").split("/")) for one in problem.errors]
    return bool(steps) and all(
        found & {"plan", "addons", "drop_plan", "drop_addons"} for found in steps
    )


def _name_sold(target: Target, failure: Failure, asked: dict[str, Any], owner: str) -> None:
    """Let what is no package at all be told with those that are sold, as far as that is known."""
    wrong = [one.pointer.rpartition("/")[2] for one in failure.errors]
    if wrong != ["plan"] or asked["plan"] in _PACKAGES:
        return
    try:
        sold = owned.answer(target, "billing", "prices", {}, owner)["packages"]
    except (ClientError, Failure):
        return
    named = ", ".join(one["sku"] for one in sold) or "none"
    text = f"the price book has no package {asked['plan']!r}; it has {named}"
    failure.message = text
    failure.errors = tuple(msgspec.structs.replace(one, message=text) for one in failure.errors)


def _wanted(target: Target, asked: dict[str, Any], owner: str) -> dict[str, Any]:
    """Return what runs there; nothing, if that cannot be read: what was refused is what is told."""
    try:
        return application.wanted_in(target, asked["application"], asked["environment"], owner)
    except ClientError:
        return {}
