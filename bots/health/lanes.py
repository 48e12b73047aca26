"""Two lanes, so that whoever answers is never kept waiting by whoever does not.

A check begins in the quick lane. One without an answer after a moment gives its place to another and goes on
in the slow lane, which is wide, since all that waits there is a socket. Bots that failed last time begin in
the slow lane. Nothing is started before it has a place: its time counts from the dial.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final, Generic, TypeVar

GLANCE: Final = 0.05
"""Seconds between two looks at who has been in the quick lane for too long."""

T = TypeVar("T")
R = TypeVar("R")


class Lanes(Generic[T, R]):
    """Runs `check` for what is added, at most `quick` and `slow` of them at once; results are in `finished`.

    `patience` is the number of seconds that a check may stay in the quick lane. `check` must not raise.
    """

    def __init__(
        self, check: Callable[[T], Coroutine[Any, Any, R]], *, quick: int, slow: int, patience: float
    ) -> None:
        self._check = check
        self._most_quick, self._most_slow, self._patience = quick, slow, patience
        self._waiting: deque[T] = deque()
        self._suspects: deque[T] = deque()
        # In the order in which they were started, with the time of that.
        self._quick: dict[asyncio.Task[R], float] = {}
        self._slow: set[asyncio.Task[R]] = set()
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._lost = 0.0
        self._changed = asyncio.Event()
        self.finished: list[R] = []
        self.slowed = 0

    @property
    def waiting(self) -> int:
        """How many wait for a place in the quick lane."""
        return len(self._waiting)

    @property
    def suspects(self) -> int:
        """How many wait for a place in the slow lane."""
        return len(self._suspects)

    @property
    def is_idle(self) -> bool:
        """Whether nothing runs or waits."""
        return not (self._quick or self._slow or self._waiting or self._suspects)

    def add(self, items: Iterable[T]) -> None:
        """Begin in the quick lane."""
        self._waiting.extend(items)
        self._fill()

    def add_suspects(self, items: Iterable[T]) -> None:
        """Begin in the slow lane."""
        self._suspects.extend(items)
        self._fill()

    def take(self) -> list[R]:
        """The results since the last call."""
        results, self.finished = self.finished, []
        return results

    async def wait(self, seconds: float, *, enough: int) -> None:
        """Until `enough` results are there or nothing runs any more, at most `seconds`."""
        deadline = self._loop.time() + seconds
        while len(self.finished) < enough and not self.is_idle:
            left = deadline - self._loop.time()
            if left <= 0:
                return
            self._changed.clear()
            self._enough = enough
            try:
                async with asyncio.timeout(left):
                    await self._changed.wait()
            except TimeoutError:
                return

    async def abandon(self) -> None:
        """Stop everything; what was leased becomes due again when its lease ends."""
        self._waiting.clear()
        self._suspects.clear()
        tasks = [*self._quick, *self._slow]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    _enough = 1

    def _fill(self) -> None:
        while self._suspects and len(self._slow) < self._most_slow:
            self._slow.add(self._launch(self._suspects.popleft()))
        while self._waiting and len(self._quick) < self._most_quick:
            self._quick[self._launch(self._waiting.popleft())] = self._time()
        if self._quick and self._timer is None:
            self._timer = self._loop.call_later(GLANCE, self._glance)

    def _time(self) -> float:
        """The loop's time without that by which this process was late itself.

        When the machine is out of breath its checks are not slow, and to begin more would make it worse.
        """
        return self._loop.time() - self._lost

    def _launch(self, item: T) -> asyncio.Task[R]:
        task = self._loop.create_task(self._check(item))
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[R]) -> None:
        if self._quick.pop(task, None) is None:
            self._slow.discard(task)
        if not task.cancelled():
            self.finished.append(task.result())
        self._fill()
        if len(self.finished) >= self._enough or self.is_idle:
            self._changed.set()

    def _glance(self) -> None:
        if self._timer is not None:
            self._lost += max(0.0, self._loop.time() - self._timer.when())
        self._timer = None
        self._move_the_late()
        self._fill()
        if self._quick and self._timer is None:
            self._timer = self._loop.call_later(GLANCE, self._glance)

    def _move_the_late(self) -> None:
        before = self._time() - self._patience
        late: list[asyncio.Task[R]] = []
        for task, started in self._quick.items():
            if started > before or len(self._slow) + len(late) >= self._most_slow:
                break
            late.append(task)
        for task in late:
            del self._quick[task]
            self._slow.add(task)
        self.slowed += len(late)
