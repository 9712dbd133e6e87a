//! Parses queries with the crate and with `form_urlencoded`: both read the same, or the query must be refused.
#![no_main]

use im_group_full::CallbackQuery;
use im_group_full_fuzz::Query;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|raw_query: &str| {
    let query = CallbackQuery::parse(raw_query);
    assert_eq!(query.as_ref().ok().map(fields), Query::read(raw_query));
    let Ok(query) = query else {
        return;
    };
    let written = query.to_query_string();
    assert_eq!(CallbackQuery::parse(&written).unwrap(), query);
    assert_eq!(Query::read(&written), Some(fields(&query)));
    let json = serde_json::to_string(&query).unwrap();
    assert_eq!(serde_json::from_str::<CallbackQuery<'_>>(&json).unwrap(), query);
});

fn fields(query: &CallbackQuery<'_>) -> Query {
    Query {
        sdk_app_id: query.sdk_app_id().get(),
        command: query.command().to_owned(),
        content_type: query.content_type().map(str::to_owned),
        client_ip: query.client_ip().map(str::to_owned),
        // The raw text: the accessor has one name for the two spellings of iOS.
        opt_platform: serde_json::to_value(query).unwrap()["OptPlatform"].as_str().map(str::to_owned),
        request_id: query.request_id().map(str::to_owned),
    }
}
