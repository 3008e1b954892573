"""Promise: what is compared is measured side by side, and warming up does not count."""

from maskdet.timing import medians_in_turns


def test_calls_take_turns(monkeypatch):
    said = []
    medians_in_turns({"a": lambda: said.append("a"), "b": lambda: said.append("b")}, 2, 1)
    assert "".join(said) == "ababab"


def test_medians_are_of_the_rounds_behind_the_warm_up(monkeypatch):
    now = [0.0]
    lengths = iter([9.0, 0.001, 0.5, 0.002])  # the first one is the warm-up
    monkeypatch.setattr("maskdet.timing.time.perf_counter", lambda: now[0])

    def call():
        now[0] += next(lengths)

    assert round(medians_in_turns({"call": call}, 3, 1)["call"], 6) == 2.0
