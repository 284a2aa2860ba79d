"""Every view, and the number of the fold that they make together."""

from __future__ import annotations

from typing import Any, Final

from catalyst.projector.views.billing_account import ACCOUNT
from catalyst.projector.views.billing_credit_note import CREDIT_NOTE
from catalyst.projector.views.billing_invoice import INVOICE
from catalyst.projector.views.billing_prices import PRICE_BOOK, SUBSCRIPTION
from catalyst.projector.views.billing_usage import USAGE
from catalyst.projector.views.billing_voucher import REDEMPTION, VOUCHER
from catalyst.projector.views.blueprint_blueprint import BLUEPRINT
from catalyst.projector.views.blueprint_source import SOURCE
from catalyst.projector.views.catalog_curation import CURATION
from catalyst.projector.views.environment import ENVIRONMENT
from catalyst.projector.views.onboarding import ONBOARDING
from catalyst.projector.views.organization import ORGANIZATION
from catalyst.projector.views.policy import POLICY
from catalyst.projector.views.provisioning_application import APPLICATION
from catalyst.projector.views.provisioning_change import CHANGE
from catalyst.projector.views.view import View

FOLD: Final = 28
"""Number of the fold. Raise it with every change that makes other rows of the same events: the
read model is then built anew beside the old one."""

VIEWS: Final[tuple[View[Any], ...]] = (
    ORGANIZATION,
    ENVIRONMENT,
    POLICY,
    ONBOARDING,
    ACCOUNT,
    PRICE_BOOK,
    SUBSCRIPTION,
    USAGE,
    INVOICE,
    CREDIT_NOTE,
    VOUCHER,
    REDEMPTION,
    SOURCE,
    BLUEPRINT,
    CURATION,
    APPLICATION,
    CHANGE,
)

BY_PLURAL: Final[dict[str, View[Any]]] = {view.plural: view for view in VIEWS}
BY_KIND: Final[dict[str, View[Any]]] = {view.kind: view for view in VIEWS}
