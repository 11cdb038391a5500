"""What was submitted, on disk: so that no paid job is sent twice, and none is forgotten.

A submission is written down before its POST, and its job id after it. Every circuit in it holds a
*claim* on its cache key until its results are kept, so that whoever asks for the same circuit in
the meantime (another thread, another process, the same script after a crash) waits for that job
instead of submitting its own.

What a process that died had claimed but not begun to send is free again; what it was sending is
looked for among the service's jobs by its mark.
"""

import json
import os
import platform
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import platformdirs
import psutil

from pennylane_qstore.errors import JournalError
from pennylane_qstore.native import Bit

CLAIMED, SENDING, LOST, SENT = "claimed", "sending", "lost", "sent"
COLLECTED, FAILED, CANCELED, REFUSED = "collected", "failed", "canceled", "refused"
OPEN_STATES = (CLAIMED, SENDING, LOST, SENT)

STALE_S = 3600.0
"""An answer that took longer than this will not come, even if the process still lives."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS submissions (
    mark TEXT PRIMARY KEY, service TEXT NOT NULL, backend TEXT NOT NULL, state TEXT NOT NULL,
    job_id TEXT, owner TEXT NOT NULL, created REAL NOT NULL, changed REAL NOT NULL,
    shots INTEGER, sharpen INTEGER NOT NULL, circuits TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS by_job ON submissions (job_id);
CREATE TABLE IF NOT EXISTS claims (
    service TEXT NOT NULL, key TEXT NOT NULL, mark TEXT NOT NULL, place INTEGER NOT NULL,
    PRIMARY KEY (service, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_mark ON claims (mark);
"""
_COLUMNS = (
    "mark, service, backend, state, job_id, owner, created, changed, shots, sharpen, circuits"
)
_VARIABLES = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """One circuit of a submission.

    Attributes:
        key: Key of its result in the cache.
        n_qubits: Its width.
        readout: How the source's qubits are read from its own; empty if not known.
    """

    key: str
    n_qubits: int
    readout: tuple[Bit, ...] = ()


@dataclass(frozen=True, slots=True)
class Submission:
    """One job, from the claim on.

    Attributes:
        mark: What its metadata carry; no two submissions have the same.
        service: Address of the service.
        backend: The backend's name.
        shots: Repetitions of each circuit, or None.
        circuits: Its circuits, in order.
        sharpen: Whether its results are to be combined by plurality vote.
        state: ``claimed``, ``sending``, ``sent`` or ``lost`` (in between) while open; then
            ``collected``, ``failed``, ``canceled`` or ``refused``.
        job_id: The service's id, once it is known.
        owner: The process that submits it.
        created: When it was claimed, in seconds since 1970.
        changed: When its state last changed.
    """

    mark: str
    service: str
    backend: str
    shots: int | None
    circuits: tuple[Entry, ...]
    sharpen: bool = False
    state: str = CLAIMED
    job_id: str | None = None
    owner: str = ""
    created: float = 0.0
    changed: float = 0.0


def default_directory() -> Path:
    """Where the journal of a user lies unless another place is named."""
    return platformdirs.user_state_path("pennylane_qstore")


