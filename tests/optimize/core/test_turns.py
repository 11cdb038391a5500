"""Every parameter has its turn once in a sweep, and another side in the next."""

import numpy as np
import pytest

from pennylane_qstore.optimize.core.turns import in_turn


def test_a_sweep_visits_every_place_once_and_the_next_one_on_the_other_side():
    places = np.array([1, 4, 5, 8])
    chosen, sides = in_turn(places, visits=range(8), n_params=9, seed=3)
    assert sorted(chosen[:4]) == sorted(chosen[4:]) == [1, 4, 5, 8]
    first = dict(zip(chosen[:4], sides[:4], strict=True))
    assert set(first.values()) == {-1.0, 1.0}
    assert all(side == -first[place] for place, side in zip(chosen[4:], sides[4:], strict=True))
    assert chosen[:4].tolist() != chosen[4:].tolist()


@pytest.mark.parametrize("cut", [1, 4, 6])
def test_visits_are_the_same_however_they_are_divided(cut):
    whole = in_turn([0, 1, 2], visits=range(10), n_params=3, seed=1)
    parts = [
        in_turn([0, 1, 2], visits=visits, n_params=3, seed=1)
        for visits in (range(cut), range(cut, 10))
    ]
    for found, halves in zip(whole, zip(*parts, strict=True), strict=True):
        np.testing.assert_array_equal(found, np.concatenate(halves))
