//! The whole story in this process: a stand-in for the vendor's servers, a full group, and its callback.

use std::error::Error;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use example_support::rest_client::Client;
use example_support::stand_in::{Group, Member, StandIn};
use example_support::vendor::unix_seconds;
use example_support::{PATH, made_up_token, say};
use im_group_full::rest::{RestApi, SecretKey};
use im_group_full::testing::Callback;
use im_group_full::{Token, Validator};

use crate::args::Args;

/// What the stand-in knows of the app.
const ADMIN: &str = "administrator";
const SECRET_KEY: &str = "5bd2850fff3ecb11d7c805251c51ee46";
const GROUP: &str = "@TGS#2J4SZEAEL";

pub(crate) fn tell(args: &Args) -> Result<(), Box<dyn Error>> {
    let app = args.flags.sdk_app_id;
    let stand_in = StandIn::start(app, ADMIN, SECRET_KEY, Arc::new(SystemTime::now))?;
    stand_in.with(|vendor| vendor.groups.insert(GROUP.to_owned(), full_group()));
    say(format_args!("a stand-in for the vendor's servers is at {}", stand_in.url()));

    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}{PATH}", listener.local_addr()?);
    say(format_args!("listening on {url} for SDKAppID {app}"));
    let token = Token::new(made_up_token())?;
    let now = unix_seconds();
    let callback = Callback::new(app).group_id(GROUP).event_time_millis(now * 1000).signed(&token, now);
    let request = http::Request::post(format!("{url}?{}", callback.raw_query())).body(callback.raw_body())?;
    // It is answered once the server has begun.
    thread::spawn(move || match Client::new(Duration::from_secs(2)).send(request) {
        Ok((status, body)) => {
            say(format_args!("the callback was answered {status}: {}", String::from_utf8_lossy(&body)));
        }
        Err(error) => say(format_args!("the callback was not answered: {error}")),
    });

    let api = RestApi::new(stand_in.endpoint()?, app, ADMIN, SecretKey::new(SECRET_KEY)?)?;
    crate::receive(args, listener, Validator::signed(app, token), api, true)
}

/// A full group, some of whose members have been silent for long.
fn full_group() -> Group {
    const MEMBERS: u64 = 6_000;
    const DAY: u64 = 24 * 60 * 60;
    let now = unix_seconds();
    let members = (0..MEMBERS).map(|i| {
        let joined = now - (30 + i * 7919 % 1000) * DAY;
        let spoke = if i % 3 == 0 { 0 } else { joined + (now - joined) / 100 * (i % 100) };
        let role = if i == 0 { "Owner" } else { "Member" };
        Member { role, ..Member::new(format!("user{i:05}"), joined, spoke) }
    });
    let members: Vec<_> = members.collect();
    Group { kind: "Public", limit: members.len(), members }
}
