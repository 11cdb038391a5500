"""Circuits and shots to outcomes: all I/O and all waiting."""

from pennylane_qstore.execution.blocking import run as run_blocking
from pennylane_qstore.execution.cache import ResultCache
from pennylane_qstore.execution.client import HttpService
from pennylane_qstore.execution.controller import BatchMode, Controller
from pennylane_qstore.execution.journal import Journal
from pennylane_qstore.execution.polling import PollSchedule
from pennylane_qstore.execution.request import (
    BatchResult,
    JobRecord,
    Progress,
    Request,
    Settings,
)
from pennylane_qstore.execution.runner import OnError, OnInterrupt, Runner
from pennylane_qstore.execution.service import BackendInfo, JobView, Service

__all__ = [
    "BackendInfo",
    "BatchMode",
    "BatchResult",
    "Controller",
    "HttpService",
    "JobRecord",
    "JobView",
    "Journal",
    "OnError",
    "OnInterrupt",
    "PollSchedule",
    "Progress",
    "Request",
    "ResultCache",
    "Runner",
    "Service",
    "Settings",
    "run_blocking",
]
