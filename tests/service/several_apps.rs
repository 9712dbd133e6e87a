//! Several apps on one URL, as documented at `Rejection::unknown_app`, in axum and with failing look-ups.

use std::io;
use std::sync::Mutex;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{RawQuery, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use im_group_full::testing::Callback;
use im_group_full::{
    CallbackQuery, Rejection, Reply, SdkAppId, Token, Validator, async_handler_fn, handle_request_async,
};
use tower::ServiceExt;

use crate::util::{NOW, OK, OTHER_APP, at, fail};

/// A database with a token for each app, which can fail.
#[derive(Clone, Copy)]
struct Tenants {
    events: &'static Mutex<Vec<String>>,
    is_down: bool,
}

impl Tenants {
    fn token(self, app: SdkAppId) -> io::Result<Option<Token>> {
        match app.get() {
            _ if self.is_down => Err(io::Error::other("postgres://im:hunter2@db: no answer")),
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
        .clock(|| at(NOW));
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

#[tokio::test]
async fn each_app_has_its_own_token() {
    let events: &Mutex<Vec<String>> = Box::leak(Box::default());
    let wrong = fail("signature: wrong");
    let unknown = fail(OTHER_APP);
    for (is_down, app, token, status, body) in [
        (false, 7, "seven", 200, OK),
        (false, 8, "eight", 200, OK),
        (false, 7, "eight", 403, &wrong),
        (false, 8, "seven", 403, &wrong),
        (false, 0, "seven", 403, &unknown),
        (false, 6, "seven", 403, &unknown),
        (false, u64::MAX, "seven", 403, &unknown),
        // If the look-up fails, nothing leaks: known and unknown apps, and right and wrong tokens, get the same answer.
        (false, 9, "x", 503, ""),
        (true, 7, "seven", 503, ""),
        (true, 7, "eight", 503, ""),
        (true, 6, "seven", 503, ""),
        (true, 0, "x", 503, ""),
    ] {
        let callback = Callback::new(SdkAppId::new(app)).signed(&Token::new(token).unwrap(), NOW);
        let router = Router::new().route("/", any(receive)).with_state(Tenants { events, is_down });
        let response = router.oneshot(callback.request().map(Body::from)).await.unwrap();
        assert_eq!(response.status(), status, "{app} {token}");
        assert_eq!(to_bytes(response.into_body(), usize::MAX).await.unwrap(), body, "{app} {token}");
    }
    let handled = ["7:1670574414123:@TGS#2J4SZEAEL", "8:1670574414123:@TGS#2J4SZEAEL"];
    assert_eq!(*events.lock().unwrap(), handled);
}
