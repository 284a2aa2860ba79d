"""Our own ring of keys: who may read it, what it keeps, and what each key signs."""

from datetime import timedelta
from pathlib import Path

import pytest
from tests.unit.chassis.signing import NOW

from catalyst.chassis import clock
from catalyst.chassis.errors import Expected
from catalyst.chassis.keyring import KeyRing, load
from catalyst.chassis.tokens import trusted


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


def test_where_no_key_can_be_written_what_to_do_is_told(tmp_path: Path) -> None:
    (tmp_path / "keys").write_bytes(b"")
    with pytest.raises(Expected, match=r"cannot be written: File exists$") as refused:
        KeyRing.open(tmp_path / "keys")
    assert "writable" in refused.value.hint


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
