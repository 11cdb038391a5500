"""The pace of requests, against a simulated service that takes so many a second."""

import heapq
from collections import deque

import pytest

from pennylane_qstore.execution.pace import Pace

LATENCY_S = 0.03


def run(n_requests, limit, n_at_once=30, told=False):
    """Send requests as a pool of workers does; gives seconds, and refusals of each request."""
    pace, taken = Pace(), deque()
    refusals, done, time = [0] * n_requests, 0, 0.0
    waiting = deque(range(n_requests))
    events = [(0.0, i, "turn", waiting.popleft(), 0.0) for i in range(min(n_at_once, n_requests))]
    number = len(events)
    while events:
        time, _, kind, request, sent_at = heapq.heappop(events)
        number += 1
        if kind == "turn":
            wait = pace.wait_s(time)
            if wait > 0:
                heapq.heappush(events, (time + wait, number, "turn", request, 0.0))
                continue
            while taken and time - taken[0] >= 1:
                taken.popleft()
            if limit is None or len(taken) < limit:
                taken.append(time)
                heapq.heappush(events, (time + LATENCY_S, number, "accepted", request, time))
            else:
                heapq.heappush(events, (time + LATENCY_S, number, "refused", request, time))
        elif kind == "refused":
            pace.refused(time, sent_at)
            if told:
                pace.pause(time, max(0.0, 1 - (time - taken[0])))
            refusals[request] += 1
            heapq.heappush(events, (time, number, "turn", request, 0.0))
        else:
            pace.accepted()
            done += 1
            if waiting:
                heapq.heappush(events, (time, number, "turn", waiting.popleft(), 0.0))
    assert done == n_requests
    return time, refusals


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("limit", [2, 10, 60, 200])
def test_all_requests_get_through_a_limit(limit, told):
    n_requests = max(60, 5 * limit)
    seconds, refusals = run(n_requests, limit, told=told)
    assert max(refusals) <= 6
    assert sum(refusals) < n_requests * (1.5 if limit <= 10 else 0.5)
    assert seconds < 1.5 * n_requests / limit


def test_without_a_limit_nothing_waits():
    seconds, refusals = run(3000, None)
    assert seconds == pytest.approx(3000 / 30 * LATENCY_S)
    assert sum(refusals) == 0


def test_refusals_of_one_burst_count_once():
    pace = Pace()
    for _ in range(10):
        pace.refused(now=0.1, sent_at=0.0)
    assert pace.interval_s == 0.02
    assert pace.wait_s(0.1) == pytest.approx(0.02)


def test_refusals_in_a_row_double_the_pause_and_the_interval_grows_once_a_second():
    pace, now, waits = Pace(), 0.0, []
    for _ in range(12):
        pace.refused(now, sent_at=now)
        waits.append(pace.wait_s(now))
        now += waits[-1]
        assert pace.wait_s(now) == 0
    assert waits[:6] == pytest.approx([0.02 * 2**i for i in range(6)])
    assert waits[-1] == 10
    # 0.02 s six times doubled is more than a second; from then on every refusal is in another.
    assert pace.interval_s == pytest.approx(0.02 * 1.5**6)
    pace.accepted()
    pace.refused(now + 20, sent_at=now + 20)
    assert pace.wait_s(now + 20) == pytest.approx(0.02 * 1.5**7 * 0.97)


def test_a_pause_holds_everything_back():
    pace = Pace()
    pace.pause(now=1.0, seconds=3.0)
    pace.pause(now=1.0, seconds=1.0)
    assert pace.wait_s(2.0) == 2.0
    assert pace.wait_s(4.0) == 0.0
    assert pace.wait_s(4.0) == 0.0, "there is no interval"


def test_the_pace_is_forgotten_when_all_goes_well():
    pace = Pace()
    pace.refused(now=0.0, sent_at=0.0)
    for _ in range(200):
        pace.accepted()
    assert pace.interval_s == 0
    for i in range(100):
        pace.refused(now=float(i), sent_at=float(i))
    assert pace.interval_s == 10
