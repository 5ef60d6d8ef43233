"""The path of an economy as a line chart."""

import math

from .raster import Raster, text_width

WIDTH, HEIGHT = 960, 560
LEFT, RIGHT, TOP, BOTTOM = 90, 30, 64, 76
INK, GREY, LIGHT = (40, 44, 52), (110, 116, 126), (226, 229, 234)
COLOURS = {"Capital": (31, 98, 178), "Output": (214, 107, 0), "Consumption": (32, 138, 86)}


def ticks(low, high, about):
    """Round numbers between ``low`` and ``high``, some ``about`` of them: multiples of 1, 2 or 5 times a power of ten."""
    raw = (high - low) / about
    power = 10 ** math.floor(math.log10(raw))
    step = power * next(m for m in (1, 2, 5, 10) if raw <= m * power * (1 + 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [i * step for i in range(first, math.floor(high / step + 1e-9) + 1)], step


def label(value, step):
    """A tick's number with as many decimals as its step has."""
    if abs(value) >= 1e6:
        return "%.3g" % value
    return "%.*f" % (max(0, -math.floor(math.log10(step) + 1e-9)), value)


def draw(path, economy, first_year):
    """A PNG of capital, output and consumption per effective worker, with their steady states dashed."""
    k_star = economy.steady_capital()
    y_star = economy.output(k_star)
    lines = [
        ("Capital", [year.k for year in path], k_star),
        ("Output", [year.y for year in path], y_star),
        ("Consumption", [year.c for year in path], (1 - economy.s) * y_star),
    ]
    top = 1.08 * max(max(values + [steady]) for _, values, steady in lines)
    last = path[-1].t

    picture = Raster(WIDTH, HEIGHT)

    def x_of(t):
        return LEFT + (WIDTH - LEFT - RIGHT) * t / last

    def y_of(value):
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top

    values, step = ticks(0, top, 6)
    for value in values:
        y = round(y_of(value))
        picture.box(LEFT, y, WIDTH - RIGHT, y + 1, LIGHT)
        picture.text(LEFT - 12, y + 4.5, label(value, step), GREY, 1.6, "right")
    years, year_step = ticks(first_year, first_year + last, 8)
    for year in years if year_step >= 1 else range(first_year, first_year + last + 1):
        x = round(x_of(year - first_year))
        picture.box(x, HEIGHT - BOTTOM, x + 1, HEIGHT - BOTTOM + 6, GREY)
        picture.text(x, HEIGHT - BOTTOM + 24, "%d" % year, GREY, 1.6, "middle")
    picture.box(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM + 1, GREY)
    picture.text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 18, "Year", INK, 1.8, "middle")

    picture.text(LEFT, 36, "Per effective worker", INK, 2.0, thick=1.8)
    x = WIDTH - RIGHT
    for name in ["Steady state"] + [name for name, _, _ in reversed(lines)]:
        picture.text(x, 36, name, INK, 1.7, "right")
        x -= text_width(name, 1.7) + 40
        if name in COLOURS:
            picture.path([(x, 31), (x + 30, 31)], COLOURS[name], 3)
        else:
            picture.dashes(x, x + 30, 31, GREY)
        x -= 22

    for name, values, steady in lines:
        faded = tuple((c + 255) // 2 for c in COLOURS[name])
        picture.dashes(LEFT + 1, WIDTH - RIGHT, y_of(steady), faded)
    for name, values, steady in lines:
        picture.path([(x_of(year.t), y_of(value)) for year, value in zip(path, values)], COLOURS[name], 2.6)
    return picture.png()
