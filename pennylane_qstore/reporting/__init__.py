"""What a run did, from immutable records of its batches."""

from pennylane_qstore.reporting.anomalies import Anomaly, find_anomalies
from pennylane_qstore.reporting.errors import InvalidRecordError
from pennylane_qstore.reporting.log import LogContent, RunLog, read_log
from pennylane_qstore.reporting.records import BatchRecord, format_time, read_record
from pennylane_qstore.reporting.stages import STAGES, Span, Stages, divide_time
from pennylane_qstore.reporting.summary import Summary, summarize

__all__ = [
    "STAGES",
    "Anomaly",
    "BatchRecord",
    "InvalidRecordError",
    "LogContent",
    "RunLog",
    "Span",
    "Stages",
    "Summary",
    "divide_time",
    "find_anomalies",
    "format_time",
    "read_log",
    "read_record",
    "summarize",
]
