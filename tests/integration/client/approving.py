"""Changes that wait for approvals at the command line: whose they are, and who can give them."""

import re
from typing import Final

from tests.integration.client.shop import Shop
from tools.files import ROOT

from catalyst.contracts import roles

ORG: Final = "acme"
ENV: Final = "acme-prod"
PRICES: Final = ROOT / "examples" / "price-book.yaml"
CODE: Final = "SPRING-FAIR-7QKD-M2XW"
ANN: Final = "ann@example.org"
BOB: Final = "bob@example.org"


def organization(slug: str) -> str:
    """Return the manifest of one, always of the same people."""
    return f"""\
apiVersion: orgs.openova.io/v1
kind: Organization
metadata: {{name: {slug}}}
spec:
  slug: {slug}
  displayName: {slug.title()}
  kind: customer
  tier: corporate
  billingMode: real
  sovereignRef: cloud.example.org
  owners:
    - {{email: admin@localhost, role: owner}}
    - {{email: {ANN}, role: developer}}
    - {{email: {BOB}, role: developer}}
    - {{email: eve@example.org, role: viewer}}
---
"""


def policy(name: str, approvers: int) -> str:
    """Return the manifest of one that asks for so many approvals."""
    return f"""\
apiVersion: catalyst.openova.io/v1
kind: EnvironmentPolicy
metadata: {{name: {name}}}
spec:
  organizationRef: {ORG}
  promotion: {{requiredApprovers: {approvers}}}
---
"""


def environment(kind: str, under: str) -> str:
    """Return the manifest of one, with its policy."""
    return f"""\
apiVersion: catalyst.openova.io/v1
kind: Environment
metadata: {{name: {ORG}-{kind}}}
spec:
  organizationRef: {ORG}
  envType: {kind}
  placement: single-region
  policyRef: {under}
  regions:
    - {{provider: hetzner, region: fsn, buildingBlock: rtz}}
---
"""


MANIFESTS: Final = "".join(
    (
        *map(organization, (ORG, "other")),
        policy("careful", 2),
        policy("strict", 3),
        environment("stg", "strict"),
        environment("prod", "careful"),
    )
)
PLAN: Final = ("install", "bp-wordpress", "--env", ENV, "--version", "1.0.1", "--as")


def person(shop: Shop, email: str) -> str:
    """Return the token of somebody whose roles are those in the Organizations."""
    return shop.installation.keys.people().person(email, [])


def officer(shop: Shop, name: str) -> str:
    """Return the token of a security-officer, who has no role in any Organization."""
    return shop.installation.keys.people().person(f"{name}@example.com", [roles.SECURITY_OFFICER])


def pasted(text: str, verb: str) -> list[str]:
    """Return the words of the command that is offered, without the program's name."""
    found = re.search(rf"`(?:uv run )?catalyst ({verb} [^`]*)`", text)
    assert found is not None, text
    return found[1].split()


def applied(shop: Shop, name: str) -> tuple[str, str]:
    """Plan and apply without watching; return the change and what was told of it."""
    text = pasted(shop.well("plan", *PLAN, name, by=shop.owner).err, "apply")[1]
    ran = shop.well("apply", text, by=shop.owner)
    return re.findall(r"^applied as (ch-[0-9a-f]+), now ", ran.out)[0], ran.err


def hash_of(shop: Shop, change: str) -> str:
    """Return the beginning of the hash of a change's plan."""
    found = shop.well("get", "changes", change, "--org", ORG, "--json", by=shop.owner).json
    text: str = found["doc"]["hash"]
    return text[:12]
