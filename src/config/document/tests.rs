use std::sync::Arc;

use super::*;

record! {
    /// A record of the tests.
    struct Sample {
        /// Text.
        title: Required<String>,
        /// A number.
        port: Optional<u16>,
        /// A boolean.
        listed: Optional<bool>,
        /// A list.
        tags: Optional<Vec<String>>,
        /// A record in it.
        inner: Optional<Inner>,
    }
}

record! {
    /// A record in a record.
    struct Inner {
        /// Text.
        cpu: Required<String>,
    }
}

fn problems_of(text: &str) -> Vec<String> {
    let source = Arc::new(Source::new("f.yaml", text));
    let mut problems = Problems::new(Arc::clone(&source));
    let sample: Option<Sample> = read(&source, &mut problems);
    assert!(sample.is_some() || !problems.is_empty(), "{text:?} gave neither a value nor a reason");
    problems
        .into_vec()
        .iter()
        .map(|d| {
            let place = d.place();
            let help = d.help().map(|h| format!(" ({h})")).unwrap_or_default();
            format!("{}:{} {}{help}", place.line, place.column, d.message())
        })
        .collect()
}

#[test]
fn plain_scalars_are_text_where_text_is_wanted() {
    for text in
        ["yes", "1.10", "2020-10-29 09:29", "0x1F", "1_000", "on", "3", ".5", "'null'", "a: b", "\"\""]
    {
        let yaml = if text == "a: b" { format!("title: '{text}'") } else { format!("title: {text}") };
        let source = Arc::new(Source::new("f.yaml", yaml));
        let mut problems = Problems::new(Arc::clone(&source));
        let sample: Sample = read(&source, &mut problems).unwrap();
        assert!(problems.is_empty(), "{problems:?}");
        let title = sample.title.into_inner().unwrap();
        assert_eq!(title.value, text.trim_matches(['\'', '"']));
        assert_eq!(title.span.start, 7);
        assert_eq!(title.key, Span::new(0, 5));
    }
}

#[test]
fn every_problem_is_found_with_its_place() {
    assert_eq!(
        problems_of(
            "titel: x\nport: eighty\nlisted: yes\ntags: [a, {b: c}]\ninner:\n  cpu:\n  mem: 1\nfrobnicate: 1\n"
        ),
        [
            "1:1 unknown key `titel` (did you mean `title`?)",
            "2:7 `port`: expected a whole number from 0 to 65535, found the text `eighty`",
            "3:9 `listed`: expected true or false, found the text `yes` (write true, without quotes)",
            "4:12 `tags`: expected text, found a mapping",
            "6:3 `cpu` has no value",
            "7:3 unknown key `mem` in `inner` (known keys: cpu)",
            "8:1 unknown key `frobnicate` (known keys: title, port, listed, tags, inner)",
            "1:1 `title` is missing (add a line `title: …`)",
        ]
    );
}

#[test]
fn numbers_and_booleans_are_strict() {
    for (text, expected) in [
        ("port: 70000", "1:7 `port`: expected a whole number from 0 to 65535, found `70000`"),
        (
            "port: 99999999999999999999999",
            "1:7 `port`: expected a whole number from 0 to 65535, found the number `99999999999999999999999`",
        ),
        (
            "port: '80'",
            "1:7 `port`: expected a whole number from 0 to 65535, found the text `80` (write it without quotes)",
        ),
        (
            "port: 010",
            "1:7 `port`: expected a whole number from 0 to 65535, found the number `010` (write it without leading zeros)",
        ),
        ("port: 1.5", "1:7 `port`: expected a whole number from 0 to 65535, found the number `1.5`"),
        ("port: true", "1:7 `port`: expected a whole number from 0 to 65535, found the boolean `true`"),
        ("port: [1]", "1:7 `port`: expected a whole number from 0 to 65535, found a list"),
        (
            "listed: 'true'",
            "1:9 `listed`: expected true or false, found the text `true` (write true, without quotes)",
        ),
        ("listed: maybe", "1:9 `listed`: expected true or false, found the text `maybe`"),
        ("tags: a", "1:7 `tags`: expected a list (`- item` lines, or [a, b]), found the text"),
        ("inner: a", "1:8 `inner`: expected a mapping (`key: value` lines), found the text"),
        ("inner: {}", "1:8 `cpu` is missing (add a line `cpu: …`)"),
    ] {
        assert_eq!(problems_of(&format!("{text}\ntitle: t\n")), [expected], "{text}");
    }
}

