"""Progress of long loads, on the terminal."""

from collections.abc import Callable


def bar(description: str = "loading") -> Callable[[int, int | None], None]:
    """A progress callback that draws a bar with tqdm if that is installed, and nothing if not.

    >>> from gpu_credit import GPUCredit, bar
    >>> account = GPUCredit()
    >>> account.extend([("march", 10, 0, 30), (4, 10)], progress=bar())
    >>> account.get_balance(10)
    6
    """
    try:
        from tqdm.auto import tqdm  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        return lambda done, of: None

    drawn = tqdm(desc=description, unit=" records", unit_scale=True)

    def report(done: int, of: int | None) -> None:
        drawn.total = of
        drawn.update(done - drawn.n)
        if done == of:
            drawn.close()

    return report
