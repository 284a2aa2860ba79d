"""Each product that comes with Catalyst is set up as its own documentation asks for."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.support import starters
from tests.support.configurations import sample
from tests.support.each import each
from tests.support.starters import NAMES

from catalyst.blueprints import form
from catalyst.provisioning.domain.unchangeable import grown, refused

WORKLOADS = {"Deployment", "StatefulSet"}
OUT_OF_REACH = {
    "0.0.0.0/0": ["169.254.0.0/16"],
    "::/0": ["fe80::/10", "fd00:ec2::254/128", "fd20:ce::254/128"],
}
"""What is told to machines at these: of the link, and of AWS and Google in IPv6."""
WITHOUT_VOLUME = {"bp-keycloak", "bp-litellm", "bp-team-suite", "bp-umami", "bp-wiki"}


def made(name: str, **parameters: Any) -> list[dict[str, Any]]:
    """Return what is made of the example of a form, with some fields chosen."""
    return starters.objects(name, {**sample(starters.blueprint(name).schema), **parameters})


def containers(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        one
        for found in objects
        if found["kind"] in WORKLOADS
        for kind in ("initContainers", "containers")
        for one in found["spec"]["template"]["spec"].get(kind, ())
    ]


def variables(container: dict[str, Any]) -> dict[str, Any]:
    return {one["name"]: one.get("value", one.get("valueFrom")) for one in container.get("env", ())}


@each(NAMES)
def test_a_configuration_that_is_mounted_is_read_again_when_it_changes(name: str) -> None:
    seen: dict[str, str] = {}
    for parameters, objects in starters.choices_made(name):
        configs = {one["metadata"]["name"]: one for one in objects if one["kind"] == "ConfigMap"}
        for found in objects:
            if found["kind"] not in WORKLOADS:
                continue
            mounted = [
                configs[one["configMap"]["name"]]["data"]
                for one in found["spec"]["template"]["spec"].get("volumes", ())
                if "configMap" in one
            ]
            pod = json.dumps(found["spec"]["template"], sort_keys=True)
            text = json.dumps(mounted, sort_keys=True)
            assert seen.setdefault(pod, text) == text, parameters


@pytest.mark.guarantee("G21.3")
@each(NAMES)
def test_no_name_of_an_application_is_one_that_a_database_server_has_itself(name: str) -> None:
    for _, objects in starters.choices_made(name):
        every = containers(objects)
        makers = [one for one in every if one["name"] == "database"]
        assert {variables(one)["DB_NAME"] for one in makers} <= {"app-site"}
        hosts = [variables(one).get(host) for one in makers for host in ("DB_HOST", "PGHOST")]
        used = any(hosts)
        # the product signs in with the name that was made for it
        texts = [
            text
            for one in every
            if one not in makers
            for variable, text in variables(one).items()
            if isinstance(text, str) and variable != "FORGEJO__server__DOMAIN"
        ]
        assert used is any("app-site" in text for text in texts)
        assert not [text for text in texts if text == "site" or "//site:" in text]


@pytest.mark.guarantee("G21.3")
@each(NAMES)
def test_what_a_cloud_tells_its_machines_is_out_of_reach(name: str) -> None:
    for _, objects in starters.choices_made(name):
        blocks = [
            to["ipBlock"]
            for one in objects
            if one["kind"] == "NetworkPolicy"
            for rule in one["spec"]["egress"]
            for to in rule["to"]
            if "ipBlock" in to
        ]
        for block in blocks:
            assert block["except"] == OUT_OF_REACH[block["cidr"]]


@each(NAMES)
def test_an_address_says_who_issues_its_certificate(name: str) -> None:
    for _, objects in starters.choices_made(name):
        for one in objects:
            if one["kind"] == "Ingress":
                annotations = one["metadata"]["annotations"]
                assert annotations["cert-manager.io/cluster-issuer"] == "catalyst"
                assert all(entry["secretName"] for entry in one["spec"]["tls"])


def test_forgejo_is_told_its_stores_whichever_they_are() -> None:
    def told(cache: str) -> dict[str, Any]:
        found = variables(containers(made("bp-forgejo", cache=cache))[-1])
        sections = ("FORGEJO__cache", "FORGEJO__session", "FORGEJO__queue")
        return {name: value for name, value in found.items() if name.startswith(sections)}

    memory, valkey = told("memory"), told("valkey")
    assert memory.keys() == valkey.keys()
    assert memory == {
        "FORGEJO__cache__ADAPTER": "memory",
        "FORGEJO__cache__HOST": "",
        "FORGEJO__session__PROVIDER": "memory",
        "FORGEJO__session__PROVIDER_CONFIG": "",
        "FORGEJO__queue__TYPE": "level",
        "FORGEJO__queue__CONN_STR": "",
    }
    assert all(value == "redis" or value.startswith("redis://") for value in valkey.values())


def test_what_shows_measures_or_mail_at_a_public_address_asks_who_reads() -> None:
    forgejo = variables(containers(made("bp-forgejo"))[-1])
    token = {"secretKeyRef": {"name": "site-credentials", "key": "metrics-token"}}
    assert forgejo["FORGEJO__metrics__TOKEN"] == token
    mailpit = variables(containers(made("bp-mailpit"))[-1])
    assert mailpit["MP_UI_AUTH"]["secretKeyRef"]["key"] == "sign-in"


@pytest.mark.parametrize("size", [1, 20, 2000])
def test_prometheus_makes_room_before_its_volume_is_full(size: int) -> None:
    (container,) = containers(made("bp-prometheus", storageGiB=size))
    (limit,) = (one for one in container["args"] if "retention.size" in one)
    mebibytes = int(limit.removeprefix("--storage.tsdb.retention.size=").removesuffix("MB"))
    assert 0.75 < mebibytes / (size * 1024) < 0.8


def sized(name: str, size: int) -> list[dict[str, Any]]:
    """Return what is made with a volume of this size."""
    fields = starters.blueprint(name).schema["properties"]
    if "persistence" in fields:
        return made(name, persistence={"enabled": True, "sizeGiB": size})
    return made(name, **({"storageGiB": size} if "storageGiB" in fields else {}))


@pytest.mark.guarantee("G21.5")
@each(NAMES)
def test_a_volume_grows_where_it_stands_and_is_never_made_smaller(name: str) -> None:
    smaller, larger = sized(name, 20), sized(name, 30)
    claims = [one for one in smaller if one["kind"] == "PersistentVolumeClaim"]
    assert bool(claims) == (name.partition("@")[0] not in WITHOUT_VOLUME)
    assert [claim for claim, *_ in grown(smaller, larger)] == [
        one["metadata"]["name"] for one in claims
    ]
    assert refused(smaller, larger) == ()
    assert len(refused(larger, smaller)) == len(claims)
    fields = form.fields(starters.blueprint(name).schema)
    sizes = [one for one in fields if one.path[-1] in {"storageGiB", "sizeGiB"}]
    assert not any(one.immutable for one in sizes)
    assert bool(sizes) == bool(claims)


# ---- WordPress: the files of a newer version come to a volume that has an older one

VERSION = "wp-includes/version.php"


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """Return the files of WordPress 6.8.2, as the image has them."""
    return tree(
        tmp_path / "image",
        {
            VERSION: "<?php\n$wp_version = '6.8.2';\n",
            "index.php": "new",
            ".htaccess": "new",
            "wp-admin/new.php": "new",
            "wp-content/themes/standard/style.css": "new",
        },
    )


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """Return an empty volume."""
    return tree(tmp_path / "volume", {})


def tree(top: Path, files: dict[str, str]) -> Path:
    top.mkdir()
    for path, text in files.items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_text(text)
    return top


def fill(volume: Path, version: str) -> None:
    """Put an older WordPress on the volume, with what people added to it."""
    files = {
        VERSION: f"<?php\n$wp_version = '{version}';\n",
        "index.php": "old",
        ".htaccess": "own",
        "wp-config.php": "own",
        "wp-admin/old.php": "old",
        "wp-content/themes/standard/style.css": "own",
        "wp-content/uploads/picture.png": "own",
    }
    for path, text in files.items():
        (volume / path).parent.mkdir(parents=True, exist_ok=True)
        (volume / path).write_text(text)


def start(image: Path, volume: Path) -> dict[str, str]:
    """Run the step that brings the files; return what is on the volume then."""
    (step,) = (x for x in containers(made("bp-wordpress")) if x["name"] == "wordpress-files")
    bash = shutil.which("bash")
    assert bash
    subprocess.run(
        [bash, *step["command"][1:], *step["args"]],
        env={"PATH": "/usr/bin:/bin", "SOURCE": str(image), "TARGET": str(volume)},
        check=True,
        timeout=30,
    )
    return {
        str(path.relative_to(volume)): path.read_text()
        for path in volume.rglob("*")
        if path.is_file()
    }


def test_an_empty_volume_gets_all_of_wordpress(image: Path, volume: Path) -> None:
    expected = {str(path.relative_to(image)) for path in image.rglob("*") if path.is_file()}
    assert start(image, volume).keys() == expected


@pytest.mark.parametrize("version", ["6.7.2", "6.8", "6.8.1", "5.9.10"])
def test_an_older_wordpress_is_replaced_and_what_people_added_stays(
    image: Path, volume: Path, version: str
) -> None:
    fill(volume, version)
    found = start(image, volume)
    assert "'6.8.2'" in found.pop(VERSION)
    assert found == {
        "index.php": "new",
        ".htaccess": "own",
        "wp-config.php": "own",
        "wp-admin/new.php": "new",
        "wp-content/themes/standard/style.css": "own",
        "wp-content/uploads/picture.png": "own",
    }


@pytest.mark.parametrize("version", ["6.8.2", "6.8.10", "6.9", "7.0"])
def test_a_wordpress_that_is_as_new_or_newer_is_left_alone(
    image: Path, volume: Path, version: str
) -> None:
    fill(volume, version)
    found = start(image, volume)
    assert (found["index.php"], found["wp-admin/old.php"]) == ("old", "old")
    assert f"'{version}'" in found[VERSION]


def test_a_copy_that_was_cut_off_is_made_again(image: Path, volume: Path) -> None:
    fill(volume, "6.7.2")
    (volume / "wp-admin/old.php").unlink()
    (volume / "index.php").write_text("new")
    found = start(image, volume)
    assert found["wp-admin/new.php"] == "new"
    # likewise the first one, which has no version yet
    (volume / VERSION).unlink()
    (volume / "wp-admin/new.php").unlink()
    assert start(image, volume)["wp-admin/new.php"] == "new"
