import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pennylane_qstore.errors import MalformedResultError
from pennylane_qstore.execution.codec import decode, reverse_bits, split_aggregate


def as_dict(outcomes):
    """Outcomes as bit strings whose first character is qubit 0."""
    states = [format(state, f"0{outcomes.n_qubits}b") for state in outcomes.states.tolist()]
    return dict(zip(states, outcomes.weights.tolist(), strict=True))


# On three qubits, qubit 0 alone set: wire integer 1, wire string "001", shot array [1, 0, 0].
# Inside that is "100".


@pytest.mark.parametrize(
    "payload",
    [
        {"1": 0.25, "6": 0.75},
        {"probabilities": {"registers": {"output_all": {"001": 0.25, "110": 0.75}}}},
        {"probabilities": {"registers": {"q": {"001": 0.25, "110": 0.75}}}},
    ],
)
def test_both_layouts_of_probabilities_put_qubit_0_first(payload):
    outcomes = decode(payload, "probabilities", 3, None)
    assert outcomes.shots is None
    assert as_dict(outcomes) == {"100": 0.25, "011": 0.75}


@pytest.mark.parametrize(
    "payload",
    [
        {"1": 3, "6": 7},
        {"1": 3.0, "6": 7.0},
        {"histogram": {"registers": {"output_all": {"001": 3, "110": 7}}}},
    ],
)
def test_both_layouts_of_histograms_give_counts(payload):
    outcomes = decode(payload, "histogram", 3, 10)
    assert outcomes.shots == 10
    assert as_dict(outcomes) == {"100": 3, "011": 7}


@pytest.mark.parametrize(
    "payload",
    [
        ["1", "6", "1"],
        [1, 6, 1],
        {
            "shots": [
                {"registers": {"output_all": [1, 0, 0]}},
                {"registers": {"output_all": [0, 1, 1]}},
                {"registers": {"output_all": [1, 0, 0]}},
            ]
        },
    ],
)
def test_both_layouts_of_shots_are_counted(payload):
    assert as_dict(decode(payload, "shots", 3, 3)) == {"100": 2, "011": 1}


def test_shots_with_leakage_are_dropped_and_the_number_of_shots_says_so():
    shots = [
        {"registers": {"output_all": [1]}, "leakage_bits": [0]},
        {"registers": {"output_all": [0]}, "leakage_bits": [1]},
        {"registers": {"output_all": [0]}},
    ]
    outcomes = decode({"shots": shots}, "shots", 1, 3)
    assert outcomes.shots == 2
    assert as_dict(outcomes) == {"0": 1, "1": 1}


def test_states_ascend_and_impossible_ones_are_left_out():
    outcomes = decode({"4": 0.5, "3": 0.0, "1": 0.5}, "probabilities", 3, None)
    assert outcomes.states.tolist() == [0b001, 0b100]


def test_a_sum_slightly_off_one_is_renormalised():
    outcomes = decode({"0": 0.5001, "1": 0.5004}, "probabilities", 1, None)
    assert outcomes.weights.sum() == pytest.approx(1, abs=1e-15)
    assert outcomes.weights[0] == pytest.approx(0.5001 / 1.0005)


def test_a_sum_far_from_one_is_refused_with_the_sum():
    with pytest.raises(MalformedResultError, match=r"0\.9"):
        decode({"0": 0.4, "1": 0.5}, "probabilities", 1, None)


def test_frequencies_of_a_sampled_job_give_back_their_counts():
    counts = {"0": 123, "1": 1, "3": 876}
    frequencies = {key: count / 1000 for key, count in counts.items()}
    assert as_dict(decode(frequencies, "probabilities", 2, 1000)) == {"00": 123, "10": 1, "11": 876}


def test_thirds_of_a_hundred_shots_add_up_to_a_hundred():
    outcomes = decode({"0": 1 / 3, "1": 1 / 3, "2": 1 / 3}, "probabilities", 2, 100)
    assert sorted(outcomes.weights.tolist()) == [33, 33, 34]


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=64).filter(any))
def test_any_counts_come_back_from_their_frequencies(counts):
    shots = sum(counts)
    payload = {str(state): count / shots for state, count in enumerate(counts)}
    outcomes = decode(payload, "probabilities", 6, shots)
    found = {int(key[::-1], 2): value for key, value in as_dict(outcomes).items()}
    assert found == {state: count for state, count in enumerate(counts) if count}


@given(
    st.lists(st.floats(1e-6, 1), min_size=1, max_size=64), st.integers(min_value=1, max_value=10**6)
)
def test_counts_always_add_up_to_the_shots_and_are_nearest(weights, shots):
    total = sum(weights)
    payload = {str(state): weight / total for state, weight in enumerate(weights)}
    outcomes = decode(payload, "probabilities", 6, shots)
    assert outcomes.weights.sum() == shots == outcomes.shots
    for key, count in as_dict(outcomes).items():
        assert abs(count - payload[str(int(key[::-1], 2))] * shots) <= 1 + 1e-6


