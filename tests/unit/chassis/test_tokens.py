"""Tokens: what is accepted, and every way in which one that proves nothing is refused."""

import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, Key
from tests.support.each import each
from tests.unit.chassis.signing import (
    EC,
    ED,
    ISSUER,
    NOW,
    RSA,
    SERVICE,
    b64,
    claims,
    refusal,
    sign,
    verifier,
)

from catalyst.chassis.tokens import BadToken, bearer


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
@each(["none", "None", "nOnE", ""])
async def test_algorithm_none_is_refused(alg: str) -> None:
    header = b64(json.dumps({"alg": alg, "kid": "rsa"}).encode())
    assert await refusal(f"{header}.{b64(json.dumps(claims()).encode())}.") in {
        "algorithm",
        "malformed",
    }


@pytest.mark.guarantee("G6.5")
@each(["HS256", "HS384", "HS512"])
async def test_a_public_key_is_never_used_as_a_shared_secret(alg: str) -> None:
    method = getattr(hashlib, alg.replace("HS", "sha"))
    for secret in (RSA.as_pem(private=False), RSA.as_der(private=False)):
        header = b64(json.dumps({"alg": alg, "kid": "rsa"}).encode())
        text = f"{header}.{b64(json.dumps(claims()).encode())}"
        forged = f"{text}.{b64(hmac.new(secret, text.encode(), method).digest())}"
        assert await refusal(forged) == "algorithm"


@pytest.mark.guarantee("G6.5")
@each(["RS384", "PS256", "ES512", "ES256K", "Ed25519", "dir"])
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
@each(
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
    ]
)
async def test_wrong_claims_are_refused(changes: dict[str, Any], reason: str) -> None:
    assert await refusal(sign(ED, claims(**changes))) == reason


async def test_one_right_audience_of_several_is_enough() -> None:
    found = await verifier().verify(sign(ED, claims(aud=["account", "catalyst"])), at=NOW)
    assert found.sub == "ada"


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


@each(["", "Bearer", "Bearer ", "Basic abc", "Bearer a b", "abc"])
def test_a_header_that_is_no_bearer_is_refused(header: str) -> None:
    with pytest.raises(BadToken):
        bearer(header)


def test_the_scheme_is_read_without_regard_to_case() -> None:
    assert bearer("bEARER  abc ") == "abc"
    assert bearer(None) is None
