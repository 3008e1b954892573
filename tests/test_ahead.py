"""Promise: work in threads gives what a plain loop gives, in its order, never far ahead of it."""

import contextlib
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskdet.ahead import in_order


def slow_where_odd(number):
    time.sleep(0.002 * (number % 2))
    return number * number


@given(
    items=st.lists(st.integers(0, 99), max_size=12),
    threads=st.integers(1, 4),
    ahead=st.integers(0, 6),
)
def test_results_come_in_the_items_order(items, threads, ahead):
    assert list(in_order(slow_where_odd, items, threads, ahead)) == [i * i for i in items]


@pytest.mark.parametrize("ahead", [0, 3])
def test_items_are_taken_no_further_ahead_than_was_said(ahead):
    taken = []

    def items():
        for number in range(40):
            taken.append(number)
            yield number

    most = 0
    for done, _ in enumerate(in_order(slow_where_odd, items(), 2, ahead), start=1):
        most = max(most, len(taken) - done)
    assert most == ahead and len(taken) == 40


def test_what_is_done_is_handed_on_before_more_is_asked_for():
    """So that a line is printed when its photo is done, not some photos later."""
    taken, worked = [], threading.Event()

    def work(number):
        worked.set()
        return number

    def items():
        for number in range(9):
            taken.append(number)
            yield number
            worked.wait(10)
            time.sleep(0.05)  # from a thread's last line to its being known as done

    with contextlib.closing(in_order(work, items(), 1, 8)) as results:
        # A machine that is busy elsewhere may be late, but not by eight such pauses.
        assert next(results) == 0 and len(taken) < 9


def test_items_are_taken_in_the_callers_thread_and_work_is_done_in_others():
    def items():
        for _ in range(3):
            yield threading.current_thread()

    for asked, worked in in_order(lambda one: (one, threading.current_thread()), items(), 2, 2):
        assert asked is threading.current_thread() is not worked


@pytest.mark.parametrize("where", ["items", "work"])
def test_an_error_comes_after_all_that_was_before_it(where):
    def items():
        yield from (1, 2, 3)
        if where == "items":
            raise ValueError("broken")
        yield 0

    results = in_order(lambda number: 6 // number, items(), 2, 5)
    assert [next(results) for _ in range(3)] == [6, 3, 2]
    with pytest.raises(ValueError if where == "items" else ZeroDivisionError):
        next(results)


def test_who_stops_early_waits_for_no_more_than_has_begun():
    begun, asked, gate = [], threading.Event(), threading.Event()

    def work(number):
        begun.append(number)
        if number:
            gate.wait(10)
        else:
            asked.wait(10)  # others gather behind it
        return number

    def items():
        yield from range(8)
        asked.set()
        yield 8

    before = set(threading.enumerate())
    results = in_order(work, items(), 1, 8)
    assert next(results) == 0
    opener = threading.Timer(1, gate.set)  # once all that waits has been given up
    opener.start()
    results.close()
    assert begun in ([0], [0, 1])
    assert set(threading.enumerate()) - before <= {opener}
