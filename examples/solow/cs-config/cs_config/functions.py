"""The four functions that Compute Studio calls."""

import sys
from pathlib import Path

try:
    import solow
except ImportError:
    # Not installed: this is a checkout of the repository, the package is beside cs-config/.
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    import solow

from solow import chart

from . import parameters, report


def get_version():
    return solow.__version__


def get_inputs(meta_param_dict):
    meta, errors = parameters.meta_values(meta_param_dict)
    if errors:
        raise ValueError(_sentence(errors))
    metas, params = parameters.inputs(meta)
    return {"meta_parameters": metas, "model_parameters": {parameters.SECTION: params}}


def validate_inputs(meta_param_dict, adjustment, errors_warnings):
    """Adds what is wrong to ``errors_warnings``: per section a list of messages for each parameter."""
    found, errors = _read(meta_param_dict, adjustment)
    for section, problems in errors.items():
        _merge(errors_warnings, section, "errors", problems)
    _merge(errors_warnings, parameters.SECTION, "warnings", {} if errors else parameters.warnings(found[1]))
    return {"errors_warnings": errors_warnings}


def run_model(meta_param_dict, adjustment):
    (meta, values), errors = _read(meta_param_dict, adjustment)
    if errors:
        raise ValueError("; ".join(_sentence(problems) for problems in errors.values()))
    horizon, k0, year = values.pop("horizon"), values.pop("initial_capital"), meta["year"]
    economy = solow.Economy(**values)
    path = economy.path(k0, horizon)
    return {
        "renderable": [
            {"media_type": "table", "title": "Steady state", "data": report.table(economy, k0)},
            {"media_type": "PNG", "title": "Growth path", "data": chart.draw(path, economy, year)},
            {"media_type": "Markdown", "title": "Report", "data": report.markdown(economy, path, year)},
        ],
        "downloadable": [{"media_type": "CSV", "title": "Path", "data": report.csv_text(path, year)}],
    }


def _read(meta_param_dict, adjustment):
    """((meta values, values), {section: {parameter: messages}})"""
    errors = {}
    meta, problems = parameters.meta_values(meta_param_dict)
    if problems:
        errors["meta_parameters"] = problems
    adjustment = adjustment or {}
    for section, given in adjustment.items():
        if section != parameters.SECTION:
            errors[section] = {section: ["Unknown section; the only one is: %s." % parameters.SECTION]}
        elif not isinstance(given, dict):
            raise TypeError("the section %s of the adjustment must map parameters to values" % section)
    values, problems = parameters.values(meta, adjustment.get(parameters.SECTION) or {})
    if problems:
        errors[parameters.SECTION] = problems
    return (meta, values), errors


def _merge(errors_warnings, section, kind, problems):
    target = errors_warnings.setdefault(section, {})
    for key in ("errors", "warnings"):
        target.setdefault(key, {})
    for name, messages in problems.items():
        target[kind].setdefault(name, []).extend(messages)


def _sentence(problems):
    return "; ".join("%s: %s" % (name, " ".join(messages)) for name, messages in problems.items())
