//! Properties that hold for every input.

use std::borrow::Cow;
use std::time::Duration;

use crate::util::{APP, BODY, NOW, QUERY, Recorder, ask, at};
use im_group_full::{CallbackQuery, CallbackResponse, GroupFull, OptPlatform, RejectionKind, Token, Validator};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// Uses the same inputs in every run; fuzzing looks for others.
fn fixed(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() }
}

/// Generates queries from pieces that matter to a parser.
fn query() -> impl Strategy<Value = String> {
    const PIECES: &str = "SdkAppid CallbackCommand contenttype ClientIP OptPlatform RequestID Sign RequestTime \
        = = = & & & % + ? # %53 %zz %E7%BE%A4 %FF 888888 1 json JSON Group.CallbackAfterGroupFull A.B 127.0.0.1 iOS \
        群 \u{0} -";
    let piece = prop::sample::select(PIECES.split(' ').collect::<Vec<_>>());
    prop_oneof![
        prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat()),
        ".{0,64}",
        ".{0,16}".prop_map(|tail| format!("{QUERY}&{tail}")),
    ]
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(BODY.to_vec()),
        prop::collection::vec(any::<u8>(), 0..64),
        (0..BODY.len(), any::<u8>()).prop_map(|(at, byte)| {
            let mut body = BODY.to_vec();
            body[at] = byte;
            body
        }),
        (0..BODY.len()).prop_map(|end| BODY[..end].to_vec()),
    ]
}

proptest! {
    #![proptest_config(fixed(2_000))]

    #[test]
    fn every_input_gets_one_answer_and_one_hook(raw_query in query(), raw_body in body()) {
        let (reply, calls) = ask("POST", &raw_query, &raw_body, &Recorder::unauthenticated());
        prop_assert_eq!(calls.len(), 1);
        prop_assert!([200, 400, 403, 415].contains(&reply.status().as_u16()));
        let envelope: CallbackResponse<'static> = serde_json::from_slice(&reply.body()).unwrap();
        prop_assert_eq!(&envelope, reply.response());
        prop_assert_eq!(envelope.error_code() == 0, reply.status() == 200);
    }

    #[test]
    fn written_queries_read_back(raw_query in query()) {
        if let Ok(query) = CallbackQuery::parse(&raw_query) {
            let written = query.to_query_string();
            prop_assert_eq!(CallbackQuery::parse(&written).unwrap(), query.clone());
            let json = serde_json::to_string(&query).unwrap();
            prop_assert_eq!(serde_json::from_str::<CallbackQuery<'_>>(&json).unwrap(), query);
        }
    }

    /// The reference and this parser agree on every query that both accept.
    #[test]
    fn agrees_with_form_urlencoded(
        values in prop::collection::vec((".{1,12}", any::<bool>()), 4),
        own in prop::collection::vec((".{0,8}", ".{0,8}"), 0..4),
        shuffle in any::<prop::sample::Index>(),
    ) {
        let names = ["CallbackCommand", "ClientIP", "OptPlatform", "RequestID"];
        let mut pairs = vec![("SdkAppid".to_owned(), "888888".to_owned())];
        pairs.extend(names.iter().zip(&values).filter(|(name, (_, given))| *given || **name == names[0])
            .map(|(name, (value, _))| ((*name).to_owned(), value.clone())));
        pairs.extend(own);
        let start = shuffle.index(pairs.len());
        pairs.rotate_left(start);
        let raw_query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();

        let reference: Vec<(Cow<'_, str>, Cow<'_, str>)> = form_urlencoded::parse(raw_query.as_bytes()).collect();
        let find = |wanted: &str| {
            reference.iter().rev().find(|(name, _)| name == wanted).map(|(_, value)| value.as_ref())
        };
        let query = CallbackQuery::parse(&raw_query).unwrap();
        prop_assert_eq!(Some(query.command()), find("CallbackCommand"));
        prop_assert_eq!(query.client_ip(), find("ClientIP"));
        prop_assert_eq!(query.opt_platform().map(OptPlatform::as_str), find("OptPlatform").map(|text| OptPlatform::from(text).as_str()));
        prop_assert_eq!(query.request_id(), find("RequestID"));
    }

    #[test]
    fn events_come_back_from_a_queue(
        group_id in ".{1,40}",
        topic_id in prop::option::of(".{0,40}"),
        event_time in prop::option::of(any::<u64>()),
        platform in prop::option::of(".{0,8}"),
    ) {
        let body = serde_json::json!({
            "CallbackCommand": "Group.CallbackAfterGroupFull", "GroupId": group_id, "TopicId": topic_id,
            "EventTime": event_time,
        }).to_string();
        let mut query = form_urlencoded::Serializer::new(QUERY.to_owned());
        query.extend_pairs(platform.iter().map(|platform| ("OptPlatform", platform)));
        let query = query.finish();
        let event = Validator::unauthenticated(APP).validate(&query, body.as_bytes(), at(NOW)).unwrap();
        prop_assert_eq!(event.topic_id(), topic_id.as_deref().filter(|topic| !topic.is_empty()));
        let json = serde_json::to_vec(&event).unwrap();
        let back: GroupFull<'static> = serde_json::from_slice(&json).unwrap();
        prop_assert_eq!(back, event);
    }

    /// Tokens of up to 128 bytes, longer than a block of the hash.
    #[test]
    fn exactly_the_right_signature_passes(
        bytes in prop::collection::vec(b'!'..b'~', 1..=128),
        time in any::<u64>(),
        position in 0..64_usize,
        digit in 1..16_u32,
    ) {
        let token = Token::new(&bytes).unwrap();
        let validator = Validator::signed(APP, token.clone()).tolerance(Duration::from_secs(u64::MAX));
        let sign = token.sign(time);
        let signed = |sign: &str| format!("{QUERY}&Sign={sign}&RequestTime={time}");
        prop_assert!(validator.check_query(&signed(&sign), at(0)).is_ok());

        let right = char::from(sign.as_bytes()[position]).to_digit(16).unwrap();
        let wrong = char::from_digit((right + digit) % 16, 16).unwrap();
        let mut forged = sign;
        forged.replace_range(position..=position, &wrong.to_string());
        let rejection = validator.check_query(&signed(&forged), at(0)).unwrap_err();
        prop_assert_eq!(rejection.kind(), RejectionKind::InvalidSignature);
    }

    /// In every accepted query, the reference finds the same identity exactly once.
    #[test]
    fn no_other_parser_reads_another_identity(raw_query in query()) {
        if let Ok(query) = CallbackQuery::parse(&raw_query) {
            let find = |wanted: &str| -> Vec<String> {
                let pairs = form_urlencoded::parse(raw_query.as_bytes());
                pairs.filter(|(name, _)| name == wanted).map(|(_, value)| value.into_owned()).collect()
            };
            prop_assert_eq!(find("CallbackCommand"), [query.command()]);
            let id: Vec<u64> = find("SdkAppid").iter().map(|digits| digits.parse().unwrap()).collect();
            prop_assert_eq!(id, [query.sdk_app_id().get()]);
            prop_assert_eq!(find("contenttype"), Vec::from_iter(query.content_type()));
        }
    }
}
