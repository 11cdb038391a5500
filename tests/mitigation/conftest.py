import pytest

from pennylane_qstore import MS, ZZ


@pytest.fixture(params=[MS, ZZ], ids=["ms", "zz"])
def entangler(request):
    return request.param
