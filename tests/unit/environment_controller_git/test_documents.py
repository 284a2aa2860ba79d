"""Manifests: the documented objects, the same bytes for the same state, and nothing lost."""

from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from catalyst.cli import desired
from catalyst.cli import documents as cli_documents
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import environment_v2 as env2
from catalyst.environment_controller.domain import documents
from catalyst.environment_controller.domain.environment import Environment
from catalyst.environment_controller.domain.findings import Findings
from catalyst.environment_controller.domain.organization import Organization
from catalyst.environment_controller.domain.policy import Policy, evolve
from catalyst.environment_controller.domain.spelling import normalize

ACME = Organization(
    phase="ready",
    slug="acme",
    display_name="Acme: the company",
    kind="customer",
    tier="corporate",
    billing_mode="real",
    sovereign_ref="cloud.example.org",
    owners=(env1.Owner(email="alice@acme.test", role="owner"),),
    parent_org="holding",
    identity=env1.Identity(
        federation_provider="okta",
        federation_config=env1.FederationConfig(
            issuer="https://acme.okta.test",
            client_id="catalyst",
            client_secret_ref=env1.SecretRef(name="okta"),
            claim_mappers=(env1.ClaimMapper(src="mail", dest="email"),),
        ),
    ),
    public_front=env1.PublicFront(parent_domain="example.org", backend_port=8080),
    plan_slug="xl",
    policy_delegated=True,
)

ACME_TEXT = """\
apiVersion: orgs.openova.io/v1
kind: Organization
metadata:
  name: acme
spec:
  slug: acme
  displayName: 'Acme: the company'
  kind: customer
  tier: corporate
  billingMode: real
  sovereignRef: cloud.example.org
  parentOrg: holding
  defaultEnvironmentType: prod
  owners:
  - email: alice@acme.test
    role: owner
  identity:
    federationProvider: okta
    federationConfig:
      issuer: https://acme.okta.test
      clientId: catalyst
      clientSecretRef:
        name: okta
        key: client-secret
      claimMappers:
      - src: mail
        dest: email
  tenantPublic:
    parentDomain: example.org
    backendPort: 8080
  planSlug: xl
  policyDelegated: true
"""

FIELDS = yaml.safe_load(ACME_TEXT)["spec"].keys()

DEV = Environment(
    exists=True,
    name="acme-lab-dev",
    organization="acme",
    env_type="dev",
    label="lab",
    placement="multi-region",
    regions=tuple(
        env1.Region(
            provider="hetzner",
            region=place,
            building_block="rtz",
            host_cluster=f"hz-{place}-rtz-dev",
        )
        for place in ("fsn", "hel")
    ),
    branch="develop",
    policy="strict",
    applications=("blog",),
)

DEV_TEXT = """\
apiVersion: catalyst.openova.io/v1
kind: Environment
metadata:
  name: acme-lab-dev
spec:
  organizationRef: acme
  envType: dev
  label: lab
  placement: multi-region
  regions:
  - provider: hetzner
    region: fsn
    buildingBlock: rtz
    hostCluster: hz-fsn-rtz-dev
  - provider: hetzner
    region: hel
    buildingBlock: rtz
    hostCluster: hz-hel-rtz-dev
  policyRef: strict
"""


def test_an_organization_is_the_documented_object() -> None:
    assert documents.organization_manifest(ACME) == ACME_TEXT.encode()


def test_an_environment_is_the_documented_object_without_what_runs_in_it() -> None:
    assert documents.environment_manifest(DEV) == DEV_TEXT.encode()


def test_a_suspension_is_an_annotation() -> None:
    state = msgspec.structs.replace(ACME, suspended=True, suspended_reason="unpaid\nsince May")
    shown = documents.organization_manifest(state)
    assert shown is not None
    assert yaml.safe_load(shown)["metadata"] == {
        "name": "acme",
        "annotations": {documents.SUSPENDED: "unpaid\nsince May"},
    }


@pytest.mark.parametrize("phase", ["absent", "deleted"])
def test_what_does_not_exist_has_no_manifest(phase: Any) -> None:
    assert documents.organization_manifest(msgspec.structs.replace(ACME, phase=phase)) is None
    assert documents.environment_manifest(msgspec.structs.replace(DEV, exists=False)) is None
    assert documents.policy_manifest(Policy(name="strict"), "acme") is None


