import anyio
import pytest

from pennylane_qstore.errors import MalformedResultError, ServiceError
from pennylane_qstore.execution.fetch import fetch_outcomes, result_paths
from pennylane_qstore.execution.service import JobView

URL = {"probabilities": {"url": "/v0.4/jobs/j/results/probabilities"}}
ARTIFACT = {
    "ionq.result.probabilities.json.v1": {
        "id": "probabilities",
        "format": "ionq.result.probabilities.json.v1",
        "media_type": "application/json",
    }
}
HISTOGRAM = {
    "ionq.result.histogram.json.v2": {
        "id": "0198-hist",
        "format": "ionq.result.histogram.json.v2",
        "media_type": "application/json",
    }
}
AGGREGATE = {
    "ionq.result.probabilities-aggregate.json.v1": {
        "id": "probabilities-aggregate",
        "format": "ionq.result.probabilities-aggregate.json.v1",
        "media_type": "application/json",
    }
}


class Files:
    """A service that has only files, by path; an exception stands for one that cannot be read."""

    def __init__(self, files, jobs=()):
        self.files = files
        self.jobs = {job.job_id: job for job in jobs}
        self.asked = []

    async def get_result(self, path):
        self.asked.append(path)
        found = self.files.get(path, ServiceError("unknown", status_code=404))
        if isinstance(found, Exception):
            raise found
        return found

    async def get_job(self, job_id):
        return self.jobs[job_id]


def fetch(service, results, widths=(2,), shots=None, children=(), sharpen=False):
    job = JobView("j", "completed", child_job_ids=tuple(children), results=results)

    async def run():
        limiter = anyio.Semaphore(4)
        return await fetch_outcomes(service, job, widths, shots, limiter, sharpen=sharpen)

    found = anyio.run(run)
    return [dict(zip(o.states.tolist(), o.weights.tolist(), strict=True)) for o in found]


def test_a_url_alone_is_enough():
    service = Files({"/v0.4/jobs/j/results/probabilities": {"1": 1.0}})
    assert fetch(service, URL) == [{0b10: 1.0}]


def test_an_artifact_alone_is_enough():
    service = Files({"/jobs/j/artifacts/probabilities": {"1": 1.0}})
    assert fetch(service, ARTIFACT) == [{0b10: 1.0}]


def test_both_at_once_are_asked_for_once():
    service = Files({"/v0.4/jobs/j/results/probabilities": {"1": 1.0}})
    assert fetch(service, {**ARTIFACT, **URL}) == [{0b10: 1.0}]
    assert len(service.asked) == 1


def test_a_sampled_job_prefers_its_histogram():
    payload = {"histogram": {"registers": {"output_all": {"01": 7, "11": 3}}}}
    service = Files({"/jobs/j/artifacts/0198-hist": payload})
    assert fetch(service, {**URL, **HISTOGRAM}, shots=10) == [{0b10: 7, 0b11: 3}]


def test_an_exact_job_does_not_read_a_histogram():
    service = Files({"/v0.4/jobs/j/results/probabilities": {"1": 1.0}})
    assert fetch(service, {**HISTOGRAM, **URL}) == [{0b10: 1.0}]


def test_shots_serve_where_there_is_no_histogram():
    results = {"shots": {"url": "/v0.4/jobs/j/results/shots"}, **URL}
    service = Files({"/v0.4/jobs/j/results/shots": ["1", "3", "1"]})
    assert fetch(service, results, shots=3) == [{0b10: 2, 0b11: 1}]


@pytest.mark.parametrize("status", [403, 404])
def test_a_result_that_may_not_be_read_is_replaced_by_the_next(status):
    service = Files(
        {
            "/jobs/j/artifacts/0198-hist": ServiceError("no", status_code=status),
            "/v0.4/jobs/j/results/probabilities": {"1": 0.7, "3": 0.3},
        }
    )
    assert fetch(service, {**HISTOGRAM, **URL}, shots=10) == [{0b10: 7, 0b11: 3}]


def test_other_failures_are_raised():
    service = Files({"/jobs/j/artifacts/0198-hist": ServiceError("down", status_code=503)})
    with pytest.raises(ServiceError, match="down"):
        fetch(service, {**HISTOGRAM, **URL}, shots=10)


