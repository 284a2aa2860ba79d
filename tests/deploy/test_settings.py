"""What a container is told is all that its member asks for: no setting can be forgotten."""

import pytest
from tests.deploy.asking import OPTIONAL, UNSIGNED, asks, lacking, of_compose, of_the_image
from tests.deploy.charts import Helm, environment, member_of, of_kind, only, pod
from tests.deploy.members import deployables, settings_of
from tests.deploy.test_first_start import first_start

from catalyst.chassis.errors import Expected
from catalyst.chassis.settings import BrokerSettings

MEMBERS = deployables()
FOLDER = "/run/secrets/catalyst"


class Grown(BrokerSettings, frozen=True, kw_only=True):
    """A member that has gained settings since it was deployed."""

    archive_url: str = ""
    archive_folder: str = "archive"
    search_url: str = "http://127.0.0.1:9200"
    patience: float = 1.0


class Stricter(Grown, frozen=True, kw_only=True):
    """Another one, which does not start without."""

    shards: int


@pytest.mark.guarantee("G21.4")
@pytest.mark.parametrize("member", MEMBERS)
def test_compose_tells_a_member_all_that_it_asks_for(member: str) -> None:
    assert list(lacking(member, of_compose(member))) == []


@pytest.mark.guarantee("G21.4")
def test_a_chart_tells_a_member_all_that_it_asks_for(helm: Helm) -> None:
    for member in MEMBERS:
        told = environment(only(helm.render(member), "Deployment"))
        assert list(lacking(member, told)) == [], member


@pytest.mark.guarantee("G21.4")
@pytest.mark.parametrize("member", MEMBERS)
def test_a_setting_that_a_member_gains_is_missed_until_it_is_told(member: str) -> None:
    told = of_compose(member)
    own = set(asks(member, Grown)) - asks(member, BrokerSettings)

    assert own == {"archive_url", "archive_folder", "search_url"}
    assert own <= set(lacking(member, told, Grown))
    more = {f"CATALYST_{name.upper()}": "http://elsewhere:1" for name in own}
    assert list(lacking(member, told | more, Grown)) == []
    # An address of the container itself is none of another one.
    here = {"CATALYST_ARCHIVE_URL": "http://localhost:1"}
    assert list(lacking(member, told | more | here, Grown)) == ["archive_url"]


def test_a_member_that_would_not_start_is_missed_too() -> None:
    told = of_compose("billing") | {
        "BILLING_ARCHIVE_URL": "http://elsewhere:1",
        "BILLING_ARCHIVE_FOLDER": "/archive",
        "BILLING_SEARCH_URL": "http://elsewhere:2",
    }

    assert "shards" in asks("billing", Stricter)
    with pytest.raises(Expected, match="BILLING_SHARDS is not set"):
        list(lacking("billing", told, Stricter))
    assert list(lacking("billing", told | {"BILLING_SHARDS": "3"}, Stricter)) == []


def test_what_may_be_left_is_a_setting_of_some_member() -> None:
    known = {name for member in MEMBERS for name in settings_of(member).__struct_fields__}

    assert OPTIONAL.keys() <= known


@pytest.mark.parametrize("member", MEMBERS)
def test_a_file_that_a_setting_names_is_in_the_members_secret(
    helm: Helm, tmp_path_factory: pytest.TempPathFactory, member: str
) -> None:
    folder = tmp_path_factory.mktemp("secrets")
    assert first_start.main(["--folder", str(folder), "prepare"]) == 0
    given = {f"{FOLDER}/{path.name}" for path in (folder / "members" / member).iterdir()}

    in_chart = environment(only(helm.render(member), "Deployment"))
    for told in (of_compose(member), in_chart):
        named = {value for value in told.values() if value.startswith(FOLDER)}
        unsigned = {"CATALYST_KEY_FILE", "CATALYST_JWKS"} if member in UNSIGNED else set()
        assert named - {told.get(name) for name in unsigned} == given


def test_the_image_listens_where_the_probes_ask() -> None:
    told = of_the_image()

    assert told["CATALYST_HTTP_HOST"] == "0.0.0.0"  # noqa: S104 - inside the container
    assert told["CATALYST_HTTP_PORT"] == "8080"


def test_nobody_calls_a_member_that_does_not_let_it_in(helm: Helm) -> None:
    objects = helm.render("catalyst")
    services = {item["metadata"]["name"]: member_of(item) for item in of_kind(objects, "Service")}
    policies = {member_of(item): item for item in of_kind(objects, "NetworkPolicy")}
    calls = [
        (member_of(item), services[host])
        for item in of_kind(objects, "Deployment")
        for value in environment(item).values()
        if (host := value.removeprefix("http://").partition(":")[0]) in services
    ]

    assert sorted(calls) == [
        ("blueprint-controller", "environment-controller"),
        ("gateway", "environment-controller"),
        ("gateway", "projector"),
        ("provisioning", "environment-controller"),
    ]
    for caller, called in calls:
        (rule,) = policies[called]["spec"]["ingress"]
        let_in = [
            peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"] for peer in rule["from"]
        ]
        assert caller in let_in
        out = {
            port["port"] for rule in policies[caller]["spec"]["egress"] for port in rule["ports"]
        }
        assert 8080 in out


def test_every_pod_of_the_umbrella_is_told_what_it_would_be_alone(helm: Helm) -> None:
    for deployment in of_kind(helm.render("catalyst"), "Deployment"):
        assert list(lacking(member_of(deployment), environment(deployment))) == []
        assert pod(deployment)["containers"]