def test_what_the_object_cannot_say_is_said_by_rules() -> None:
    state = Policy(
        exists=True,
        name="strict",
        approvals=(
            env1.Approval(team="", quorum=2),
            env1.Approval(team="security", quorum=1),
        ),
        soak_minutes=90,
        source_environment="acme-stg",
        required_score=80,
        severity="high",
        windows=(env1.Window(effect="deny", cron="0 18 * * FRI", duration_minutes=3600),),
        weights={"b": env1.Weight(weight=5), "a_x": env1.Weight(weight=0, scope="stateful")},
        modes={"a_x": "enforcing"},
        environments=("acme-prod",),
        applications_max=0,
    )
    shown = documents.policy_manifest(state, "acme")
    assert shown is not None
    assert yaml.safe_load(shown)["spec"] == {
        "promotion": {"requiredApprovers": 2},
        "compliance": {
            "weights": {
                "a_x": {"weight": 0, "scope": "stateful"},
                "b": {"weight": 5, "scope": "all"},
            },
            "modes": {"a_x": "enforcing"},
        },
        "rules": [
            {"type": "pr-required", "approvers": ["security"], "minApprovals": 1},
            {"type": "re-score-gate", "minScore": 80, "severity": "high"},
            {"type": "soak", "sourceEnvironment": "acme-stg", "duration": "90m"},
            {
                "type": "change-window",
                "effect": "deny",
                "cron": "0 18 * * FRI",
                "timezone": "UTC",
                "duration": "3600m",
            },
        ],
        "appliesTo": {"environments": ["acme-prod"]},
        "quota": {"applications": 0},
    }


def test_a_policy_that_demands_nothing_still_has_a_spec() -> None:
    shown = documents.policy_manifest(Policy(exists=True, name="open"), "acme")
    assert shown is not None
    assert yaml.safe_load(shown)["spec"] == {}


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60)


@given(name=TEXT, issuer=TEXT)
def test_any_text_survives_yaml(name: str, issuer: str) -> None:
    identity = env1.Identity(federation_config=env1.FederationConfig(issuer=issuer))
    state = msgspec.structs.replace(ACME, display_name=name, identity=identity)
    shown = documents.organization_manifest(state)
    assert shown is not None
    assert shown == documents.organization_manifest(state)
    spec = yaml.safe_load(shown)["spec"]
    assert spec["displayName"] == name
    assert spec["identity"]["federationConfig"]["issuer"] == issuer
    assert spec.keys() == FIELDS


PRINTABLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=300)


NAMES = st.text("abcXYZ019./", min_size=1, max_size=40)


@given(st.dictionaries(NAMES, PRINTABLE | st.lists(PRINTABLE) | st.integers() | st.none()))
def test_what_is_written_quickly_is_written_byte_for_byte_the_same(spec: dict[str, Any]) -> None:
    quick = documents.written({"spec": spec}, documents.Quick)
    assert quick == documents.written({"spec": spec}, documents.Plain)


RULES: st.SearchStrategy[Any] = st.one_of(
    st.builds(
        env1.PrRequired,
        approvers=st.lists(st.sampled_from(["security", "on-call", "dba"]), max_size=2).map(tuple),
        min_approvals=st.integers(1, 10),
    ),
    st.builds(
        env1.ReScoreGate,
        min_score=st.integers(0, 100),
        severity=st.sampled_from(["low", "medium", "high", "critical"]),
    ),
    st.builds(
        env1.Soak,
        source_environment=st.sampled_from(["", "acme-dev", "acme-stg"]),
        duration=st.sampled_from(["0m", "30m", "1h", "90m", "2d"]),
    ),
    st.builds(
        env1.ChangeWindow,
        effect=st.sampled_from(["allow", "deny"]),
        cron=st.sampled_from(["0 18 * * 5", "*/5 0 1 1 *"]),
        timezone=st.sampled_from(["UTC", "Asia/Muscat"]),
        duration=st.sampled_from(["30m", "2h", "1d"]),
    ),
)
COMMANDS = st.builds(
    env1.DefinePolicy,
    promotion=st.none()
    | st.builds(
        env1.Promotion,
        required_approvers=st.integers(0, 10),
        soak_hours=st.integers(0, 720),
        required_compliance_score=st.none() | st.integers(0, 100),
    ),
    compliance=st.none()
    | st.builds(
        env1.Compliance,
        weights=st.dictionaries(
            st.sampled_from(["probes", "pdb", "multi-replica"]),
            st.builds(env1.Weight, weight=st.integers(0, 100)),
        ),
        modes=st.dictionaries(
            st.sampled_from(["probes", "pdb"]), st.sampled_from(["permissive", "enforcing"])
        ),
    ),
    rules=st.lists(RULES, max_size=4).map(tuple),
    applies_to=st.none()
    | st.builds(env1.AppliesTo, environments=st.just(("acme-prod", "acme-stg"))),
    quota=st.none() | st.builds(env1.Quota, applications=st.none() | st.integers(0, 10_000)),
)


