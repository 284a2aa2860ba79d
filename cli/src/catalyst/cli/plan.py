"""`catalyst plan`: what a change would do, before anything is done."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from catalyst.blueprints.document import canonical
from catalyst.cli import application, chains, owned, passed, planned, planshow, saving
from catalyst.cli.exits import Ended, ExitCode
from catalyst.cli.output import Format, note, show
from catalyst.cli.planrefused import refusal
from catalyst.cli.planvalues import chosen, merged
from catalyst.cli.target import (
    ContextOption,
    OutputOption,
    Target,
    TokenOption,
    UrlOption,
    complete_application,
    complete_change,
    complete_environment,
    complete_offered,
    complete_organization,
    resolve,
)
from catalyst.client.errors import Problem

AppArgument = Annotated[
    str,
    typer.Argument(
        metavar="APP", help="Name of the Application.", autocompletion=complete_application
    ),
]
OrgOption = Annotated[
    str | None, typer.Option("--org", help="Organization, by its slug; else the Environment's.")
]
EnvOption = Annotated[
    str | None,
    typer.Option(
        "--env",
        help="Environment, by name; else the only one there is.",
        autocompletion=complete_environment,
    ),
]
_SETS: Final = "One value: JSON, else text; 'a=\"123\"' is a text, a=null takes a away. Repeatable."
SetOption = Annotated[list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help=_SETS)]
ValuesOption = Annotated[
    str | None, typer.Option("--values", help="File with values; `-` is stdin. --set goes over it.")
]
DepOption = Annotated[
    list[str] | None,
    typer.Option("--dep", metavar="ALIAS=new|APP", help="What a dependency is. Repeatable."),
]
PackageOption = Annotated[
    str | None,
    typer.Option("--package", help="Package of the price book, such as m: a price, and no files."),
]
AddonOption = Annotated[
    list[str] | None,
    typer.Option("--addon", metavar="SKU", help="Add-on of the price book. Repeatable."),
]
NoPackageOption = Annotated[
    bool, typer.Option("--no-package", help="Take the package away, at the end of the month.")
]
NoAddonOption = Annotated[
    list[str] | None,
    typer.Option("--no-addon", metavar="SKU", help="Add-on to take away. Repeatable."),
]
CurrencyOption = Annotated[
    str | None,
    typer.Option(
        "--currency", metavar="CODE", help="Currency to buy in; else as it was, or the usual one."
    ),
]
VersionOption = Annotated[
    str,
    typer.Option("--version", help="Version, or a range such as ^1.1, of which the newest counts."),
]
DiffOption = Annotated[
    bool, typer.Option("--diff", help="Show what each file gains and loses, line by line.")
]
KeepOption = Annotated[
    bool, typer.Option("--keep-data/--drop-data", help="Keep volumes and databases of what goes.")
]


def install(
    blueprint: Annotated[
        str,
        typer.Argument(
            metavar="BLUEPRINT",
            help="What to install, `bp-` or not.",
            autocompletion=complete_offered,
        ),
    ],
    *,
    name: Annotated[str, typer.Option("--as", help="Name of the Application.")],
    env: EnvOption = None,
    settings: SetOption = None,
    values: ValuesOption = None,
    dep: DepOption = None,
    package: PackageOption = None,
    addon: AddonOption = None,
    currency: CurrencyOption = None,
    version: VersionOption = "*",
    org: OrgOption = None,
    diff: DiffOption = False,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Plan the installation of a Blueprint: files, dependencies, price, gates, and the hash.

    Example:
      catalyst plan install bp-wordpress --as blog --env omantel-prod --set siteTitle=Hi
      catalyst plan install bp-wordpress --as blog --env omantel-prod --package s --currency USD
    """
    asked = {
        "action": "install",
        "application": name,
        "environment": env,
        "blueprint": canonical(blueprint),
        "version": version,
        **chosen(values, settings, dep),
        **extras(package, addon, currency=currency),
    }
    _plan(resolve(context, url, token), org, asked, output, diff=diff)


def configure(
    app: AppArgument,
    *,
    env: EnvOption = None,
    settings: SetOption = None,
    values: ValuesOption = None,
    dep: DepOption = None,
    package: PackageOption = None,
    addon: AddonOption = None,
    no_package: NoPackageOption = False,
    no_addon: NoAddonOption = None,
    currency: CurrencyOption = None,
    org: OrgOption = None,
    diff: DiffOption = False,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Plan other values for an Application; what is not named stays as it is.

    Add-ons that are named take the place of those it has. What is taken away stays charged for
    this month, and costs nothing from the next one on.

    Example:
      catalyst plan configure blog --env omantel-prod --org omantel --set siteTitle=Salaam
      catalyst plan configure blog --env omantel-prod --org omantel --package m --addon addon.backup
      catalyst plan configure blog --env omantel-prod --org omantel --no-addon addon.backup
    """
    asked = {
        "action": "configure",
        "application": app,
        "environment": env,
        **chosen(values, settings, dep),
        **extras(package, addon, drop=no_package, without=no_addon, currency=currency),
    }
    _plan(resolve(context, url, token), org, asked, output, diff=diff)


def upgrade(
    app: AppArgument,
    *,
    env: EnvOption = None,
    version: VersionOption = "*",
    settings: SetOption = None,
    values: ValuesOption = None,
    package: PackageOption = None,
    addon: AddonOption = None,
    no_package: NoPackageOption = False,
    no_addon: NoAddonOption = None,
    currency: CurrencyOption = None,
    org: OrgOption = None,
    diff: DiffOption = False,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Plan another version of an Application.

    Example:
      catalyst plan upgrade blog --env omantel-prod --org omantel --version '^1.1'
    """
    asked = {
        "action": "upgrade",
        "application": app,
        "environment": env,
        "version": version,
        "values": merged(values, settings),
        **extras(package, addon, drop=no_package, without=no_addon, currency=currency),
    }
    _plan(resolve(context, url, token), org, asked, output, diff=diff)


def rollback(
    app: AppArgument,
    *,
    env: EnvOption = None,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="CHANGE",
            help="What this change made comes back; else what was before.",
            autocompletion=complete_change,
        ),
    ] = "",
    org: OrgOption = None,
    diff: DiffOption = False,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Plan the way back to what an earlier change made.

    Example:
      catalyst plan rollback blog --env omantel-prod --org omantel
    """
    asked = {"action": "rollback", "application": app, "environment": env, "revision": to}
    _plan(resolve(context, url, token), org, asked, output, diff=diff)


def uninstall(
    app: AppArgument,
    *,
    env: EnvOption = None,
    keep_data: KeepOption = True,
    org: OrgOption = None,
    diff: DiffOption = False,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Plan the removal of an Application from an Environment.

    Example:
      catalyst plan uninstall blog --env omantel-prod --org omantel
    """
    asked = {"action": "uninstall", "application": app, "environment": env, "keep_data": keep_data}
    _plan(resolve(context, url, token), org, asked, output, diff=diff)


