"""From a row back to the aggregate whose events make it."""

from tests.support.each import each

from catalyst.contracts.subjects import Ref
from catalyst.projector.replay import reference
from catalyst.projector.views.table import BY_KIND


@each(sorted(BY_KIND))
def test_every_row_leads_back_to_its_aggregate(kind: str) -> None:
    view = BY_KIND[kind]
    given = Ref("acme", view.service, view.aggregate, "blog.acme-prod")
    key = view.key(given)
    # Some rows are the platform's, whoever wrote the events.
    expected = Ref(key.organization, view.service, view.aggregate, given.id)
    assert reference(key) == expected
    assert view.key(expected) == key
