import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from pennylane_qstore.reporting import STAGES, InvalidSeriesError, Stages
from pennylane_qstore.reporting.convergence import plot_convergence, plot_history
from pennylane_qstore.reporting.plots import (
    plot_comparison,
    plot_progress,
    plot_stages,
)
from pennylane_qstore.training.record import TrainRecord

HOSTILE = "_$\\frac{1}{$ <b>\x1b[31m\nnext"


def line_data(axes):
    return {line.get_label(): line.get_xydata().tolist() for line in axes.lines}


def band(axes, index=0):
    """Lower and upper edge of a band by the place of the step."""
    vertices = axes.collections[index].get_paths()[0].vertices
    places = np.unique(vertices[:, 0])
    columns = [vertices[vertices[:, 0] == place, 1] for place in places]
    return [column.min() for column in columns], [column.max() for column in columns]


def overlaps(figure):
    """Pairs of texts that are drawn on each other."""
    FigureCanvasAgg(figure).draw()
    texts = [
        (text.get_text(), text.get_window_extent())
        for axes in figure.axes
        if axes.get_visible()
        for ticks in [[*axes.get_xticklabels(), *axes.get_yticklabels()] if axes.axison else []]
        for text in [
            *axes.texts,
            axes.title,
            axes._left_title,
            axes.xaxis.label,
            axes.yaxis.label,
            *ticks,
            *(axes.get_legend().get_texts() if axes.get_legend() else ()),
        ]
        if text.get_text() and text.get_visible()
    ]
    return [(a, b) for (a, one), (b, other) in combinations(texts, 2) if one.overlaps(other)]


def test_a_run_is_drawn_as_given_with_a_band_of_one_standard_error():
    figure = plot_convergence({"SPSA": [3.0, 2.0, 1.5]}, {"SPSA": [0.5, 0.25, 0.125]})
    (axes,) = figure.axes
    assert line_data(axes) == {"SPSA": [[1, 3], [2, 2], [3, 1.5]]}
    low, high = band(axes)
    assert low == [2.5, 1.75, 1.375]
    assert high == [3.5, 2.25, 1.625]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("step", "loss")


def test_several_runs_are_drawn_as_their_mean_with_its_standard_error():
    # Of 1, 3 and 5: mean 3, variance (4 + 0 + 4) / 2, error of the mean 2 / sqrt(3).
    (axes,) = plot_convergence({"seeds": [[1, 4], [3, 4], [5, 4]]}).axes
    assert line_data(axes)["seeds"] == [[1, 3], [2, 4]]
    low, high = band(axes)
    assert low == pytest.approx([3 - 2 / 3**0.5, 4])
    assert high == pytest.approx([3 + 2 / 3**0.5, 4])


def test_one_run_among_several_has_no_band_that_nobody_measured():
    (axes,) = plot_convergence({"one": [[1.0, 2.0]], "other": [2.0, 3.0]}).axes
    assert not axes.collections


def test_losses_may_stand_over_circuits_instead_of_steps():
    (axes,) = plot_convergence({"a": [2, 1]}, steps={"a": [100, 250]}, xlabel="circuits").axes
    assert line_data(axes)["a"] == [[100, 2], [250, 1]]


HISTORY = [
    TrainRecord(0, 2.0, 0.5, circuits=10, shots=1000),
    TrainRecord(1, None, None, circuits=30, shots=3000),
    TrainRecord(2, 1.0, 0.25, circuits=5, shots=500),
]


@pytest.mark.parametrize(
    ("over", "places", "xlabel"),
    [
        ("steps", [1, 2, 3], "step"),
        ("circuits", [10, 40, 45], "circuits so far"),
        ("shots", [1000, 4000, 4500], "shots so far"),
    ],
)
def test_a_training_is_drawn_over_what_it_has_spent(over, places, xlabel):
    (axes,) = plot_history({"a": HISTORY}, over=over).axes
    assert np.array(line_data(axes)["a"])[:, 0].tolist() == places
    assert axes.get_xlabel() == xlabel


def test_a_step_that_learned_no_loss_is_a_gap():
    (axes,) = plot_history({"a": HISTORY}).axes
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), [2, np.nan, 1])
    edges = np.concatenate([path.vertices[:, 1] for path in axes.collections[0].get_paths()])
    assert set(edges) == {1.5, 2.5, 0.75, 1.25}


def test_a_training_whose_circuits_nobody_counted_is_drawn_over_steps_only():
    plot_history({"a": [TrainRecord(0, 1.0)]})
    with pytest.raises(InvalidSeriesError, match="draw over steps"):
        plot_history({"a": [TrainRecord(0, 1.0)]}, over="circuits")


