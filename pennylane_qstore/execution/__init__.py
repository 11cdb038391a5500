"""Circuits and shots to outcomes: all I/O and all waiting."""

from pennylane_qstore.execution.batch import Batch
from pennylane_qstore.execution.blocking import run as run_blocking
from pennylane_qstore.execution.blocking import start as start_blocking
from pennylane_qstore.execution.cache import ResultCache, ResultStore, open_cache
from pennylane_qstore.execution.cache_stats import CacheStats
from pennylane_qstore.execution.cache_stats import Limits as CacheLimits
from pennylane_qstore.execution.client import HttpService
from pennylane_qstore.execution.controller import BatchMode, Controller
from pennylane_qstore.execution.job_model import JobModel
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
    "Batch",
    "BatchMode",
    "BatchResult",
    "CacheLimits",
    "CacheStats",
    "Controller",
    "HttpService",
    "JobModel",
    "JobRecord",
    "JobView",
    "Journal",
    "OnError",
    "OnInterrupt",
    "PollSchedule",
    "Progress",
    "Request",
    "ResultCache",
    "ResultStore",
    "Runner",
    "Service",
    "Settings",
    "open_cache",
    "run_blocking",
    "start_blocking",
]
