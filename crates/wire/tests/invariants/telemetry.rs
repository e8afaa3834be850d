//! Messages with named values: nothing panics, what is read can be written and read again in both forms, and our
//! reader takes no JSON or CBOR that the libraries refuse.

use wire::telemetry::{Commands, Form, Limits, Message, Refused, Tree, read, read_tree, write_tree};

/// One parameter byte (form), the rest is the payload.
pub(crate) fn telemetry(data: &[u8]) {
    let Some((first, payload)) = data.split_first() else { return };
    let form = if first % 2 == 0 { Form::Json } else { Form::Cbor };
    let limits = Limits::default();
    let Ok(tree) = read_tree(form, payload, &limits) else {
        assert!(read(form, payload, &limits).is_err(), "a message of what is no tree");
        return;
    };
    match form {
        Form::Json => {
            let text = payload.strip_prefix("\u{feff}".as_bytes()).unwrap_or(payload);
            let theirs = serde_json::from_slice::<serde_json::Value>(text);
            // A number that no float can hold is a number to us, and to the library an error.
            let is_range = theirs.as_ref().is_err_and(|error| error.to_string().contains("out of range"));
            assert!(theirs.is_ok() || is_range, "{theirs:?}");
        }
        Form::Cbor => {
            ciborium::from_reader::<ciborium::Value, _>(payload).expect("the library takes it too");
        }
    }
    // As JSON the tree is the same again, but for bytes, which JSON has not.
    let json = write_tree(Form::Json, &tree);
    let wide = Limits { bytes: usize::MAX, depth: 64, nodes: usize::MAX, text: usize::MAX, ..limits };
    let again = read_tree(Form::Json, &json, &wide).expect("what was written can be read");
    assert_eq!(write_tree(Form::Json, &again), json);
    if form == Form::Json {
        assert_eq!(again, tree);
    }
    // As CBOR numbers may be written otherwise, but are the same numbers.
    let cbor = write_tree(Form::Cbor, &tree);
    let again = read_tree(Form::Cbor, &cbor, &wide).expect("what was written can be read");
    assert!(is_same(&again, &tree), "{again:?} is not {tree:?}");

    if let Ok(message) = Message::from_tree(&tree, &limits) {
        let again: Result<_, Refused> = Message::from_tree(&message.to_tree(), &wide);
        assert_eq!(again.as_ref(), Ok(&message));
    }
    if let Ok(commands) = Commands::read(form, payload, &limits) {
        let again = Commands::read(Form::Json, &commands.write(Form::Json), &wide);
        assert_eq!(again.map(|commands| commands.0.len()), Ok(commands.0.len()));
    }
}

fn is_same(a: &Tree, b: &Tree) -> bool {
    match (a, b) {
        (Tree::Number(a), Tree::Number(b)) => a.decimal() == b.decimal(),
        // A number beyond every measured value.
        (Tree::Text(text), Tree::Number(number)) => number.decimal().is_none() && text == number.text(),
        (Tree::List(a), Tree::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b)),
        (Tree::Map(a), Tree::Map(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && is_same(&a.1, &b.1))
        }
        (a, b) => a == b,
    }
}
