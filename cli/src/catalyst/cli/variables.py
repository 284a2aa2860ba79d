"""What the environment tells the members of a stack, looked at before any of them is begun."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping

from catalyst.chassis import settings
from catalyst.chassis.errors import WrongSettings
from catalyst.chassis.settings import SHARED, BrokerSettings
from catalyst.chassis.tokens import OWN_ISSUER
from catalyst.cli.installation import fixed
from catalyst.cli.processes import GIT_CALLERS, MODULES
from catalyst.cli.stack import Options
from catalyst.contracts.permissions import SIMULATOR


def check(environ: Mapping[str, str], options: Options) -> tuple[str, ...]:
    """Look at every variable that a stack takes; return what is said of those that none takes.

    Raises:
        WrongSettings: With everything that is wrong, for whichever member.
    """
    wrong: list[str] = []
    strays: list[str] = []
    known: set[str] = set()
    for kind, start, names in _told(options):
        known |= {f"{SHARED}_{name.upper()}" for name in kind.__struct_fields__}
        strays += settings.strays(kind, environ, start)
        try:
            told = dict.fromkeys(names, "") | {"issuer": OWN_ISSUER}
            settings.load(kind, environ, start, told)
        except WrongSettings as error:
            wrong += error.wrong
    if wrong:
        raise WrongSettings(wrong)
    strays = [said for said in strays if said.partition(" ")[0] not in known]
    return tuple(dict.fromkeys((*_brokers(environ, options), *strays)))


def _brokers(environ: Mapping[str, str], options: Options) -> Iterator[str]:
    """Yield which variables name a broker that is not used: the option alone says which one is."""
    for name in (f"{SHARED}_NATS_URL", "NATS_URL"):
        if environ.get(name) and environ[name] != options.nats_url:
            used = (
                "the broker of --nats is used" if options.nats_url else "a broker is started here"
            )
            yield f"{name} is not looked at: {used}; `catalyst up --nats URL` uses another one"


def kept(user: str, options: Options) -> frozenset[str]:
    """Return the settings of a member that a stack fixes, whatever the environment says."""
    names = fixed(user, ours=not options.nats_url)
    if options.processes and user != SIMULATOR:
        names |= {"http_fd"}
    if user == "gateway":
        names |= {"projector_url"}
    return names | {"git_url"} if user == "gateway" or user in GIT_CALLERS else names


def _told(options: Options) -> Iterator[tuple[type[BrokerSettings], str, frozenset[str]]]:
    """Yield what can be told: the settings, what their variables begin with, what is fixed."""
    # The level of its own log is the stack's, too.
    yield BrokerSettings, SHARED, kept("", options)
    modules = dict(MODULES)
    if options.simulate_cluster:
        modules[SIMULATOR] = f"catalyst.{SIMULATOR}"
    for user, module in modules.items():
        kind = importlib.import_module(f"{module}.settings").Settings
        yield kind, module.rpartition(".")[2].upper(), kept(user, options)
