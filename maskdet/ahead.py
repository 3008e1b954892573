"""Work that threads do beside whoever waits for it: ahead of it by a bounded number, in order."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Done = TypeVar("Done")


def in_order(
    work: Callable[[Item], Done], items: Iterable[Item], threads: int, ahead: int
) -> Generator[Done]:
    """``work(item)`` for each item, in the items' order, done by threads beside the caller.

    Items are taken in the caller's thread, so a generator needs to know nothing of threads. What is
    done is handed on at once. An error of ``work``, or of the items, comes where a plain loop would
    have met it, after everything before it. Closing the iterator gives up what has not begun and
    waits for the rest.

    Args:
        threads: that work at once, 1 or more.
        ahead: how many items may be taken beyond the one that is waited for; so many results are in
            memory at most.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix="maskdet-ahead")
    waiting: deque[Future[Done]] = deque()
    source = iter(items)
    failure: Exception | None = None
    try:
        while True:
            try:
                waiting.append(pool.submit(work, next(source)))
            except StopIteration:
                break
            except Exception as error:  # raised again below, once what came before it is done
                failure = error
                break
            if len(waiting) > ahead or waiting[0].done():
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
        if failure is not None:
            raise failure
    finally:
        for future in waiting:
            future.cancel()
        pool.shutdown(wait=True)
