//! An event of a gateway, and its answer.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use im_group_full::{Failure, GroupFullHandler, Reply, handle_request};
use serde::{Deserialize, Serialize};

/// What the gateways of several clouds send, each in its own words.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    #[serde(alias = "httpMethod")]
    method: Option<String>,
    #[serde(default)]
    request_context: Context,
    raw_query_string: Option<String>,
    #[serde(alias = "queryStringParameters", alias = "queryParameters")]
    query_string: Option<BTreeMap<String, Values>>,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Deserialize, Default)]
struct Context {
    http: Option<Http>,
}

#[derive(Deserialize)]
struct Http {
    method: Option<String>,
}

/// What a decoded map says of one parameter.
#[derive(Deserialize)]
#[serde(untagged)]
enum Values {
    One(String),
    Many(Vec<String>),
}

impl Event {
    fn method(&self) -> &str {
        let context = || self.request_context.http.as_ref()?.method.as_deref();
        self.method.as_deref().or_else(context).unwrap_or_default()
    }

    /// The query as it was sent, or one that decodes to the same parameters.
    fn query(&self) -> String {
        if let Some(query) = &self.raw_query_string {
            return query.clone();
        }
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, values) in self.query_string.iter().flatten() {
            match values {
                Values::One(value) => {
                    query.append_pair(name, value);
                }
                Values::Many(values) => {
                    query.extend_pairs(values.iter().map(|value| (name, value)));
                }
            }
        }
        query.finish()
    }

    /// Gateways encode a body without a content type, and the vendor's has none.
    fn body(&self) -> Vec<u8> {
        let body = self.body.as_deref().unwrap_or_default();
        // What is no base64 is no JSON either, and answered as such.
        let decoded = if self.is_base64_encoded { STANDARD.decode(body).ok() } else { None };
        decoded.unwrap_or_else(|| body.into())
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    status_code: u16,
    headers: BTreeMap<&'static str, &'static str>,
    body: String,
    is_base64_encoded: bool,
}

impl Answer {
    /// What is no event is answered, too: the runtime waits for it.
    pub(crate) fn malformed(reason: &'static str) -> Self {
        let reply = Reply::from(Failure::new(reason));
        Self::new(400, reply.headers(), &reply.body())
    }

    fn new(status_code: u16, headers: impl Iterator<Item = (&'static str, &'static str)>, body: &[u8]) -> Self {
        let body = String::from_utf8_lossy(body).into_owned();
        Self { status_code, headers: headers.collect(), body, is_base64_encoded: false }
    }
}

/// All that stands between an event and the crate.
pub(crate) fn answer(line: &[u8], handler: &impl GroupFullHandler) -> Answer {
    let event: Event = match serde_json::from_slice(line) {
        Ok(event) => event,
        Err(error) => {
            // Not the error itself, which quotes the event.
            eprintln!("malformed event at column {}", error.column());
            return Answer::malformed("event: malformed");
        }
    };
    let reply = handle_request(event.method(), &event.query(), |_| Ok(event.body()), handler);
    Answer::new(reply.status().as_u16(), reply.headers(), &reply.body())
}
