"""Other compilers on the same QASM files, where they are installed: interactions and seconds."""

from importlib.util import find_spec
from time import perf_counter


def _qiskit_rzz(path):
    from qiskit import QuantumCircuit, transpile

    circuit = QuantumCircuit.from_qasm_file(str(path))

    def compiled():
        return transpile(
            circuit,
            basis_gates=["rzz", "rz", "rx", "ry"],
            optimization_level=3,
            seed_transpiler=0,
        )

    return compiled, lambda result: result.count_ops().get("rzz", 0)


def _pytket(names):
    def prepare(path):
        from pytket import passes
        from pytket.circuit import OpType
        from pytket.qasm import circuit_from_qasm

        source = circuit_from_qasm(str(path))
        source.remove_blank_wires()
        source = type(source)(source.n_qubits) if source.n_gates == 0 else source

        def compiled():
            circuit = source.copy()
            passes.RemoveBarriers().apply(circuit)
            for name in names:
                getattr(passes, name)().apply(circuit)
            passes.AutoRebase({OpType.ZZPhase, OpType.TK1}).apply(circuit)
            return circuit

        return compiled, lambda result: result.n_gates_of_type(OpType.ZZPhase)

    return prepare


PEERS = {
    "qiskit rzz O3": ("qiskit", _qiskit_rzz),
    "pytket peephole": ("pytket", _pytket(["FullPeepholeOptimise"])),
    "pytket greedy": ("pytket", _pytket(["GreedyPauliSimp", "FullPeepholeOptimise"])),
}


def installed():
    """Names of the compilers that can be run here."""
    return [name for name, (package, _) in PEERS.items() if find_spec(package)]


def run(name, path, repeats=3):
    """Interactions that a peer needs, and its best time in seconds; None where it refuses."""
    compiled, count = PEERS[name][1](path)
    times = []
    for _ in range(repeats):
        start = perf_counter()
        try:
            result = compiled()
        except RuntimeError:
            return None
        times.append(perf_counter() - start)
    return count(result), min(times)
