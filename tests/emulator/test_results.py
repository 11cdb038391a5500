"""Every result format, and every way to get it."""

import re

import numpy as np
import pytest

CIRCUIT = [{"gate": "x", "target": 0}, {"gate": "ry", "target": 2, "rotation": 1.0}]
NOISY = {"noise": {"model": "aria-1", "seed": 3}, "shots": 700}
HIGH = np.sin(0.5) ** 2


def artifact(service, job, form, key="id"):
    entry = service.finished(job)["results"][form]
    assert entry["format"] == form
    assert entry["media_type"] == "application/json"
    response = service.get(f"jobs/{job}/artifacts/{entry[key]}")
    assert response.status_code == 200
    return response.json()


def test_an_ideal_job_has_probabilities_only(service):
    job = service.submit(CIRCUIT, shots=500)
    results = service.finished(job)["results"]
    assert set(results) == {
        "probabilities",
        "ionq.result.probabilities.json.v1",
        "ionq.result.probabilities.json.v2",
    }
    assert results["probabilities"] == {"url": f"/v0.4/jobs/{job}/results/probabilities"}
    assert service.get(f"jobs/{job}/results/shots").status_code == 404
    assert service.get(f"jobs/{job}/results/histogram").status_code == 404


def test_exact_probabilities_keep_every_bit_of_their_doubles(service):
    found = service.result(service.submit(CIRCUIT))
    assert found == pytest.approx({"1": 1 - HIGH, "5": HIGH}, abs=1e-16, rel=1e-15)


def test_version_2_names_registers_and_writes_qubit_0_last(service):
    job = service.submit(CIRCUIT)
    found = artifact(service, job, "ionq.result.probabilities.json.v2")
    registers = found["probabilities"]["registers"]
    assert registers == {"output_all": pytest.approx({"001": 1 - HIGH, "101": HIGH})}


def test_named_registers_are_marginals(service):
    circuit = {"circuit": CIRCUIT, "registers": {"r": [2, 0], "none": None, 'q"': [1]}}
    parent = service.submit_many([circuit])
    child = service.finished(parent)["child_job_ids"][0]
    found = artifact(service, child, "ionq.result.probabilities.json.v2")
    registers = found["probabilities"]["registers"]
    assert set(registers) == {"output_all", "r", 'q"'}
    assert registers["r"] == pytest.approx({"10": 1 - HIGH, "11": HIGH})
    assert registers['q"'] == pytest.approx({"0": 1.0})


def test_a_noisy_job_has_all_formats_and_they_agree(service):
    job = service.submit(CIRCUIT, **NOISY)
    results = service.finished(job)["results"]
    assert {"probabilities", "histogram", "shots"} <= set(results)
    counts = service.result(job, "histogram")
    assert sum(counts.values()) == 700
    shots = service.result(job, "shots")
    assert len(shots) == 700
    assert {key: shots.count(key) for key in set(shots)} == counts
    assert shots != sorted(shots)
    assert service.result(job, "shots") == shots
    v2 = artifact(service, job, "ionq.result.histogram.json.v2")["histogram"]["registers"]
    assert v2["output_all"] == {f"{int(key):03b}": count for key, count in counts.items()}
    by_shot = artifact(service, job, "ionq.result.shots.json.v2")["shots"]
    bits = [shot["registers"]["output_all"] for shot in by_shot]
    assert [str(sum(bit << k for k, bit in enumerate(row))) for row in bits] == shots
    shares = artifact(service, job, "ionq.result.probabilities.json.v2")
    assert sum(shares["probabilities"]["registers"]["output_all"].values()) == pytest.approx(1)


def fits(value, schema):
    """Whether a value fits a schema made of the few words that ours use."""
    if "enum" in schema:
        return value in schema["enum"]
    kind = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float)}
    if not isinstance(value, kind[schema["type"]]):
        return False
    if isinstance(value, list):
        return all(fits(item, schema["items"]) for item in value)
    if isinstance(value, str):
        return re.search(schema["pattern"], value) is not None
    if not isinstance(value, dict):
        return schema["minimum"] <= value <= schema.get("maximum", value)
    return set(schema.get("required", ())) <= set(value) and all(
        fits(item, inner) for key, item in value.items() for inner in [member(key, schema)]
    )


def member(key, schema):
    """Schema of one member of an object."""
    if key in schema.get("properties", {}):
        return schema["properties"][key]
    for pattern, inner in schema.get("patternProperties", {}).items():
        if re.search(pattern, key):
            return inner
    assert schema["additionalProperties"], key
    return schema["additionalProperties"]


def test_each_artifact_matches_its_schema(service):
    job = service.submit(CIRCUIT, **NOISY)
    for form, entry in service.finished(job)["results"].items():
        if "id" in entry:
            schema = service.get(f"schemas/formats/{form}").json()
            assert fits(artifact(service, job, form), schema)
            assert not fits([1], schema)


def test_schemas_name_their_format_and_others_are_404(service):
    form = "ionq.result.shots.json.v2"
    assert service.get(f"schemas/formats/{form}").json()["$id"] == form
    assert service.get("schemas/formats/ionq.result.none").status_code == 404


def test_a_parent_has_the_aggregate_only(service):
    job = service.submit_many([{"circuit": CIRCUIT}] * 2, **NOISY)
    results = service.finished(job)["results"]
    form = "ionq.result.probabilities-aggregate.json.v1"
    url = f"/v0.4/jobs/{job}/results/probabilities/aggregated"
    assert set(results) == {"probabilities", form}
    assert results["probabilities"] == {"url": url}
    assert artifact(service, job, form) == service.result(job, "probabilities/aggregated")
    assert service.get(f"jobs/{job}/results/probabilities").status_code == 404


def test_sharpening_changes_nothing_without_debiased_variants(service):
    job = service.submit(CIRCUIT, **NOISY)
    assert service.result(job, "probabilities?sharpen=true") == service.result(job)


@pytest.mark.parametrize(
    ("shape", "legacy", "described"),
    [
        ("both", True, True),
        ("url", True, False),
        ("artifact", False, True),
    ],
)
def test_the_shape_of_results_can_be_chosen(make_service, shape, legacy, described):
    service = make_service(results_shape=shape)
    results = service.finished(service.submit(CIRCUIT))["results"]
    assert ("probabilities" in results) == legacy
    assert ("ionq.result.probabilities.json.v1" in results) == described


def test_unknown_artifacts_are_404(service):
    job = service.submit(CIRCUIT)
    service.finished(job)
    assert service.get(f"jobs/{job}/artifacts/shots").status_code == 404
    assert service.get(f"jobs/{job}/artifacts/nope").status_code == 404


def test_many_shots_and_many_states_are_served(service):
    circuit = [{"gate": "h", "target": q} for q in range(11)]
    job = service.submit(circuit, noise={"model": "aria-1", "seed": 1}, shots=30_000)
    assert len(service.result(job, "shots")) == 30_000
    batch = service.submit_many([{"circuit": circuit}] * 12)
    found = service.result(batch, "probabilities/aggregated")
    assert {len(each) for each in found.values()} == {2**11}
