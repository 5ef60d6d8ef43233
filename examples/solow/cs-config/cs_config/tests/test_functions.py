"""Run with pytest, or without it: ``python3 -m unittest discover -s cs-config -t cs-config``."""

import csv
import io
import json
import math
import struct
import unittest
import zlib

from cs_config.functions import get_inputs, get_version, run_model, validate_inputs
from solow import Economy


def simulate(**adjustment):
    return run_model({}, {"Solow": adjustment})


def rows(outputs):
    return list(csv.DictReader(io.StringIO(outputs["downloadable"][0]["data"])))


def problems(adjustment, meta=None):
    return validate_inputs(meta or {}, adjustment, {})["errors_warnings"]


class Inputs(unittest.TestCase):
    def test_version_and_shape(self):
        self.assertEqual(get_version(), "1.0.0")
        inputs = get_inputs({})
        json.dumps(inputs, allow_nan=False)
        for parameter in list(inputs["meta_parameters"].values()) + list(inputs["model_parameters"]["Solow"].values()):
            self.assertEqual(sorted(parameter), ["description", "title", "type", "validators", "value"])

    def test_defaults_are_valid(self):
        for economy in ("Advanced", "Emerging"):
            meta = {"economy": economy}
            defaults = get_inputs(meta)["model_parameters"]["Solow"]
            adjustment = {"Solow": {name: parameter["value"] for name, parameter in defaults.items()}}
            self.assertEqual(problems(adjustment, meta), {"Solow": {"errors": {}, "warnings": {}}})

    def test_meta_parameters_change_the_defaults(self):
        emerging = get_inputs({"economy": [{"value": "Emerging"}], "year": 2030})
        self.assertEqual(emerging["meta_parameters"]["year"]["value"], [{"value": 2030}])
        self.assertEqual(emerging["model_parameters"]["Solow"]["capital_share"]["value"], [{"value": 0.4}])
        self.assertEqual(get_inputs({})["model_parameters"]["Solow"]["capital_share"]["value"], [{"value": 0.33}])
        with self.assertRaises(ValueError):
            get_inputs({"economy": "Martian"})


class Validation(unittest.TestCase):
    def test_both_forms_of_a_value(self):
        for value in (0.3, [{"value": 0.3}], "0.3"):
            self.assertEqual(problems({"Solow": {"savings_rate": value}})["Solow"]["errors"], {})

    def test_each_wrong_parameter_is_named(self):
        wrong = {
            "savings_rate": 2,
            "depreciation": "much",
            "horizon": 1.5,
            "capital_share": True,
            "initial_capital": 10 ** 400,
            "technology_growth": [{"value": 0.1}, {"value": 0.2}],
            "population_growth": -1,
            "saving_rate": 0.2,
        }
        errors = problems({"Solow": wrong})["Solow"]["errors"]
        self.assertEqual(sorted(errors), sorted(wrong))
        self.assertEqual(errors["savings_rate"], ["savings_rate 2 > max 0.99"])
        self.assertEqual(errors["population_growth"], ["population_growth -1 < min -0.05"])

    def test_what_is_no_number_is_refused(self):
        for value in (float("nan"), float("inf"), "1e999", None, [], {}, [0.3], [{"value": None}], "0,3"):
            self.assertIn("savings_rate", problems({"Solow": {"savings_rate": value}})["Solow"]["errors"], value)

    def test_no_steady_state(self):
        errors = problems({"Solow": {"depreciation": 0, "population_growth": -0.02}})["Solow"]["errors"]
        self.assertIn("no steady state", errors["depreciation"][0])

    def test_what_is_there_is_kept(self):
        before = {"Solow": {"errors": {"horizon": ["odd"]}, "warnings": {}}}
        after = validate_inputs({"year": 1}, {"Solow": {"savings_rate": 0.5}, "Sollow": {}}, before)["errors_warnings"]
        self.assertEqual(after["Solow"]["errors"]["horizon"], ["odd"])
        self.assertIn("year", after["meta_parameters"]["errors"])
        self.assertIn("Sollow", after["Sollow"]["errors"])

    def test_beyond_the_golden_rule_is_a_warning(self):
        found = problems({"Solow": {"savings_rate": 0.5}})["Solow"]
        self.assertEqual(found["errors"], {})
        self.assertIn("golden rule", found["warnings"]["savings_rate"][0])

    def test_a_simulation_refuses_what_is_invalid(self):
        with self.assertRaisesRegex(ValueError, "savings_rate 2 > max"):
            simulate(savings_rate=2)


