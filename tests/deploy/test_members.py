"""A member that runs has an image, a compose service and a chart: none can be forgotten."""

import re

import pytest
import yaml
from tests.deploy import charts, members
from tests.deploy.charts import LIBRARY, UMBRELLA
from tests.deploy.members import CHARTS, DEPLOY, ROOT, deployables, manifest
from tests.deploy.stack import HELPERS, services, volumes

MEMBERS = deployables()
DOCKERFILE = (DEPLOY / "Dockerfile").read_text("utf-8")
IGNORED = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()


def test_there_are_members_that_run() -> None:
    assert {"environment-controller", "gateway", "projector"} <= set(MEMBERS)


def test_only_what_a_person_starts_is_left_out() -> None:
    for name in members.PROGRAMS:
        assert "scripts" in manifest(name)["project"]


@pytest.mark.parametrize("member", MEMBERS)
def test_a_member_is_named_alike_everywhere(member: str) -> None:
    """The Dockerfile makes distribution and package of the member's name."""
    described = manifest(member)

    assert described["project"]["name"] == f"catalyst-{member}"
    assert described["tool"]["uv"]["build-backend"]["module-name"] == members.package(member)


def test_each_member_has_a_compose_service_and_nothing_else_has() -> None:
    assert set(services()) - HELPERS == set(MEMBERS)


@pytest.mark.parametrize("member", MEMBERS)
def test_a_compose_service_builds_and_runs_its_own_member(member: str) -> None:
    service = services()[member]

    assert service["build"]["args"]["MEMBER"] == member
    assert f"/{member}:" in service["image"]


def test_each_member_has_a_chart_and_nothing_else_has() -> None:
    assert set(charts.names()) == {*MEMBERS, UMBRELLA}


def test_the_umbrella_depends_on_each_member() -> None:
    described = yaml.safe_load((CHARTS / UMBRELLA / "Chart.yaml").read_text("utf-8"))

    assert [item["name"] for item in described["dependencies"]] == [LIBRARY, *MEMBERS]
    conditions = {item["name"]: item.get("condition") for item in described["dependencies"]}
    for member in MEMBERS:
        assert conditions[member] == f"{member}.enabled"


@pytest.mark.parametrize("member", MEMBERS)
def test_a_chart_runs_the_image_that_compose_builds(member: str) -> None:
    values = yaml.safe_load((CHARTS / member / "values.yaml").read_text("utf-8"))

    assert values["image"]["repository"] == f"catalyst/{member}"
    assert services()[member]["image"] == (
        f"${{CATALYST_IMAGES:-catalyst}}/{member}:${{CATALYST_TAG:-latest}}"
    )


@pytest.mark.parametrize("member", MEMBERS)
def test_what_an_image_installs_is_pinned_with_hashes(member: str) -> None:
    lock = (DEPLOY / "requirements" / f"{member}.lock").read_text("utf-8")
    entries = [line for line in lock.replace("\\\n", " ").splitlines() if not line.startswith("#")]

    assert entries
    for entry in entries:
        assert re.match(r"[a-z0-9._-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", entry), entry
        assert "catalyst" not in entry
        assert "://" not in entry


def test_every_member_is_sent_to_the_engine_and_made_a_wheel() -> None:
    wheels = re.search(r"--wheel-dir /wheels \\\n\s+(.*)", DOCKERFILE)
    assert wheels is not None
    for folder in members.folders():
        top = folder.relative_to(ROOT).parts[0]
        assert f"!{top}" in IGNORED
        assert f"COPY {top} {top}\n" in DOCKERFILE
        assert ({f"./{top}"} if top == folder.name else {f"./{top}/*"}) <= set(wheels[1].split())


@pytest.mark.parametrize("member", MEMBERS)
def test_setup_makes_a_secret_for_each_member(member: str) -> None:
    made = volumes(services()["setup"])

    assert made[f"{member}-secret"] == (f"/var/lib/catalyst/members/{member}", False)
    assert volumes(services()[member])[f"{member}-secret"] == ("/run/secrets/catalyst", True)


def test_the_image_pulls_no_syntax_and_names_no_host() -> None:
    assert not DOCKERFILE.startswith("# syntax=")
    assert "://" not in DOCKERFILE
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) == [
        "${BASE_IMAGE}",
        "builder",
        "builder",
        "needed",
        "${BASE_IMAGE}",
    ]


def test_a_change_of_our_code_downloads_nothing_again() -> None:
    """What a member needs of others is installed before any code of ours is there."""
    stages = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)
    downloading = [stage for stage in stages if "--requirement" in stage]

    assert len(downloading) == 2
    for stage in downloading:
        assert all(
            name.endswith(".lock") for name in re.findall(r"^COPY (\S+)", stage, re.MULTILINE)
        )


def test_the_last_stage_runs_without_rights_and_is_watched() -> None:
    last = DOCKERFILE.rpartition("\nFROM ")[2]

    assert re.findall(r"^USER (.*)", last, re.MULTILINE) == ["10001:10001"]
    assert "HEALTHCHECK" in last
    assert '"/healthz"' in last
    assert last.rstrip().endswith('ENTRYPOINT ["/opt/catalyst/bin/member"]')
