use std::error::Error;
use std::fmt::Debug;

use im_group_full::rest::{
    Candidate, DeleteGroupMembers, Endpoint, GetGroupInfo, GetGroupMemberInfo, GetSpecifiedGroupMemberInfo,
    InactivityPolicy, InvalidAdmin, InvalidCount, InvalidEndpoint, InvalidSecretKey, MakeRoom, Member, MemberList,
    MemberPage, Report, RestApi, RestError, SecretKey, Step, TopicIsFull, UserSig,
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
}
