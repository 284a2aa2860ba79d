"""What its keepers say of a Blueprint is so at once, for whom it is meant, and for nobody else."""

from collections.abc import Iterator
from typing import Final

import pytest
from tests.integration.client.shop import KEEPING, Shop, open_supplied
from tests.integration.client.test_verbs import CODE, ENV, MANIFESTS, ORG, PRICES, carried_out

from catalyst.contracts.roles import SECURITY_OFFICER

pytestmark = pytest.mark.real
WHY: Final = ("--reason", "It loses pages.")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A stack with an Organization that has credit and prices."""
    folder = tmp_path_factory.mktemp("shop")
    with open_supplied(folder, MANIFESTS, organization=ORG, prices=PRICES, code=CODE) as found:
        yield found


def test_what_is_said_against_a_blueprint_names_the_copies_that_it_reaches(shop: Shop) -> None:
    shop.once_said("bp-wordpress", "catalog", "search", "wordpress", "--org", ORG)
    carried_out(shop, "install", "bp-wordpress", "--as", "blog", "--env", ENV, "--version", "1.0.1")
    officer = shop.installation.keys.people().person("sec@example.org", [SECURITY_OFFICER])
    yank = ("blueprint", "yank", "wordpress", "1.0.1", *WHY)
    # Who decides it is not who sees what runs.
    assert "nothing that you see runs it" in shop.well(*yank, by=officer).err
    again = shop.well(*yank)
    assert "it was so before" in again.out
    assert ["blog", ENV, ORG, "1.0.1"] in [line.split() for line in again.out.splitlines()]
    assert shop.run(*yank, by=shop.owner).code == 7
    other = shop.well("blueprint", "yank", "wordpress", "1.1.1", *WHY)
    assert "nothing that you see runs it" in other.err
    shop.once_said("yanked: It loses pages.", "app", "show", "blog", "--org", ORG)
    deprecate = ("blueprint", "deprecate", "wordpress", *WHY, "--replacement", "wiki")
    assert ["blog", ENV, ORG, "1.0.1"] in [
        line.split() for line in shop.well(*deprecate).out.splitlines()
    ]
    shop.once_said("deprecated", "catalog", "show", "wordpress", "--org", ORG)
    shop.well("blueprint", "withdraw", "loki", *WHY)
    assert "blueprint-withdrawn" in shop.run("blueprint", "deprecate", "loki", *WHY).err
    assert {one for one in KEEPING if one[0] == "blueprint"} <= shop.used
