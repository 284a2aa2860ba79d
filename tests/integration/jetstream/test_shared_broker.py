"""The broker that tests share never runs out of accounts, whoever asks for one more."""

from pathlib import Path

import pytest
from tests.support.broker import SharedBroker

from catalyst.chassis.jetstream.connection import connect

pytestmark = pytest.mark.real


async def test_behind_the_last_account_of_a_server_comes_one_of_another(tmp_path: Path) -> None:
    broker = SharedBroker(tmp_path, lot=2)
    broker.start()
    try:
        given = [broker.account() for _ in range(3)]
        assert [access.url == given[0].url for access in given] == [True, True, False]
        assert given[0].user != given[1].user
        for access in given:
            async with connect(
                access.url, name="test", user=access.user, password=access.password
            ) as js:
                assert broker.runs(js.server_name)
                assert await js.api("INFO", None)
    finally:
        broker.stop()