@given(st.integers(1, 40), st.data())
def test_reversing_bits_is_reading_the_binary_number_backwards(n_qubits, data):
    states = data.draw(st.lists(st.integers(0, 2**n_qubits - 1), min_size=1, max_size=9))
    expected = [int(format(state, f"0{n_qubits}b")[::-1], 2) for state in states]
    assert reverse_bits(np.array(states, dtype=np.int64), n_qubits).tolist() == expected


@given(st.dictionaries(st.integers(0, 2**14 - 1), st.integers(1, 50), min_size=1, max_size=30))
def test_histograms_of_wide_circuits_agree_between_layouts(counts):
    shots = sum(counts.values())
    first = decode({str(s): c for s, c in counts.items()}, "histogram", 14, shots)
    registers = {"output_all": {format(s, "014b"): c for s, c in counts.items()}}
    second = decode({"histogram": {"registers": registers}}, "histogram", 14, shots)
    assert as_dict(first) == as_dict(second)
    assert as_dict(first) == {format(s, "014b")[::-1]: c for s, c in counts.items()}


@pytest.mark.parametrize(
    ("payload", "kind", "quoted"),
    [
        ({"8": 1.0}, "probabilities", "'8'"),
        ({"-1": 1.0}, "probabilities", "'-1'"),
        ({"1_0": 1.0}, "probabilities", "'1_0'"),
        ({"٣": 1.0}, "probabilities", "'٣'"),
        ({"0x1": 1.0}, "probabilities", "'0x1'"),
        ({"": 1.0}, "probabilities", "''"),
        ({"0": 1.5, "1": -0.5}, "probabilities", "-0.5"),
        ({"0": float("nan")}, "probabilities", "nan"),
        ({"0": float("inf")}, "probabilities", "inf"),
        ({"0": "1.0"}, "probabilities", "'1.0'"),
        ({"0": True}, "probabilities", "True"),
        ({"0": None}, "probabilities", "None"),
        ({"0": 10**400}, "probabilities", "too large"),
        ({"9" * 5000: 1.0}, "probabilities", "999"),
        ({}, "probabilities", "{}"),
        ([], "probabilities", r"\[\]"),
        (None, "probabilities", "None"),
        ("error", "probabilities", "error"),
        ({"error": "not found"}, "probabilities", "not found"),
        ({"0": 0.5, "00": 0.5}, "probabilities", "twice"),
        ({"probabilities": {"registers": {"output_all": {"01": 1.0}}}}, "probabilities", "'01'"),
        ({"probabilities": {"registers": {"output_all": {"012": 1.0}}}}, "probabilities", "'012'"),
        ({"probabilities": {"registers": {"a": {}, "b": {}}}}, "probabilities", "output_all"),
        ({"probabilities": {}}, "probabilities", "output_all"),
        ({"0": 9.5, "1": 0.5}, "histogram", "9.5"),
        ({"0": 11}, "histogram", "11"),
        ({"0": 0}, "histogram", "0"),
        (["8"], "shots", "'8'"),
        (["0"] * 11, "shots", "10 shots"),
        ([], "shots", "no list"),
        ([None], "shots", "None"),
        ({"shots": [{"registers": {"output_all": [0, 2, 0]}}]}, "shots", "2"),
        ({"shots": [{"registers": {"output_all": [0, 1]}}]}, "shots", r"\[0, 1\]"),
        ({"shots": [{"registers": {"output_all": [[], 1, 0]}}]}, "shots", "1, 0"),
        ({"shots": [{}]}, "shots", "output_all"),
    ],
)
def test_malformed_results_are_refused_with_what_was_found(payload, kind, quoted):
    with pytest.raises(MalformedResultError, match=quoted):
        decode(payload, kind, 3, None if kind == "probabilities" else 10)


def test_long_findings_are_cut():
    with pytest.raises(MalformedResultError) as caught:
        decode({"0": "x" * 10_000}, "probabilities", 3, None)
    assert len(str(caught.value)) < 400


def test_an_aggregate_is_read_by_child_id_and_never_by_position():
    payload = {"c": {"2": 1.0}, "a": {"0": 1.0}, "b": {"1": 1.0}}
    assert split_aggregate(payload, ["a", "b", "c"], "j") == [{"0": 1.0}, {"1": 1.0}, {"2": 1.0}]


@pytest.mark.parametrize(
    ("payload", "quoted"),
    [
        ({"a": {}}, "missing .*'b'"),
        ({"a": {}, "b": {}, "z": {}}, "unknown .*'z'"),
        ([{}, {}], "no object"),
    ],
)
def test_an_aggregate_with_other_children_is_refused_with_their_names(payload, quoted):
    with pytest.raises(MalformedResultError, match=quoted):
        split_aggregate(payload, ["a", "b"], "j")
