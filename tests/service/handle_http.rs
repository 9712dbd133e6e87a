//! `handle_http` and `handle_http_async`, which give the same answers.

use std::borrow::Cow;

use im_group_full::http::{Method, Request, Response};
use im_group_full::testing::Callback;
use im_group_full::{Immediate, Validator, handle_http, handle_http_async};

use crate::util::{APP, OK, Recorder};

#[track_caller]
fn answers(request: &Request<Vec<u8>>, status: u16, allow: Option<&str>, body: &str, calls: &[&str]) {
    let recorder = Recorder::new(Validator::unauthenticated(APP));
    let told = |response: Response<Cow<'static, [u8]>>| {
        let header = |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let told = (response.status().as_u16(), header("content-type"), header("allow"));
        (told, String::from_utf8(response.body().to_vec()).unwrap(), recorder.calls())
    };
    let json = Some("application/json".to_owned());
    let calls = calls.iter().map(ToString::to_string).collect();
    let expected = ((status, json, allow.map(str::to_owned)), body.to_owned(), calls);
    assert_eq!(told(handle_http(request, &recorder)), expected);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(told(runtime.block_on(handle_http_async(request, &Immediate(&recorder)))), expected);
}

fn fail(info: &str) -> String {
    format!(r#"{{"ActionStatus":"FAIL","ErrorInfo":"{info}","ErrorCode":1}}"#)
}

#[test]
fn the_query_comes_from_the_uri() {
    let mut request = Callback::new(APP).request();
    answers(&request, 200, None, OK, &["full @TGS#2J4SZEAEL"]);
    *request.uri_mut() = format!("https://example.com/a/b{}", request.uri()).parse().unwrap();
    answers(&request, 200, None, OK, &["full @TGS#2J4SZEAEL"]);
    let missing = fail("parameter `SdkAppid`: missing");
    let query = request.uri().query().unwrap().to_owned();
    for path in ["/im/callback".to_owned(), format!("/{query}"), format!("/&{query}"), "/?".to_owned()] {
        *request.uri_mut() = path.parse().unwrap();
        answers(&request, 400, None, &missing, &["rejected missing_parameter"]);
    }
}

#[test]
fn every_method_but_post_is_refused() {
    let info = fail("method: expected POST");
    for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "post", "POSTS"] {
        let mut request = Callback::new(APP).request();
        *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
        answers(&request, 405, Some("POST"), &info, &["rejected method_not_allowed"]);
    }
}

#[test]
fn no_content_type_header_is_required() {
    for content_type in ["application/json", "application/x-www-form-urlencoded", "text/plain; charset=utf-16"] {
        let mut request = Callback::new(APP).request();
        request.headers_mut().insert("content-type", content_type.parse().unwrap());
        answers(&request, 200, None, OK, &["full @TGS#2J4SZEAEL"]);
    }
}