#[test]
fn what_is_not_one_yaml_document_is_refused_with_its_place() {
    for (text, expected) in [
        ("", "1:1 there is nothing in this file but blanks and comments"),
        ("# only this\n", "1:1 there is nothing in this file but blanks and comments"),
        ("---\n...\n", "1:1 there is nothing in this file but blanks and comments"),
        ("~", "1:1 there is nothing in this file but blanks and comments"),
        ("- a\n", "1:1 expected a mapping (`key: value` lines), found a list"),
        ("title\n", "1:1 expected a mapping (`key: value` lines), found the text"),
        (
            "title: a\n---\ntitle: b\n",
            "2:1 a second document starts here, and a file holds one (move it to a file of its own, or delete the `---` line)",
        ),
        ("title: a\ntitle: b\n", "2:1 the key `title` is given twice"),
        (
            "title: *nowhere\n",
            "1:8 there is no anchor `&nowhere` above this alias (write a text that starts with `*` in quotes)",
        ),
        ("title: !python/object x\n", "1:8 this tag means nothing here (delete the tag)"),
    ] {
        let found = problems_of(text);
        assert_eq!(found.first().map(String::as_str), Some(expected), "{text:?}: {found:?}");
    }
}

#[test]
fn syntax_errors_have_a_place_and_a_way_out() {
    for (text, line, help) in [
        ("title: a\ninner:\n\tcpu: 1\n", 3, "indent with blanks"),
        ("title: \"a\n", 1, "close the quote"),
        ("title: a: b\n", 1, "put text that holds"),
        ("tags: [a, b\ntitle: x\n", 2, ""),
        ("title: @x\n", 1, "in quotes"),
        ("title: a\n  port: 1\n", 2, "put text that holds"),
        ("title a\nport: 1\n", 2, "line above has its colon"),
    ] {
        let source = Arc::new(Source::new("f.yaml", text));
        let mut problems = Problems::new(Arc::clone(&source));
        assert!(read::<Sample>(&source, &mut problems).is_none(), "{text:?}");
        let problem = problems.into_vec().remove(0);
        assert!(problem.message().starts_with("not YAML: "), "{problem}");
        assert_eq!(problem.place().line, line, "{text:?}: {problem}");
        assert!(problem.help().unwrap_or_default().contains(help), "{text:?}: {problem:?}");
    }
}

#[test]
fn aliases_and_merge_keys_are_resolved_and_bounded() {
    assert_eq!(problems_of("title: &t x\ninner: {cpu: *t}\n"), [""; 0]);
    assert_eq!(problems_of("<<: {port: 1}\ntitle: x\n"), [""; 0]);
    assert_eq!(problems_of("<<: [{title: x}, {title: y, port: 1}]\n"), [""; 0]);
    assert_eq!(problems_of("<<: x\ntitle: x\n"), ["1:5 `<<` merges a mapping, or a list of mappings"]);
    let mut bomb = String::from("a: &a [x, x, x, x, x, x, x, x, x]\n");
    for (this, last) in ('b'..='i').zip('a'..) {
        bomb += &format!("{this}: &{this} [{}]\n", vec![format!("*{last}"); 9].join(", "));
    }
    let found = problems_of(&bomb);
    assert!(found[0].contains("more than 100000 values once the aliases are resolved"), "{found:?}");
    assert!(problems_of("title: &a [*a]\n")[0].contains("1:12 an alias may not stand inside"));
    let deep = "[".repeat(10_000);
    assert!(problems_of(&format!("title: {deep}"))[0].contains("not YAML"));
}

#[test]
fn a_collection_as_key_costs_that_line_only() {
    let found = problems_of("{{ name }}: x\ntitle: {{ title }}\n");
    assert!(found.iter().any(|p| p.contains("a key is text, not a list or a mapping")), "{found:?}");
    assert_eq!(problems_of("? [a, b]\n: x\ntitle: t\n").len(), 1);
}

#[test]
fn bytes_that_are_not_utf8_have_a_place() {
    let problem = Source::from_bytes("f.yaml", b"title: a\nowner: \xe9\n".to_vec()).unwrap_err();
    assert_eq!(problem.to_string(), "f.yaml:2:8: not UTF-8: byte 0xe9");
    let utf16: Vec<u8> = "\u{feff}title: a".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(Source::from_bytes("f.yaml", utf16).unwrap_err().help().unwrap().contains("UTF-16"));
    assert_eq!(problems_of("\u{feff}titel: a\n")[0], "1:1 unknown key `titel` (did you mean `title`?)");
}

