"""What a person can set, and whether what was set is allowed."""

import copy

SECTION = "Solow"

META_PARAMETERS = {
    "year": {
        "title": "Start year",
        "description": "The first year of the path.",
        "type": "int",
        "value": [{"value": 2025}],
        "validators": {"range": {"min": 1950, "max": 2100}},
    },
    "economy": {
        "title": "Kind of economy",
        "description": "Which economy the other parameters' defaults describe.",
        "type": "str",
        "value": [{"value": "Advanced"}],
        "validators": {"choice": {"choices": ["Advanced", "Emerging"]}},
    },
}

#: Defaults that differ from those of an advanced economy.
EMERGING = {
    "savings_rate": 0.32,
    "depreciation": 0.06,
    "population_growth": 0.015,
    "technology_growth": 0.03,
    "capital_share": 0.4,
    "initial_capital": 1.5,
}


def _parameter(title, description, kind, value, low, high):
    return {
        "title": title,
        "description": description,
        "type": kind,
        "value": [{"value": value}],
        "validators": {"range": {"min": low, "max": high}},
    }


PARAMETERS = {
    "savings_rate": _parameter(
        "Savings rate", "Share of output that is saved and invested.", "float", 0.24, 0.01, 0.99
    ),
    "depreciation": _parameter(
        "Depreciation", "Share of capital that wears out a year.", "float", 0.05, 0.0, 1.0
    ),
    "population_growth": _parameter(
        "Population growth", "Growth of the work force a year.", "float", 0.005, -0.05, 0.1
    ),
    "technology_growth": _parameter(
        "Technology growth", "Growth of labour's productivity a year.", "float", 0.015, -0.05, 0.1
    ),
    "capital_share": _parameter(
        "Capital's share", "Share of income that goes to capital (the exponent alpha).", "float", 0.33, 0.05, 0.8
    ),
    "initial_capital": _parameter(
        "Initial capital", "Capital per effective worker in the start year.", "float", 4.0, 0.01, 1000000.0
    ),
    "horizon": _parameter("Horizon", "Years to simulate.", "int", 100, 1, 500),
}


class Rejected(ValueError):
    """A value that is not allowed; the message is for the person who set it."""


def plain(value):
    """A value in either of its forms: as it is, or as the web app's list of one ``{"value": ...}``."""
    if not isinstance(value, list):
        return value
    if len(value) != 1 or not isinstance(value[0], dict) or "value" not in value[0]:
        raise Rejected('Expected one value, as 0.3 or as [{"value": 0.3}].')
    return value[0]["value"]


def checked(name, spec, value):
    """The value in the parameter's type, if it is allowed."""
    value = plain(value)
    kind, validators = spec["type"], spec["validators"]
    if kind == "str":
        if value not in validators["choice"]["choices"]:
            raise Rejected("%s %r must be one of: %s." % (name, value, ", ".join(validators["choice"]["choices"])))
        return value
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise Rejected("Not a valid number: %r." % value) from None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        raise Rejected("Not a valid number: %r." % (value,))
    limits = validators["range"]
    if value < limits["min"]:
        raise Rejected("%s %s < min %s" % (name, value, limits["min"]))
    if value > limits["max"]:
        raise Rejected("%s %s > max %s" % (name, value, limits["max"]))
    if kind == "int" and value != int(value):
        raise Rejected("Not a whole number: %r." % value)
    return int(value) if kind == "int" else float(value)


def _merged(specs, given):
    values = {name: plain(spec["value"]) for name, spec in specs.items()}
    errors = {}
    for name, value in given.items():
        if name not in specs:
            errors[name] = ["Unknown parameter; known are: %s." % ", ".join(specs)]
            continue
        try:
            values[name] = checked(name, specs[name], value)
        except Rejected as e:
            errors[name] = [str(e)]
    return values, errors


def meta_values(meta_param_dict):
    """Values of the meta parameters, and a list of messages for each that was refused."""
    return _merged(META_PARAMETERS, meta_param_dict or {})


def inputs(meta):
    """The parameters with the defaults that go with these values of the meta parameters."""
    metas, parameters = copy.deepcopy(META_PARAMETERS), copy.deepcopy(PARAMETERS)
    for name, value in meta.items():
        metas[name]["value"] = [{"value": value}]
    if meta["economy"] == "Emerging":
        for name, value in EMERGING.items():
            parameters[name]["value"] = [{"value": value}]
    return metas, parameters


def values(meta, adjustment):
    """Values of all parameters, and a list of messages for each that was refused."""
    found, errors = _merged(inputs(meta)[1], adjustment)
    if not errors:
        wear = (1 + found["population_growth"]) * (1 + found["technology_growth"]) - 1 + found["depreciation"]
        if wear < 0.001:
            errors["depreciation"] = [
                "Growth and depreciation together (n + g + n*g + delta = %.4g) must be at least 0.001: "
                "else there is no steady state." % wear
            ]
    return found, errors


def warnings(found):
    """A list of messages for each value that is allowed but odd."""
    if found["savings_rate"] > found["capital_share"]:
        return {
            "savings_rate": [
                "Above the golden rule's %s (capital's share): saving less would mean more consumption in the long run."
                % found["capital_share"]
            ]
        }
    return {}
