"""What waits for whoever asks, at the command line: across Organizations, and whose it is."""

import pytest
from tests.integration.client.approving import ANN, ENV, ORG, applied, officer, pasted, person
from tests.integration.client.shop import Shop

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G26.14", "G27.7")]


def test_what_waits_is_listed_to_exactly_those_who_can_decide_it(shop: Shop) -> None:
    change, _ = applied(shop, "listed")
    sam, ann = officer(shop, "sam"), person(shop, ANN)
    for by in (sam, ann):
        told = shop.well("approvals", by=by)
        (line,) = (one for one in told.out.splitlines() if one.startswith(f"{change} "))
        assert f"install listed in {ENV}" in line
        assert "admin@localhost" in line
        assert "2 of anyone else" in line
        assert line.endswith("approve or reject")
    # Whoever asked for it has no say in it, and nor has a viewer.
    for by in ("", person(shop, "eve@example.org")):
        told = shop.well("approvals", "list", by=by)
        assert change not in told.out
    own = shop.well("approvals", "--all", "--json").json
    assert {one["you"] for one in own if one["change"]["change"] == change} == {"author"}
    assert shop.well("approvals", "list", "--all", by=person(shop, "eve@example.org")).out == ""

    # What is offered can be pasted, and decides the first of the list.
    first = shop.well("approvals", "list", "--org", ORG, "--json", by=sam).json[0]["change"]
    told = shop.well("approvals", "list", "--org", ORG, by=sam)
    assert first["hash"] in shop.well(*pasted(told.err, "plan show"), by=sam).out
    approve = pasted(told.err, "approve")
    assert approve == ["approve", first["change"], "--org", ORG, "--hash", first["hash"]]
    shop.well(*approve, by=sam)
    left = shop.well("approvals", "list", "--org", ORG, "--json", by=sam).json
    assert first["change"] not in [one["change"]["change"] for one in left]
    whole = shop.well("approvals", "list", "--all", "--json", by=sam).json
    given = {one["change"]["change"]: one["you"] for one in whole}
    assert given[first["change"]] == "approved"
    reject = pasted(shop.well("approvals", "list", by=ann).err, "reject")
    refused = shop.well(*(word if word != "WHY" else "No." for word in reject), by=ann)
    assert "rejected" in refused.out + refused.err


def test_nothing_that_waits_is_said_to_be_nothing(shop: Shop) -> None:
    told = shop.well("approvals", "list", "--org", "other", by=officer(shop, "sam"))
    assert (told.out, told.err) == ("", "nothing waits for your approval\n")
    nowhere = shop.run("approvals", "list", "--org", "nowhere")
    assert (nowhere.code, "no Organization 'nowhere'" in nowhere.err) == (4, True)
