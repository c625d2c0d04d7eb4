//! What is read from bytes is what a tree shows, however the bytes were written.

use super::*;
use proptest::prelude::*;
use xebec_core::value::Object;

/// Texts that need escapes, and some that do not.
fn text() -> impl Strategy<Value = String> {
    let chars = prop_oneof![
        4 => prop::char::range('a', 'c'),
        1 => prop::sample::select(vec!['"', '\\', '/', '\n', '\u{0}', '\u{7f}', 'é', '𝄞', '{', ']', ',']),
    ];
    prop::collection::vec(chars, 0..6).prop_map(String::from_iter)
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => text().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => any::<i64>().prop_map(Value::Int),
        1 => (-1.0e6..1.0e6).prop_map(Value::Float),
        1 => Just(Value::Null),
    ]
}

fn object(members: Vec<(String, Value)>) -> Value {
    let mut object = Object::new();
    for (name, value) in members {
        object.insert(name, value);
    }
    Value::Object(object)
}

/// Anything, with names that fields have too.
fn tree() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 24, 5, |inner| {
        let name = prop_oneof![
            2 => prop::sample::select(vec!["a", "b", "labels", "metadata"]).prop_map(str::to_owned),
            1 => text(),
        ];
        prop_oneof![
            prop::collection::vec((name, inner.clone()), 0..4).prop_map(object),
            prop::collection::vec(inner, 0..3).prop_map(Value::Array),
        ]
    })
}

/// An object with labels, mostly.
fn whole() -> impl Strategy<Value = Value> {
    let labels = prop_oneof![
        3 => prop::collection::vec((text(), scalar()), 0..4).prop_map(object),
        1 => tree(),
    ];
    let members = prop::collection::vec((prop::sample::select(vec!["a", "b", "c"]), tree()), 0..4);
    (labels, tree(), members, any::<bool>()).prop_map(|(labels, spec, members, first)| {
        let metadata = object(vec![("a".into(), spec.clone()), ("labels".into(), labels)]);
        let mut all: Vec<_> =
            members.into_iter().map(|(name, value)| (name.into(), value)).collect();
        let at = if first { 0 } else { all.len() };
        all.insert(at, ("metadata".into(), metadata));
        all.push(("spec".into(), spec));
        object(all)
    })
}

/// Writes JSON with white space and escapes that nobody needs, as `dice` falls.
fn write(value: &Value, dice: &mut u64, out: &mut String) {
    fn roll(dice: &mut u64) -> bool {
        *dice =
            dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *dice >> 61 == 0
    }
    let space = |dice: &mut u64, out: &mut String| {
        if roll(dice) {
            out.push_str(" \n");
        }
    };
    let string = |text: &str, dice: &mut u64, out: &mut String| {
        out.push('"');
        for c in text.chars() {
            if roll(dice) {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            } else {
                let quoted = serde_json::to_string(&c.to_string()).expect("a string");
                out.push_str(&quoted[1..quoted.len() - 1]);
            }
        }
        out.push('"');
    };
    space(dice, out);
    match value {
        Value::String(text) => string(text, dice, out),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                write(item, dice, out);
            }
            space(dice, out);
            out.push(']');
        }
        Value::Object(object) => {
            out.push('{');
            for (at, (name, value)) in object.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                space(dice, out);
                string(name, dice, out);
                space(dice, out);
                out.push(':');
                write(value, dice, out);
            }
            space(dice, out);
            out.push('}');
        }
        other => out.push_str(&serde_json::to_string(other).expect("a scalar")),
    }
    space(dice, out);
}

fn fields() -> Vec<SelectableField> {
    let field = |name: &str, paths: &[&str], absent| SelectableField {
        name: name.into(),
        paths: paths.iter().map(|path| path.split('.').map(Box::from).collect()).collect(),
        absent,
    };
    vec![
        field("one", &["spec.a"], "0"),
        field("two", &["spec.a.b", "a"], ""),
        field("three", &["metadata.a.labels", "spec"], "false"),
        field("none", &[], "x"),
    ]
}

proptest! {
    #[test]
    fn bytes_show_what_the_tree_shows(whole in whole(), mut dice in any::<u64>()) {
        let mut json = String::new();
        write(&whole, &mut dice, &mut json);
        let fields = fields();
        let plan = Plan::new(&fields, true);
        let mut facts = Facts::default();
        prop_assert!(facts.read(&plan, json.as_bytes()).is_some(), "{}", json);
        for (at, field) in fields.iter().enumerate() {
            prop_assert_eq!(facts.field(&plan, at), field.value(&whole), "{} of {}", field.name, json);
        }
        let labels = whole.get("metadata").and_then(|metadata| metadata.get("labels"));
        let names = labels.and_then(Value::as_object).map(|labels| labels.iter().map(|(name, _)| name));
        for name in names.into_iter().flatten().chain(["none"]) {
            let expected = labels.and_then(|labels| labels.get(name)).and_then(Value::as_str);
            prop_assert_eq!(facts.label(name), expected, "{:?} of {}", name, json);
        }
    }

    #[test]
    fn broken_bytes_are_refused_or_end_late(whole in whole(), mut dice in any::<u64>(), cut in 0_usize..200) {
        let mut json = String::new();
        write(&whole, &mut dice, &mut json);
        let fields = fields();
        let plan = Plan::new(&fields, true);
        let (mut part, mut all) = (Facts::default(), Facts::default());
        all.read(&plan, json.as_bytes()).expect("it is whole");
        let cut = cut.min(json.len());
        if part.read(&plan, &json.as_bytes()[..cut]).is_some() && !json[cut..].trim().is_empty() {
            // All that was wanted came before the cut.
            for at in 0..fields.len() {
                prop_assert_eq!(part.field(&plan, at), all.field(&plan, at));
            }
        }
    }
}
