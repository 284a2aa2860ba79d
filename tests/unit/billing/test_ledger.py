"""The ledger against a naive model: sums of zero, balances as recomputed, never overdrawn."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.support import billing, build
from tests.support.examples import at_least
from tests.support.scenario import Outcome, Scenario, given

from catalyst.billing.domain import credit, holds, ledger
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.decision import Fired
from catalyst.contracts.rejection import Rejected

PROVISIONING = build.service("provisioning")
AMOUNTS = st.integers(1, 20_000)
PRICES = [billing.quote(billing.item(f"app-{n}", plan=None)) for n in range(3)] + [
    billing.quote(billing.item(f"big-{n}", plan="m", addons=("addon.backup",))) for n in range(3)
]


class Model:
    """What a child would do with coins in labelled purses."""

    def __init__(self) -> None:
        self.purses: list[dict[str, Any]] = []
        self.holds: dict[str, list[tuple[dict[str, Any] | None, int]]] = {}
        self.totals = {"revenue": 0, "breakage": 0, "clearing": 0, "owed": 0}
        self.limit = 0

    def usable(self, now: Any) -> list[dict[str, Any]]:
        """Purses in the order in which they are emptied."""
        open_ = [p for p in self.purses if p["left"] and (not p["expires"] or p["expires"] > now)]
        far = billing.NOW + timedelta(days=99_999)
        return sorted(open_, key=lambda p: (p["priority"], p["expires"] or far))

    def take(self, name: str, amount: int, now: Any) -> bool:
        """Put so many coins aside, or none at all."""
        room = max(0, self.limit - self.totals["owed"])
        if sum(p["left"] for p in self.usable(now)) + room < amount:
            return False
        parts: list[tuple[dict[str, Any] | None, int]] = []
        for purse in self.usable(now):
            part = min(purse["left"], amount)
            purse["left"] -= part
            amount -= part
            parts.append((purse, part))
        if amount:
            self.totals["owed"] += amount
            parts.append((None, amount))
        self.holds[name] = parts
        return True

    def give_back(self, name: str, now: Any) -> None:
        """Put what was set aside where it came from; what expired is lost."""
        for purse, part in self.holds.pop(name):
            if purse is None:
                owed = min(part, self.totals["owed"])
                self.totals["owed"] -= owed
                self.purses.append(
                    {"name": "", "left": part - owed, "expires": None, "priority": 50}
                )
            elif purse["expires"] and purse["expires"] <= now:
                self.totals["breakage"] += part
            else:
                purse["left"] += part


class LedgerMachine(RuleBasedStateMachine):
    """Any history of one account."""

    def __init__(self) -> None:
        super().__init__()
        self.world: Scenario = given(billing.applied(), billing.opened())
        self.model = Model()
        self.now = billing.NOW
        self.count = 0
        self.gens: dict[str, str] = {}
        self.held: dict[str, str] = {}
        """The Application of each hold."""

    def _name(self) -> str:
        self.count += 1
        return f"n{self.count}"

    def _do(self, command: Any, by: Any) -> Outcome:
        outcome = self.world.when(
            command, billing.ACCOUNT, by=by, now=self.now, input_id=f"c-{self._name()}"
        )
        self.world = outcome.and_then()
        return outcome

    def _fire(self, timer: str, gen: str) -> None:
        outcome = self.world.hears(Fired(timer=timer, gen=gen), billing.ACCOUNT, now=self.now)
        self.world = outcome.and_then()

    @rule(
        minor=AMOUNTS,
        days=st.one_of(st.none(), st.integers(1, 5)),
        priority=st.sampled_from([10, 50]),
    )
    def grant(self, minor: int, days: int | None, priority: int) -> None:
        name = self._name()
        expires = None if days is None else self.now + timedelta(days=days)
        command = bill1.GrantCredit(
            grant=name,
            amount=billing.omr(minor),
            reason="so",
            expires=expires,
            priority=priority,
        )
        done = self._do(command, billing.BILLING_ADMIN)
        self.gens[f"{credit.EXPIRY}goodwill-{name}"] = done.events[0].gen  # type: ignore[attr-defined]
        self.model.purses.append(
            {"name": f"goodwill-{name}", "left": minor, "expires": expires, "priority": priority}
        )
        self.model.totals["clearing"] -= minor

    @rule(minor=AMOUNTS)
    def pay(self, minor: int) -> None:
        name = self._name()
        command = bill1.RecordPayment(payment=name, amount=billing.omr(minor), reference="transfer")
        self._do(command, billing.BILLING_ADMIN)
        settled = min(minor, self.model.totals["owed"])
        self.model.totals["owed"] -= settled
        self.model.totals["clearing"] -= minor
        self.model.purses.append(
            {"name": name, "left": minor - settled, "expires": None, "priority": 50}
        )

    @rule(minor=st.sampled_from([0, 3000, 15_000]))
    def limit(self, minor: int) -> None:
        self._do(bill1.SetCreditLimit(limit=billing.omr(minor)), billing.BILLING_ADMIN)
        self.model.limit = minor

    @rule(quote=st.sampled_from(PRICES))
    def hold(self, quote: Any) -> None:
        name = self._name()
        try:
            outcome = self.world.when(
                billing.hold(name, quote), billing.ACCOUNT, by=PROVISIONING, now=self.now
            )
        except Rejected:
            raise AssertionError from None
        if outcome.rejected is not None and outcome.rejected.code == "quote-mismatch":
            return  # The Application is paid for by now: the quote is of before.
        application = quote.items[0].application
        if any(self.held[one] == application for one in self.model.holds):
            outcome.then_rejected("hold-exists")
            return
        self.held[name] = application
        self.world = outcome.and_then()
        enough = self.model.take(name, quote.due.minor, self.now)
        assert (outcome.rejected is None) == enough
        if enough:
            self.gens[f"{holds.DEADLINE}{name}"] = outcome.events[0].gen  # type: ignore[attr-defined]
        else:
            outcome.then_rejected("credit-insufficient")

    @precondition(lambda self: self.model.holds)
    @rule(data=st.data(), how=st.sampled_from(["capture", "release", "run out"]))
    def end(self, data: Any, how: str) -> None:
        name = data.draw(st.sampled_from(sorted(self.model.holds)))
        if how == "capture":
            amount = sum(part for _, part in self.model.holds.pop(name))
            self._do(bill1.CaptureHold(hold=name, revision="r"), PROVISIONING)
            self.model.totals["revenue"] += amount
            return
        if how == "release":
            self._do(bill1.ReleaseHold(hold=name, reason="no"), PROVISIONING)
        else:
            timer = f"{holds.DEADLINE}{name}"
            self._fire(timer, self.gens[timer])
        self.model.give_back(name, self.now)

    @rule(days=st.integers(0, 3))
    def time_passes(self, days: int) -> None:
        self.now += timedelta(days=days)

    @rule()
    def grants_expire(self) -> None:
        for purse in self.model.purses:
            if purse["expires"] and purse["expires"] <= self.now:
                timer = f"{credit.EXPIRY}{purse['name']}"
                self._fire(timer, self.gens[timer])
                self.model.totals["breakage"] += purse["left"]
                purse["left"] = 0

    @rule(timer=st.sampled_from(["hold.n1", "expiry.goodwill-n1", "other"]))
    def a_stale_timer_fires(self, timer: str) -> None:
        before = self._state()
        self._fire(timer, "_not-the-one")
        assert self._state() == before

    def _state(self) -> Any:
        return self.world.world.state(billing.ACCOUNT)

    @invariant()
    def it_all_adds_up(self) -> None:
        state = self._state()
        left = sum(one.left for one in state.credits.values())
        assert left + sum(state.balances.values()) == 0
        assert left == sum(purse["left"] for purse in self.model.purses)
        held = sum(part for parts in self.model.holds.values() for _, part in parts)
        expected = {
            "held": held,
            "revenue": self.model.totals["revenue"],
            "breakage": self.model.totals["breakage"],
            "clearing": self.model.totals["clearing"],
            "receivable": -self.model.totals["owed"],
        }
        for name, minor in expected.items():
            assert state.balances.get(f"{name}:OMR", 0) == minor, name

    @invariant()
    def nothing_is_overdrawn(self) -> None:
        state = self._state()
        assert all(one.left >= 0 for one in state.credits.values())
        assert state.owed("OMR") >= 0


@pytest.mark.guarantee("G12.2")
def test_any_history_gives_the_balances_of_a_naive_model() -> None:
    run_state_machine_as_test(
        LedgerMachine, settings=settings(at_least(50), stateful_step_count=30)
    )


def test_a_group_that_does_not_add_up_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="do not add up"):
        bill1.Journal(postings=(ledger.posting("revenue", "OMR", 1),))
    with pytest.raises(ValueError, match="do not add up"):
        bill1.Journal(
            postings=(ledger.posting("held", "OMR", -1), ledger.posting("revenue", "USD", 1))
        )


def test_a_group_that_does_not_add_up_is_not_folded_either() -> None:
    good = bill1.Journal(
        postings=(ledger.posting("held", "OMR", -1), ledger.posting("revenue", "OMR", 1))
    )
    msgspec.structs.force_setattr(good, "postings", good.postings[:1])
    with pytest.raises(ledger.Unbalanced):
        ledger.post({}, {}, good)


def test_an_exhausted_grant_is_forgotten_once_nothing_can_come_back() -> None:
    world = given(*billing.rich(6500)).when(
        billing.hold(), billing.ACCOUNT, by=PROVISIONING, now=billing.NOW
    )
    assert world.decision.events
    assert world.state().credits.keys() == {"goodwill-g1"}
    captured = world.and_then().when(
        bill1.CaptureHold(hold="c-1", revision="r"), billing.ACCOUNT, by=PROVISIONING
    )
    assert captured.state().credits == {}
