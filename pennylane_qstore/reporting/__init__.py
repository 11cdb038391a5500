"""What a run did, from immutable records of its batches."""

from pennylane_qstore.reporting.anomalies import Anomaly, find_anomalies, find_loss_anomalies
from pennylane_qstore.reporting.dashboard import Dashboard, follow, read_dashboard, write_page
from pennylane_qstore.reporting.errors import InvalidRecordError, InvalidSeriesError
from pennylane_qstore.reporting.log import LogContent, RunLog, read_log
from pennylane_qstore.reporting.records import BatchRecord, format_time, read_record
from pennylane_qstore.reporting.stages import STAGES, Span, Stages, divide_time
from pennylane_qstore.reporting.summary import Summary, summarize
from pennylane_qstore.reporting.tables import Table, run_table

__all__ = [
    "STAGES",
    "Anomaly",
    "BatchRecord",
    "Dashboard",
    "InvalidRecordError",
    "InvalidSeriesError",
    "LogContent",
    "RunLog",
    "Span",
    "Stages",
    "Summary",
    "Table",
    "divide_time",
    "find_anomalies",
    "find_loss_anomalies",
    "follow",
    "format_time",
    "read_dashboard",
    "read_log",
    "read_record",
    "run_table",
    "summarize",
    "write_page",
]
