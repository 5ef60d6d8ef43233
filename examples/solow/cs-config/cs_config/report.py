"""What a simulation shows: a table, a report, a file of numbers."""

import csv
import io


def table(economy, k0):
    """The steady state in figures, as HTML."""
    k = economy.steady_capital()
    gold = economy.golden_savings_rate
    rows = [
        ("Capital per effective worker", k0, k, economy.steady_capital(gold)),
        ("Output per effective worker", economy.output(k0), economy.output(k), economy.output(economy.steady_capital(gold))),
        (
            "Consumption per effective worker",
            (1 - economy.s) * economy.output(k0),
            economy.steady_consumption(),
            economy.steady_consumption(gold),
        ),
        ("Savings rate", economy.s, economy.s, gold),
        ("Capital to output", k0 / economy.output(k0), k / economy.output(k), gold / economy.effective_depreciation),
    ]
    body = "".join(
        "    <tr><th>%s</th>%s</tr>\n" % (name, "".join("<td>%.4f</td>" % cell for cell in cells)) for name, *cells in rows
    )
    return (
        '<table class="table table-striped">\n  <thead>\n'
        "    <tr><th></th><th>Start</th><th>Steady state</th><th>Golden rule</th></tr>\n  </thead>\n"
        "  <tbody>\n%s  </tbody>\n</table>\n" % body
    )


def markdown(economy, path, first_year):
    """The report."""
    k = economy.steady_capital()
    last = path[-1]
    gap = last.k / k - 1
    gold = economy.golden_savings_rate
    gain = economy.steady_consumption(gold) / economy.steady_consumption() - 1
    lines = [
        "# Growth from %d to %d" % (first_year, first_year + last.t),
        "",
        "Capital per effective worker moves from **%.3f** to **%.3f**; its steady state is **%.3f**, which leaves a gap "
        "of %.1f %%." % (path[0].k, last.k, k, 100 * gap),
        "",
        "- Near the steady state half of a gap closes in %.1f years." % economy.half_life,
        "- Output per worker grows by %.2f %% in the first year and by %.2f %% in the last; in the steady state by %.2f %%."
        % (100 * path[1].growth, 100 * last.growth, 100 * economy.g),
        "- The golden rule would save %.0f %% of output instead of %.0f %%: consumption in the steady state would be "
        "%.2f %% higher." % (100 * gold, 100 * economy.s, 100 * gain),
        "",
        "| Year | Capital | Output | Consumption | Growth of output per worker |",
        "|---:|---:|---:|---:|---:|",
    ]
    step = max(1, last.t // 10)
    for year in path[::step]:
        growth = "" if year.growth is None else "%.2f %%" % (100 * year.growth)
        lines.append("| %d | %.3f | %.3f | %.3f | %s |" % (first_year + year.t, year.k, year.y, year.c, growth))
    return "\n".join(lines) + "\n"


def csv_text(path, first_year):
    """Every year of the path, with all digits."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n").writerow
    write(["year", "capital", "output", "consumption", "output_per_worker", "growth"])
    for year in path:
        growth = "" if year.growth is None else repr(year.growth)
        write([first_year + year.t, repr(year.k), repr(year.y), repr(year.c), repr(year.output_per_worker), growth])
    return out.getvalue()
