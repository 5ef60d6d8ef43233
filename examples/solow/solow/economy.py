"""The economy: its path over time, its steady state, its golden rule.

Output is Cobb-Douglas, ``Y = K**alpha * (A*L)**(1 - alpha)``. Per effective worker (``k = K / (A*L)``, ``y = Y / (A*L)``):

    y[t]   = k[t]**alpha
    k[t+1] = (s*y[t] + (1 - delta)*k[t]) / ((1 + n)*(1 + g))

Letters as in the textbooks: ``alpha`` capital's share of income, ``s`` savings rate, ``delta`` depreciation, ``n``
growth of the work force, ``g`` growth of technology; all a year.
"""

import math
from collections import namedtuple

#: One year of the path. ``k``, ``y``, ``c`` are capital, output and consumption per effective worker;
#: ``output_per_worker`` grows with technology (A = 1 in year 0), ``growth`` is its growth since the year before
#: (``None`` in year 0).
Year = namedtuple("Year", "t k y c output_per_worker growth")


class Economy:
    """Parameters of an economy. Effective depreciation, ``n + g + n*g + delta``, must be above zero."""

    def __init__(self, savings_rate, depreciation, population_growth, technology_growth, capital_share):
        self.s = savings_rate
        self.delta = depreciation
        self.n = population_growth
        self.g = technology_growth
        self.alpha = capital_share
        if not self.effective_depreciation > 0:
            raise ValueError("there is no steady state: capital per effective worker never wears out")

    @property
    def dilution(self):
        """``(1 + n)*(1 + g)``: how much the number of effective workers grows a year."""
        return (1 + self.n) * (1 + self.g)

    @property
    def effective_depreciation(self):
        """``n + g + n*g + delta``: the share of ``k`` that must be saved a year for ``k`` to stay as it is."""
        return self.dilution - 1 + self.delta

    def output(self, k):
        """Output per effective worker."""
        return k ** self.alpha

    def next_capital(self, k):
        """Capital per effective worker a year later."""
        return (self.s * self.output(k) + (1 - self.delta) * k) / self.dilution

    def steady_capital(self, savings_rate=None):
        """The ``k`` that stays as it is: ``(s / (n + g + n*g + delta)) ** (1 / (1 - alpha))``."""
        s = self.s if savings_rate is None else savings_rate
        return (s / self.effective_depreciation) ** (1 / (1 - self.alpha))

    def steady_consumption(self, savings_rate=None):
        """Consumption per effective worker in the steady state."""
        s = self.s if savings_rate is None else savings_rate
        return (1 - s) * self.output(self.steady_capital(s))

    @property
    def golden_savings_rate(self):
        """The savings rate whose steady state has the most consumption: capital's share."""
        return self.alpha

    @property
    def persistence(self):
        """The part of a small gap to the steady state that is left after a year: the slope of ``next_capital`` there."""
        return (self.alpha * self.effective_depreciation + 1 - self.delta) / self.dilution

    @property
    def half_life(self):
        """Years in which half of a small gap to the steady state closes."""
        return math.log(0.5) / math.log(self.persistence)

    def path(self, initial_capital, years):
        """The years 0 to ``years``, from ``initial_capital`` per effective worker."""
        k, technology, before, path = initial_capital, 1.0, None, []
        for t in range(years + 1):
            y = self.output(k)
            per_worker = technology * y
            growth = None if before is None else per_worker / before - 1
            path.append(Year(t, k, y, (1 - self.s) * y, per_worker, growth))
            k, technology, before = self.next_capital(k), technology * (1 + self.g), per_worker
        return path
