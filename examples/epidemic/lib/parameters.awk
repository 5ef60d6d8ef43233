# What a person can set, and whether what was set is allowed.

function declare(name, title, description, type, value, low, high) {
    Order[++Parameters] = name
    Title[name] = title
    Description[name] = description
    Type[name] = type
    Default[name] = value
    Low[name] = low
    High[name] = high
}

# The parameters with the defaults that go with a disease.
function declare_all(disease,    r, latent, infectious, immune) {
    Parameters = 0
    if (disease == "Measles") { r = 15; latent = 8; infectious = 8; immune = 0.9 }
    else if (disease == "COVID-19") { r = 2.8; latent = 3; infectious = 7; immune = 0 }
    else { r = 1.5; latent = 2; infectious = 3; immune = 0.1 }
    declare("population", "Population", "How many people there are.", "int", 1000000, 1, 10000000000)
    declare("initial_infected", "Infectious at the start", "How many people are infectious on day 0.", "int", 10, 1, 10000000000)
    declare("initial_immune", "Immune at the start", "Share of the population that can't be infected.", "float", immune, 0, 1)
    declare("reproduction_number", "Basic reproduction number", "People whom one infects where nobody is immune.", "float", r, 0.1, 30)
    declare("latent_days", "Latent days", "Days from infection to being infectious on average; 0 for none.", "float", latent, 0, 60)
    declare("infectious_days", "Infectious days", "Days of being infectious on average.", "float", infectious, 0.5, 100)
    declare("contact_reduction", "Fewer contacts", "Share of contacts that are avoided while measures last.", "float", 0, 0, 0.95)
    declare("reduction_start", "Measures start", "First day of the measures.", "int", 30, 0, 1000)
    declare("reduction_days", "Measures last", "Days that the measures last.", "int", 60, 0, 1000)
    declare("days", "Days", "Days to simulate.", "int", 365, 1, 1000)
}

# A value in either of its forms, as it is or as a list of one {"value": ...}; 0 if it is neither.
function plain(node) {
    if (Kind[node] != "array") return node
    if (Count[node] != 1 || Kind[Child[node, 1]] != "object") return 0
    return json_get(Child[node, 1], "value")
}

# Why a value is refused, or "" with Value[name] set.
function refusal(name, node,    shown, number) {
    node = plain(node)
    if (!node) return "Expected one value, as 0.3 or as [{\"value\": 0.3}]."
    shown = Kind[node] == "number" ? Scalar[node] : json_write(node)
    if (Kind[node] != "number" && !(Kind[node] == "string" && Scalar[node] ~ /^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$/))
        return "Not a valid number: " shown "."
    number = Scalar[node] + 0
    if (number < Low[name]) return name " " shown " < min " sprintf("%.10g", Low[name])
    if (number > High[name]) return name " " shown " > max " sprintf("%.10g", High[name])
    if (Type[name] == "int" && number != int(number)) return "Not a whole number: " shown "."
    Value[name] = number
    return ""
}

# Adds a message about a parameter of a section to what is wrong.
function complain(problems, section, kind, name, message,    target, list) {
    target = json_section(problems, section)
    json_section(target, "errors")
    json_section(target, "warnings")
    Complaints[kind]++
    if (name == "") return
    target = json_section(target, kind)
    list = json_get(target, name)
    if (!list || Kind[list] != "array") {
        list = json_new("array", "")
        json_set(target, name, list)
    }
    json_append(list, json_new("string", message))
    if (kind == "errors") Summary = Summary (Summary == "" ? "" : "; ") name ": " message
}

# Reads the meta parameters: sets Disease, declares the parameters that go with it.
function read_meta(meta, problems,    i, name, node) {
    Disease = "Influenza"
    for (i = 1; meta && i <= Count[meta]; i++) {
        name = Key[meta, i]
        node = plain(Child[meta, i])
        if (name != "disease")
            complain(problems, "meta_parameters", "errors", name, "Unknown parameter; the only one is: disease.")
        else if (!node || Kind[node] != "string" || Scalar[node] !~ /^(Influenza|Measles|COVID-19)$/)
            complain(problems, "meta_parameters", "errors", name, "disease " json_write(Child[meta, i]) " must be one of: Influenza, Measles, COVID-19.")
        else
            Disease = Scalar[node]
    }
    declare_all(Disease)
}

# Reads an adjustment over the defaults into Value; what is wrong goes to problems.
function read_adjustment(adjustment, problems,    i, section, name, message, before) {
    for (i = 1; i <= Parameters; i++) Value[Order[i]] = Default[Order[i]]
    before = Complaints["errors"]
    for (i = 1; adjustment && i <= Count[adjustment]; i++) {
        name = Key[adjustment, i]
        if (name != "Epidemic")
            complain(problems, name, "errors", name, "Unknown section; the only one is: Epidemic.")
        else if (Kind[Child[adjustment, i]] != "object")
            complain(problems, name, "errors", name, "Expected an object of parameters.")
    }
    section = adjustment ? json_get(adjustment, "Epidemic") : 0
    for (i = 1; section && i <= Count[section]; i++) {
        name = Key[section, i]
        message = name in Default ? refusal(name, Child[section, i]) : "Unknown parameter."
        if (message != "") complain(problems, "Epidemic", "errors", name, message)
    }
    if (Complaints["errors"] > before) return
    if (Value["initial_infected"] > Value["population"] * (1 - Value["initial_immune"]))
        complain(problems, "Epidemic", "errors", "initial_infected", "More than the people who are not immune.")
    if (Value["latent_days"] > 0 && Value["latent_days"] < 0.25)
        complain(problems, "Epidemic", "errors", "latent_days", "Either 0 or at least 0.25.")
    if (Complaints["errors"] > before) return
    if (Value["reproduction_number"] * (1 - Value["initial_immune"]) < 1)
        complain(problems, "Epidemic", "warnings", "reproduction_number", "Below 1 among those who are not immune: there will be no epidemic.")
}

# The parameters as get_inputs shows them.
function inputs_json(    i, name, out) {
    out = "{\"meta_parameters\": {\"disease\": {\"title\": \"Disease\", \"description\": \"Which disease the defaults describe.\", \"type\": \"str\", \"value\": [{\"value\": " json_quote(Disease) "}], \"validators\": {\"choice\": {\"choices\": [\"Influenza\", \"Measles\", \"COVID-19\"]}}}}, \"model_parameters\": {\"Epidemic\": {"
    for (i = 1; i <= Parameters; i++) {
        name = Order[i]
        out = out (i > 1 ? ", " : "") json_quote(name) ": {\"title\": " json_quote(Title[name]) ", \"description\": " json_quote(Description[name]) ", \"type\": " json_quote(Type[name]) ", \"value\": [{\"value\": " sprintf("%.10g", Default[name]) "}], \"validators\": {\"range\": {\"min\": " sprintf("%.10g", Low[name]) ", \"max\": " sprintf("%.10g", High[name]) "}}}"
    }
    return out "}}}"
}
