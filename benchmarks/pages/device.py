"""What was measured of the device, the compiler and the runtime, in words.

Each function reads the results of one benchmark and returns a piece of a sentence.
"""

from benchmarks.blocks import results, span

CASES = ("fixed", "per circuit")
"""What a circuit takes on the service of ``benchmarks/runtime.py``."""


def conformance(suite: str) -> str:
    counts = results("conformance")[suite]
    return ", ".join(f"{counts[key]} {key}" for key in ("passed", "failed", "skipped"))


def import_time() -> str:
    found = results("import_time")
    device, default = (
        f"import pennylane; pennylane.device('{name}')" for name in ("qstore.ionq", "default.qubit")
    )
    first = (found[key][device] - found[key][default] for key in ("median_s", "min_s"))
    return (
        f"{found['median_ratio']:.2f} × the time of PennyLane's alone; "
        f"the first device adds {span(first, '.1f')} s"
    )


def gradient_circuits() -> str:
    counts = results("gradient_counts")
    ours, split = counts["qstore.ionq"], counts["lightning.qubit, split"]
    return f"{ours['circuits']} circuits in {ours['jobs']} jobs (PennyLane: {split['circuits']})"


def gradient_times(kind: str) -> str:
    cases = results("gradient")[kind]

    def times(case: str) -> str:
        return f"{cases[case]['over_first']:.1f} ×"

    told = (
        f"{cases['qstore.ionq']['median_s']:.2f} s; `lightning.qubit` by parameter shift takes "
        f"{times('lightning.qubit')} as long ({times('lightning.qubit, split')} where it runs the "
        f"circuits of both groups), `default.qubit` {times('default.qubit')}, our device by "
        f"PennyLane's parameter shift {times('qstore.ionq, parameter-shift')}"
    )
    return told + (
        f", pennylane-ionq {times('pennylane-ionq')}" if "pennylane-ionq" in cases else ""
    )


def gradient_client() -> str:
    kinds = [part for part in results("gradient").values() if isinstance(part, dict)]
    shift = [part["qstore.ionq, parameter-shift"]["client_over_first"] for part in kinds]
    (theirs,) = (part["pennylane-ionq"] for part in kinds if "pennylane-ionq" in part)
    return (
        f"PennyLane's parameter shift takes {span(shift, '.0f')} ×, "
        f"pennylane-ionq {theirs['client_over_first']:.0f} ×"
    )


def gradient() -> str:
    return (
        f"{gradient_circuits()}. Exact: {gradient_times('analytic')}. With 1000 shots: "
        f"{gradient_times('1000 shots')}. Client time alone: {gradient_client()}"
    )


def arms() -> str:
    told = []
    for name, arm in results("arms")["arms"].items():
        if name == "one after the other":
            told.append(f"{name} {arm['median_s']:.1f} s")
            continue
        jobs = f", {arm['jobs']} job{'s' * (arm['jobs'] != 1)}" if arm["jobs"] else ""
        lowest, highest = (f"{arm[key]:.0f}" for key in ("faster_least", "faster_most"))
        told.append(f"{name} {arm['faster']:.0f} × faster ({lowest} to {highest}{jobs})")
    return "; ".join(told)


def bind() -> str:
    times = results("bind")["microseconds_per_circuit"]
    ms, zz = times["ours, MS"], times["ours, ZZ"]
    return (
        f"{ms:.0f} µs a circuit for MS, {zz:.0f} µs for ZZ; qiskit-ionq takes "
        f"{times['qiskit-ionq, MS'] / ms:.0f} × and {times['qiskit-ionq, ZZ'] / zz:.0f} ×; "
        f"cirq-ionq {times['cirq-ionq, qis'] / ms:.0f} × and pennylane-ionq "
        f"{times['pennylane-ionq, qis'] / ms:.0f} ×, both without native compilation; "
        f"`json.dumps` of the gates alone {times['json.dumps alone'] / ms:.0f} ×"
    )


