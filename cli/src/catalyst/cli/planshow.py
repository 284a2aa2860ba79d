"""How a plan looks to a person, and to whoever reads what something waits for."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from catalyst.cli import gateshow
from catalyst.cli.ages import left
from catalyst.cli.calling import as_called
from catalyst.cli.chains import ON_THE_WAY
from catalyst.cli.kinds import money
from catalyst.cli.links import link_line
from catalyst.cli.output import Table, clean, to_the_second, write

Found = Mapping[str, Any]


def lines(
    plan: Found,
    owner: str,
    *,
    runs: str = "",
    diff: bool = False,
    chains: Sequence[Sequence[str]] = (),
    paid: Sequence[str] = (),
    change: str = "",
    applied: bool = False,
    doc: Found | None = None,
) -> list[str]:
    """Return what a plan says, in the order in which a person decides.

    Args:
        plan: As the query answers.
        owner: The Organization that it is about.
        runs: The version that runs now, of what is upgraded or goes back.
        diff: Show what each file gains and loses, line by line; else only how much that is.
        chains: What is behind each that stands in the way, as lines.
        paid: What it means for what is paid already, as lines; see `saving.told`.
        change: The change that carries it out.
        applied: Whether it was applied already, so that it does not expire any more.
        doc: The change's row then, if it is shown.
    """
    return [
        heading(plan, owner, runs),
        *_extras(plan["request"]),
        *files(plan["files"], diff=diff),
        *_dependencies(plan["dependencies"]),
        *_section("public hosts", _hosts(plan["desired"])),
        *_price(plan["price"]),
        *paid,
        *_counted(plan),
        *_section("gates", gateshow.lines(plan["gates"], change, owner, plan["hash"], doc)),
        *_section("needed by", plan["dependents"]),
        *_section("risks", map(_risk, plan["risks"])),
        *_section("goes", plan["goes"]),
        *_section("stays", (*idle(plan, owner), *plan["stays"])),
        *_section("stands in the way", _blockers(plan["blocked_by"], chains)),
        "",
        *_steps(plan["steps"]),
        *([] if applied else [f"expires  {left(plan['expires'])}"]),
        f"hash     {plan['hash']}",
    ]


def chain(links: Iterable[Found]) -> list[str]:
    """Return why something does not move, a line a link, none of which is below another."""
    return [link_line(link) for link in links]


def write_lines(texts: Iterable[str]) -> None:
    """Write lines that others wrote parts of; commands in them can be pasted."""
    for text in texts:
        write(clean(as_called(to_the_second(text))))


def amount(found: Found) -> str:
    """Return money as a person reads it."""
    return money(found["currency"], found["minor"])


def heading(plan: Found, owner: str, runs: str = "") -> str:
    """Return what a plan does, in one line; `runs` is as in `lines`."""
    request = plan["request"]
    match request["action"]:
        case "delete-organization":
            return f"delete the Organization {owner}, with all its Environments and Applications"
        case "delete-environment":
            return f"delete the Environment {plan['environment']}, with all its Applications"
        case action:
            return f"{action} {request['application']}" + _at(request, plan, runs)


def _steps(steps: Sequence[Found]) -> list[str]:
    return [f"steps    {' → '.join(one['step'] for one in steps)}"] if steps else []


def _extras(request: Found) -> list[str]:
    """Return the package and the add-ons that were asked for, and a currency that was."""
    package = f"package {request['plan']}" if request.get("plan") else ""
    addons = f"add-ons {', '.join(request['addons'])}" if request.get("addons") else ""
    found = ["with " + " and ".join(filter(None, (package, addons)))] if package or addons else []
    gone = ["its package"] if request.get("drop_plan") else []
    gone += [", ".join(request["drop_addons"])] if request.get("drop_addons") else []
    found += ["without " + " and ".join(gone)] if gone else []
    return [*found, *([f"bought in {request['currency']}"] if request.get("currency") else [])]


def _at(request: Found, plan: Found, runs: str) -> str:
    name = request["application"]
    locked: Found = next((one for one in plan["lock"] if one["application"] == name), {})
    # What runs already is named by its copy alone.
    blueprint = request["blueprint"] or locked.get("blueprint", "")
    version = locked.get("version", "")
    what = " ".join(filter(None, (blueprint, version)))
    text = f": {what}" if what else ""
    text = f"{text} in {plan['environment']}"
    if not runs:
        return text
    if runs != version:
        return f"{text}, from {runs}"
    if request["action"] == "rollback":
        return f"{text}: the version stays, the rest is as it was then"
    what = _but_version(plan)
    only = f"; only {what} change" if what else ""
    return f"{text}: {version} is the newest registered that fits{only}"


def _but_version(plan: Found) -> str:
    """Return what an upgrade changes that leaves the version as it is."""
    request = plan["request"]
    bought = any(request.get(name) for name in ("plan", "addons", "drop_plan", "drop_addons"))
    found = {
        "values": request.get("values") and plan["files"],
        "package and add-ons": bought,
        "dependencies": any(one["role"] == "upgraded" for one in plan["dependencies"]),
    }
    return ", ".join(name for name, changes in found.items() if changes)


def files(found: list[Found], *, diff: bool) -> list[str]:
    """Return how much each file gains and loses, and with `diff` what."""
    if not found:
        return []
    table = Table("FILE", "OF", "IS", "LINES")
    for one in found:
        gained, lost = _counts(one["diff"])
        more = " at least" if one["cut"] else ""
        table.add(one["path"], one["repository"], one["change"], f"+{gained} -{lost}{more}")
    return ["", *table.plain(), *(_differences(found) if diff else ())]


def _differences(files: Iterable[Found]) -> list[str]:
    found: list[str] = []
    for one in files:
        found += ["", f"{one['change']} {one['repository']} {one['branch']}: {one['path']}"]
        found += [f"  {line}" for line in one["diff"].splitlines()]
        if one["cut"]:
            found.append("  … the difference is longer than a plan shows")
    return found


def _counts(diff: str) -> tuple[int, int]:
    """Return how many lines a difference adds and takes away."""
    _, _, hunks = diff.partition("\n@@")
    found = [line[:1] for line in hunks.splitlines()]
    return found.count("+"), found.count("-")


def _dependencies(dependencies: list[Found]) -> list[str]:
    if not dependencies:
        return []
    table = Table("DEPENDENCY", "BLUEPRINT", "VERSION", "IS", "NEEDED BY")
    for one in dependencies:
        version = f"{one['before']} → {one['version']}" if one["before"] else one["version"]
        table.add(
            one["application"], one["blueprint"], version, one["role"], list(one["needed_by"])
        )
    return ["", *table.plain()]


def _hosts(desired: Found) -> Iterator[str]:
    """Return under which hosts what is written will be reached, and what that is."""
    for key, one in desired.items():
        name, _, environment = key.partition(".")
        yield from (f"{host}: {name} in {environment}" for host in one.get("hosts", ()))


def _price(price: Found | None) -> list[str]:
    if price is None:
        return []
    quote = price["quote"]
    table = Table("PRICE A MONTH", "FOR", "FORMULA")
    for one in quote["lines"]:
        table.add(amount(one["amount"]), f"{one['application']} {one['name']}", one["formula"])
    after, due = price["credit_after"], amount(price["delta"])
    found = [
        "",
        *table.plain(),
        f"total    {amount(quote['total'])} a month{_than(price)}, due now {due}",
        f"prices   {quote['book']} {quote['version']}",
    ]
    if after is not None:
        short = "" if price["covered"] else "; the credit does not cover it"
        found.append(f"credit   {amount(after)} afterwards{short}")
    return found


def _than(price: Found) -> str:
    """Return how much more or less that is a month than until now; nothing for what is new."""
    before, total = price.get("before"), price["quote"]["total"]
    if before is None or not before["minor"] or before["currency"] != total["currency"]:
        return ""
    moved = total["minor"] - before["minor"]
    word = "more" if moved > 0 else "less"
    return f" ({money(total['currency'], abs(moved))} {word} than now)" if moved else ""


def _counted(plan: Found) -> list[str]:
    quota = plan["quota"]
    found = [f"{word} {quota[name]}" for name, word in _QUOTAS.items() if name in quota]
    where = "Environment" if plan["environment"] else "Organization"
    return _section(f"Applications in the {where}", found)


_QUOTAS: Final = {
    "applications_limit": "limit",
    "applications": "now  ",
    "applications_used": "used ",
    "applications_held": "held ",
    "applications_after": "after",
}
"""What a plan counts, as it stands below its heading."""


def _risk(one: Found) -> str:
    return f"{one['kind']}: {one['message']}{_other_way(one)}"


def _other_way(one: Found) -> str:
    return f": {chosen(own)}" if (own := one.get("own_copy")) else ""


def _blockers(found: Sequence[Found], chains: Sequence[Sequence[str]]) -> Iterator[str]:
    known: set[tuple[str, ...]] = set()
    for at, one in enumerate(found):
        names = f" ({' → '.join(one['names'])})" if one["names"] else ""
        yield f"{one['code']}: {one['message']}{_other_way(one)}{names}"
        lines = chains[at] if chains else ()
        causes = tuple(itertools.takewhile(lambda line: line != ON_THE_WAY, lines))
        if causes in known:
            yield "  the cause is one that is told above"
            continue
        known |= {causes} - {()}
        yield from (f"  {line}" for line in lines)


def idle(plan: Found, owner: str) -> Iterator[str]:
    """Yield what stays and nothing needs any more, each with how it is taken away."""
    for one in plan.get("idle", ()):
        name = one["application"]
        charged = ", charged each month" if one["charged"] else ""
        command = f"`catalyst plan uninstall {name} --env {one['environment']} --org {owner}`"
        users = ", ".join(one["needed_by"])
        needed = f"needed by {users} alone" if users else "needed by nothing any more"
        later = "once that is gone, " if users else ""
        yield f"Application {name}: {needed}{charged}; {later}{command}"


def chosen(alias: str) -> str:
    """Return the option that gives what is planned a copy of its own for an alias."""
    return f"--dep {alias}=new"


def _section(heading: str, texts: Iterable[str]) -> list[str]:
    found = [f"  {text}" for text in texts]
    return ["", heading, *found] if found else []
