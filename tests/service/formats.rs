//! Bodies in formats other than JSON.

use im_group_full::CallbackBody;
use serde_test::{Token, assert_de_tokens, assert_de_tokens_error};

fn tokens(time: &[Token]) -> Vec<Token> {
    let fields = ["CallbackCommand", "A", "GroupId", "g", "EventTime"].map(Token::Str);
    [&[Token::Map { len: None }], &fields[..], time, &[Token::MapEnd]].concat()
}

/// RON, for example, marks optional values, and TOML has only signed integers.
#[test]
fn a_time_may_be_marked_as_optional_and_signed() {
    for (time, json) in [
        (&[Token::Some, Token::U64(1)][..], "1"),
        (&[Token::Some, Token::I64(1)], "1"),
        (&[Token::I64(1)], "1"),
        (&[Token::None], "null"),
        (&[Token::Unit], "null"),
    ] {
        let json = format!(r#"{{"CallbackCommand":"A","GroupId":"g","EventTime":{json}}}"#);
        let body: CallbackBody<'static> = serde_json::from_str(&json).unwrap();
        assert_de_tokens(&body, &tokens(time));
    }
    let negative = "field `EventTime`: invalid type: integer `-1`, expected milliseconds since the Unix epoch";
    let mut tokens = tokens(&[Token::I64(-1)]);
    tokens.pop();
    assert_de_tokens_error::<CallbackBody<'static>>(&tokens, negative);
}
