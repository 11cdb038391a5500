"""How fast requests may leave, learned from the service's refusals."""

_FIRST_S, _LONGEST_S = 0.02, 10.0
"""Interval after the first refusal, and the longest one."""

_GROWTH, _SHRINK = 1.5, 0.97
"""What a refused and an accepted request make of the interval: half of it after 23 of these."""

_WINDOW_S = 1.0
"""Time within which refusals may all have one reason; the interval grows once in it."""

_NONE_S = 0.002
"""Intervals below are none."""


class Pace:
    """A bucket of one token, which fills once in an interval.

    Nobody says what the limit of IonQ's service is, or whether it tells how long to wait. So the
    interval grows when requests are refused, at most once a second, and shrinks slowly with every
    one that is taken. Until one is taken again, each refusal also doubles the pause after it. As
    long as nothing is refused there is no interval.
    """

    def __init__(self) -> None:
        self.interval_s = 0.0
        self._next_at = 0.0
        self._grown_at = self._refused_at = float("-inf")
        self._in_a_row = 0

    def wait_s(self, now: float) -> float:
        """Seconds until a request may leave; if it may now, the token is taken."""
        wait = self.until_next_s(now)
        if not wait:
            self._next_at = now + self.interval_s
        return wait

    def until_next_s(self, now: float) -> float:
        """Seconds until there is a token."""
        return max(0.0, self._next_at - now)

    def pause(self, now: float, seconds: float) -> None:
        """Let nothing leave for some time: the service said how long."""
        self._next_at = max(self._next_at, now + seconds)

    def refused(self, now: float, sent_at: float) -> None:
        """A request was one too many. Others that were under way with it say nothing new."""
        if sent_at >= self._grown_at + _WINDOW_S:
            self.interval_s = min(max(_GROWTH * self.interval_s, _FIRST_S), _LONGEST_S)
            self._grown_at = now
        if sent_at >= self._refused_at:
            self._in_a_row += 1
            self._refused_at = now
        self.pause(now, min(self.interval_s * 2 ** (self._in_a_row - 1), _LONGEST_S))

    def accepted(self) -> None:
        """A request was taken."""
        self._in_a_row = 0
        self.interval_s *= _SHRINK
        if self.interval_s < _NONE_S:
            self.interval_s = 0.0
