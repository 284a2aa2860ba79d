"""The compose stack as a file: closed down, on loopback, each secret where it belongs."""

import re

import pytest
from tests.deploy.members import deployables, variables
from tests.deploy.stack import FILE, HELPERS, services, stack, volumes

MEMBERS = deployables()
SERVICES = tuple(services())


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_is_closed_down(name: str) -> None:
    service = services()[name]

    assert service["user"] == "10001:10001"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "devices", "pid", "ipc"} & service.keys()
    assert service.get("network_mode", "none") == "none"
    assert int(service["logging"]["options"]["max-file"]) <= 5


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_open_to_this_machine_only(name: str) -> None:
    for port in services()[name].get("ports", []):
        assert port.startswith("127.0.0.1:")


def test_only_the_gateway_and_the_broker_are_reached_from_outside() -> None:
    assert {name for name in SERVICES if "ports" in services()[name]} == {"gateway", "nats"}


@pytest.mark.parametrize("name", [*MEMBERS, "nats"])
def test_what_keeps_running_is_watched_and_started_again(name: str) -> None:
    service = services()[name]

    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["depends_on"]["setup"]["condition"] == "service_completed_successfully"


@pytest.mark.parametrize("member", MEMBERS)
def test_a_member_counts_as_healthy_when_it_is_ready(member: str) -> None:
    service = services()[member]

    assert service["healthcheck"]["test"][-1] == "/readyz"
    assert service["depends_on"]["nats"]["condition"] == "service_healthy"


@pytest.mark.parametrize("member", MEMBERS)
def test_a_member_is_told_only_what_it_understands(member: str) -> None:
    assert services()[member]["environment"].keys() <= variables(member)


@pytest.mark.parametrize("member", MEMBERS)
def test_a_member_reaches_no_secret_but_its_own(member: str) -> None:
    mounted = volumes(services()[member])

    assert {source for source in mounted if source.endswith("-secret")} == {f"{member}-secret"}
    assert not {"installation", "broker-configuration", "broker-data"} & mounted.keys()


def test_no_password_stands_in_the_file() -> None:
    for service in services().values():
        for name, value in service.get("environment", {}).items():
            assert not re.search(r"PASSWORD$|TOKEN$|SECRET$", name), (name, value)


def test_every_volume_is_named_and_none_is_a_folder_of_the_machine() -> None:
    used = {source for service in services().values() for source in volumes(service)}

    assert used == set(stack()["volumes"])


def test_each_variable_of_the_stack_has_a_default() -> None:
    """So that the stack starts with nothing set, and with nothing set by accident."""
    text = FILE.read_text("utf-8")

    assert re.findall(r"\$\{[A-Z_]+(?!:-)[^A-Z_:]", text) == []
    names = set(re.findall(r"\$\{([A-Z_]+):-", text))
    readme = (FILE.parent / "README.md").read_text("utf-8")
    assert all(f"`{name}`" in readme for name in names)


def test_helpers_are_no_more_than_needed() -> None:
    assert set(SERVICES) >= HELPERS
    profiles = {name: found.get("profiles", []) for name, found in services().items()}
    assert {name: found for name, found in profiles.items() if found} == {
        "access": ["access"],
        "simulator": ["simulate-cluster"],
    }
    assert services()["setup"]["restart"] == "no"