def applied(shown: bytes | None) -> list[desired.Step]:
    """What `catalyst apply` would send for a manifest, if nothing was there."""
    assert shown is not None
    (item,) = desired.wanted(cli_documents.parse(shown.decode(), "git"), None)
    assert item.organization == "acme"
    return desired.steps(item, None)


@given(COMMANDS)
def test_a_policy_read_back_is_the_same_policy(command: env1.DefinePolicy) -> None:
    found = Findings()
    defined = normalize("strict", "acme", command, found)
    assume(not found.errors)
    state = evolve(Policy(), defined)
    (step,) = applied(documents.policy_manifest(state, "acme"))
    assert step.type == "environment.define-policy.v1"
    again = msgspec.convert(step.data, env1.DefinePolicy)
    assert normalize("strict", "acme", again, found) == defined
    assert not found.errors
    assert isinstance(defined, env2.PolicyDefined)


def test_an_environment_read_back_is_the_same_environment() -> None:
    (step,) = applied(documents.environment_manifest(DEV))
    assert step.type == "environment.create-environment.v1"
    command = msgspec.convert(step.data, env1.CreateEnvironment)
    assert (command.env_type, command.label, command.policy) == ("dev", "lab", "strict")
    assert (command.placement, command.regions) == (DEV.placement, DEV.regions)


NUMBERS = st.from_regex(r"-?[0-9]{1,3}(\.[0-9]{1,2})?([eE][-+]?[0-9])?", fullmatch=True)
WORDS = st.sampled_from(
    ["yes", "No", "null", "~", "True", "2026-01-01", "0x1F", "1_000", "=", "<<"]
)


NAMED = TEXT.filter(lambda text: not text.isspace())
"""What something can be called: spaces alone are refused."""


@given(name=NAMED | NUMBERS | WORDS, delegated=st.booleans(), suspended=st.booleans())
def test_an_organization_read_back_is_the_same_organization(
    name: str,
    delegated: bool,  # noqa: FBT001
    suspended: bool,  # noqa: FBT001
) -> None:
    state = msgspec.structs.replace(
        ACME,
        display_name=name,
        policy_delegated=delegated,
        suspended=suspended,
        suspended_reason="unpaid" if suspended else "",
    )
    first, *rest = applied(documents.organization_manifest(state))
    assert first.type == "environment.create-organization.v1"
    command = msgspec.convert(first.data, env1.CreateOrganization)
    for field in msgspec.structs.fields(command):
        assert getattr(command, field.name) == getattr(state, field.name), field.name
    assert [step.data for step in rest] == ([{"reason": "unpaid"}] if suspended else [])


def test_what_an_update_can_take_away_is_null_where_it_is_not_set() -> None:
    bare = msgspec.structs.replace(
        ACME, identity=None, public_front=None, plan_slug=None, policy_delegated=False
    )
    shown = documents.organization_manifest(bare)
    assert shown is not None
    spec = yaml.safe_load(shown)["spec"]
    cleared = {name: spec[name] for name in ("identity", "tenantPublic", "planSlug")}
    assert cleared == {"identity": None, "tenantPublic": None, "planSlug": None}
    assert spec["policyDelegated"] is False
    shown = documents.environment_manifest(msgspec.structs.replace(DEV, policy=None))
    assert shown is not None
    assert yaml.safe_load(shown)["spec"]["policyRef"] is None


def test_a_policy_says_whose_it_is() -> None:
    shown = documents.policy_manifest(Policy(exists=True, name="open"), "acme")
    assert shown is not None
    assert yaml.safe_load(shown)["metadata"] == {
        "name": "open",
        "labels": {"openova.io/organization": "acme"},
    }
