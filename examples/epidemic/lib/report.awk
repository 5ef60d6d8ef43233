# What a simulation shows: a table, a report, a picture in letters, a file of numbers.

# A whole number with thousands separated.
function people(x,    text, out) {
    text = sprintf("%.0f", x)
    out = ""
    while (length(text) > 3) {
        out = "," substr(text, length(text) - 2) out
        text = substr(text, 1, length(text) - 3)
    }
    return text out
}

function percent(share) {
    return sprintf("%.2f %%", 100 * share)
}

function html_row(name, value) {
    return "    <tr><th>" name "</th><td>" value "</td></tr>\n"
}

function table_html(    last, infected) {
    last = Value["days"]
    infected = S[0] + I[0] - S[last]
    return "<table class=\"table table-striped\">\n  <tbody>\n" \
        html_row("Most infectious at once", people(Peak)) \
        html_row("Day of the peak", sprintf("%.1f", PeakDay)) \
        html_row("Infected by day " last, people(infected) " (" percent(infected / People) ")") \
        html_row("Infectious or exposed on day " last, people(E[last] + I[last])) \
        html_row("Never infected without measures, in the end", people(final_susceptible())) \
        html_row("Immune share that stops the disease", percent(threshold())) \
        "  </tbody>\n</table>\n"
}

# The share of immune people at which one infects fewer than one.
function threshold() {
    return Value["reproduction_number"] > 1 ? 1 - 1 / Value["reproduction_number"] : 0
}

function report_markdown(    out, last, infected, day, step) {
    last = Value["days"]
    infected = S[0] + I[0] - S[last]
    out = "# " Disease " among " people(People) " people\n\n"
    out = out "**" people(infected) "** (" percent(infected / People) ") are infected by day " last ". At the peak, on day **" sprintf("%.1f", PeakDay) "**, **" people(Peak) "** are infectious at once.\n\n"
    if (Value["contact_reduction"] > 0 && Value["reduction_days"] > 0)
        out = out "- From day " Value["reduction_start"] " to day " Value["reduction_start"] + Value["reduction_days"] " there are " percent(Value["contact_reduction"]) " fewer contacts.\n"
    out = out "- One infects " sprintf("%.2f", Value["reproduction_number"] * S[0] / People) " others at the start.\n"
    out = out "- Without measures " people(S[0] + I[0] - final_susceptible()) " would be infected in the end.\n\n"
    out = out "| Day | Susceptible | Exposed | Infectious | Removed |\n|---:|---:|---:|---:|---:|\n"
    step = last > 10 ? int(last / 10) : 1
    for (day = 0; day <= last; day += step)
        out = out "| " day " | " people(S[day]) " | " people(E[day]) " | " people(I[day]) " | " people(R[day]) " |\n"
    return out
}

# Infectious people over time, in letters: as many columns as fit, each the highest of its days.
function curve_text(    columns, rows, row, column, day, last, high, line, out) {
    last = Value["days"]
    columns = last < 72 ? last : 72
    rows = 16
    for (column = 0; column < columns; column++) high[column] = 0
    for (day = 0; day <= last; day++) {
        column = int(day * columns / (last + 1))
        if (I[day] > high[column]) high[column] = I[day]
    }
    out = "Infectious people, at most " people(Peak) "\n\n"
    for (row = rows; row >= 1; row--) {
        line = ""
        for (column = 0; column < columns; column++) line = line (Peak > 0 && high[column] >= Peak * (row - 0.5) / rows ? "#" : " ")
        sub(/ +$/, "", line)
        out = out "|" line "\n"
    }
    line = "+"
    for (column = 0; column < columns; column++) line = line "-"
    out = out line "\n"
    line = "day 0"
    while (length(line) < columns + 1 - length("day " last)) line = line " "
    return out line (columns > 12 ? "day " last : "") "\n"
}

function days_csv(    out, day) {
    out = "day,susceptible,exposed,infectious,removed\n"
    for (day = 0; day <= Value["days"]; day++)
        out = out sprintf("%d,%.6f,%.6f,%.6f,%.6f\n", day, S[day], E[day], I[day], R[day])
    return out
}

function output_json(media_type, title, data) {
    return "{\"media_type\": " json_quote(media_type) ", \"title\": " json_quote(title) ", \"data\": " json_quote(data) "}"
}

function outputs_json() {
    return "{\"renderable\": [" output_json("table", "Summary", table_html()) ", " output_json("Markdown", "Report", report_markdown()) "], \"downloadable\": [" output_json("CSV", "Days", days_csv()) ", " output_json("Text", "Curve", curve_text()) "]}"
}
