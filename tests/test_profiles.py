"""Promise: a profile's rows add up, its shares and rates are those of its times, a graph can be cut
between any two stages, and what was measured can be read by people and by programs.
"""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskdet.errors import UsageError
from maskdet.profiles import (
    Profile,
    ProfileRow,
    ProfileStage,
    Work,
    assigned_stages,
    check_rounds,
    rows_of,
)

STAGES = (
    ProfileStage("backbone"),
    ProfileStage("neck", "fpn_"),
    ProfileStage("boxes", "detect", geometry=True),
)


def made_profile(**changes):
    stages = [
        (STAGES[0], Work(2_000_000_000, 1_000_000, 3_000_000)),
        (STAGES[1], Work(500_000_000, 500_000, 500_000)),
        (STAGES[2], Work(0, 0, 200_000)),
    ]
    times = {"decode": 2.0, "boxes": 2.0, "neck": 5.0, "backbone": 10.0, "place": 1.0}
    rows = rows_of(stages, times)
    return Profile(**({"subject": "toy", "rows": rows, "whole": 21.0, "rounds": 7} | changes))


def test_rows_stand_in_the_order_in_which_they_run():
    profile = made_profile()
    assert [(row.stage, row.milliseconds) for row in profile.rows] == [
        ("place", 1.0),
        ("backbone", 10.0),
        ("neck", 5.0),
        ("boxes", 2.0),
        ("decode", 2.0),
    ]
    assert profile.summed == 20.0
    assert profile.share_around == pytest.approx(3 / 20)
    assert profile.share_of_geometry == pytest.approx(2 / 20)


def test_rates_are_work_over_time():
    backbone = made_profile().rows[1]
    assert backbone.gflops_per_second == pytest.approx(200.0)  # 2 GFLOP in 10 ms
    assert backbone.gigabytes_per_second == pytest.approx(0.4)  # 4 MB in 10 ms


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(ProfileRow("decode", 1.0), id="not of the network"),
        pytest.param(ProfileRow("boxes", 1.0, Work()), id="nothing counted"),
        pytest.param(ProfileRow("boxes", -0.1, Work(5, 5, 5)), id="lost in the noise"),
    ],
)
def test_no_rate_is_made_up(row):
    assert row.gflops_per_second is None
    assert row.gigabytes_per_second is None


def test_the_table_has_a_line_a_stage_and_the_whole_on_its_own():
    lines = str(made_profile(objects=4)).splitlines()
    assert lines[0] == "toy, 4 objects in the photo; medians of 7 rounds, all taking turns"
    assert lines[1].split() == ["stage", "ms", "share", "MFLOP", "MB", "GFLOP/s", "GB/s"]
    assert lines[3].split() == ["backbone", "10.00", "47.6%", "2000.0", "4.0", "200.0", "0.4"]
    assert lines[7].split() == ["sum", "20.00", "95.2%", "2500.0", "5.2", "125.0", "0.3"]
    assert lines[8].split() == ["whole,", "on", "its", "own", "21.00", "100.0%"]
    assert "Around the network (place, decode): 15.0%" in lines[9]
    assert "geometry inside it (boxes): 10.0%" in lines[9]


def test_programs_get_every_figure():
    facts = json.loads(made_profile().to_json())
    assert facts["rows"][1] == {
        "stage": "backbone",
        "milliseconds": 10.0,
        "work": {"flops": 2_000_000_000, "weight_bytes": 1_000_000, "activation_bytes": 3_000_000},
        "geometry": False,
        "gflops_per_second": pytest.approx(200.0),
        "gigabytes_per_second": pytest.approx(0.4),
    }
    assert (facts["whole"], facts["summed"], facts["rounds"]) == (21.0, 20.0, 7)


def test_a_step_without_a_name_of_its_own_follows_those_it_needs():
    names = ["conv", "fpn_p3", "relu", "other", "detections"]
    makers = [[], [0], [1], [0], [2, 3]]
    assert assigned_stages(STAGES, names, makers) == [0, 1, 1, 0, 2]


def test_a_step_never_runs_before_what_it_needs():
    names = ["detections", "fpn_p3"]
    assert assigned_stages(STAGES, names, [[], [0]]) == [2, 2]


@st.composite
def graphs(draw):
    names = draw(st.lists(st.sampled_from(["conv", "fpn_p3", "detection", "relu"]), max_size=12))
    return names, [
        draw(st.lists(st.integers(0, step - 1), max_size=3)) if step else []
        for step in range(len(names))
    ]


@given(graphs())
def test_every_graph_can_be_cut_between_stages(graph):
    names, makers = graph
    found = assigned_stages(STAGES, names, makers)
    assert len(found) == len(names)
    for step, needed in enumerate(makers):
        assert all(found[other] <= found[step] for other in needed)


def test_no_rounds_are_refused():
    with pytest.raises(UsageError, match="0 rounds give no median"):
        check_rounds(0)