class Journal:
    """Submissions of all processes that use one directory. Safe to use from several threads.

    Args:
        directory: Where to keep them; None for the user's state directory.
        clock: Seconds since 1970.

    Raises:
        JournalError: If the directory cannot be written, or holds something else.
    """

    def __init__(
        self, directory: Path | None = None, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.directory = default_directory() if directory is None else Path(directory)
        self._clock = clock
        self._lock = threading.RLock()
        self._pid = 0
        self._database: sqlite3.Connection | None = None
        with self._transaction():
            pass

    def __repr__(self) -> str:
        return f"Journal({str(self.directory)!r})"

    def claim(self, submissions: Sequence[Submission]) -> bool:
        """Write submissions down before they are sent.

        Returns:
            False, with nothing written, if somebody holds a claim on one of the circuits.
        """
        now = self._clock()
        try:
            with self._transaction() as database:
                for one in submissions:
                    owned = replace(one, owner=this_process(), created=now, changed=now)
                    database.execute(
                        f"INSERT INTO submissions ({_COLUMNS}) VALUES ({','.join('?' * 11)})",
                        _row(owned),
                    )
                    database.executemany(
                        "INSERT INTO claims VALUES (?, ?, ?, ?)",
                        [
                            (one.service, entry.key, one.mark, place)
                            for place, entry in enumerate(one.circuits)
                        ],
                    )
        except sqlite3.IntegrityError:
            return False
        return True

    def move(self, mark: str, state: str, *, job_id: str | None = None) -> None:
        """Note a new state of a submission. One that has ended gives its claims up."""
        with self._transaction() as database:
            database.execute(
                "UPDATE submissions SET state = ?, changed = ?, job_id = coalesce(?, job_id) "
                "WHERE mark = ?",
                (state, self._clock(), job_id, mark),
            )
            if state not in OPEN_STATES:
                database.execute("DELETE FROM claims WHERE mark = ?", (mark,))

    def begin(self, mark: str) -> bool:
        """Note that a claimed submission is being sent; False if somebody took the claim away."""
        with self._transaction() as database:
            cursor = database.execute(
                "UPDATE submissions SET state = ?, changed = ? WHERE mark = ? AND state = ?",
                (SENDING, self._clock(), mark, CLAIMED),
            )
            return cursor.rowcount == 1

    def holding(self, service: str, keys: Sequence[str]) -> list[Submission]:
        """Open submissions that hold a claim on one of the keys."""
        marks: set[str] = set()
        with self._transaction() as database:
            for start in range(0, len(keys), _VARIABLES):
                some = keys[start : start + _VARIABLES]
                found = database.execute(
                    "SELECT DISTINCT mark FROM claims WHERE service = ? AND key IN "
                    f"({','.join('?' * len(some))})",
                    (service, *some),
                )
                marks.update(mark for (mark,) in found)
            return [one for mark in sorted(marks) for one in self._select("mark = ?", mark)]

    def get(self, mark: str) -> Submission | None:
        """A submission, whatever its state."""
        with self._transaction():
            return next(iter(self._select("mark = ?", mark)), None)

    def by_job(self, job_id: str) -> Submission | None:
        """The submission of a job."""
        with self._transaction():
            return next(iter(self._select("job_id = ?", job_id)), None)

    def submissions(self, *, everything: bool = False) -> list[Submission]:
        """Open submissions, or all, oldest first."""
        where = "1" if everything else f"state IN {OPEN_STATES}"
        with self._transaction():
            return self._select(where)

    def clean(self, *, before: float) -> int:
        """Forget submissions that ended before a moment, and return how many there were."""
        with self._transaction() as database:
            cursor = database.execute(
                f"DELETE FROM submissions WHERE state NOT IN {OPEN_STATES} AND changed < ?",
                (before,),
            )
            return cursor.rowcount

    def is_abandoned(self, submission: Submission) -> bool:
        """Whether nobody is going to send this submission any more, or to note its id."""
        if submission.state in (SENT, LOST):
            return submission.state == LOST
        return self.age(submission) > STALE_S or not _is_alive(submission.owner)

    def age(self, submission: Submission) -> float:
        """Seconds since its state last changed."""
        return self._clock() - submission.changed

    def close(self) -> None:
        """Close the file. It opens again when needed."""
        with self._lock:
            if self._database is not None:
                self._database.close()
            self._database = None

    def _select(self, where: str, *values: str) -> list[Submission]:
        assert self._database is not None
        rows = self._database.execute(
            f"SELECT {_COLUMNS} FROM submissions WHERE {where} ORDER BY created", values
        )
        return [_submission(row) for row in rows]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """The database, locked against others until the block ends, and synced then."""
        with self._lock:
            try:
                database = self._connect()
                database.execute("BEGIN IMMEDIATE")
                try:
                    yield database
                except BaseException:
                    database.rollback()
                    raise
                database.commit()
            except sqlite3.IntegrityError:
                raise
            except (sqlite3.Error, OSError, ValueError, TypeError) as error:
                raise JournalError(
                    f"the journal {self.directory / 'journal.db'} cannot be used "
                    f"({type(error).__name__}: {error}), so nothing that is paid for is sent; make "
                    "the directory writable, name another one with journal=..., or go without "
                    "with journal=False"
                ) from error

    def _connect(self) -> sqlite3.Connection:
        """The connection of this process; a forked one opens its own."""
        if self._database is not None and self._pid == os.getpid():
            return self._database
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.directory / "journal.db"
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600))
        database = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA trusted_schema = OFF")
        database.executescript(_SCHEMA)
        self._database, self._pid = database, os.getpid()
        return database


def this_process() -> str:
    """A name of this process that no other process gets, on this or another machine."""
    return f"{platform.node()}:{os.getpid()}:{psutil.Process().create_time():.2f}"


def _is_alive(owner: str) -> bool:
    """Whether a process runs. Nothing can be said of other machines: theirs count as running."""
    node, _, rest = owner.rpartition(":")[0].rpartition(":")
    if node != platform.node():
        return True
    try:
        return f"{psutil.Process(int(rest)).create_time():.2f}" == owner.rpartition(":")[2]
    except (psutil.Error, ValueError):
        return False


def _row(one: Submission) -> tuple[Any, ...]:
    circuits = [[entry.key, entry.n_qubits, entry.readout] for entry in one.circuits]
    return (
        one.mark,
        one.service,
        one.backend,
        one.state,
        one.job_id,
        one.owner,
        one.created,
        one.changed,
        one.shots,
        int(one.sharpen),
        json.dumps(circuits, separators=(",", ":")),
    )


def _submission(row: Sequence[Any]) -> Submission:
    mark, service, backend, state, job_id, owner, created, changed, shots, sharpen, circuits = row
    entries = tuple(
        Entry(str(key), int(width), tuple(Bit(tuple(qubits), bool(flip)) for qubits, flip in bits))
        for key, width, bits in json.loads(circuits)
    )
    return Submission(
        mark,
        service,
        backend,
        shots,
        entries,
        bool(sharpen),
        state,
        job_id,
        owner,
        created,
        changed,
    )
