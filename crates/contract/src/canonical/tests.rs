//! The checker against the RFC 8785 vectors, against a canonical writer, and against each fault by itself.

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::{DEPTH_MAX, NotCanonical, Why, check, check_first, plain_until};

macro_rules! vector {
    ($name:literal) => {
        [
            include_str!(concat!("../../vectors/jcs/input/", $name, ".json")),
            include_str!(concat!("../../vectors/jcs/output/", $name, ".json")),
            include_str!(concat!("../../vectors/jcs/outhex/", $name, ".txt")),
        ]
    };
}

fn refusal(text: &str) -> Option<(usize, Why)> {
    check(text.as_bytes()).err().map(|NotCanonical { at, why }| (at, why))
}

#[test]
fn outputs_of_the_vectors_are_canonical_and_inputs_are_not() {
    let vectors =
        [vector!("arrays"), vector!("french"), vector!("structures"), vector!("unicode"), vector!("weird")];
    for [input, output, hex] in vectors {
        assert_eq!(refusal(output), None, "{output}");
        assert!(refusal(input).is_some(), "{input}");
        let bytes: Vec<u8> =
            hex.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
        assert_eq!(check(&bytes), Ok(()), "{output}");
    }
}

#[test]
fn a_vector_with_fractions_is_refused_for_them() {
    let [input, output, _] = vector!("values");
    assert!(refusal(input).is_some());
    let fraction = output.find('.').unwrap();
    assert_eq!(refusal(output), Some((fraction, Why::NotInteger)));
}

#[test]
fn canonical_values_of_every_kind_are_accepted() {
    let accepted = [
        "null",
        "true",
        "false",
        "0",
        "-1",
        "9007199254740992",
        "-9007199254740992",
        r#""""#,
        r#""\b\t\n\f\r\"\\/\u0000\u000b\u001f""#,
        "\"\u{7f}\u{80}\u{2028}\u{fffd}\u{1f600}\"",
        "[]",
        "{}",
        r#"[[],{},"a",1]"#,
        r#"{"":{"b":[1,2]},"a":null}"#,
        // Keys sort by the characters that escapes stand for: \t is U+0009, \u0001 and \" are U+0001 and U+0022.
        r##"{"\u0001":1,"\t":1,"\n":1,"!":1,"\"":1,"#":1,"\\":1}"##,
        // U+1F600 is the surrogates D83D DE00, before U+E000, though its UTF-8 bytes sort after.
        "{\"\u{1f600}\":1,\"\u{e000}\":1}",
    ];
    for text in accepted {
        assert_eq!(refusal(text), None, "{text}");
    }
}

