"""What a person reads of a repository that cannot be fetched: who did what, in plain words."""

import errno
import logging
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.integration.blueprint_controller.test_git import HOME, add, organization
from tests.integration.blueprint_controller.test_hostile_git import line, serving
from tests.support.ports import free_ports
from tests.support.sources import registering

from catalyst.blueprint_controller.adapters import git, outside
from catalyst.blueprint_controller.adapters.git import GitSource
from catalyst.blueprint_controller.adapters.outside import Outside, Plain
from catalyst.blueprint_controller.domain.places import source_ref
from catalyst.blueprint_controller.ports import Unusable
from catalyst.chassis.jetstream.broker import JetStream

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G22.4")]

HOST = "git.example"
RAW = ("Pool", "Error", "object at", "0x", "Errno", "_Http", "(host=", "[SSL")
"""What stands in the texts of the libraries, and in nobody's language."""


def told(path: Path, url: str, pool: Plain | None = None) -> tuple[str, str]:
    """Return the code and the words with which a fetch fails."""
    with pytest.raises(Unusable) as caught:
        GitSource(path / "kept", url, "main", HOST).read(pool or Plain(), "", "", "")
    assert [part for part in RAW if part in caught.value.message] == []
    return caught.value.code, caught.value.message


@contextmanager
def listening(answer: bytes | None, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Take connections, and send each of them this and no more; None: never anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    one, _ = server.accept()
                except OSError:
                    return  # It is over.
                kept.append(one)
                if context is not None:
                    with suppress(OSError):  # Who asked does not trust it.
                        kept.append(context.wrap_socket(one, server_side=True))
                elif answer is not None:
                    one.recv(65536)
                    one.sendall(answer)
                    one.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
            for one in kept:
                one.close()


def selfmade(path: Path) -> ssl.SSLContext:
    """Return a server's side of TLS with a certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = path / "server.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def test_a_closed_port_refuses_and_the_log_has_the_rest(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}/x.git"
    with caplog.at_level(logging.WARNING, git.__name__):
        found = told(tmp_path, url)
    assert found == ("unreachable", "git.example refuses the connection: nobody listens there")
    (record,) = caplog.records
    assert record.__dict__["url"] == url
    assert "Connection refused" in record.__dict__["reason"]


def test_a_name_that_nobody_has_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, said in ((socket.EAI_NONAME, "is not found"), (socket.EAI_AGAIN, "cannot be")):

        def looked_up(*_: object, number: int = number, **__: object) -> None:
            raise socket.gaierror(number, "whatever the system says")

        monkeypatch.setattr(socket, "getaddrinfo", looked_up)
        for pool in (Plain(), Outside()):
            code, text = told(tmp_path, "http://nowhere.invalid/x.git", pool)
            assert (code, text.startswith(f"the name git.example {said}")) == ("unreachable", True)


def test_a_server_that_says_nothing_is_not_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outside, "READ_SECONDS", 0.2)
    with listening(None) as port:
        found = told(tmp_path, f"http://127.0.0.1:{port}/x.git")
    assert found == ("unreachable", "git.example does not answer in time")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "git.example broke the connection off"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "git.example does not speak HTTP"),
    ],
    ids=["nothing", "ssh"],
)
def test_what_is_no_answer_of_http_is_told(tmp_path: Path, answer: bytes, said: str) -> None:
    with listening(answer) as port:
        assert told(tmp_path, f"http://127.0.0.1:{port}/x.git") == ("unreachable", said)


def test_a_certificate_that_nobody_vouches_for_is_told(tmp_path: Path) -> None:
    with listening(None, selfmade(tmp_path)) as port:
        code, text = told(tmp_path, f"https://127.0.0.1:{port}/x.git")
    assert code == "unreachable"
    assert text.startswith("the certificate of git.example is not accepted: self")


def test_who_speaks_no_tls_is_told(tmp_path: Path) -> None:
    with listening(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        found = told(tmp_path, f"https://127.0.0.1:{port}/x.git")
    assert found == ("unreachable", "git.example does not speak TLS as it must")


def test_this_machine_is_called_what_it_is(tmp_path: Path) -> None:
    found = told(tmp_path, "http://127.0.0.1/x.git", Outside())
    assert found == ("unreachable", "git.example is not on the public network")


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (401, "refused", "wants a password for it (401)"),
        (403, "refused", "does not let us read it (403)"),
        (404, "not-found", "has no such repository (404)"),
        (410, "not-found", "has no such repository (410)"),
        (418, "refused", "does not take what it was asked (418)"),
        (429, "unreachable", "was asked too often (429)"),
        (503, "unreachable", "has an error of its own (503)"),
    ],
)
def test_a_refusal_is_told(tmp_path: Path, status: int, code: str, said: str) -> None:
    with serving(lambda: iter([b"no"]), lambda: iter(()), status=status) as url:
        assert told(tmp_path, url) == (code, f"{HOST} {said}")


def test_what_is_no_repository_is_told(tmp_path: Path) -> None:
    refused = line(b"# service=git-upload-pack\n") + b"0000" + line(b"ERR <object at 0xabc>\n")
    for answer in (b"<p>Hello", refused):
        with serving(lambda answer=answer: iter([answer]), lambda: iter(())) as url:  # type: ignore[misc]
            found = told(tmp_path, url)
        assert found == ("unreadable", "git.example does not answer as Git does")


async def test_a_source_that_cannot_be_fetched_says_so_in_words(
    js: JetStream, tmp_path: Path
) -> None:
    async with registering(
        js, tmp_path, git_url=f"http://127.0.0.1:{free_ports(1)[0]}"
    ) as registry:
        await organization(js, "acme")
        assert await add(registry, "acme", HOME.format("acme")) == ""
        await registry.read("shared", 1, "acme")
    (failed,) = await js.replay("EV", source_ref("acme", "shared").event("sync-failed", 1))
    said = msgspec.json.decode(failed.data)["data"]["message"]
    assert said == "our own Git refuses the connection: nobody listens there"


def test_a_disk_that_takes_nothing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    said = "what git.example sends cannot be kept here: No space left on device"
    assert told(tmp_path, "http://127.0.0.1:1/x.git") == ("unreachable", said)
