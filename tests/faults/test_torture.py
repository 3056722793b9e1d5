"""The whole pipeline under load and mixed faults, recounted from outside; `make torture` is the long version."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.torture.faults import Fault
from bench.torture.run import Plan, as_json, torture

pytestmark = pytest.mark.faults

SCRIPT = (Fault.WIPE_WORKER, Fault.FREEZE_WORKER, Fault.ADD_WORKER, Fault.KILL_TWO, Fault.STOP_WORKER)


@pytest.mark.timeout(400)
def test_after_kills_a_zombie_a_wiped_state_and_rebalances_everything_is_counted_once(tmp_path: Path) -> None:
    outcome = torture(tmp_path / "data", Plan(seed=4, script=SCRIPT, others=20, hot=20, instances=40), print)
    assert outcome.is_clean, as_json(outcome)
    assert outcome.report["filled_to_the_limit"] > 0
    assert outcome.report["taken_over_while_frozen"] == 1
    assert outcome.report["kills"]["worker"] > 0
