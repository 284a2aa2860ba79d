"""Where keys come from: files, providers that fail or answer too much, and what is no key."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from joserfc.jwk import ECKey, OctKey
from tests.support.each import each
from tests.support.gates import Gate
from tests.unit.chassis.signing import EC, ED, ISSUER, NOW, RSA, claims, public, refusal, sign

from catalyst.chassis import jwks
from catalyst.chassis.jwks import FileKeys, KeySource, KeysUnavailable, UrlKeys
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.tokens import Issuer, Verifier, trusted


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


@pytest.mark.guarantee("G7.16")
async def test_keys_are_read_to_the_end_though_nobody_waits_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(public(ED, EC)))
    gate = Gate()
    monkeypatch.setattr(Path, "read_bytes", gate.before(Path.read_bytes))
    keys = FileKeys(path)
    assert await gate.given_up(lambda: keys.find(str(EC.kid))) is not None
    assert gate.passed == 1


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


WEAK = RSA.as_dict(private=False) | {"kid": "enc", "use": "enc"}
NOT_FOR_IT = (
    "no key of the 1 in it can check tokens: of the first, it is not there to check signatures "
    "(`use`, `key_ops`)"
)
NO_KEYS = "it is no JWK set: that is an object whose `keys` is a list of keys"


@each(
    [
        (b"{half", "it is no JSON"),
        (b'{"kty":"RSA"}', NO_KEYS),
        (b'{"keys":[1]}', NO_KEYS),
        (b'{"keys":[]}', "it holds no key"),
        (
            json.dumps({"keys": [WEAK]}).encode(),
            NOT_FOR_IT,
        ),
    ]
)
async def test_keys_with_wrong_contents_are_told_with_what_is_wrong_and_in_the_log_where(
    document: bytes, why: str, *, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "jwks.json"
    path.write_bytes(document)
    door = trusted(path, own_issuer=ISSUER)
    assert await door.check() == f"no keys of {ISSUER}: {why}"
    (logged,) = (vars(one) for one in caplog.records if one.levelname == "WARNING")
    assert (logged["place"], logged["reason"]) == (str(path), why)
    caplog.clear()


async def test_keys_that_are_not_there_are_told_without_the_place() -> None:
    door = trusted("/no/such/place.json", own_issuer=ISSUER)
    assert await door.check() == f"no keys of {ISSUER}: No such file or directory"
    keys, _ = _provider(lambda _: httpx.Response(404))
    door = Verifier({ISSUER: Issuer(keys)})
    assert await door.check() == f"no keys of {ISSUER}: its address answers 404"


async def test_keys_from_before_are_used_and_told_as_such(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(public(ED)))
    keys = FileKeys(path)
    keys.max_age_seconds = keys.min_interval_seconds = 0
    door = Verifier({ISSUER: Issuer(keys)})
    assert (await door.check(), await door.renewed()) == (None, None)
    path.write_text("{half")
    assert await door.check() is None
    assert await door.renewed() == f"those of {ISSUER} are from before: it is no JSON"
    path.write_text(json.dumps(public(ED)))
    keys._wait_seconds = 0
    assert (await door.check(), await door.renewed()) == (None, None)


async def test_whoever_takes_all_keys_away_has_none_accepted(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(public(ED)))
    keys = FileKeys(path)
    keys.max_age_seconds = keys.min_interval_seconds = 0
    door = Verifier({ISSUER: Issuer(keys)})
    token = sign(ED, claims())
    await door.verify(token, at=NOW)
    path.write_text('{"keys": []}')
    assert await refusal(token, door) == "unknown-key"
    assert await door.check() == f"no keys of {ISSUER}: it holds no key"


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


@each([b"", b"[]", b"{}", b'{"keys": 1}', b"\xff", b'{"keys":[1]}'])
def test_what_is_no_key_set_is_refused(document: bytes) -> None:
    with pytest.raises(jwks.BadDocument):
        jwks.parse(document)


def test_two_keys_under_one_id_are_refused() -> None:
    twice = {"keys": [ED.as_dict(private=False), {**EC.as_dict(private=False), "kid": "ed"}]}
    with pytest.raises(jwks.BadDocument):
        jwks.parse(json.dumps(twice).encode())


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
