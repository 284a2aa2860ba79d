"""What Kubernetes changes in no object once it is made: a plan refuses it. Pure.

Committed all the same, it would be refused by every cluster for ever, and nothing else of the
change would arrive either. What a field is where nothing is said counts as said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any, Final

Made = Mapping[str, Any]
"""An object of Kubernetes."""

_FIELDS: Final[Mapping[tuple[str, str], Mapping[str, Any]]] = {
    ("", "PersistentVolumeClaim"): {
        "spec.accessModes": None,
        "spec.dataSource": None,
        "spec.dataSourceRef": None,
        "spec.selector": None,
        "spec.storageClassName": None,
        "spec.volumeMode": "Filesystem",
        "spec.volumeName": None,
    },
    ("", "Secret"): {"type": "Opaque"},
    ("", "Service"): {"spec.clusterIP": None},
    ("apps", "DaemonSet"): {"spec.selector": None},
    ("apps", "Deployment"): {"spec.selector": None},
    ("apps", "ReplicaSet"): {"spec.selector": None},
    ("apps", "StatefulSet"): {
        "spec.podManagementPolicy": "OrderedReady",
        "spec.selector": None,
        "spec.serviceName": None,
        "spec.volumeClaimTemplates": None,
    },
    ("batch", "Job"): {
        "spec.backoffLimitPerIndex": None,
        "spec.completionMode": "NonIndexed",
        "spec.managedBy": None,
        "spec.podFailurePolicy": None,
        "spec.selector": None,
        "spec.successPolicy": None,
        "spec.template": None,
    },
    ("rbac.authorization.k8s.io", "RoleBinding"): {"roleRef": None},
}
"""The fields that stay, by group and kind, each with what it is where nothing is said."""
_CHOSEN: Final = frozenset({"spec.clusterIP", "spec.storageClassName", "spec.volumeName"})
"""What a cluster chooses where nothing is said: whether it then changes cannot be known."""
_KEPT: Final = frozenset({"spec.clusterIP"})
"""What a cluster leaves as it is where nothing is said any more."""
_SIZE: Final = "spec.resources.requests.storage"
_SEALED: Final = ("binaryData", "data", "immutable", "stringData")
"""What stays of a ConfigMap or a Secret that says that it is immutable."""

_QUANTITY: Final = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>[kMGTPE]|[KMGTPE]i|[eE]\d{1,2})?")
_UNITS: Final[Mapping[str, int]] = {
    **{unit: 1000**power for power, unit in enumerate(["", "k", "M", "G", "T", "P", "E"])},
    **{f"{unit}i": 1024**power for power, unit in enumerate("KMGTPE", 1)},
}


def refused(before: Iterable[Made], after: Iterable[Made]) -> tuple[str, ...]:
    """Return what would change and cannot, each as a sentence without its end.

    Objects are the same if group, kind, namespace and name are; what is added or goes is no change.
    """
    stood = {_identity(one): one for one in before}
    return tuple(
        words
        for new in after
        if (old := stood.get(_identity(new))) is not None
        for words in (*_shrunk(old, new), *(_fixed(new, what) for what in _changes(old, new)))
    )


def grown(before: Iterable[Made], after: Iterable[Made]) -> tuple[tuple[str, str, str], ...]:
    """Return the claims of volumes that ask for more: name, size before and size after.

    A cluster gives more where the StorageClass of the volume says `allowVolumeExpansion`.
    """
    stood = {_identity(one): one for one in before}
    return tuple(
        (str(new["metadata"]["name"]), str(_at(old, _SIZE)), str(_at(new, _SIZE)))
        for new in after
        if _group_and_kind(new) == ("", "PersistentVolumeClaim")
        and (old := stood.get(_identity(new))) is not None
        and (had := _quantity(_at(old, _SIZE))) is not None
        and (gets := _quantity(_at(new, _SIZE))) is not None
        and gets > had
    )


def _identity(made: Made) -> tuple[str, str, str, str]:
    metadata = made["metadata"]
    group, kind = _group_and_kind(made)
    return group, kind, str(metadata.get("namespace", "")), str(metadata["name"])


def _group_and_kind(made: Made) -> tuple[str, str]:
    group, slash, _ = str(made.get("apiVersion", "")).partition("/")
    return group if slash else "", str(made["kind"])


def _fixed(new: Made, what: str) -> str:
    name = f"{new['kind']} {new['metadata']['name']}"
    return f"Kubernetes does not {what} of the {name} once it is made"


def _shrunk(old: Made, new: Made) -> Iterator[str]:
    """Tell of a claim of a volume that asks for less, with both sizes."""
    if _group_and_kind(new) != ("", "PersistentVolumeClaim"):
        return
    was, will = _at(old, _SIZE), _at(new, _SIZE)
    had, gets = _quantity(was), _quantity(will)
    if had is not None and gets is not None and gets < had:
        name = new["metadata"]["name"]
        yield f"the volume {name} has {was} and cannot become smaller, and {will} is asked for"


def _changes(old: Made, new: Made) -> Iterator[str]:
    group, kind = _group_and_kind(new)
    if kind == "Job" and _at(old, "spec.ttlSecondsAfterFinished") is not None:
        # It goes by itself once it is done, and is then made anew.
        return
    for path, unsaid in _FIELDS.get((group, kind), {}).items():
        was, will = _at(old, path), _at(new, path)
        if (path in _CHOSEN and was is None) or (path in _KEPT and will is None):
            continue
        if (unsaid if was is None else was) != (unsaid if will is None else will):
            yield f"change {path}"
    if group == "" and kind in {"ConfigMap", "Secret"} and old.get("immutable") is True:
        yield from (f"change {name}" for name in _SEALED if old.get(name) != new.get(name))
    if (group, kind) == ("batch", "Job"):
        yield from _completions(old, new)


def _completions(old: Made, new: Made) -> Iterator[str]:
    """Tell how many of a Job have to be done, if that would change: an indexed one's alone may.

    Of a Job that says neither this nor how many run at once, a cluster fills in 1 of both, and
    leaves that as it is.
    """
    was, will = _at(old, "spec.completions"), _at(new, "spec.completions")
    ran, runs = _at(old, "spec.parallelism"), _at(new, "spec.parallelism")
    before = 1 if was is None and ran is None else was
    after = before if was is None and will is None else will
    if after is None and ran is not None and runs is None:
        after = 1
    if before == after:
        return
    if after is None or _at(new, "spec.completionMode") != "Indexed":
        yield "change spec.completions"
    elif after != (1 if runs is None else runs):
        yield "change spec.completions to another number than spec.parallelism"


def _at(made: Made, path: str) -> Any:
    found: Any = made
    for name in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(name)
    return found


def _quantity(value: Any) -> Fraction | None:
    """Return how many bytes a quantity says; None if it is none that we read."""
    found = _QUANTITY.fullmatch(str(value))
    if found is None:
        return None
    unit = found["unit"] or ""
    number = Fraction(found["number"])
    return number * (_UNITS[unit] if unit in _UNITS else 10 ** int(unit[1:]))
