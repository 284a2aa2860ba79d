"""Tokens: what is accepted, and every way in which one that proves nothing is refused."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from catalyst.chassis import clock, jwks
from catalyst.chassis.errors import Expected
from catalyst.chassis.jwks import FileKeys, KeySource, KeysUnavailable, StaticKeys, UrlKeys
from catalyst.chassis.keyring import KeyRing, load
from catalyst.chassis.tokens import BadToken, Issuer, Verifier, bearer, trusted

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
ISSUER = "https://idp.example"
RSA = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})
EC = ECKey.generate_key("P-256", {"kid": "ec"})
ED = OKPKey.generate_key("Ed25519", {"kid": "ed"})
SERVICE = OKPKey.import_key(
    OKPKey.generate_key("Ed25519").as_dict(
        private=True, kid="svc", **{jwks.SERVICE_MEMBER: "billing"}
    )
)
NAMES = {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}


def public(*keys: Key) -> dict[str, Any]:
    return {"keys": [key.as_dict(private=False) for key in keys]}


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def claims(**changes: Any) -> dict[str, Any]:
    whole = {
        "iss": ISSUER,
        "sub": "ada",
        "aud": "catalyst",
        "exp": int((NOW + timedelta(minutes=15)).timestamp()),
        "email": "ada@acme.example",
        "email_verified": True,
        "catalyst_roles": ["sovereign-admin", "org-admin", "root"],
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not ...}


def sign(key: Key, body: dict[str, Any] | bytes, **header: Any) -> str:
    """Sign with the algorithm of the key, whatever the header claims."""
    alg = NAMES[key.key_type]
    whole = {"alg": alg, "typ": "JWT", "kid": key.kid, **header}
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    text = f"{b64(json.dumps(whole).encode())}.{b64(payload)}"
    signature = JWSRegistry.algorithms[alg].sign(text.encode(), key)
    return f"{text}.{b64(signature)}"


def verifier(*keys: Key, services: bool = False, leeway: int = 30) -> Verifier:
    source = StaticKeys(public(*(keys or (RSA, EC, ED))))
    return Verifier({ISSUER: Issuer(source, services=services)}, leeway=timedelta(seconds=leeway))


async def refusal(token: str, by: Verifier | None = None, at: datetime = NOW) -> str:
    with pytest.raises(BadToken) as caught:
        await (by or verifier()).verify(token, at=at)
    if len(token) > 40:
        assert token[-40:] not in str(caught.value)
    return caught.value.reason


@pytest.mark.parametrize("key", [RSA, EC, ED], ids=["RS256", "ES256", "EdDSA"])
async def test_a_good_token_says_who_asks_and_their_platform_roles_only(key: Key) -> None:
    found = await verifier().verify(sign(key, claims()), at=NOW)
    assert found.actor == f"user:{ISSUER}#ada"
    assert found.verified_email == "ada@acme.example"
    assert found.roles == {"sovereign-admin"}
    assert found.exp == NOW + timedelta(minutes=15)
    assert found.service is None


async def test_an_unverified_address_is_never_matched_with_owners() -> None:
    found = await verifier().verify(sign(ED, claims(email_verified=False)), at=NOW)
    assert found.email == "ada@acme.example"
    assert found.verified_email == ""


@pytest.mark.guarantee("G6.5")
@pytest.mark.guarantee("G6.5")
@pytest.mark.parametrize("alg", ["none", "None", "nOnE", ""])
async def test_algorithm_none_is_refused(alg: str) -> None:
    header = b64(json.dumps({"alg": alg, "kid": "rsa"}).encode())
    assert await refusal(f"{header}.{b64(json.dumps(claims()).encode())}.") in {
        "algorithm",
        "malformed",
    }


@pytest.mark.guarantee("G6.5")
@pytest.mark.guarantee("G6.5")
@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
async def test_a_public_key_is_never_used_as_a_shared_secret(alg: str) -> None:
    method = getattr(hashlib, alg.replace("HS", "sha"))
    for secret in (RSA.as_pem(private=False), RSA.as_der(private=False)):
        header = b64(json.dumps({"alg": alg, "kid": "rsa"}).encode())
        text = f"{header}.{b64(json.dumps(claims()).encode())}"
        forged = f"{text}.{b64(hmac.new(secret, text.encode(), method).digest())}"
        assert await refusal(forged) == "algorithm"


@pytest.mark.guarantee("G6.5")
@pytest.mark.parametrize("alg", ["RS384", "PS256", "ES512", "ES256K", "Ed25519", "dir"])
async def test_other_algorithms_are_refused(alg: str) -> None:
    assert await refusal(sign(RSA, claims(), alg=alg)) == "algorithm"


async def test_a_key_is_used_with_its_own_algorithm_only() -> None:
    assert await refusal(sign(RSA, claims(), kid="ec")) == "algorithm"
    assert await refusal(sign(RSA, claims(), kid="ec", alg="ES256")) == "signature"


@pytest.mark.guarantee("G6.5")
async def test_a_key_that_the_token_brings_along_is_not_believed() -> None:
    stranger = ECKey.generate_key("P-256", {"kid": "ec"})
    forged = sign(stranger, claims(), jwk=stranger.as_dict(private=False))
    assert await refusal(forged) == "signature"
    assert await refusal(sign(stranger, claims(), kid="x", jku="http://evil.example")) == (
        "unknown-key"
    )


@pytest.mark.guarantee("G6.5")
@pytest.mark.guarantee("G6.5")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "https://evil.example"}, "issuer"),
        ({"iss": ISSUER + "/"}, "issuer"),
        ({"iss": ...}, "malformed"),
        ({"aud": "other"}, "audience"),
        ({"aud": []}, "audience"),
        ({"aud": ["other", "catalyst2"]}, "audience"),
        ({"aud": ...}, "malformed"),
        ({"exp": ...}, "malformed"),
        ({"exp": "never"}, "malformed"),
        ({"exp": 1e300}, "expiry"),
        ({"exp": True}, "malformed"),
        ({"sub": ...}, "malformed"),
        ({"sub": ""}, "subject"),
        ({"sub": "a\nb"}, "subject"),
        ({"sub": "a" * 256}, "subject"),
        ({"sub": "service:billing"}, "subject"),
        ({"email_verified": "true"}, "malformed"),
        ({"catalyst_roles": "sovereign-admin"}, "malformed"),
    ],
)
async def test_wrong_claims_are_refused(changes: dict[str, Any], reason: str) -> None:
    assert await refusal(sign(ED, claims(**changes))) == reason


async def test_one_right_audience_of_several_is_enough() -> None:
    found = await verifier().verify(sign(ED, claims(aud=["account", "catalyst"])), at=NOW)
    assert found.sub == "ada"


@pytest.mark.guarantee("G6.5")
@pytest.mark.guarantee("G6.5")
@pytest.mark.parametrize(("late", "good"), [(-1, True), (29, True), (30, False), (3600, False)])
async def test_expiry_is_judged_at_the_instant_given_with_leeway(late: int, *, good: bool) -> None:
    token = sign(ED, claims())
    door = verifier()
    await door.verify(token, at=NOW)
    at = NOW + timedelta(minutes=15, seconds=late)
    if good:
        assert (await door.verify(token, at=at)).sub == "ada"
    else:
        assert await refusal(token, door, at) == "expired"
    # A message that waited is judged at its own time, not at that of the last one.
    assert (await door.verify(token, at=NOW)).sub == "ada"


@pytest.mark.parametrize(("early", "good"), [(30, True), (31, False)])
async def test_a_token_is_not_valid_before_its_time(early: int, *, good: bool) -> None:
    token = sign(ED, claims(nbf=int(NOW.timestamp()) + early))
    if good:
        assert (await verifier().verify(token, at=NOW)).sub == "ada"
    else:
        assert await refusal(token) == "not-yet-valid"


async def test_critical_headers_and_other_kinds_of_token_are_refused() -> None:
    assert await refusal(sign(ED, claims(), crit=["exp"])) in {"header", "malformed"}
    assert await refusal(sign(ED, claims(), crit=["b64"], b64=False)) in {"header", "malformed"}
    assert await refusal(sign(ED, claims(), typ="logout+jwt")) == "header"
    assert await refusal(sign(ED, claims(), kid=7)) == "malformed"


@pytest.mark.guarantee("G6.5")
async def test_a_changed_signature_header_or_body_is_refused() -> None:
    head, body, signature = sign(ED, claims()).split(".")
    other = b64(json.dumps(claims(sub="eve")).encode())
    assert await refusal(f"{head}.{other}.{signature}") == "signature"
    renamed = b64(json.dumps({"alg": "EdDSA", "kid": "ed", "typ": "jwt"}).encode())
    assert await refusal(f"{renamed}.{body}.{signature}") == "signature"
    flipped = signature[:-4] + ("AAAA" if signature[-4:] != "AAAA" else "BBBB")
    assert await refusal(f"{head}.{body}.{flipped}") in {"signature", "malformed"}
    assert await refusal(f"{head}.{body}.") in {"signature", "malformed"}


@pytest.mark.guarantee("G6.5")
@pytest.mark.guarantee("G6.5")
async def test_a_service_key_signs_for_its_own_service_only() -> None:
    door = verifier(ED, SERVICE, services=True)
    mine = sign(SERVICE, claims(sub="service:billing"))
    found = await door.verify(mine, at=NOW)
    assert (found.service, found.actor) == ("billing", "service:billing")
    assert (found.roles, found.email) == (frozenset(), "")
    assert await refusal(sign(SERVICE, claims(sub="service:gateway")), door) == "subject"
    assert await refusal(sign(SERVICE, claims(sub="ada")), door) == "subject"
    assert await refusal(sign(ED, claims(sub="service:billing")), door) == "subject"
    assert await refusal(sign(ED, claims(sub="service:")), door) == "subject"


async def test_only_our_own_issuer_names_services() -> None:
    door = verifier(ED, SERVICE, services=False)
    assert await refusal(sign(SERVICE, claims(sub="service:billing")), door) == "unknown-key"


async def test_a_token_known_already_is_refused_once_its_key_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(public(ED, EC)))
    keys = FileKeys(path)
    keys.max_age_seconds = keys.min_interval_seconds = 0
    door = Verifier({ISSUER: Issuer(keys)})
    token = sign(ED, claims())
    await door.verify(token, at=NOW)
    path.write_text(json.dumps(public(EC)))
    assert await refusal(token, door) == "unknown-key"


async def test_a_broken_key_file_leaves_the_known_keys_in_use(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(public(ED)))
    keys = FileKeys(path)
    keys.max_age_seconds = 0
    door = Verifier({ISSUER: Issuer(keys)})
    await door.verify(sign(ED, claims()), at=NOW)
    path.write_text("{half")
    assert (await door.verify(sign(ED, claims(sub="bob")), at=NOW)).sub == "bob"


async def test_without_any_keys_nobody_is_refused_as_a_liar(tmp_path: Path) -> None:
    door = trusted(tmp_path / "absent.json", own_issuer=ISSUER)
    with pytest.raises(KeysUnavailable):
        await door.verify(sign(ED, claims()), at=NOW)


def _provider(answers: Callable[[int], httpx.Response]) -> tuple[UrlKeys, list[int]]:
    calls: list[int] = []

    def handle(_request: httpx.Request) -> httpx.Response:
        calls.append(1)
        return answers(len(calls))

    return UrlKeys(f"{ISSUER}/jwks", transport=httpx.MockTransport(handle)), calls


async def test_an_unknown_key_id_causes_one_more_fetch() -> None:
    keys, calls = _provider(
        lambda n: httpx.Response(200, json=public(EC) if n == 1 else public(ED))
    )
    keys.min_interval_seconds = 0
    door = Verifier({ISSUER: Issuer(keys)})
    await door.verify(sign(EC, claims()), at=NOW)
    assert (await door.verify(sign(ED, claims()), at=NOW)).sub == "ada"
    assert len(calls) == 2


async def test_invented_key_ids_do_not_make_us_flood_the_provider() -> None:
    keys, calls = _provider(lambda _: httpx.Response(200, json=public(ED)))
    door = Verifier({ISSUER: Issuer(keys)})
    await door.verify(sign(ED, claims()), at=NOW)
    for number in range(50):
        assert await refusal(sign(ED, claims(), kid=f"k{number}"), door) == "unknown-key"
    assert len(calls) == 1


async def test_a_provider_that_fails_is_left_alone_for_a_while() -> None:
    keys, calls = _provider(lambda _: httpx.Response(500))
    for _ in range(20):
        with pytest.raises(KeysUnavailable):
            await keys.version()
    assert len(calls) == 1


async def test_a_redirect_to_other_keys_is_not_followed() -> None:
    keys, _ = _provider(lambda _: httpx.Response(302, headers={"Location": "http://evil.example"}))
    with pytest.raises(KeysUnavailable):
        await keys.find("ed")


async def test_an_endless_key_document_is_not_read_to_its_end() -> None:
    keys, _ = _provider(lambda _: httpx.Response(200, content=b" " * (jwks.MAX_DOCUMENT_BYTES + 1)))
    with pytest.raises(KeysUnavailable):
        await keys.find("ed")


def test_keys_that_may_not_check_tokens_are_left_out() -> None:
    weak = RSA.as_dict(private=False) | {"kid": "enc", "use": "enc"}
    shared = OctKey.generate_key(256, {"kid": "oct"}).as_dict(private=True)
    curve = ECKey.generate_key("P-384", {"kid": "p384"}).as_dict(private=False)
    other = RSA.as_dict(private=False) | {"kid": "ps", "alg": "PS256"}
    signing = ED.as_dict(private=False) | {"kid": "sign", "key_ops": ["sign"]}
    nameless = {k: v for k, v in ED.as_dict(private=False).items() if k != "kid"}
    broken = {"kty": "RSA", "kid": "b", "n": "!!", "e": "AQAB"}
    listed = [weak, shared, curve, other, signing, nameless, broken, ED.as_dict(private=False)]
    assert set(jwks.parse(json.dumps({"keys": listed}).encode())) == {"ed"}


@pytest.mark.parametrize("document", [b"", b"[]", b"{}", b'{"keys": 1}', b"\xff", b'{"keys":[1]}'])
def test_what_is_no_key_set_is_refused(document: bytes) -> None:
    with pytest.raises(jwks.BadDocument):
        jwks.parse(document)


def test_two_keys_under_one_id_are_refused() -> None:
    twice = {"keys": [ED.as_dict(private=False), {**EC.as_dict(private=False), "kid": "ed"}]}
    with pytest.raises(jwks.BadDocument):
        jwks.parse(json.dumps(twice).encode())


@pytest.mark.guarantee("G6.5")
@given(st.text(max_size=200) | st.from_regex(r"[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*"))
async def test_no_text_does_worse_than_being_refused(text: str) -> None:
    with pytest.raises(BadToken):
        await verifier(ED).verify(text, at=NOW)


@given(st.binary(max_size=300), st.binary(max_size=100))
async def test_no_signed_rubbish_does_worse_than_being_refused(body: bytes, head: bytes) -> None:
    with pytest.raises(BadToken):
        await verifier(ED).verify(sign(ED, body), at=NOW)
    with pytest.raises(BadToken):
        await verifier(ED).verify(f"{b64(head)}.{b64(body)}.{b64(head)}", at=NOW)


async def test_deep_or_huge_bodies_are_refused() -> None:
    assert await refusal(sign(ED, b"[" * 5000)) == "malformed"
    assert await refusal(sign(ED, claims(pad="x" * 20_000))) == "too-large"


async def test_the_ring_signs_what_its_verifier_accepts(tmp_path: Path) -> None:
    ring = KeyRing.open(tmp_path / "keys", services=["environment", "provisioning"])
    door = trusted(ring.jwks_path)
    token = ring.people().person("ada@acme.example", ["sovereign-admin"], timedelta(hours=1))
    found = await door.verify(token, at=clock.now())
    assert found.sub == "ada@acme.example"
    assert found.roles == {"sovereign-admin"}
    mine = await door.verify(ring.service("provisioning").service(), at=clock.now())
    assert mine.service == "provisioning"


def test_the_ring_keeps_its_keys_and_adds_those_that_are_missing(tmp_path: Path) -> None:
    first = KeyRing.open(tmp_path, services=["environment"]).jwks()["keys"]
    second = KeyRing.open(tmp_path, services=["environment", "gateway"]).jwks()["keys"]
    assert isinstance(first, list)
    assert isinstance(second, list)
    assert [key for key in second if key in first] == first
    assert len(second) == len(first) + 1


def test_key_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    ring = KeyRing.open(tmp_path / "keys")
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    for path in (tmp_path / "keys").glob("*.jwk"):
        assert path.stat().st_mode & 0o777 == 0o600
    assert b'"d"' not in ring.jwks_path.read_bytes()
    ring.issuer_path.chmod(0o640)
    with pytest.raises(Expected, match="can be read by others"):
        ring.people()


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"kty":"OKP","crv":"Ed25519"}'])
def test_a_key_file_that_holds_no_key_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.jwk"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(Expected, match=r"x\.jwk"):
        load(path)


def test_a_signer_signs_only_what_its_key_is_for(tmp_path: Path) -> None:
    ring = KeyRing.open(tmp_path)
    with pytest.raises(ValueError, match="signs no token of a person"):
        ring.service("gateway").person("ada@acme.example")
    with pytest.raises(ValueError, match="belongs to no service"):
        ring.people().service()
    with pytest.raises(ValueError, match="platform roles only"):
        ring.people().person("ada@acme.example", ["org-admin"])


def test_a_service_token_is_kept_until_it_is_nearly_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signer = KeyRing.open(tmp_path).service("gateway")
    times = [NOW]
    monkeypatch.setattr(clock, "now", lambda: times[-1])
    first = signer.service()
    times.append(NOW + timedelta(minutes=3))
    assert signer.service() == first
    times.append(NOW + timedelta(minutes=3, seconds=1))
    assert signer.service() != first


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic abc", "Bearer a b", "abc"])
def test_a_header_that_is_no_bearer_is_refused(header: str) -> None:
    with pytest.raises(BadToken):
        bearer(header)


def test_the_scheme_is_read_without_regard_to_case() -> None:
    assert bearer("bEARER  abc ") == "abc"
    assert bearer(None) is None


async def test_further_issuers_are_named_with_their_keys(tmp_path: Path) -> None:
    (tmp_path / "idp.json").write_text(json.dumps(public(ED)))
    ring = KeyRing.open(tmp_path / "keys")
    door = trusted(ring.jwks_path, others=f"{ISSUER}={tmp_path / 'idp.json'}")
    assert (await door.verify(sign(ED, claims()), at=NOW)).iss == ISSUER
    for wrong in ("x", "=y", "x=", "catalyst=/tmp/x"):
        with pytest.raises(ValueError, match="further issuer"):
            trusted(ring.jwks_path, others=wrong)


def test_the_kind_of_a_source_follows_from_its_location() -> None:
    kinds: list[tuple[str, type[KeySource]]] = [
        ("https://idp.example/jwks", UrlKeys),
        ("/keys/jwks.json", FileKeys),
        ("file:///keys/jwks.json", FileKeys),
    ]
    for location, kind in kinds:
        assert type(jwks.source(location)) is kind
