"""Golden payloads of provisioning: `acme` installs a blog with its database in `acme-prod`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.message import Command, Event
from catalyst.contracts.money_v1 import Money
from catalyst.contracts.prices_v1 import Item, Quote, QuoteLine
from catalyst.contracts.provisioning_values_v1 import (
    Approvals,
    Deletion,
    Desired,
    Evidence,
    Locked,
    PlanRequest,
)

NOON: Final = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
LATER: Final = datetime(2026, 3, 2, 12, 15, tzinfo=UTC)
PROD: Final = "acme-prod"
CHANGE: Final = "ch-7Q2"
COMMIT: Final = "3f2a9c1d4b5e6f708192a3b4c5d6e7f809a1b2c3"
PLAN: Final = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
SEEN: Final = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
CONTENT: Final = f"sha256:{SEEN}"
INPUT: Final = "c-7Q2"
ADA: Final = "user:https://sso.cloud.example#ada"
GRACE: Final = "user:https://sso.cloud.example#grace"
VALUES: Final = {"replicas": 2, "title": "Acme"}

REQUEST: Final = PlanRequest(
    action="install",
    environment=PROD,
    application="blog",
    blueprint="bp-wordpress",
    version="6.4.x",
    values=VALUES,
    dependencies={"database": "new"},
    plan="s",
    addons=("addon.backup",),
)
INPUTS: Final = {"application:blog": SEEN, "blueprint:public-bp-wordpress": SEEN}
BLOG: Final = Locked(
    application="blog",
    environment=PROD,
    blueprint="bp-wordpress",
    origin="public",
    version="6.4.1",
    digest=CONTENT,
    role="target",
    dependencies={"database": "blog-postgres"},
)
DATABASE: Final = Locked(
    application="blog-postgres",
    environment=PROD,
    blueprint="bp-postgres",
    origin="public",
    version="16.2.0",
    digest=CONTENT,
    role="new",
)
DESIRED: Final = Desired(
    change=CHANGE,
    blueprint="bp-wordpress",
    origin="public",
    version="6.4.1",
    digest=CONTENT,
    values=VALUES,
    dependencies={"database": "blog-postgres"},
    plan="s",
    addons=("addon.backup",),
    sold=True,
)
PRICE: Final = Money(currency="OMR", minor=5000)
QUOTE: Final = Quote(
    book="main",
    version="2026-04",
    items=(Item(application="blog", environment=PROD, blueprint="bp-wordpress", plan="s"),),
    lines=(
        QuoteLine(
            sku="plan.s",
            name="Package S",
            formula="one month of package S",
            amount=PRICE,
            application="blog",
            environment=PROD,
        ),
    ),
    total=PRICE,
    due=PRICE,
)
TEAM: Final = Approvals(team="org-admin", quorum=1)
CRASH: Final = Evidence(
    kind="Pod",
    name="blog-7f9c",
    namespace="blog",
    status="degraded",
    reason="CrashLoopBackOff",
    message="back-off 40s restarting failed container",
)

PROVISIONING: Final[tuple[Command | Event, ...]] = (
    pro1.ApplyPlan(request=REQUEST, hash=PLAN, inputs=INPUTS, expires=LATER),
    pro1.ApproveChange(hash=PLAN, comment="Looks right."),
    pro1.RejectChange(hash=PLAN, reason="Not before the launch."),
    pro1.CancelChange(reason="The wrong Environment."),
    pro1.LookAgain(),
    pro1.ReportStep(
        step="delete",
        status="done",
        attempt=1,
        detail="planned",
        deletion=Deletion(
            request={"environment": PROD, "organization": "acme"},
            hash=PLAN,
            inputs={f"environment:{PROD}": SEEN},
            expires=LATER,
            goes=(f"environment:{PROD}", f"name:{PROD}"),
        ),
    ),
    pro1.ChangeOpened(
        request=REQUEST,
        hash=PLAN,
        inputs=INPUTS,
        environment=PROD,
        branches={PROD: "main"},
        lock=(DATABASE, BLOG),
        values={"blog": VALUES, "blog-postgres": {"storage": 10}},
        sold=("blog.acme-prod",),
        quote=QUOTE,
        approvals=(TEAM,),
        steps=("admit", "hold", "repository", "commit", "observe", "capture"),
        address="https://git.example.com",
        author=ADA,
        author_email="ada@acme.example",
    ),
    pro1.ChangeHeldBack(
        waits_for=("queue", "approvals", "window"),
        behind=("ch-6P1",),
        approvals=(TEAM,),
        officers=("org-admin",),
        opens=LATER,
        until=LATER,
        gen=INPUT,
        input=INPUT,
    ),
    pro1.ChangeApproved(
        by=GRACE,
        email="grace@acme.example",
        teams=("org-admin",),
        hash=PLAN,
        comment="Looks right.",
    ),
    pro1.ChangeRejected(by=GRACE, reason="Not before the launch."),
    pro1.ChangeBegun(input=INPUT),
    pro1.ChangeStepStarted(
        step="repository",
        applications=("blog-postgres", "blog"),
        attempt=1,
        gen=INPUT,
        deadline=LATER,
        input=INPUT,
    ),
    pro1.ChangeStepProgressed(
        step="commit", application="blog", detail=COMMIT, commits={PROD: COMMIT}, input=INPUT
    ),
    pro1.ChangeStepCompleted(step="commit", input=INPUT),
    pro1.ChangeStepFailed(
        step="hold",
        attempt=1,
        code="unavailable",
        reason="the deadline passed",
        input=INPUT,
    ),
    pro1.ChangeStepDelayed(
        step="commit",
        application="blog",
        attempt=1,
        reason="the Git door is away: it does not answer in time",
        input=INPUT,
    ),
    pro1.CompensationBegun(step="hold", reason="the deadline passed", input=INPUT),
    pro1.ChangeCompleted(input=INPUT),
    pro1.ChangeFailed(
        step="hold",
        reason="the deadline passed",
        undone=("hold", "admit"),
        left=("the repository blog stays",),
        input=INPUT,
    ),
    app1.ChangeWaiting(
        change=CHANGE,
        environment=PROD,
        action="install",
        desired=DESIRED,
        gates=("approvals",),
    ),
    app1.ChangeTaken(change=CHANGE, environment=PROD, action="install"),
    app1.ChangeLeft(change=CHANGE, environment=PROD, result="completed", next="ch-8R3"),
    app1.DesiredSet(environment=PROD, change=CHANGE, desired=DESIRED),
    app1.DependentAdded(environment=PROD, dependent="blog", change=CHANGE),
    app1.DependentRemoved(environment=PROD, dependent="blog", change="ch-9S4"),
    app1.RevisionCommitted(
        environment=PROD, change=CHANGE, repository="blog", branch="main", commit=COMMIT
    ),
    app1.ApplicationObserved(
        environment=PROD,
        change=CHANGE,
        applied="current",
        revision=CHANGE,
        commit=COMMIT,
        health="degraded",
        reason="CrashLoopBackOff",
        message="back-off 40s restarting failed container",
        evidence=(CRASH,),
        source="cluster",
        observed_at=NOON,
    ),
    app1.ApplicationSilent(environment=PROD, since=NOON),
    app1.ApplicationRemoved(environment=PROD, change="ch-9S4", kept_data=True),
    app1.RepositoryArchived(repository="blog", change="ch-9S4"),
)
