"""Records in a file of JSON lines that survives crashes and has several writers."""

import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path

from pennylane_qstore.reporting.errors import InvalidRecordError
from pennylane_qstore.reporting.records import BatchRecord, read_record

logger = logging.getLogger("pennylane_qstore")


@dataclass(frozen=True, slots=True)
class LogContent:
    """What a log holds.

    Attributes:
        records: Its records, in the order in which they were written.
        torn_lines: Numbers, from 1, of lines that a crash cut short; they are not in ``records``.
    """

    records: tuple[BatchRecord, ...]
    torn_lines: tuple[int, ...]


class RunLog:
    """Appends records to a file that only its owner may read.

    A record is written by one call of the operating system to a file opened for appending, so that
    several threads and processes may share it. A line that a crash cut short stays alone.

    Args:
        path: The file; it is made when the first record comes.
        fsync: Whether a record must be on the disk, safe from loss of power, before ``append``
            returns.
    """

    def __init__(self, path: Path | str, *, fsync: bool = False) -> None:
        self._path = Path(path)
        self._fsync = fsync

    def __repr__(self) -> str:
        return f"RunLog({str(self._path)!r})"

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    def append(self, record: BatchRecord) -> None:
        """Write a record.

        Raises:
            OSError: If the file cannot be written, or not all of it.
        """
        line = json.dumps(record.to_dict(), allow_nan=False, separators=(",", ":")) + "\n"
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
        descriptor = os.open(self._path, flags, 0o600)
        try:
            data = _separator(descriptor) + line.encode()
            written = os.write(descriptor, data)
            if written < len(data):
                raise OSError(f"{self._path} took {written} of {len(data)} bytes of a record")
            if self._fsync:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read_log(path: Path | str) -> LogContent:
    """Read what was logged. Lines that a crash cut short are left out, and a warning says so.

    Raises:
        OSError: If the file cannot be read.
        InvalidRecordError: If a whole line is no record.
    """
    records: list[BatchRecord] = []
    torn: list[int] = []
    # Only "\n" ends a line here: the characters that `splitlines` knows may be part of a text.
    *lines, rest = Path(path).read_bytes().split(b"\n")
    for number, line in enumerate(lines, 1):
        if line:
            try:
                entry = json.loads(line)
            except ValueError:
                torn.append(number)
                continue
            records.append(_read(entry, f"{path}, line {number}"))
    if rest:
        torn.append(len(lines) + 1)
    if torn:
        logger.warning("%s: cut short, and left out: line %s", path, ", ".join(map(str, torn)))
    return LogContent(tuple(records), tuple(torn))


def _read(entry: object, where: str) -> BatchRecord:
    try:
        return read_record(entry)
    except InvalidRecordError as error:
        raise InvalidRecordError(f"{where}: {error}") from error


def _separator(descriptor: int) -> bytes:
    """An end of line, if the last line has none because its writer died."""
    end = os.lseek(descriptor, 0, os.SEEK_END)
    if end == 0:
        return b""
    os.lseek(descriptor, end - 1, os.SEEK_SET)
    return b"" if os.read(descriptor, 1) == b"\n" else b"\n"
