"""What is read from outside: which hosts, which addresses, which packs."""

import io
import zlib
from dataclasses import replace
from ipaddress import ip_network

import pytest
from dulwich.object_format import DEFAULT_OBJECT_FORMAT
from dulwich.objects import Blob
from dulwich.pack import write_pack_objects
from hypothesis import given
from hypothesis import strategies as st
from tests.support.each import each
from tests.support.ports import free_ports

from catalyst.blueprint_controller.adapters.outside import is_allowed, is_outside, wanted
from catalyst.blueprint_controller.adapters.sources import AllSources
from catalyst.blueprint_controller.ports import Place, Unusable
from catalyst.chassis import packs
from catalyst.contracts.rejection import Rejected


def walked(data: bytes) -> None:
    """Walk through a whole pack."""
    walk = packs.Walk()
    walk.feed(data)
    walk.end()


@pytest.mark.guarantee("G22.6")
@each(["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "::1",  # noqa: S104
     "fe80::1%eth0", "fd00::1", "::ffff:127.0.0.1", "100.64.0.1", "224.0.0.1", "::",
     "64:ff9b::7f00:1", "64:ff9b:1::a9fe:a9fe", "2002:a9fe:a9fe::", "::127.0.0.1",
     "::ffff:0:127.0.0.1"])  # fmt: skip
def test_addresses_of_this_machine_and_its_network_are_not_outside(address: str) -> None:
    assert not is_outside(address)


@pytest.mark.guarantee("G22.6")
def test_a_private_network_that_is_named_is_outside_and_no_other() -> None:
    named = (ip_network("10.20.0.0/16"), ip_network("fd00:1::/32"))
    for address in ("10.20.3.4", "::ffff:10.20.3.4", "fd00:1::2", "140.82.121.4"):
        assert is_outside(address, named)
    for address in ("10.21.0.1", "127.0.0.1", "169.254.169.254", "fd00:2::1", "64:ff9b::a14:1"):
        assert not is_outside(address, named)


@pytest.mark.guarantee("G22.6")
async def test_a_named_network_is_the_platform_s_alone() -> None:
    sources = AllSources(
        directories="",
        git_hosts=("10.20.3.4",),
        git_url="",
        token=lambda: "",
        git_networks=("10.20.0.0/16",),
    )
    place = Place(None, "own", "git", "https://10.20.3.4/x.git", "main", "")
    await sources.admit(place)
    with pytest.raises(Rejected, match="is not on the public network"):
        await sources.admit(replace(place, organization="acme"))
    with pytest.raises(Unusable, match="is not on the public network"):
        await sources.read(replace(place, organization="acme"), "")
    sources.close()


@pytest.mark.guarantee("G22.6")
@each([(("127.0.0.0/8",), "nobody listens there"), ((), "is not on the public network")])
async def test_a_host_of_a_named_network_is_called_and_of_no_other(
    networks: tuple[str, ...], told: str
) -> None:
    sources = AllSources(
        directories="",
        git_hosts=("127.0.0.1",),
        git_url="",
        token=lambda: "",
        git_networks=networks,
    )
    (port,) = free_ports(1)
    place = Place(None, "own", "git", f"http://127.0.0.1:{port}/x.git", "main", "")
    with pytest.raises(Unusable, match=told):
        await sources.read(place, "")
    sources.close()


def test_public_addresses_are_outside() -> None:
    assert is_outside("140.82.121.4")
    assert is_outside("2606:4700::1111")


@pytest.mark.guarantee("G22.6")
def test_a_host_is_allowed_by_its_whole_name() -> None:
    allowed = ("git.example", "*.team.example")
    assert is_allowed("GIT.example.", allowed)
    assert is_allowed("a.team.example", allowed)
    for host in ("agit.example", "git.example.evil", "team.example", "evilteam.example", ""):
        assert not is_allowed(host, allowed)
    assert not is_allowed("git.example", ())


@each(["", "x", "file:///etc/passwd", "ssh://a/b", "https://", "https://u:p@a/b", "https://a/b?c",
     "https://a:port/b", "git://a/b"])  # fmt: skip