@pytest.mark.parametrize(
    ("losses", "errors"),
    [
        ({}, None),
        ({"a": []}, None),
        ({"a": [[1, 2], [3]]}, None),
        ({"a": [[[1.0]]]}, None),
        ({"a": [1, 2]}, {"a": [1]}),
        ({"a": [[1, 2], [3, 4]]}, {"a": [1, 2]}),
    ],
)
def test_losses_that_cannot_be_drawn_are_refused(losses, errors):
    with pytest.raises(InvalidSeriesError):
        plot_convergence(losses, errors)


def test_progress_shows_running_totals_at_the_end_of_each_batch(two_batches):
    circuits, cost = plot_progress(two_batches).axes
    # The first batch lasts 40 s; the second begins after 100 s and lasts 10.
    assert line_data(circuits) == {
        "asked for": [[0, 0], [40, 200], [110, 250]],
        "run": [[0, 0], [40, 200], [110, 210]],
    }
    totals = line_data(cost)
    assert np.array(totals["spent"])[:, 1] == pytest.approx([0, 100.2, 112.3])
    assert np.array(totals["estimated"])[:, 1] == pytest.approx([0, 120.1, 132.3])
    assert cost.get_ylabel() == "cost (usd)"
    assert cost.get_xlabel() == "time since the run began (s)"


def test_currencies_are_never_drawn_on_one_scale(record):
    run = [record(actual_cost=(("usd", 1.0), ("credit", 500.0)))]
    labels = [axes.get_ylabel() for axes in plot_progress(run).axes]
    assert labels == ["circuits", "cost (credit)", "cost (usd)"]


def test_the_bars_of_the_stages_add_up_to_the_wall_time(two_batches):
    (axes,) = plot_stages(two_batches).axes
    widths = [bar.get_width() for bar in axes.patches]
    assert widths == [0.625, 0.375, 0.5, 44, 1.5, 1, 2]
    assert sum(widths) == 50
    assert [text.get_text() for text in axes.get_yticklabels()] == list(STAGES)
    assert axes.texts[3].get_text() == "44 s, 88.0%"


def test_runs_are_compared_by_what_their_records_say(two_batches, record):
    axes = plot_comparison({"QPU": two_batches, "emulator": [record(shots=7)]}).axes
    widths = {
        one.get_title(loc="left"): [bar.get_width() for bar in one.patches]
        for one in axes
        if one.get_visible()
    }
    assert widths == {
        "circuits run": [210, 4],
        "shots": [210_000, 7],
        "time (s)": [50, 2],
        "cost (usd)": [112.3, 0],
    }
    assert axes[3].texts[1].get_text() == "not recorded"


@pytest.mark.parametrize("plot", [plot_progress, plot_stages, plot_comparison])
def test_an_empty_run_says_so(plot):
    with pytest.raises(InvalidSeriesError, match=r"no batches|no runs"):
        plot({} if plot is plot_comparison else [])


def test_no_text_covers_another(two_batches, record):
    long_run = [record(n, shots=10**7, actual_cost=(("usd", 12345.6),)) for n in range(40)]
    figures = [
        plot_convergence({f"run {i}": np.linspace(2, 1, 40) + i for i in range(4)}),
        plot_progress(two_batches),
        plot_progress(long_run),
        plot_stages(two_batches),
        plot_stages([record(seconds=1e-4, stages=Stages(other=1e-4))]),
        plot_comparison({"a": two_batches, "a very long name of a run " * 3: long_run}),
        plot_comparison({f"seed {i}": long_run[i:] for i in range(9)}),
    ]
    assert [overlaps(figure) for figure in figures] == [[]] * len(figures)


def test_names_are_shown_as_they_are_and_never_parsed(two_batches, tmp_path):
    plot_convergence({HOSTILE: [2, 1], "b": [1, 2]}).savefig(tmp_path / "a.png")
    figure = plot_comparison({HOSTILE: two_batches})
    figure.savefig(tmp_path / "b.png")
    label = figure.axes[0].get_yticklabels()[0].get_text()
    assert "\x1b" not in label
    assert "\n" not in label


def test_no_window_and_no_global_figure_is_opened():
    code = (
        "import sys; from pennylane_qstore.reporting.convergence import plot_convergence;"
        "plot_convergence({'a': [1, 2]});"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_reports_and_pages_need_no_matplotlib():
    code = (
        "import sys; sys.modules['matplotlib'] = None; import pennylane_qstore.reporting;"
        "from pennylane_qstore.training.errors import MissingExtraError\n"
        "try: import pennylane_qstore.reporting.plots\n"
        "except MissingExtraError as error: sys.exit('[train]' not in str(error))\n"
        "sys.exit(3)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
