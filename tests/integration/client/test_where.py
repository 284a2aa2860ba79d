"""Whoever plans need not say where, as long as there is one place alone."""

import json
from collections.abc import Callable

import pytest
from tests.integration.client.command import Ran
from tests.integration.client.stack import Stack
from tests.support.rig import acme

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G27.13")]


def test_a_plan_takes_the_only_environment_and_says_so_and_of_several_names_each(
    stack: Stack, organization: str, catalyst: Callable[..., Ran]
) -> None:
    owner = stack.keys.people().person(str(acme()["owners"][0]["email"]), [])
    uninstall = ("plan", "uninstall", "nothing", "--token", owner)

    def environment(name: str) -> None:
        region = {"provider": "hetzner", "region": "fsn", "building_block": "rtz"}
        data = {
            "env_type": name.rpartition("-")[2],
            "placement": "single-region",
            "regions": [region],
        }
        made = catalyst(
            *("send", "environment.create-environment.v1", "--org", organization, "--id", name),
            *("--data", json.dumps(data), "-o", "json"),
        )
        assert made.code == 0, made.err
        seen = ("get", "environments", name, "--org", organization)
        assert catalyst(*seen, "--min-seq", str(made.json["seq"])).code == 0

    none = catalyst(*uninstall, "--org", organization)
    assert none.code == 2
    assert "Error: --env is missing: in which Environment?" in none.err
    assert f"you see no Environment of {organization} yet" in none.err

    prod, dev = f"{organization}-prod", f"{organization}-dev"
    environment(prod)
    for whose in (("--org", organization), ("--org", organization, "--env", prod)):
        only = catalyst(*uninstall, *whose)
        # There is nothing to uninstall there.
        assert only.code == 4
        assert f"nothing does not run in {prod}" in only.err
        assert (f"in {prod}, the only Environment of {organization}" in only.err) == (
            "--env" not in whose
        )
    assert f"catalyst app list --org {organization} --env {prod}" in only.err

    environment(dev)
    several = catalyst(*uninstall, "--org", organization)
    assert several.code == 2
    assert f"you see {dev}, {prod} of {organization}" in several.err
    assert catalyst(*uninstall, "--org", "nobody").code == 4
