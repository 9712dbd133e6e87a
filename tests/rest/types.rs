use std::error::Error;
use std::fmt::Debug;

use im_group_full::rest::{
    AnotherRun, Candidate, DeleteGroupMembers, Endpoint, GetGroupInfo, GetGroupMemberInfo, GetSpecifiedGroupMemberInfo,
    InactivityPolicy, InvalidAdmin, InvalidCount, InvalidEndpoint, InvalidSecretKey, MakeRoom, Member, MemberList,
    MemberPage, NotPlanned, Report, RestApi, RestError, SecretKey, Step, TopicIsFull, UserSig,
};

fn goes_anywhere<T: Debug + Send + Sync>() {}
fn is_an_error<T: Error + Send + Sync + 'static>() {}

#[test]
fn types_cross_threads_and_errors_are_errors() {
    goes_anywhere::<RestApi>();
    goes_anywhere::<SecretKey>();
    goes_anywhere::<UserSig>();
    goes_anywhere::<Endpoint>();
    goes_anywhere::<GetGroupInfo>();
    goes_anywhere::<GetGroupMemberInfo>();
    goes_anywhere::<GetSpecifiedGroupMemberInfo>();
    goes_anywhere::<DeleteGroupMembers>();
    goes_anywhere::<Member>();
    goes_anywhere::<InactivityPolicy>();
    goes_anywhere::<MemberList>();
    goes_anywhere::<MemberPage>();
    goes_anywhere::<Candidate>();
    goes_anywhere::<MakeRoom>();
    goes_anywhere::<Report>();
    goes_anywhere::<Step<'static>>();
    is_an_error::<RestError>();
    is_an_error::<InvalidCount>();
    is_an_error::<InvalidAdmin>();
    is_an_error::<InvalidEndpoint>();
    is_an_error::<InvalidSecretKey>();
    is_an_error::<TopicIsFull>();
    is_an_error::<NotPlanned>();
    is_an_error::<AnotherRun>();
}

/// `main() -> Result<(), Box<dyn Error>>` prints `Debug`.
#[test]
fn debug_of_errors_says_what_is_wrong() {
    let policy = InactivityPolicy::new(std::time::Duration::ZERO, 1);
    let mut run = MakeRoom::new("g", policy.clone());
    let saved = serde_json::from_str(&serde_json::to_string(&MakeRoom::new("h", policy.clone())).unwrap()).unwrap();
    let key = SecretKey::new("k").unwrap();
    let topic = im_group_full::testing::Callback::new(crate::world::APP).topic_id("t").event();
    let errors: [Box<dyn Error>; 8] = [
        Box::new(GetGroupInfo::new("g").response(http::StatusCode::BAD_GATEWAY, b"").unwrap_err()),
        Box::new(DeleteGroupMembers::new("g", [""; 0]).unwrap_err()),
        Box::new(RestApi::new(Endpoint::China, crate::world::APP, "", key).unwrap_err()),
        Box::new("".parse::<Endpoint>().unwrap_err()),
        Box::new(SecretKey::new("").unwrap_err()),
        Box::new(MakeRoom::for_event(&topic, policy.clone()).unwrap_err()),
        Box::new(run.approve(["a"]).unwrap_err()),
        Box::new(MakeRoom::new("g", policy).continue_from(saved).unwrap_err()),
    ];
    for error in errors {
        assert_eq!(format!("{error:?}"), error.to_string());
    }
}