def compiled(level: str) -> int:
    return int(results("compile_counts")["sums"][level][0])


def compile_levels() -> str:
    rows = results("compile_counts")["rows"]
    above = sum(row["level 2"]["interactions"] > row["best peer"]["n2"] for row in rows)
    slowest = max(row["level 2"]["seconds"] for row in rows)
    worst = max(cell["error"] for row in rows for cell in row.values() if "error" in cell)
    sums = " / ".join(str(compiled(f"level {level}")) for level in range(3))
    return (
        f"{sums} in sum, the best of all peers for each {compiled('best peer')}; {above or 'none'} "
        f"at level 2 above its best peer; every result verified to {worst:.0e}; "
        f"level 2 takes at most {slowest:.0f} s a circuit"
    )


def compile_tails() -> str:
    return f"levels 1 / 2: {compiled('level 1 + xor')} / {compiled('level 2 + xor')}"


def emulator() -> str:
    found = results("emulator")
    return (
        f"{found['median_ms_per_circuit']['emulator']:.2f} ms a circuit of "
        f"{found['native_gates_per_circuit']:.0f} native gates, "
        f"{found['emulator_over_peer']['default.qubit, RY RZ CNOT']:.2f} × the time "
        "`default.qubit` takes for the circuits before compilation"
    )


def emulator_loop() -> str:
    found = results("emulator_loop")
    return (
        f"{found['loop_ms']:.1f} ms a circuit instead of {found['one_job_ms']:.1f}, "
        f"{found['loop_over_one_job']:.0f} ×"
    )


def over_floor(case: str, key: str = "qstore_over_floor") -> list[float]:
    return [row[key] for row in results("runtime")[case].values() if isinstance(row, dict)]


def batches() -> str:
    fixed, per_circuit = (
        " / ".join(f"{value:.2f}" for value in over_floor(case)) for case in CASES
    )
    return (
        f"{fixed} ×; with 10 ms for each circuit {per_circuit} × the best packing "
        f"({one_job_for_a_batch()}). A new device's first batch: up to {first_batch():.1f} ×"
    )


def one_job_for_a_batch() -> str:
    fixed, growing = (max(over_floor(c, "httpx_over_floor")) for c in CASES)
    return f"raw httpx, one job for a batch: up to {fixed:.1f} × and {growing:.1f} ×"


def first_batch() -> float:
    return max(
        row["qstore_first_s"] / row["floor_s"]
        for case in CASES
        for row in results("runtime")[case].values()
        if isinstance(row, dict)
    )


def client() -> str:
    found = results("runtime")
    ours, httpx = (
        span(row[key] for row in found["cpu_ms_per_circuit"].values())
        for key in ("qstore", "httpx")
    )
    return (
        f"{found['served']['connections']} connections, at most "
        f"{max(found['polls_of_one_second'])} questions for a job of one second; client CPU {ours} "
        f"ms a circuit for 2 to 256 outcomes (raw httpx {httpx})"
    )


def cache_ratio(what: str, key: str = "ratio", form: str = ".1f") -> str:
    tables = [results("cache")[limits] for limits in ("without limits", "with limits")]
    rows = [row for table in tables for name, row in table.items() if name.startswith(what)]
    return span((row[key] for row in rows), form)


def cache() -> str:
    return (
        f"reading {cache_ratio('get')} ×, writing {cache_ratio('put')} ×, with and without limits: "
        f"{cache_ratio('get', 'ours_us', '.0f')} and {cache_ratio('put', 'ours_us', '.0f')} µs"
    )


def rerun() -> str:
    found = results("rerun")
    rounds = found["rounds"]
    equal = "equal bit for bit" if all(one["equal"] for one in rounds) else "NOT equal"
    asked = max(one["requests_again"] for one in rounds)
    before = span((one["requests_first"] for one in rounds), ".0f")
    return f"{asked} requests instead of {before}, {equal}, {found['median_ratio']:.0f} × faster"
