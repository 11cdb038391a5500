"""The device's keyword arguments, checked once where they enter."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from math import isfinite
from pathlib import Path
from typing import Any, get_args

from pennylane_qstore.errors import InvalidOptionError, MissingKeyError, UnknownBackendError
from pennylane_qstore.execution import BatchMode, CacheLimits, OnError, OnInterrupt, Settings
from pennylane_qstore.native import GateSet

IONQ_URL = "https://api.ionq.co/v0.4"
EMULATOR_URL = "http://emulator/v0.4"
"""Where the embedded emulator says it lives; no socket is opened."""

_MITIGATIONS = ("debiasing", "symmetry_verification", "sharpen")
_MAX_SEED = 2**31 - 1


@dataclass(frozen=True, kw_only=True)
class DeviceOptions:
    """What a user asks of the device; see :class:`~pennylane_qstore.device.IonQDevice`.

    Raises:
        InvalidOptionError: For the first option that cannot work, saying what would.
    """

    backend: str = "emulator"
    gateset: GateSet = "native"
    noise_model: str | None = None
    noise_seed: int | None = None
    seed: int | None = None
    api_key: str | None = field(default=None, repr=False)
    base_url: str | None = None
    cache: bool | str | Path = True
    journal: bool | str | Path = True
    batch_mode: BatchMode = "auto"
    max_in_flight: int = 8
    max_circuits_per_job: int | None = None
    max_queue_wait: float | None = None
    on_error: OnError = "raise"
    on_interrupt: OnInterrupt = "keep"
    cache_limits: Mapping[str, Any] | None = None
    budget: float | None = None
    rates: Mapping[str, Any] | None = None
    dry_run: bool = False
    log: str | Path | None = None
    error_mitigation: Mapping[str, bool] | None = None
    job_name: str | None = None
    metadata: Mapping[str, str] | None = None
    session_id: str | None = None
    timeout: float | None = None
    request_timeout: float = 60.0
    progress: bool | None = None
    optimization_level: int = 1
    absorb_tail: bool = False
    verify: bool = False

    def __post_init__(self) -> None:
        self._check_backend()
        if self.gateset not in ("native", "qis"):
            raise InvalidOptionError(f"gateset={self.gateset!r}; use 'native' or 'qis'")
        if self.optimization_level not in (0, 1, 2):
            raise InvalidOptionError(
                f"optimization_level={self.optimization_level!r}; use 0 (direct), 1 (templates, "
                "the default) or 2 (exhaustive search for each circuit)"
            )
        if self.absorb_tail and self.optimization_level == 0:
            raise InvalidOptionError(
                "absorb_tail=True needs optimization_level=1 or 2; 0 sends the circuit as written"
            )
        _check_seconds("timeout", self.timeout)
        _check_seconds("request_timeout", self.request_timeout)
        _check_seconds("max_queue_wait", self.max_queue_wait)
        _check_choice("batch_mode", self.batch_mode, get_args(BatchMode))
        _check_choice("on_error", self.on_error, get_args(OnError))
        _check_choice("on_interrupt", self.on_interrupt, get_args(OnInterrupt))
        _check_count("max_in_flight", self.max_in_flight)
        if self.max_circuits_per_job is not None:
            _check_count("max_circuits_per_job", self.max_circuits_per_job)
        if not isinstance(self.journal, bool | str | Path) or "://" in str(self.journal):
            raise InvalidOptionError(f"journal={self.journal!r}; use True, False or a directory")
        if not isinstance(self.cache, bool | str | Path):
            raise InvalidOptionError(f"cache={self.cache!r}; use True, False or a directory")
        if self.log is not None and not isinstance(self.log, str | Path):
            raise InvalidOptionError(f"log={self.log!r}; use a file to append to, or None")
        if not isinstance(self.dry_run, bool):
            raise InvalidOptionError(f"dry_run={self.dry_run!r}; use True or False")
        _check_seed("noise_seed", self.noise_seed, smallest=1)
        _check_seed("seed", self.seed, smallest=0)
        for name in self.error_mitigation or ():
            if name not in _MITIGATIONS:
                raise InvalidOptionError(
                    f"error_mitigation has {name!r}; IonQ offers {', '.join(_MITIGATIONS)}"
                )

    def _check_backend(self) -> None:
        is_qpu = isinstance(self.backend, str) and self.backend.startswith("qpu.")
        if self.backend not in ("emulator", "simulator") and not is_qpu:
            raise UnknownBackendError(
                f"backend={self.backend!r}; use 'emulator' (local, the default), 'simulator', or "
                "a machine such as 'qpu.forte-1'"
            )
        if self.backend == "emulator" and (self.base_url or self.api_key):
            given = "base_url" if self.base_url else "api_key"
            raise InvalidOptionError(
                f"{given} is given, but backend='emulator' runs inside this process and needs "
                "none; use backend='simulator' or a machine such as 'qpu.forte-1'"
            )

    @property
    def limits(self) -> CacheLimits | None:
        """What the cache may keep.

        Raises:
            InvalidOptionError: If a limit is none.
        """
        if self.cache_limits is None:
            return None
        if not isinstance(self.cache_limits, Mapping):
            raise InvalidOptionError(f"cache_limits={self.cache_limits!r}; give a dictionary")
        known = [field.name for field in fields(CacheLimits)]
        unknown = set(self.cache_limits) - set(known)
        if unknown:
            raise InvalidOptionError(
                f"cache_limits has {', '.join(sorted(unknown))}; it takes {', '.join(known)}"
            )
        return CacheLimits(**self.cache_limits)

    @property
    def is_exact(self) -> bool:
        """Whether the backend returns exact distributions."""
        is_simulator = self.backend in ("emulator", "simulator")
        return is_simulator and self.noise_model in (None, "ideal")

    @property
    def url(self) -> str:
        """Address of the service."""
        if self.backend == "emulator":
            return EMULATOR_URL
        return self.base_url or os.environ.get("IONQ_API_URL") or IONQ_URL

    @property
    def key(self) -> str:
        """The API key.

        Raises:
            MissingKeyError: If there is none.
        """
        if self.backend == "emulator":
            return "emulator"
        key = self.api_key or os.environ.get("IONQ_API_KEY")
        if not key:
            raise MissingKeyError(
                f"backend={self.backend!r} needs an IonQ API key: pass api_key=..., or set the "
                "environment variable IONQ_API_KEY; backend='emulator' works without one"
            )
        return key

    @property
    def settings(self) -> Settings:
        """What every job of the device shares."""
        mitigation: dict[str, Any] = dict(self.error_mitigation or {})
        return Settings(
            backend="simulator" if self.backend == "emulator" else self.backend,
            noise_model=self.noise_model,
            noise_seed=self.noise_seed,
            error_mitigation=tuple(sorted(mitigation.items())),
            session_id=self.session_id,
            job_name=self.job_name,
            metadata=tuple((self.metadata or {}).items()),
            exact=self.is_exact,
        )


def _check_seconds(name: str, value: float | None) -> None:
    if value is not None and not (_is_number(value) and isfinite(value) and value > 0):
        raise InvalidOptionError(f"{name}={value!r}; use a number of seconds above 0")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    if value not in choices:
        raise InvalidOptionError(f"{name}={value!r}; use one of {', '.join(map(repr, choices))}")


def _check_count(name: str, value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidOptionError(f"{name}={value!r}; use a whole number above 0")


def _check_seed(name: str, seed: int | None, *, smallest: int) -> None:
    if seed is None:
        return
    if isinstance(seed, bool) or not isinstance(seed, int) or not smallest <= seed <= _MAX_SEED:
        raise InvalidOptionError(f"{name}={seed!r}; use an integer from {smallest} to {_MAX_SEED}")