def test_what_is_no_address_is_said_so(location: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any reason is one
        wanted(location)


def packed(*contents: bytes) -> bytes:
    """Return a pack with these files."""
    out = io.BytesIO()
    blobs = [(Blob.from_string(one), None) for one in contents]
    write_pack_objects(out, blobs, object_format=DEFAULT_OBJECT_FORMAT)
    return out.getvalue()


@given(st.lists(st.binary(max_size=300_000), max_size=4, unique=True))
def test_a_real_pack_passes(contents: list[bytes]) -> None:
    walked(packed(*contents))


@given(st.binary(max_size=2000), st.integers(0, 400))
def test_garbage_is_refused_and_never_more(garbage: bytes, cut: int) -> None:
    whole = packed(b"one", b"two" * 100)
    for data in (garbage, b"PACK" + garbage, whole[:cut] + garbage):
        try:
            walked(data)
        except packs.BadPack:
            continue


def bomb(kind: int, claimed: int, content: bytes) -> bytes:
    """Return a pack with one object that claims a size."""
    size, head = claimed, (kind << 4) | (claimed & 15)
    size >>= 4
    header = bytearray()
    while size:
        header.append(head | 128)
        head, size = size & 127, size >> 7
    header.append(head)
    base = bytes(20) if kind == 7 else b""
    return (
        b"PACK" + (2).to_bytes(4, "big") + (1).to_bytes(4, "big") + bytes(header) + base
        + zlib.compress(content, 9)
    )  # fmt: skip


@pytest.mark.guarantee("G22.6")
def test_a_bomb_is_refused_before_it_goes_off() -> None:
    huge = bytes(packs.MAX_OBJECT_BYTES + 1)
    with pytest.raises(packs.BadPack, match="more than"):
        walked(bomb(3, len(huge), huge))
    with pytest.raises(packs.BadPack, match="larger than it says"):
        walked(bomb(3, 10, huge))
    # A delta of a few bytes whose result would be 2^34 bytes.
    delta = b"\x00" + b"\x80\x80\x80\x80\x40" + b"\xff" * 7
    with pytest.raises(packs.BadPack, match="more than"):
        walked(bomb(7, len(delta), delta))


def of_delta(kind: int, base: bytes, of: int, number: int) -> bytes:
    """Return a delta in a pack that makes a copy of its base with other last bytes."""
    copied = of - 4
    left = [of >> shift for shift in (0, 7, 14, 21) if of >> shift]
    lengths = bytes(part & 127 | (128 if part > 127 else 0) for part in left)
    copy = bytes([0xF0 if copied > 0xFFFF else 0xB0, *copied.to_bytes(3, "little")])
    delta = lengths * 2 + copy + b"\x04" + number.to_bytes(4, "big")
    return bytes([kind << 4 | len(delta) & 15 | 128, len(delta) >> 4]) + base + zlib.compress(delta)


def behind(distance: int) -> bytes:
    """Return how a delta says that its base stands so many bytes before it."""
    out = [distance & 127]
    while distance := distance >> 7:
        distance -= 1
        out.insert(0, 128 | distance & 127)
    return bytes(out)


def comb(levels: int, each: int, size: int) -> bytes:
    """Return a pack in which each of so many deltas changes the last one before, level by level."""
    content = bytes(size)
    head = bytes(
        [0x30 | size & 15 | 128, size >> 4 & 127 | 128, size >> 11 & 127 | 128, size >> 18]
    )
    out = b"PACK" + (2).to_bytes(4, "big") + (1 + levels * each).to_bytes(4, "big")
    last = len(out)
    out += head + zlib.compress(content)
    for level in range(levels):
        base = last
        for number in range(each):
            last = len(out)
            out += of_delta(6, behind(last - base), size, level * each + number)
    return out + bytes(20)


@pytest.mark.guarantee("G22.6")
def test_what_would_be_held_at_one_time_is_bounded() -> None:
    # The library keeps each level of the comb for the second delta of the next.
    with pytest.raises(packs.BadPack, match="at one time"):
        walked(comb(20, 2, 4_000_000))
    # What nobody else waits for is let go.
    walked(comb(40, 1, 4_000_000))
    walked(comb(1, 40, 4_000_000))


@given(st.lists(st.binary(max_size=20_000), max_size=4, unique=True), st.data())
def test_it_does_not_matter_in_which_pieces_a_pack_comes(
    contents: list[bytes], data: st.DataObject
) -> None:
    whole = packed(*contents)
    walk = packs.Walk()
    while whole:
        length = data.draw(st.integers(1, len(whole)))
        walk.feed(whole[:length])
        whole = whole[length:]
    walk.end()


def test_a_pack_is_refused_while_it_comes() -> None:
    huge = bytes(packs.MAX_OBJECT_BYTES + 1)
    walk = packs.Walk()
    with pytest.raises(packs.BadPack, match="more than"):
        walk.feed(bomb(3, len(huge), b"")[:20])
