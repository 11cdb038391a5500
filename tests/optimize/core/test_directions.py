"""Directions: their second moment is the identity, and orthogonal ones are orthogonal."""

import numpy as np
import pytest

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core.directions import KINDS, HadamardRows, directions_named

N_DRAWS = 4000


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_params", [1, 3, 8])
def test_the_second_moment_is_the_identity(kind, n_params):
    drawn = np.array([KINDS[kind].draw(seed, 0, 2, n_params) for seed in range(N_DRAWS)])
    outer = np.einsum("kri,krj->kij", drawn, drawn) / 2
    error = outer.std(axis=0, ddof=1) / np.sqrt(N_DRAWS)
    assert np.all(np.abs(outer.mean(axis=0) - np.eye(n_params)) <= 5 * error + 1e-12)


@pytest.mark.parametrize("kind", ["rademacher", "hadamard"])
@pytest.mark.parametrize("n_params", [1, 5, 64])
def test_signs_are_signs(kind, n_params):
    drawn = KINDS[kind].draw(1, 0, 3, n_params)
    assert drawn.shape == (3, n_params)
    assert set(np.unique(np.abs(drawn))) == {1.0}


@pytest.mark.parametrize("n_params", [1, 2, 8, 64])
def test_hadamard_rows_are_orthogonal_where_the_dimension_is_a_power_of_two(n_params):
    drawn = HadamardRows().draw(2, 0, n_params, n_params)
    np.testing.assert_array_equal(drawn @ drawn.T, n_params * np.eye(n_params))


@pytest.mark.parametrize("n_params", [3, 5, 24])
def test_all_rows_of_a_matrix_resolve_the_identity_in_any_dimension(n_params):
    population = HadamardRows().population(n_params)
    drawn = HadamardRows().draw(2, 0, population, n_params)
    np.testing.assert_allclose(drawn.T @ drawn / population, np.eye(n_params), atol=1e-12)


def test_more_directions_than_rows_begin_a_new_matrix():
    drawn = HadamardRows().draw(2, 0, 10, 4)
    assert drawn.shape == (10, 4)
    for block in (drawn[:4], drawn[4:8]):
        np.testing.assert_array_equal(block @ block.T, 4 * np.eye(4))


def test_no_coordinate_comes_twice_before_all_have_come():
    drawn = KINDS["coordinates"].draw(3, 0, 7, 5)
    where = drawn.nonzero()[1]
    assert sorted(where[:5]) == list(range(5))
    assert len(set(where[5:])) == 2


@pytest.mark.parametrize("kind", ["hadamard", "coordinates"])
def test_draws_go_on_where_the_last_one_ended(kind):
    whole = KINDS[kind].draw(3, 0, 14, 5)
    parts, start = [], 0
    for count in (3, 1, 6, 4):
        parts.append(KINDS[kind].draw(3, start, count, 5))
        start += count
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("kind", KINDS)
def test_directions_differ_from_draw_to_draw_and_from_seed_to_seed(kind):
    first, second, other = (
        KINDS[kind].draw(seed, start, 4, 16) for seed, start in [(1, 0), (1, 4), (2, 0)]
    )
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_directions_on_the_sphere_have_the_length_of_signs():
    drawn = KINDS["sphere"].draw(3, 0, 9, 6)
    np.testing.assert_allclose(np.linalg.norm(drawn, axis=1), np.sqrt(6))


def test_a_name_that_is_not_known_is_answered_with_those_that_are():
    with pytest.raises(InvalidOptionError, match="no directions 'cauchy'; choose from rademacher"):
        directions_named("cauchy")
