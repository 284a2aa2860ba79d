"""Which commands hold a secret, wherever in them it stands."""

from typing import Annotated, Any

import msgspec
import pytest
from tests.support.each import each

from catalyst.contracts.registry import MESSAGES
from catalyst.contracts.secret import SECRET, is_secret

pytestmark = pytest.mark.guarantee("G6.7")

Hidden = Annotated[str, msgspec.Meta(extra=SECRET)]
Shown = Annotated[str, msgspec.Meta(max_length=9)]


@each(
    [
        Hidden,
        Hidden | None,
        tuple[Hidden, ...],
        tuple[int, Hidden],
        list[dict[str, Hidden]],
        dict[Hidden, int],
        Shown,
        tuple[Shown, ...] | None,
    ]
)
def test_a_secret_is_found_wherever_it_stands(kind: Any) -> None:
    secret = "secret" in repr(kind)
    inner = msgspec.defstruct("Inner", [("it", kind), ("next", int)])
    outer = msgspec.defstruct("Outer", [("name", str), ("parts", tuple[inner, ...])])  # type: ignore[valid-type]
    assert (is_secret(inner), is_secret(outer)) == (secret, secret)


def test_the_code_of_a_voucher_is_the_secret_of_commands_and_no_event_has_one() -> None:
    found = {one.type for one in MESSAGES if is_secret(one.shape)}
    assert found == {"billing.issue-voucher.v1", "billing.redeem-voucher.v1"}
