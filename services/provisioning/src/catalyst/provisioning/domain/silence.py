"""What it means for a removal that nothing reports on what goes, for a person. Pure."""

from __future__ import annotations

from catalyst.contracts.provisioning_values_v1 import Locked
from catalyst.provisioning.domain import regions
from catalyst.provisioning.domain.facts import Facts
from catalyst.provisioning.domain.fulfilled import unseen
from catalyst.provisioning.domain.steps import WAYS


def goes_on() -> str:
    """Return when a removal goes on of which no cluster tells any more."""
    hours = WAYS["observe"].hours
    return f"goes on without that once it has waited for {hours} hours in which nothing was told"


def planned(facts: Facts, item: Locked, *, lost: bool) -> str:
    """Return that nobody will see whether an Application is gone; empty: somebody will.

    Args:
        facts: What the plan depends on.
        item: The Application.
        lost: Whether data of it is given up: then somebody has to see that this is applied.
    """
    state = facts.applications[item.application]
    where = f"{item.application} from {item.environment}"
    until = "as long as that is so, nobody sees whether its objects are gone"
    if unseen(state, [item.environment]):
        return f"nothing reports on {where}: {until}"
    seen = state.binding(item.environment).observed
    if seen is None:
        return ""
    quiet = sorted({one.cluster for one in seen.evidence if one.reason == regions.SILENT})
    if seen.silent_since is None and not quiet:
        return ""
    silent = f"nothing reports any more on {where}"
    silent += f" in {' and '.join(quiet)}" if quiet and seen.silent_since is None else ""
    if not lost:
        return f"{silent}: {until}, and the removal {goes_on()}"
    return (
        f"{silent}: as long as that is so, nobody sees that the protection of its data is lifted,"
        f" so that no data is given up: this fails after {WAYS['unprotect'].hours} hours, and"
        " nothing goes; plan it with its data kept"
    )
