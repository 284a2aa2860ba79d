"""The charts as real Helm renders them."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml
from tests.deploy.members import CHARTS
from tests.support.parts import part

UMBRELLA: Final = "catalyst"
LIBRARY: Final = "catalyst-library"
KUBERNETES: Final = "1.33.0"
"""Told to Helm, which otherwise invents a version when no cluster is asked."""

Object = dict[str, Any]


class HelmRefused(Exception):
    """Helm ended with an error; the text is what it said."""


class Helm:
    """Helm on a copy of the charts, so that nothing is written to the repository."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self._folder = folder
        self._rendered: dict[tuple[str, str, str], str] = {}
        self._read: dict[str, list[Object]] = {}
        self.charts = folder / "charts"
        shutil.copytree(CHARTS, self.charts, ignore=shutil.ignore_patterns("charts", "Chart.lock"))

    def run(self, *arguments: str) -> str:
        """Stdout of a Helm command.

        Raises:
            HelmRefused: With all that Helm printed.
        """
        places = {
            f"HELM_{name}_HOME": str(self._folder / name) for name in ("CACHE", "CONFIG", "DATA")
        }
        done = subprocess.run(
            [self._program, *arguments],
            cwd=self.charts,
            env={"PATH": os.environ["PATH"], "HOME": str(self._folder), **places},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode:
            raise HelmRefused(f"{done.stdout}\n{done.stderr}")
        return done.stdout

    def build(self, *charts: str) -> None:
        """Put what each chart depends on beside it; nothing is downloaded for that."""
        for chart in charts:
            self.run("dependency", "build", chart)

    def text(
        self, chart: str, *, release: str = "rel", values: Mapping[str, Any] | None = None
    ) -> str:
        """What Helm would send to the cluster, as text; the same question is asked it once."""
        given = json.dumps(values or {})
        if (chart, release, given) not in self._rendered:
            path = self._folder / "values.json"
            path.write_text(given, encoding="utf-8")
            self._rendered[chart, release, given] = self.run(
                "template",
                release,
                chart,
                "--namespace=ns",
                f"--kube-version={KUBERNETES}",
                f"--values={path}",
            )
        return self._rendered[chart, release, given]

    def render(
        self, chart: str, *, release: str = "rel", values: Mapping[str, Any] | None = None
    ) -> list[Object]:
        """What Helm would send to the cluster, object by object; to be read only."""
        text = self.text(chart, release=release, values=values)
        if text not in self._read:
            documents = yaml.load_all(text, yaml.CSafeLoader)
            self._read[text] = [document for document in documents if document]
        return self._read[text]


def helm(folder: Path) -> Helm:
    """Helm on a copy of the charts in a folder."""
    return Helm(part("CATALYST_HELM", "helm"), folder)


def names() -> list[str]:
    """The charts that can be installed."""
    return sorted(
        path.parent.name for path in CHARTS.glob("*/Chart.yaml") if path.parent.name != LIBRARY
    )


def of_kind(objects: Sequence[Object], kind: str) -> list[Object]:
    """Those of one kind."""
    return [item for item in objects if item["kind"] == kind]


def only(objects: Sequence[Object], kind: str) -> Object:
    """The one of that kind."""
    (found,) = of_kind(objects, kind)
    return found


def member_of(item: Object) -> str:
    """The member that an object belongs to."""
    name: str = item["metadata"]["labels"]["app.kubernetes.io/name"]
    return name


def pod(deployment: Object) -> Object:
    """The pod's spec in a Deployment."""
    spec: Object = deployment["spec"]["template"]["spec"]
    return spec


def environment(deployment: Object) -> dict[str, str]:
    """The variables of the only container."""
    (container,) = pod(deployment)["containers"]
    return {variable["name"]: variable["value"] for variable in container["env"]}
