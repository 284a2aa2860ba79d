"""What is said of workers that do not answer."""

from tests.support.each import each

from catalyst.cli.findings import Health
from catalyst.cli.workercheck import LATE_SECONDS, Worker, judged

WELL = Worker(service="billing", holder="billing-7-ab", silent_seconds=1.9, waiting=9)
HELD = "environment-controller-4711-0a1b2c3d"


@each(
    [
        (Worker(service="environment", holder=HELD, silent_seconds=LATE_SECONDS), Health.OK, ""),
        (
            Worker(service="environment", holder=HELD, silent_seconds=5.0, waiting=1),
            Health.FAIL,
            (
                "environment: environment-controller, process 4711, has not answered for 5 s; "
                "1 command waits for it"
            ),
        ),
        (
            Worker(service="environment", waiting=2),
            Health.FAIL,
            (
                "environment: no worker answers, environment-controller does not run or hangs; "
                "2 commands wait for it"
            ),
        ),
        (
            Worker(service="catalog"),
            Health.WARN,
            "catalog: no worker answers, catalog-svc does not run or hangs; nothing waits for it",
        ),
    ]
)
def test_who_does_not_answer_is_named_with_what_waits(
    worker: Worker, health: Health, told: str
) -> None:
    found = judged([WELL, worker])
    assert (found.health, found.detail) == (health, told or "all 2 renew their leases")
    assert bool(found.fix) is (health is not Health.OK)
