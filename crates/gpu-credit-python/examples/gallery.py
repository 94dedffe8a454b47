"""Draws a month of an account: what it had, what it owed, and what lapsed.

    pip install matplotlib
    python examples/gallery.py [balance.png]
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy
from gpu_credit import GPUCredit

HOUR = 1
DAY = 24 * HOUR


def month():
    """GPU-hours of a team: a monthly grant, two promotions, and usage that is heavier by day."""
    account = GPUCredit()
    account.add_credit("monthly", 1_150, 0, 30 * DAY - 1)
    account.add_credit("promotion", 300, 2 * DAY, 4 * DAY)
    account.add_credit("top-up", 500, 26 * DAY, 10 * DAY)
    generator = numpy.random.default_rng(4)
    hours = numpy.arange(30 * DAY)
    by_day = (hours % DAY >= 8) & (hours % DAY < 20)
    amounts = generator.poisson(numpy.where(by_day, 4, 0.6))
    account.subtract_many(amounts=amounts, timestamps=hours)
    return account


def draw(account, path):
    series = account.series(first=0, last=40 * DAY - 1, step=HOUR)
    days = series["timestamp"] / DAY
    figure, axes = plt.subplots(figsize=(9, 4), layout="constrained")
    axes.step(days, series["balance"], where="post", color="tab:green", label="balance")
    # If there is none the line is broken; the deficit is drawn below zero.
    axes.fill_between(days, -series["deficit"], step="post", color="tab:red", alpha=0.5, label="deficit")
    for lapse in lapses(account):
        axes.annotate(
            f"{lapse.amount} of {lapse.credit_id} lapse",
            (lapse.timestamp / DAY, 0),
            xytext=(0, 40),
            textcoords="offset points",
            rotation=90,
            ha="center",
            arrowprops={"arrowstyle": "->", "color": "gray"},
        )
    axes.set(xlabel="day", ylabel="GPU-hours", title=repr(account)[1:-1])
    axes.legend()
    figure.savefig(path, dpi=120)


def lapses(account):
    """What lapsed with all usage known: seen from the instant before each grant ends."""
    found = []
    for grant in account.grants():
        for lapse in account.lapsing(after=grant.end, by=grant.end + 1):
            if lapse.grant == grant.number:
                found.append(lapse)
    return found


if __name__ == "__main__":
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "balance.png")
    draw(month(), path)
    print(f"drawn to {path}")
