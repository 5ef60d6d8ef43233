# The epidemic: people are susceptible (S), exposed (E: infected, not yet infectious), infectious (I) or removed (R: immune).
#
#     S' = -b S I/N    E' = b S I/N - E/latent    I' = E/latent - I/infectious    R' = I/infectious
#
# with b = reproduction number / infectious days, less while measures last. Without latent days S goes to I at once.
# Solved by the classical Runge-Kutta method in steps of a twentieth of a day; measures begin and end at whole days.

# Sets S[day], E[day], I[day], R[day] for the days 0 to Value["days"], and Peak, PeakDay.
function simulate(    day, step, h, n) {
    Sigma = Value["latent_days"] > 0 ? 1 / Value["latent_days"] : 0
    Gamma = 1 / Value["infectious_days"]
    People = n = Value["population"]
    h = 1 / 20
    R[0] = n * Value["initial_immune"]
    I[0] = Value["initial_infected"]
    E[0] = 0
    S[0] = n - I[0] - R[0]
    Peak = I[0]
    PeakDay = 0
    for (day = 0; day < Value["days"]; day++) {
        Beta = Value["reproduction_number"] * Gamma * contacts(day)
        State["S"] = S[day]; State["E"] = E[day]; State["I"] = I[day]; State["R"] = R[day]
        for (step = 1; step <= 20; step++) {
            advance(h)
            if (State["I"] > Peak) { Peak = State["I"]; PeakDay = day + step * h }
        }
        S[day + 1] = State["S"]; E[day + 1] = State["E"]; I[day + 1] = State["I"]; R[day + 1] = State["R"]
    }
}

# Share of the usual contacts on a day.
function contacts(day) {
    if (day >= Value["reduction_start"] && day < Value["reduction_start"] + Value["reduction_days"])
        return 1 - Value["contact_reduction"]
    return 1
}

# One step of the Runge-Kutta method.
function advance(h,    s, e, i, r, k, a, ds, de, di, dr, weight, infected, onset, removed) {
    s = State["S"]; e = State["E"]; i = State["I"]; r = State["R"]
    ds = de = di = dr = 0
    a = 0
    for (k = 1; k <= 4; k++) {
        if (k == 1) { KS = s; KE = e; KI = i }
        else { KS = s + a * FS; KE = e + a * FE; KI = i + a * FI }
        infected = Beta * KS * KI / People
        onset = Sigma > 0 ? Sigma * KE : infected
        removed = Gamma * KI
        FS = -infected
        FE = infected - onset
        FI = onset - removed
        weight = k == 2 || k == 3 ? 2 : 1
        ds += weight * FS; de += weight * FE; di += weight * FI; dr += weight * removed
        a = k == 3 ? h : h / 2
    }
    State["S"] = s + h / 6 * ds
    State["E"] = e + h / 6 * de
    State["I"] = i + h / 6 * di
    State["R"] = r + h / 6 * dr
}

# People who are still susceptible when the epidemic is over, without measures: the root of
# ln(x / S0) + R0 (S0 + I0 - x) / N, which grows up to x = N / R0, and is above zero at S0.
function final_susceptible(    low, high, middle, k, r) {
    if (S[0] <= 0) return 0
    r = Value["reproduction_number"]
    low = 0
    high = S[0] < People / r ? S[0] : People / r
    for (k = 1; k <= 200; k++) {
        middle = (low + high) / 2
        if (middle <= 0 || ln(middle / S[0]) + r * (S[0] + I[0] - middle) / People < 0) low = middle
        else high = middle
    }
    return (low + high) / 2
}

# The natural logarithm of a number above zero. Not every awk has one: small systems leave mathematics out.
function ln(x,    twos, u, power, k, sum) {
    twos = 0
    while (x > 1.5) { x /= 2; twos++ }
    while (x < 0.75) { x *= 2; twos-- }
    # 2 artanh u = 2 (u + u^3/3 + u^5/5 + ...), |u| <= 1/5.
    u = (x - 1) / (x + 1)
    power = u
    sum = 0
    for (k = 1; k <= 27; k += 2) { sum += power / k; power *= u * u }
    return twos * 0.69314718055994530942 + 2 * sum
}