@pytest.mark.parametrize("results", [{}, URL, {"probabilities": None}, {"x": {"id": "y"}}])
def test_a_completed_job_without_results_is_named(results):
    with pytest.raises(MalformedResultError, match="job j: .*without readable"):
        fetch(Files({}), results)


CHILDREN = ("c0", "c1", "c2")
SHUFFLED = {"c2": {"3": 1.0}, "c0": {"0": 1.0}, "c1": {"1": 1.0}}


@pytest.mark.parametrize("url", ["probabilities", "probabilities/aggregated"])
def test_an_aggregate_behind_a_url_is_matched_by_child_id(url):
    service = Files({"/v0.4/jobs/j/results/probabilities/aggregated": SHUFFLED})
    results = {"probabilities": {"url": f"/v0.4/jobs/j/results/{url}"}}
    found = fetch(service, results, (2, 2, 2), children=CHILDREN)
    assert found == [{0: 1.0}, {0b10: 1.0}, {0b11: 1.0}]


@pytest.mark.parametrize(
    "path",
    ["/jobs/j/results/probabilities/aggregated", "/jobs/j/artifacts/probabilities-aggregate"],
)
def test_an_aggregate_behind_its_alias_is_matched_by_child_id(path):
    found = fetch(Files({path: SHUFFLED}), AGGREGATE, (2, 2, 2), children=CHILDREN)
    assert found == [{0: 1.0}, {0b10: 1.0}, {0b11: 1.0}]


def test_without_an_aggregate_each_child_is_asked():
    jobs = [
        JobView(
            child,
            "completed",
            results={"histogram": {"url": f"/v0.4/jobs/{child}/results/histogram"}},
        )
        for child in CHILDREN
    ]
    files = {f"/v0.4/jobs/c{k}/results/histogram": {str(k): 5} for k in range(3)}
    found = fetch(Files(files, jobs), {}, (2, 2, 2), 5, CHILDREN)
    assert found == [{0: 5}, {0b10: 5}, {0b01: 5}]


def test_a_child_that_did_not_complete_is_named():
    jobs = [JobView(child, "failed") for child in CHILDREN]
    with pytest.raises(MalformedResultError, match="job j: .*child c"):
        fetch(Files({}, jobs), {}, (2, 2, 2), 5, CHILDREN)


def test_a_missing_child_is_named():
    service = Files({"/v0.4/jobs/j/results/probabilities/aggregated": {"c0": {"0": 1.0}}})
    with pytest.raises(MalformedResultError, match="job j: .*missing.*'c1'"):
        fetch(service, URL, (2, 2), children=("c0", "c1"))


@pytest.mark.parametrize("children", [(), ("a",), ("a", "a"), ("a", "b", "c")])
def test_a_wrong_number_of_children_is_refused(children):
    with pytest.raises(MalformedResultError, match="2 circuits"):
        fetch(Files({}), URL, (2, 2), children=children)


def test_circuits_of_one_job_may_differ_in_width():
    files = {"/v0.4/jobs/j/results/probabilities/aggregated": {"b": {"1": 1.0}, "a": {"1": 1.0}}}
    assert fetch(Files(files), URL, (1, 3), children=("a", "b")) == [{1: 1.0}, {0b100: 1.0}]


def test_an_artifact_id_cannot_leave_its_job():
    job = JobView("j", "completed", results={"shots": {"id": "../../x?y", "format": "shots"}})
    assert result_paths(job, "shots") == ["/jobs/j/artifacts/..%2F..%2Fx%3Fy"]


def test_sharpened_results_are_asked_of_the_probabilities_by_plurality_vote():
    service = Files({"/jobs/j/results/probabilities?sharpen=true": {"1": 0.7, "3": 0.3}})
    assert fetch(service, URL, shots=10, sharpen=True) == [{0b10: 7, 0b11: 3}]
    aggregate = {"b": {"0": 1.0}, "a": {"1": 1.0}}
    service = Files({"/jobs/j/results/probabilities/aggregated?sharpen=true": aggregate})
    found = fetch(service, URL, widths=(2, 2), shots=4, children=("a", "b"), sharpen=True)
    assert found == [{0b10: 4}, {0b00: 4}]
