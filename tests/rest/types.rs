use std::error::Error;
use std::fmt::Debug;

use http::StatusCode;
use im_group_full::rest::{
    AnotherRun, Candidate, DeleteGroupMembers, Endpoint, GetGroupInfo, GetGroupMemberInfo, GetSpecifiedGroupMemberInfo,
    InactivityPolicy, InvalidAdmin, InvalidCount, InvalidEndpoint, InvalidSecretKey, MakeRoom, Member, MemberList,
    MemberPage, NotPlanned, Outcome, Report, RestApi, RestError, RestErrorKind, SecretKey, Spared, Step, TopicIsFull,
    UserSig,
};
use im_group_full::testing::Callback;

use crate::world::{APP, policy, saved};

#[test]
fn types_cross_threads_and_errors_are_errors() {
    fn goes_anywhere<T: Debug + Send + Sync>() {}
    fn are_errors<T: Error + Send + Sync + 'static>() {}
    goes_anywhere::<(RestApi, SecretKey, UserSig, Endpoint)>();
    goes_anywhere::<(GetGroupInfo, GetGroupMemberInfo, GetSpecifiedGroupMemberInfo, DeleteGroupMembers)>();
    goes_anywhere::<(InactivityPolicy, Member, MemberList, MemberPage, Candidate, MakeRoom, Report, Step<'static>)>();
    are_errors::<RestError>();
    are_errors::<InvalidCount>();
    are_errors::<InvalidAdmin>();
    are_errors::<InvalidEndpoint>();
    are_errors::<InvalidSecretKey>();
    are_errors::<TopicIsFull>();
    are_errors::<NotPlanned>();
    are_errors::<AnotherRun>();
}

/// For the labels of metrics; `Stays` is one label, whatever the reason.
#[test]
fn labels() {
    use {Outcome as O, RestErrorKind as K, Spared as S};
    let kinds = [
        (K::NoResponse, "no_response"),
        (K::Status, "status"),
        (K::Malformed, "malformed"),
        (K::RateLimited, "rate_limited"),
        (K::Server, "server"),
        (K::CredentialExpired, "credential_expired"),
        (K::CredentialInvalid, "credential_invalid"),
        (K::NotPermitted, "not_permitted"),
        (K::InvalidRequest, "invalid_request"),
        (K::GroupType, "group_type"),
        (K::GroupGone, "group_gone"),
        (K::TooSlow, "too_slow"),
        (K::TooManyCalls, "too_many_calls"),
        (K::SilenceUnproven, "silence_unproven"),
        (K::ReadersUnknown, "readers_unknown"),
        (K::OverLimit, "over_limit"),
        (K::LimitUnchanged, "limit_unchanged"),
        (K::AppMismatch, "app_mismatch"),
        (K::Other, "other"),
    ];
    let spared = [
        (S::Role, "role"),
        (S::Protected, "protected"),
        (S::Robot, "robot"),
        (S::ApiAdmin, "api_admin"),
        (S::Unclear, "unclear"),
        (S::Muted, "muted"),
        (S::Active, "active"),
        (S::Reader, "reader"),
        (S::Online, "online"),
        (S::NotApproved, "not_approved"),
        (S::NotNeeded, "not_needed"),
    ];
    let outcomes = [
        (O::Planned, "planned"),
        (O::Removed, "removed"),
        (O::Unconfirmed, "unconfirmed"),
        (O::Rejoined, "rejoined"),
        (O::Left, "left"),
        (O::Stays(S::Muted), "stays"),
    ];
    let kinds = kinds.map(|(kind, label)| (kind.as_str(), kind.to_string(), label)).into_iter();
    let spared = spared.map(|(why, label)| (why.as_str(), why.to_string(), label));
    let outcomes = outcomes.map(|(end, label)| (end.as_str(), end.to_string(), label));
    for (found, shown, label) in kinds.chain(spared).chain(outcomes) {
        assert_eq!((found, shown.as_str()), (label, label));
    }
    assert_eq!(format!("{:>12}|{:<9}|{:^6}", K::TooSlow, S::Robot, O::Left), "    too_slow|robot    | left ");
}

/// `main() -> Result<(), Box<dyn Error>>` prints `Debug`.
#[test]
fn debug_of_errors_says_what_is_wrong() {
    let mut run = MakeRoom::new("g", policy(1));
    let saved = saved(&MakeRoom::new("h", policy(1)));
    let key = SecretKey::new("k").unwrap();
    let topic = Callback::new(APP).topic_id("t").event();
    let errors: [Box<dyn Error>; 8] = [
        Box::new(GetGroupInfo::new("g").response(StatusCode::BAD_GATEWAY, b"").unwrap_err()),
        Box::new(DeleteGroupMembers::new("g", [""; 0]).unwrap_err()),
        Box::new(RestApi::new(Endpoint::China, APP, "", key).unwrap_err()),
        Box::new("".parse::<Endpoint>().unwrap_err()),
        Box::new(SecretKey::new("").unwrap_err()),
        Box::new(MakeRoom::for_event(&topic, policy(1)).unwrap_err()),
        Box::new(run.approve(["a"]).unwrap_err()),
        Box::new(MakeRoom::new("g", policy(1)).continue_from(saved).unwrap_err()),
    ];
    for error in errors {
        assert_eq!(format!("{error:?}"), error.to_string());
    }
}
