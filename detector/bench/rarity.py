"""
How rare is a statistic in what its own series has shown so far, and what of it is new?

A test that promises one false alarm in so many buckets is put to what really happened: its return
period. Both only look back.
"""

import numpy as np

from detector.baseline import Floats

_TOLD_AGAIN = 1.0  # nats by which something must grow rarer to be told anew while it lasts
_YOUNG = 50  # values before which it says nothing that one is twice the highest


def return_period(statistic: Floats) -> Floats:
    """
    Logarithm of how many values ago *statistic* was as high as it is now.

    Where it never was, it is as many as there were, times how much it tops the highest: twice as
    high is twice as rare (Zipf's tail). Values below 1 count as 1 for that.
    """
    age, highest = np.empty(len(statistic)), 1.0
    higher: list[int] = []  # places of the values that are higher than all after them
    for place, value in enumerate(statistic):
        while higher and statistic[higher[-1]] < value:
            higher.pop()
        age[place] = np.log(place - higher[-1] if higher else place + 1)
        if value > highest:
            age[place] += np.log(value / highest) if place > _YOUNG else 0.0
            highest = value
        higher.append(place)
    return age


def told_once(rarity: Floats, held: int) -> Floats:
    """
    Keep what is told, minus infinity elsewhere: within *held* values after something was told it is
    told again only when it has grown e times rarer.
    """
    told = np.full(len(rarity), -np.inf)
    for place, value in enumerate(rarity):
        before = told[max(place - held, 0) : place].max(initial=-np.inf)
        if value >= before + _TOLD_AGAIN:
            told[place] = value
    return told