def delete_environment(
    env: Annotated[
        str,
        typer.Argument(
            metavar="ENVIRONMENT",
            help="What is to be deleted.",
            autocompletion=complete_environment,
        ),
    ],
    *,
    keep_data: KeepOption = True,
    org: OrgOption = None,
    diff: DiffOption = False,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Plan the deletion of an Environment and everything in it.

    Example:
      catalyst plan delete-environment omantel-prod --org omantel
    """
    asked = {"action": "delete-environment", "environment": env, "keep_data": keep_data}
    _plan(resolve(context, url, token), org, asked, output, diff=diff)


def delete_organization(
    org: Annotated[
        str,
        typer.Argument(
            metavar="ORGANIZATION",
            help="What is to be deleted.",
            autocompletion=complete_organization,
        ),
    ],
    *,
    keep_data: KeepOption = True,
    diff: DiffOption = False,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Plan the deletion of an Organization and everything it has.

    Example:
      catalyst plan delete-organization omantel
    """
    asked = {"action": "delete-organization", "keep_data": keep_data}
    _plan(resolve(context, url, token), org, asked, output, diff=diff)


def extras(
    package: str | None,
    addons: list[str] | None,
    *,
    drop: bool = False,
    without: list[str] | None = None,
    currency: str | None = None,
) -> dict[str, Any]:
    """Return what is to be bought, and in which currency; what is not named stays out.

    Args:
        package: The package to have.
        addons: The add-ons to have.
        drop: Whether the package is taken away.
        without: The add-ons that are taken away.
        currency: In which it is bought.
    """
    asked = {
        "plan": package and package.lower(),
        "addons": addons,
        "drop_plan": drop,
        "drop_addons": without,
        "currency": currency and currency.upper(),
    }
    return {name: value for name, value in asked.items() if value}


def _plan(
    target: Target, org: str | None, asked: dict[str, Any], output: Format, *, diff: bool
) -> None:
    owner, env = org or "", ""
    if "environment" in asked:
        owner, env = owned.place(target, org, asked["environment"])
        asked = {**asked, "environment": env}
    try:
        answered = owned.answered(target, "provisioning", "plan", asked, owner)
    except Problem as problem:
        raise refusal(target, problem, asked, owner) from problem
    kept = planned.Kept(organization=owner, plan=answered.result)
    planned.keep(kept, planned.folder(target.name))

    def told() -> None:
        plan = answered.result
        behind = chains.behind(target, plan["blocked_by"], owner, env)
        runs = ""
        if asked["action"] in {"upgrade", "rollback"}:
            runs = application.wanted_in(target, asked["application"], env, owner).get(
                "version", ""
            )
        lines = planshow.lines(
            plan,
            owner,
            runs=runs,
            diff=diff,
            chains=behind,
            paid=saving.told(target, plan, owner),
            change=kept.change,
        )
        planshow.write_lines(lines)
        if asked["action"] == "upgrade":
            _tell_newer(target, plan, owner, asked)

    show(answered, output, told)
    blocked = bool(answered.result["blocked_by"])
    if output is Format.TABLE:
        if blocked:
            note("a plan changes nothing; this one cannot be applied as things are")
        else:
            hash_ = kept.hash[:12]
            note(f"a plan changes nothing; `catalyst apply {hash_} --watch` carries it out")
        if answered.result["files"] and not diff:
            note("--diff shows the files line by line")
    if blocked:
        # Whoever plans and applies in one line stops here, where it is shown what is in the way.
        raise Ended(ExitCode.REJECTED)


def _tell_newer(target: Target, plan: dict[str, Any], owner: str, asked: dict[str, Any]) -> None:
    """Say which newer versions an upgrade does not reach, and why."""
    copies = {one["application"]: one for one in plan["lock"]}
    locked = copies.get(asked["application"])
    if locked is None:
        return
    copy = passed.Copy.at(asked, owner, locked["blueprint"])
    newer = passed.over(target, copy, locked["version"], asked["version"])
    for why in newer or ():
        note(f"newer, and not planned: {why}")
    if newer:
        note(f"{copy.shows} says more of one")
