"""Parties that take turns, so that what else the machine does hits all of them."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple


class Entrant(NamedTuple):
    """A party of a case: a call that is timed, or the words that stand in its place."""

    name: str
    turn: Callable[[Any], list] | None = None
    # By how many operations the time of a turn is divided.
    operations: int = 1
    # What a turn is given, made before it is timed; it gets the number of the round.
    prepare: Callable[[int], Any] = lambda number: number
    # The answers of a turn that has posted something, asked after it was timed.
    answers: Callable[[Any], list] | None = None
    says: str | None = None


def take_turns(rounds, entrants):
    """Nanoseconds an operation, a list for each entrant. Every answer is compared with the first's.

    One more round warms up, unless there is to be one only.
    """
    samples = [[] for _ in entrants]
    warming = rounds > 1
    for number in range(rounds + warming):
        order = list(range(len(entrants)))
        answers = {}
        for place in reversed(order) if number % 2 else order:
            entrant = entrants[place]
            if entrant.turn is not None:
                spent, answers[place] = one_turn(entrant, number)
                samples[place].append(spent / entrant.operations)
        compare(answers, entrants)
    return [figures[warming:] for figures in samples]


def one_turn(entrant, number):
    given = entrant.prepare(number)
    start = time.perf_counter_ns()
    answers = entrant.turn(given)
    spent = time.perf_counter_ns() - start
    if entrant.answers is not None:
        answers = entrant.answers(given)
    return spent, answers


def compare(answers, entrants):
    """A slow party answers the first of the questions only."""
    expected = answers[0]
    for place, found in answers.items():
        if not found or found != expected[: len(found)]:
            differing = next(
                (pair for pair in zip(found, expected) if pair[0] != pair[1]), "nothing"
            )
            raise SystemExit(
                f"{entrants[place].name} disagrees with {entrants[0].name}: {differing}"
            )
