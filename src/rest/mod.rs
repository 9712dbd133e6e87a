//! Makes room in a full group through the vendor's REST API, without doing IO.
//!
//! "This callback can also be used to delete inactive group members to accept new members", says the vendor's page
//! about the callback. [`MakeRoom`] does that: it asks how full the group is, reads its members, plans whom to remove
//! by an [`InactivityPolicy`], looks at the candidates again, and removes them. It is a sans-IO state machine: it hands
//! out the next request and takes the response, so you can send it with any HTTP client, blocking or not:
//!
//! ```no_run
//! use std::time::{Duration, SystemTime};
//!
//! use im_group_full::http::{Request, StatusCode};
//! use im_group_full::rest::{Endpoint, InactivityPolicy, MakeRoom, Outcome, RestApi, SecretKey, Step};
//! use im_group_full::{GroupFull, SdkAppId};
//!
//! // Your HTTP client goes here. It must not follow redirects, and it needs a limit on what it reads
//! // and a time limit of 10 seconds: the vendor itself gives up after 3.
//! fn send(request: Request<Vec<u8>>) -> std::io::Result<(StatusCode, Vec<u8>)> {
//!     # let _ = request;
//!     # Err(std::io::ErrorKind::Unsupported.into())
//! }
//!
//! // In the background: the vendor waits 2 seconds for the answer to a callback.
//! fn make_room(api: &RestApi, event: &GroupFull<'_>) -> Result<(), Box<dyn std::error::Error>> {
//!     // Free 50 slots by removing members who have been silent for 90 days.
//!     let policy = InactivityPolicy::new(Duration::from_secs(90 * 24 * 60 * 60), 50).protect("support");
//!     let mut run = MakeRoom::for_event(event, policy)?.reason("inactive for 90 days");
//!     loop {
//!         match run.step(api, SystemTime::now()) {
//!             Step::Send(request) => match send(request) {
//!                 Ok((status, body)) => run.response(status, &body, SystemTime::now()),
//!                 Err(_) => run.no_response(SystemTime::now()),
//!             },
//!             Step::Wait(time) => std::thread::sleep(time),
//!             Step::Done(_) => break,
//!             Step::Failed(error) => return Err(error.clone().into()),
//!         }
//!     }
//!     for candidate in run.report().with_outcome(Outcome::Removed) {
//!         println!("{} is gone", candidate.member().account());
//!     }
//!     Ok(())
//! }
//!
//! fn api() -> Result<RestApi, Box<dyn std::error::Error>> {
//!     let key = SecretKey::new(&std::env::var("IM_SECRET_KEY")?)?;
//!     Ok(RestApi::new(Endpoint::Singapore, SdkAppId::new(1_400_701_118), "administrator", key)?)
//! }
//! # let _ = (make_room, api);
//! ```
//!
//! # The credential is in the URL
//!
//! Every request's URL holds a [`UserSig`], with which anyone can act as the admin of the app for an hour
//! ([`RestApi::user_sig_lifetime`]). The [`Debug`](std::fmt::Debug) of [`Step`] leaves it out. That of
//! [`http::Request`] does not, and HTTP clients show URLs in their errors and logs. So log what went
//! wrong (a time-out, a refused connection), and not the client's whole error.
//!
//! # Single calls
//!
//! [`GetGroupInfo`], [`GetGroupMemberInfo`], [`GetSpecifiedGroupMemberInfo`], [`QueryOnlineStatus`],
//! [`ModifyGroupBaseInfo`], [`DeleteGroupMembers`] and [`GetIpList`] each build a request and read its response.

mod api;
mod calls;
mod endpoint;
mod error;
mod error_kind;
mod make_room;
mod secret_key;
mod user_sig;

use std::time::{Duration, SystemTime};

pub use self::api::{InvalidAdmin, RestApi};
pub use self::calls::{
    DeleteGroupMembers, GetGroupInfo, GetGroupMemberInfo, GetIpList, GetSpecifiedGroupMemberInfo, GroupInfo, GroupType,
    InvalidCount, IpList, Member, MemberList, MemberPage, ModifyGroupBaseInfo, NetType, OnlineStatus, OnlineStatusList,
    QueryOnlineStatus, Role,
};
pub use self::endpoint::{Endpoint, Host, InvalidEndpoint};
pub use self::error::RestError;
pub use self::error_kind::RestErrorKind;
pub use self::make_room::{
    AnotherRun, Candidate, InactivityPolicy, LimitRaise, MakeRoom, NotPlanned, Outcome, Report, SavedRun, Spared, Step,
    TopicIsFull,
};
pub use self::secret_key::{InvalidSecretKey, SecretKey};
pub use self::user_sig::UserSig;

/// Returns the time since 1970. An earlier clock counts as 1970, when nobody is inactive.
fn since_epoch(now: SystemTime) -> Duration {
    now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