#[test]
fn each_fault_is_named_where_it_stands() {
    let refused = [
        ("", 0, Why::End),
        ("nul", 3, Why::End),
        ("[1", 2, Why::End),
        ("[1,", 3, Why::End),
        (r#"{"a""#, 4, Why::End),
        (r#"{"a":1,"#, 7, Why::End),
        (r#""a"#, 2, Why::End),
        (r#""\"#, 2, Why::End),
        ("-", 1, Why::End),
        ("nulL", 3, Why::Byte(b'L')),
        ("+1", 0, Why::Byte(b'+')),
        ("-a", 1, Why::Byte(b'a')),
        (".5", 0, Why::Byte(b'.')),
        ("NaN", 0, Why::Byte(b'N')),
        ("[1,]", 3, Why::Byte(b']')),
        ("[1}", 2, Why::Byte(b'}')),
        ("{1:1}", 1, Why::Byte(b'1')),
        (r#"{"a":1,}"#, 7, Why::Byte(b'}')),
        (r#"{"a",1}"#, 4, Why::Byte(b',')),
        ("\u{feff}1", 0, Why::Byte(0xef)),
        (" 1", 0, Why::Whitespace),
        ("1\n", 1, Why::Whitespace),
        ("[ ]", 1, Why::Whitespace),
        ("[1, 2]", 3, Why::Whitespace),
        (r#"{"a": 1}"#, 5, Why::Whitespace),
        (r#"{"a" :1}"#, 4, Why::Whitespace),
        ("1,2", 1, Why::Trailing),
        ("{}{}", 2, Why::Trailing),
        (r#"{"a":1,"a":2}"#, 7, Why::DuplicateKey),
        (r#"{"b":1,"a":2}"#, 7, Why::KeyOrder),
        (r#"{"ab":1,"a":2}"#, 8, Why::KeyOrder),
        (r#"{"a":{"y":1,"x":2}}"#, 12, Why::KeyOrder),
        (r#"{"!":1,"\t":1}"#, 7, Why::KeyOrder),
        ("{\"\u{e000}\":1,\"\u{1f600}\":1}", 9, Why::KeyOrder),
        ("\"a\nb\"", 2, Why::ControlCharacter),
        ("\"\0\"", 1, Why::ControlCharacter),
        (r#""\x""#, 1, Why::Escape),
        (r#""\u12""#, 1, Why::Escape),
        (r#""\u00g1""#, 1, Why::Escape),
        (r#""\/""#, 1, Why::NeedlessEscape),
        (r#""\u0041""#, 1, Why::NeedlessEscape),
        (r#""\u007f""#, 1, Why::NeedlessEscape),
        (r#""\u000A""#, 1, Why::NeedlessEscape),
        (r#""\u000a""#, 1, Why::NeedlessEscape),
        (r#""\u0008""#, 1, Why::NeedlessEscape),
        (r#""\u001F""#, 1, Why::NeedlessEscape),
        (r#""\ud83d""#, 1, Why::Surrogate),
        (r#""\uDe00""#, 1, Why::Surrogate),
        (r#""\ud83d\ude00""#, 1, Why::Surrogate),
        ("01", 0, Why::LeadingZero),
        ("-01", 0, Why::LeadingZero),
        ("[00]", 1, Why::LeadingZero),
        ("-0", 0, Why::NegativeZero),
        ("1.0", 1, Why::NotInteger),
        ("-0.5", 2, Why::NotInteger),
        ("1e3", 1, Why::NotInteger),
        ("1E3", 1, Why::NotInteger),
        ("9007199254740993", 0, Why::Magnitude),
        ("-9007199254740993", 0, Why::Magnitude),
        ("[99999999999999999999999999]", 1, Why::Magnitude),
    ];
    for (text, at, why) in refused {
        assert_eq!(refusal(text), Some((at, why)), "{text:?}");
    }
}

#[test]
fn bytes_that_are_not_utf8_are_refused() {
    // A lone surrogate, an overlong slash, a stray continuation byte.
    for bytes in [b"\"\xed\xa0\x80\"".as_slice(), b"\"\xc0\xaf\"", b"\"\x80\""] {
        assert_eq!(check(bytes), Err(NotCanonical { at: 1, why: Why::Utf8 }));
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(refusal(&nested(DEPTH_MAX)), None);
    assert_eq!(refusal(&nested(DEPTH_MAX + 1)), Some((DEPTH_MAX, Why::Depth)));
    assert_eq!(refusal(&"[".repeat(1 << 20)), Some((DEPTH_MAX, Why::Depth)));
    assert_eq!(refusal(&r#"{"a":"#.repeat(1 << 20)), Some((5 * DEPTH_MAX, Why::Depth)));
}

/// Any value of the restricted kind. Keys and strings favour characters that need care.
fn values() -> impl Strategy<Value = Value> {
    let text = || "[a-c\"\\\\/\\x00-\\x1f\u{7f}\u{e9}\u{d7ff}\u{e000}\u{ffff}\u{1f600}]{0,4}";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-(1_i64 << 53)..=1_i64 << 53).prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((text(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn canonical(value: &Value) -> String {
    serde_json_canonicalizer::to_string(value).unwrap()
}

/// The definition of canonical form that the checker stands in for: reading and writing again changes nothing.
fn is_what_the_writer_writes(text: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok_and(|value| canonical(&value) == text)
}

/// The members of an object as written, in the writer's order.
fn members(object: &Map<String, Value>) -> Vec<String> {
    let mut keys: Vec<&String> = object.keys().collect();
    keys.sort_by_key(|key| key.encode_utf16().collect::<Vec<_>>());
    let text = |key: &String| canonical(&Value::String(key.clone()));
    keys.into_iter().map(|key| format!("{}:{}", text(key), canonical(&object[key]))).collect()
}

proptest! {
    #[test]
    fn what_a_canonical_writer_writes_is_accepted(value in values()) {
        prop_assert_eq!(refusal(&canonical(&value)), None);
    }

    #[test]
    fn inserted_whitespace_is_refused_unless_it_is_content(
        value in values(), pick: prop::sample::Index, space in prop::sample::select(vec![' ', '\t', '\n', '\r']),
    ) {
        let mut text = canonical(&value);
        let boundaries: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let at = boundaries[pick.index(boundaries.len())];
        text.insert(at, space);
        // Inside a string a space is content, and may even put a key where it belongs.
        prop_assert_eq!(refusal(&text).is_none(), is_what_the_writer_writes(&text), "{}", text);
        if space != ' ' {
            prop_assert!(refusal(&text).is_some());
        }
    }

    #[test]
    fn swapped_keys_are_refused(
        object in prop::collection::vec(("[a-c\\x08\\t\u{e000}\u{1f600}]{0,3}", values()), 2..6),
        pick: prop::sample::Index,
    ) {
        let object: Map<String, Value> = object.into_iter().collect();
        let mut members = members(&object);
        prop_assume!(members.len() > 1);
        prop_assert_eq!(refusal(&format!("{{{}}}", members.join(","))), None);
        let at = pick.index(members.len() - 1);
        members.swap(at, at + 1);
        let why = refusal(&format!("{{{}}}", members.join(","))).map(|(_, why)| why);
        prop_assert_eq!(why, Some(Why::KeyOrder));
        members[at] = members[at + 1].clone();
        let why = refusal(&format!("{{{}}}", members.join(","))).map(|(_, why)| why);
        prop_assert!(matches!(why, Some(Why::DuplicateKey | Why::KeyOrder)));
    }

    #[test]
    fn exactly_what_the_writer_writes_is_accepted(text in "[\\[\\]{}\":,0-2ab\\\\u-]{0,12}") {
        prop_assert_eq!(refusal(&text).is_none(), is_what_the_writer_writes(&text));
    }

    #[test]
    fn a_run_of_plain_characters_ends_at_the_first_that_is_not(
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), 0x1e..0x24_u8, Just(b'a'), 0x5b..0x5e_u8], 0..40),
    ) {
        let stop = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
        for at in 0..=bytes.len() {
            let until = bytes[at..].iter().position(stop).map_or(bytes.len(), |run| at + run);
            prop_assert_eq!(plain_until(&bytes, at), until);
        }
    }

    #[test]
    fn the_first_value_ends_where_another_byte_follows_it(value in values(), rest in "[,}]?[a-z\"{]{0,4}") {
        let text = canonical(&value);
        let followed = format!("{text}{rest}");
        if rest.is_empty() || rest.starts_with([',', '}']) {
            prop_assert_eq!(check_first(followed.as_bytes(), 0), Ok(text.len()));
        }
        prop_assert_eq!(check_first(text.as_bytes(), DEPTH_MAX).is_ok(), !value.is_array() && !value.is_object());
    }

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Err(NotCanonical { at, .. }) = check(&bytes) {
            prop_assert!(at <= bytes.len());
        }
    }
}
