//! Whatever stands in a model, its objects have the same structure, and its values come out as they went in.

use std::collections::BTreeMap;

use csw::render::*;
use proptest::prelude::*;
use serde_json::Value;

use super::fixture;

static RENDERER: std::sync::OnceLock<Renderer> = std::sync::OnceLock::new();

/// The structure alone: every scalar is its type.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(map.iter().map(|(k, v)| (k.clone(), shape(v))).collect()),
        Value::Array(items) => items.iter().map(shape).collect(),
        Value::String(_) => "text".into(),
        Value::Number(_) => "number".into(),
        other => other.clone(),
    }
}

fn hostile() -> impl Strategy<Value = String> {
    let known = [
        "",
        " ",
        "yes",
        "no",
        "on",
        "null",
        "~",
        "1_000",
        "0755",
        "1e3",
        "0x1f",
        "12:30:45",
        "2020-01-01",
        "=",
        "<<",
        "*a",
        "&a",
        "!!str x",
        "- a",
        "a: b",
        "a #b",
        "{",
        "}",
        "[",
        "]",
        "{{ 1 }}",
        "{% if x %}",
        "{# c #}",
        "\"",
        "'",
        "\\",
        "\n",
        "\r\n",
        "a\n---\nkind: Secret",
        "...",
        "%YAML 1.2",
        "\t",
        "\u{85}",
        "\u{2028}",
        "\u{feff}",
        "\u{E000}0\u{E001}",
        "$(HOME)",
        "$$",
        "`id`",
        "\u{0}",
        "\u{7f}",
        "\u{1b}[0m",
        "|",
        ">",
        "? a",
        ", a",
        "@a",
    ];
    prop_oneof![
        prop::sample::select(known.to_vec()).prop_map(str::to_owned),
        any::<String>(),
        "[ -~\n]{0,120}"
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn hostile_values_change_no_structure(
        env in hostile(), secret in hostile(), oneliner in hostile(), argv in hostile(), description in hostile(), dask: bool,
    ) {
        let render = |env: &str, secret: &str, oneliner: &str, argv: &str, description: &str| {
            let mut model = if dask { fixture::dask_model() } else { fixture::model("a/b") };
            model.env.insert("VALUE".into(), env.to_owned());
            model.oneliner = Some(oneliner.to_owned());
            model.description = Some(description.to_owned());
            model.entry = csw::model::Entry::Command { argv: vec![argv.to_owned()] };
            let secrets = fixture::secrets(&[("OSPC_TOKEN", secret)]);
            let renderer = RENDERER.get_or_init(|| Renderer::new(&Templates::default(), fixture::context("1.36")).unwrap());
            let input = ModelInput { model: &model, secrets: &secrets, tag: None };
            let mut objects = renderer.model(&input).unwrap();
            objects.push(fixture::job(renderer, &input));
            objects
        };
        let objects = render(&env, &secret, &oneliner, &argv, &description);
        let plain = render("x", "x", "x", "x", "x");
        let shapes = |objects: &[Object]| objects.iter().map(|o| shape(o.value())).collect::<Vec<_>>();
        prop_assert_eq!(shapes(&objects), shapes(&plain));

        // Written and read again, they are the same objects.
        let text = fixture::stream(&objects);
        let again: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
        prop_assert_eq!(&again, &objects.iter().map(|o| o.value().clone()).collect::<Vec<_>>());

        let job = objects.last().unwrap();
        let all = job.value().pointer("/spec/template/spec/containers/0/env").unwrap().as_array().unwrap();
        let values: BTreeMap<&str, &Value> = all.iter().map(|e| (e["name"].as_str().unwrap(), &e["value"])).collect();
        prop_assert_eq!(values["VALUE"], &env.replace('$', "$$"));
        prop_assert_eq!(values["OWNER"], if dask { "PSLmodels" } else { "a" });
        let kept = objects.iter().find(|o| o.kind() == "Secret").unwrap();
        use base64::Engine as _;
        let data = kept.value()["data"]["OSPC_TOKEN"].as_str().unwrap();
        prop_assert_eq!(base64::engine::general_purpose::STANDARD.decode(data).unwrap(), secret.as_bytes());
    }
}
