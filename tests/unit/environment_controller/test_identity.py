"""The identity provider of an Organization: which one, and all that it has to be told."""

from tests.support import build
from tests.support.build import ACME, ORG_ADMIN
from tests.support.each import each
from tests.support.scenario import given, on

from catalyst.contracts import environment_v1 as env1

EXISTING = on(ACME, build.organization_created())
READY = [*EXISTING, *on(ACME, env1.OrganizationReady(slug="acme"))]


# ---- identity


def _identity(provider: env1.Federation, **config: object) -> env1.Identity:
    return env1.Identity(
        federation_provider=provider,
        federation_config=env1.FederationConfig(**config),  # type: ignore[arg-type]
    )


SECRET = env1.SecretRef(name="sso")
OIDC: dict[str, object] = {
    "issuer": "https://id.acme.example",
    "client_id": "console",
    "client_secret_ref": SECRET,
}
CONFIG = "/data/identity/federation_config"


@each(
    [
        env1.Identity(),
        _identity("azure-sso", tenant_id="t", client_id="c", client_secret_ref=SECRET),
        _identity("okta", **OIDC),
        _identity("generic-oidc", **OIDC),
        _identity("generic-oidc", **{**OIDC, "issuer": "https://id.acme.example:1/realm"}),
        _identity("generic-oidc", **{**OIDC, "issuer": "https://id:65535"}),
        _identity(
            "generic-oidc",
            **OIDC,
            authorization_url="https://id.acme.example/a",
            token_url="https://id.acme.example:8443/t?x=1",
            jwks_url="https://id.acme.example/k",
            claim_mappers=(env1.ClaimMapper(src="groups", dest="roles"),),
        ),
    ]
)
def test_an_identity_provider_with_what_it_needs_is_taken(identity: env1.Identity) -> None:
    outcome = given(READY).when(env1.UpdateOrganization(identity=identity), ACME, by=ORG_ADMIN)
    assert outcome.state().identity == identity


@each(
    [
        (
            env1.Identity(federation_config=env1.FederationConfig(issuer="https://x.y")),
            "federation-incomplete",
            ["/data/identity/federation_provider"],
        ),
        (
            env1.Identity(federation_provider="azure-sso"),
            "federation-incomplete",
            [f"{CONFIG}/tenant_id", f"{CONFIG}/client_id", f"{CONFIG}/client_secret_ref"],
        ),
        (
            _identity("generic-oidc", **OIDC, token_url="https://id.acme.example/t"),
            "federation-incomplete",
            [f"{CONFIG}/authorization_url", f"{CONFIG}/jwks_url"],
        ),
        (
            _identity("okta", **{**OIDC, "issuer": "http://id.acme.example"}),
            "federation-invalid",
            [f"{CONFIG}/issuer"],
        ),
        (
            _identity("okta", **{**OIDC, "issuer": "https://user@id.acme.example"}),
            "federation-invalid",
            [f"{CONFIG}/issuer"],
        ),
        (
            _identity("okta", **{**OIDC, "issuer": "https://id.acme.example:99999"}),
            "federation-invalid",
            [f"{CONFIG}/issuer"],
        ),
        (
            _identity("okta", **{**OIDC, "issuer": "https://id.acme.example:0"}),
            "federation-invalid",
            [f"{CONFIG}/issuer"],
        ),
        (
            _identity("okta", **{**OIDC, "issuer": "https://id.acme.example:65536"}),
            "federation-invalid",
            [f"{CONFIG}/issuer"],
        ),
        (
            _identity("okta", **{**OIDC, "client_secret_ref": env1.SecretRef(name="", key="")}),
            "federation-invalid",
            [f"{CONFIG}/client_secret_ref/name", f"{CONFIG}/client_secret_ref/key"],
        ),
        (
            _identity("okta", **OIDC, claim_mappers=(env1.ClaimMapper(src="a", dest=""),)),
            "federation-invalid",
            [f"{CONFIG}/claim_mappers/0/dest"],
        ),
    ]
)
def test_an_identity_provider_is_told_what_it_needs(
    identity: env1.Identity, code: str, pointers: list[str]
) -> None:
    given(READY).when(env1.UpdateOrganization(identity=identity), ACME).then_rejected(
        code, *pointers
    )
    given().when(build.create_organization(identity=identity), ACME).then_rejected(code, *pointers)
