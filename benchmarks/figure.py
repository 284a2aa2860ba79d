"""What was measured, against what, and whether it is where it should be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table: runs of what we measure, and of the yardstick beside each."""

    name: str
    unit: str
    runs: Sequence[float]
    yardstick: str
    """What the second column is."""
    beside: Sequence[float]
    """The yardstick, measured between the runs, in the same unit."""
    target: str
    holds: bool
    note: str = ""

    @property
    def value(self) -> float:
        """The median of the runs."""
        return median(self.runs)

    @property
    def ratio(self) -> float:
        """The median of the runs over that of the yardstick."""
        return ratio(self.runs, self.beside)


def ratio(runs: Sequence[float], beside: Sequence[float]) -> float:
    """Return the median of the ratios of runs that were taken one after the other."""
    return median(mine / other for mine, other in zip(runs, beside, strict=True))


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` of all values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def short(value: float) -> str:
    """Return a number with three significant digits."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as a Markdown table."""
    rows = [
        "| What | Median (runs) | Yardstick, in the same run | Ratio | Target | Holds |",
        "|---|---|---|---|---|---|",
    ]
    for item in figures:
        runs = ", ".join(map(short, item.runs))
        rows.append(
            f"| {item.name} | {short(item.value)} {item.unit} ({runs}) "
            f"| {item.yardstick}: {short(median(item.beside))} {item.unit} "
            f"| {short(item.ratio)} | {item.target} | {'yes' if item.holds else '**no**'} |"
        )
    notes = [f"- {item.name}: {item.note}" for item in figures if item.note]
    return "\n".join([*rows, "", *notes]) + "\n"