class Numbers(unittest.TestCase):
    def test_steady_state(self):
        # s = 0.3, n + g + n*g + delta = 0.01 + 0.02 + 0.0002 + 0.05 = 0.0802, alpha = 1/2: k* = (0.3/0.0802)^2.
        economy = Economy(0.3, 0.05, 0.01, 0.02, 0.5)
        self.assertAlmostEqual(economy.steady_capital(), (0.3 / 0.0802) ** 2, places=12)
        self.assertAlmostEqual(economy.next_capital(economy.steady_capital()), economy.steady_capital(), places=12)

    def test_convergence(self):
        economy = Economy(0.3, 0.05, 0.01, 0.02, 0.33)
        steady = economy.steady_capital()
        for k0 in (0.1, 100.0):
            path = economy.path(k0, 500)
            gaps = [abs(year.k - steady) for year in path]
            self.assertTrue(all(b < a for a, b in zip(gaps, gaps[1:200])))
            self.assertAlmostEqual(path[-1].k, steady, places=9)
            self.assertAlmostEqual(path[-1].growth, 0.02, places=9)
            self.assertAlmostEqual(gaps[200] / gaps[199], economy.persistence, places=5)

    def test_full_depreciation_has_a_closed_form(self):
        # With delta = 1 the path is log-linear: ln(k[t]/k*) = alpha^t ln(k[0]/k*).
        economy = Economy(0.25, 1.0, 0.01, 0.02, 0.4)
        steady = economy.steady_capital()
        for year in economy.path(0.01, 30):
            self.assertAlmostEqual(math.log(year.k / steady), 0.4 ** year.t * math.log(0.01 / steady), places=12)

    def test_golden_rule(self):
        economy = Economy(0.2, 0.05, 0.01, 0.02, 0.33)
        best = max((i / 1000 for i in range(1, 1000)), key=economy.steady_consumption)
        self.assertAlmostEqual(best, economy.golden_savings_rate, places=3)
        # There, capital's marginal product is what keeps capital per effective worker as it is.
        k = economy.steady_capital(economy.golden_savings_rate)
        self.assertAlmostEqual(0.33 * k ** (0.33 - 1), economy.effective_depreciation, places=12)


class Outputs(unittest.TestCase):
    def test_kinds(self):
        outputs = simulate(savings_rate=0.3)
        kinds = [(o["media_type"], o["title"]) for key in ("renderable", "downloadable") for o in outputs[key]]
        self.assertEqual(
            kinds, [("table", "Steady state"), ("PNG", "Growth path"), ("Markdown", "Report"), ("CSV", "Path")]
        )

    def test_csv(self):
        table = rows(run_model({"year": [{"value": 2000}]}, {"Solow": {"horizon": 30, "initial_capital": 2.0}}))
        self.assertEqual([int(row["year"]) for row in table], list(range(2000, 2031)))
        self.assertEqual(float(table[0]["capital"]), 2.0)
        for now, then in zip(table, table[1:]):
            k = (0.24 * float(now["output"]) + 0.95 * float(now["capital"])) / (1.005 * 1.015)
            self.assertAlmostEqual(float(then["capital"]), k, places=12)
            growth = float(then["output_per_worker"]) / float(now["output_per_worker"]) - 1
            self.assertAlmostEqual(float(then["growth"]), growth, places=12)

    def test_png(self):
        for horizon in (1, 7, 500):
            png = simulate(horizon=horizon, capital_share=0.8)["renderable"][1]["data"]
            self.assertEqual(png[:8], b"\x89PNG\r\n\x1a\n")
            at, kinds, data = 8, [], b""
            while at < len(png):
                (length,) = struct.unpack(">I", png[at:at + 4])
                kind, body = png[at + 4:at + 8], png[at + 8:at + 8 + length]
                self.assertEqual(struct.unpack(">I", png[at + 8 + length:at + 12 + length])[0], zlib.crc32(kind + body))
                kinds.append(kind)
                data += body if kind == b"IDAT" else b""
                at += 12 + length
            self.assertEqual(kinds, [b"IHDR", b"IDAT", b"IEND"])
            pixels = zlib.decompress(data)
            self.assertEqual(len(pixels), 560 * (1 + 960 * 3))
            self.assertGreater(len(set(pixels[1 + 3 * i:4 + 3 * i] for i in range(0, 300000, 7))), 3)

    def test_table_and_report(self):
        outputs = simulate(savings_rate=0.3)
        economy = Economy(0.3, 0.05, 0.005, 0.015, 0.33)
        self.assertIn("<td>%.4f</td>" % economy.steady_capital(), outputs["renderable"][0]["data"])
        self.assertIn("**%.3f**" % economy.steady_capital(), outputs["renderable"][2]["data"])

    def test_the_same_inputs_give_the_same_bytes(self):
        self.assertEqual(simulate(horizon=20), simulate(horizon=20))


if __name__ == "__main__":
    unittest.main()
