//! Several apps on one URL, as documented at `Rejection::unknown_app`, in axum and with failing look-ups.

use std::io;
use std::sync::Mutex;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{RawQuery, State};
use axum::http::{Method, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use im_group_full::testing::Callback;
use im_group_full::{
    CallbackQuery, Rejection, Reply, SdkAppId, Token, Validator, async_handler_fn, handle_request_async,
};
use tower::ServiceExt;

const NOW: u64 = 1_670_574_414;
const PASSWORD: &str = "postgres://im:hunter2@db";

/// A database with a token for each app, which can fail.
#[derive(Clone, Copy)]
struct Tenants {
    events: &'static Mutex<Vec<String>>,
    is_down: bool,
}

impl Tenants {
    fn new(is_down: bool) -> Self {
        Self { events: Box::leak(Box::default()), is_down }
    }

    fn token(self, app: SdkAppId) -> io::Result<Option<Token>> {
        match app.get() {
            _ if self.is_down => Err(io::Error::other(format!("{PASSWORD}: no answer"))),
            7 => Ok(Some(Token::new("seven").unwrap())),
            8 => Ok(Some(Token::new("eight").unwrap())),
            // An entry stored by mistake must not become an app that anyone can sign for.
            9 => Token::new("").map(Some).map_err(io::Error::other),
            _ => Ok(None),
        }
    }

    async fn answer(self, method: &str, query: &str, body: Body) -> io::Result<Reply> {
        let app = match CallbackQuery::parse(query) {
            Ok(query) => query.sdk_app_id(),
            Err(rejection) => return Ok(rejection.into()),
        };
        let Some(token) = self.token(app)? else { return Ok(Rejection::unknown_app(app).into()) };
        let handler = async_handler_fn(Validator::signed(app, token), async move |event| {
            self.events.lock().unwrap().push(event.id());
            Ok(())
        })
        .clock(|| std::time::UNIX_EPOCH + std::time::Duration::from_secs(NOW));
        let read = async |most| to_bytes(body, most).await.map_err(|_| Rejection::incomplete_body());
        Ok(handle_request_async(method, query, read, &handler).await)
    }
}

async fn receive(State(tenants): State<Tenants>, method: Method, RawQuery(query): RawQuery, body: Body) -> Response {
    match tenants.answer(method.as_str(), &query.unwrap_or_default(), body).await {
        Ok(reply) => reply.into(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// Sends a callback, and returns the status and the body.
async fn send(tenants: Tenants, app: u64, token: &str) -> (u16, String) {
    let callback = Callback::new(SdkAppId::new(app)).signed(&Token::new(token).unwrap(), NOW);
    let router = Router::new().route("/", any(receive)).with_state(tenants);
    let request = Request::post(format!("/?{}", callback.raw_query())).body(Body::from(callback.raw_body())).unwrap();
    let response = router.oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8(body.into()).unwrap())
}

fn failed(info: &str) -> (u16, String) {
    (403, format!(r#"{{"ActionStatus":"FAIL","ErrorInfo":"{info}","ErrorCode":1}}"#))
}

#[tokio::test]
async fn each_app_has_its_own_token() {
    let tenants = Tenants::new(false);
    for (app, token) in [(7, "seven"), (8, "eight")] {
        assert_eq!(send(tenants, app, token).await.0, 200);
    }
    assert_eq!(send(tenants, 7, "eight").await, failed("signature: wrong"));
    assert_eq!(send(tenants, 8, "seven").await, failed("signature: wrong"));
    let events = tenants.events.lock().unwrap();
    assert_eq!(*events, ["7:1670574414123:@TGS#2J4SZEAEL", "8:1670574414123:@TGS#2J4SZEAEL"]);
}

#[tokio::test]
async fn an_app_that_is_not_found_is_refused() {
    let tenants = Tenants::new(false);
    for app in [0, 6, u64::MAX] {
        assert_eq!(send(tenants, app, "seven").await, failed("parameter `SdkAppid`: not an app of this server"));
    }
    assert_eq!(*tenants.events.lock().unwrap(), [""; 0]);
}

#[tokio::test]
async fn a_failed_look_up_answers_503_and_nothing_leaks() {
    let down = Tenants::new(true);
    // Known and unknown apps, and right and wrong tokens, get the same answer.
    for (app, token) in [(7, "seven"), (7, "eight"), (6, "seven"), (0, "x")] {
        assert_eq!(send(down, app, token).await, (503, String::new()));
    }
    assert_eq!(send(Tenants::new(false), 9, "x").await, (503, String::new()));
    assert_eq!(*down.events.lock().unwrap(), [""; 0]);
}
