"""What values make of an own Blueprint: it answers under no host that it does not name."""

import pytest
from tests.support.plans import PROD
from tests.unit.provisioning.test_outdated import Agents, Origin

pytestmark = pytest.mark.guarantee("G20.10")
INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: "${{{{ application.name }}}}"}}
spec:
  rules: [{{host: "${{{{ config.word }}}}", http: {{paths: []}}}}]
"""
ROUTE = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: "${{{{ application.name }}}}"}}
spec: {{hostnames: "${{{{ config.word == '' ? [] : [config.word] }}}}"}}
"""


async def hosts(agents: Agents, word: str) -> tuple[str, ...]:
    """Return the hosts of a plan with a word."""
    agents.answer(("agent", "1.0.0", "target"))
    found = await agents.plan("install", values={"word": word})
    assert not found.blocked_by
    return found.desired[f"agent.{PROD}"].hosts


@pytest.mark.parametrize(("app", "kind"), [(INGRESS, "Ingress"), (ROUTE, "HTTPRoute")])
async def test_what_values_make_of_an_own_blueprint_answers_under_hosts_it_names(
    monkeypatch: pytest.MonkeyPatch, app: str, kind: str
) -> None:
    agents = Agents(monkeypatch)
    agents.holds("1.0.0", "", app=app)
    assert await hosts(agents, "a.example.com") == ("a.example.com",)
    code, pointer, message = await agents.refusal("install", values={"word": ""})
    assert (code, pointer) == ("values-invalid", "/request/values")
    assert f"agent: {kind} agent: it answers under every host that nobody else has" in message


@pytest.mark.parametrize("origin", ["public", "sovereign"])
async def test_of_the_platforms_it_is_a_host_of_its_own(
    monkeypatch: pytest.MonkeyPatch, origin: Origin
) -> None:
    agents = Agents(monkeypatch, origin)
    agents.holds("1.0.0", "", app=INGRESS)
    assert await hosts(agents, "") == ("*",)
