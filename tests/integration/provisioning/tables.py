"""The tables of the real services, wired as their `main.py` does it.

Kept apart, because a worker that is killed for real is a process that loads nothing else.
"""

from catalyst.billing import handlers as billing_handlers
from catalyst.chassis.asking import Asked
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.objects import Objects
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.service import Service
from catalyst.environment_controller import handlers as environment_handlers
from catalyst.environment_controller.adapters.git import DulwichHome
from catalyst.environment_controller.adapters.git_root import GitRoot
from catalyst.provisioning import handlers
from catalyst.provisioning.adapters import hearing
from catalyst.provisioning.adapters.content import ReadVersions, StoredContents
from catalyst.provisioning.adapters.git import GitRepositories
from catalyst.provisioning.effects import effects
from catalyst.provisioning.preparing import deletion
from catalyst.provisioning.queries import Planner


def service_of(
    name: str, js: JetStream, keys: KeyRing, root: GitRoot, url: str, named: str
) -> Service:
    """Return the table of one of the services.

    Args:
        name: Of the service.
        js: Its connection.
        keys: What it signs with.
        root: Where the Git homes are.
        url: Where their door is.
        named: The address of that door, as files give it to clusters.
    """
    if name == "environment":
        return environment_handlers.service(DulwichHome(root))
    if name == "billing":
        return billing_handlers.service(Asked(js, keys.service("billing").service))
    objects = Objects(js)
    asking = Asked(js, keys.service("provisioning").service)
    door = GitRepositories(url, lambda: "provisioning")
    outside = effects(door, ReadVersions(StoredContents(objects)), named)
    planner = Planner(objects, asking, "OMR", named)
    return handlers.service(planner, (deletion(asking), *outside), (hearing.source(),))