#[test]
fn secrets_are_masked_in_what_is_quoted() {
    let shown = |text: &str| Source::new("f", text).shown().to_owned();
    assert_eq!(shown("secrets:\n  A: hunter2\n  B: 'pa ss'\n"), "secrets:\n  A: *******\n  B: *** ***\n");
    assert_eq!(shown("secrets: [A, B, C=hunter2]\n"), "secrets: [A, B, *********]\n");
    assert_eq!(shown("api_token: hunter2 # x\nb: c\n"), "api_token: ******* # x\nb: c\n");
    assert_eq!(shown("repo: https://me:hunter2@host/x\n"), "repo: https://**********@host/x\n");
    // Not YAML: by line.
    assert_eq!(shown("secrets:\n  A: \"hunter2\nb: [\n"), "secrets:\n  ** ********\nb: *\n");
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_decoder_panic(text in "[ -~\\n\\t\u{e4}\u{2028}]{0,200}") {
        let _ = problems_of(&text);
        let source = Source::new("f", text);
        let _ = source.shown();
    }

    #[test]
    fn no_yaml_like_text_makes_the_decoder_panic(
        parts in proptest::collection::vec(proptest::sample::select(vec![
            "title", "port", ":", " ", "\n", "  ", "- ", "[", "]", "{", "}", ",", "&a", "*a", "'", "\"", "|", ">", "<<",
            "? ", "!!str", "!x", "---", "...", "#", "\t", "%YAML 1.1", "é", "null", "1", "secrets",
        ]), 0..40)
    ) {
        let text = parts.concat();
        let _ = problems_of(&text);
        let source = Source::new("f", text);
        proptest::prop_assert_eq!(source.shown().len(), source.text().len());
    }
}

#[test]
fn blanks_that_are_none_are_named_where_they_are_the_mistake() {
    let table = [
        ("\u{a0}title: x", "column 1 holds a no-break space (U+00A0)"),
        ("title: x\ninner:\n  cpu: a\n \u{a0}gpu: b", "column 2 holds a no-break space"),
        ("title:\u{a0}x", "column 7 holds a no-break space"),
        ("title: x\ntags:\n -\u{3000}a", "column 3 holds an ideographic space (U+3000)"),
        ("title: x\n\u{feff}port: 3", "column 1 holds a byte order mark"),
        ("title: x\nport: \u{200b}3", "column 7 holds a zero-width space"),
    ];
    for (text, says) in table {
        let found = problems_of(text);
        assert!(
            found.iter().any(|p| p.contains(says) && p.contains("write an ordinary space")),
            "{text:?}: {found:?}"
        );
    }
    // Within a text it is a character like others.
    let found = problems_of("title: 10\u{a0}km\nport: 10\u{a0}km");
    assert!(found.iter().all(|p| !p.contains("no-break")), "{found:?}");
}

#[test]
fn places_are_found_in_any_text() {
    let text = "a: é\r\nbb: \u{1f600}x\n\nlast ".to_owned() + &"äb".repeat(700);
    let source = Source::new("f.yaml", text.clone());
    let mut place = (1, 1);
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        assert_eq!(source.position(at), place, "{at}");
        place = if c == '\n' { (place.0 + 1, 1) } else { (place.0, place.1 + 1) };
    }
}

#[test]
fn merges_and_repetitions_of_many_keys_are_read_as_those_of_few() {
    let anchors: String = (0..3000).map(|n| format!("- &a{n} {{k{n}: {n}}}\n")).collect();
    let aliases: Vec<String> = (0..3000).map(|n| format!("*a{n}")).collect();
    let text = format!("list:\n{anchors}all:\n  k0: own\n  <<: [{}]\n", aliases.join(", "));
    let source = Arc::new(Source::new("f.yaml", text));
    let mut problems = Problems::new(Arc::clone(&source));
    let root = parse(&source, &mut problems).unwrap();
    assert!(problems.is_empty());
    let Some(Value::Map(all)) = root.get("all").map(|node| &node.value) else { panic!("no mapping") };
    assert_eq!(all.len(), 3000);
    let Value::Scalar(own) = &all[0].value.value else { panic!("no scalar") };
    assert_eq!(own.text, "own");

    let twice: String = (0..2000).flat_map(|_| ["title: x\n", "port: 1\n"]).collect();
    let found = problems_of(&twice);
    assert_eq!(found.len(), 2 * 1999, "{:?}", found.first());
}
