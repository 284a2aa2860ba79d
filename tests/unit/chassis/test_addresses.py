"""Where this machine reaches what it listens at itself."""

import socket

from tests.support.each import each

from catalyst.chassis import app


@each([("127.0.0.1", "127.0.0.1"), ("127.0.0.2", "127.0.0.2"), ("0.0.0.0", "127.0.0.1")])  # noqa: S104
def test_what_listens_is_reached_where_it_does(host: str, named: str) -> None:
    with socket.create_server((host, 0)) as bound:
        port = bound.getsockname()[1]
        assert app.here(bound) == f"http://{named}:{port}"
        with socket.create_connection((named, port)):
            assert app.address("::1", port) == f"http://[::1]:{port}"
