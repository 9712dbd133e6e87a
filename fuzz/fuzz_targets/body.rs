//! Parses bodies with the crate and with `serde_json::Value`: both read the same fields, or the body must be refused.
#![no_main]

use im_group_full::CallbackBody;
use im_group_full_fuzz::Body;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|raw_body: &[u8]| {
    let body = CallbackBody::parse(raw_body);
    let fields = body.as_ref().ok().map(|body| Body {
        command: body.command().to_owned(),
        group_id: body.group_id().to_owned(),
        event_time: body.event_time_millis(),
        topic_id: body.topic_id().map(str::to_owned),
    });
    assert_eq!(fields, Body::read(raw_body));
    match body {
        Ok(body) => {
            let json = serde_json::to_vec(&body).unwrap();
            assert_eq!(CallbackBody::parse(&json).unwrap(), body);
            assert_eq!(serde_json::from_slice::<CallbackBody<'_>>(&json).unwrap(), body);
        }
        // Errors quote at most 256 characters of the input, so that they do not flood a log.
        Err(rejection) => assert!(rejection.to_string().chars().count() <= "body: ".len() + 256 + 1, "{rejection}"),
    }
});
