//! The stand-in refuses what the vendor refuses. Otherwise the other tests would prove little.

use std::time::Duration;

use im_group_full::SdkAppId;
use im_group_full::rest::{GetGroupInfo, RestApi};
use serde_json::{Value, json};

use crate::world::{ADMIN, APP, GROUP, SECRET, World, api};

/// Sends a call whose body was changed, and returns the vendor's code.
#[track_caller]
fn code(world: &World, api: &RestApi, command: &str, body: &Value) -> i64 {
    let mut request = GetGroupInfo::new(GROUP).request(api, world.clock.now());
    let uri = request.uri().to_string().replace("get_group_info", command);
    *request.uri_mut() = uri.parse().unwrap();
    *request.body_mut() = body.to_string().into_bytes();
    let (status, body) = world.stand_in.call(&request).unwrap();
    assert_eq!(status, 200);
    serde_json::from_slice::<Value>(&body).unwrap()["ErrorCode"].as_i64().unwrap()
}

#[test]
fn sizes_and_ways_to_page() {
    let accounts = |count: usize| (0..count).map(|i| format!("u{i}")).collect::<Vec<_>>();
    let (page, look, delete) = ("get_group_member_info", "get_specified_group_member_info", "delete_group_member");
    let cases = [
        ("Public", page, json!({ "Limit": 200, "Offset": 0 }), 0),
        ("Public", page, json!({ "Limit": 201, "Offset": 0 }), 10004),
        ("Public", page, json!({ "Limit": 0 }), 10004),
        ("Public", page, json!({ "Limit": 200, "Next": "" }), 10004),
        ("Community", page, json!({ "Limit": 200, "Next": "" }), 0),
        ("Community", page, json!({ "Limit": 200, "Offset": 0 }), 10004),
        ("Public", look, json!({ "Member_List_Account": accounts(50) }), 0),
        ("Public", look, json!({ "Member_List_Account": accounts(51) }), 10004),
        ("Public", delete, json!({ "MemberToDel_Account": accounts(100) }), 0),
        ("Public", delete, json!({ "MemberToDel_Account": accounts(101) }), 10004),
        ("AVChatRoom", page, json!({ "Limit": 200, "Offset": 0 }), 10004),
        ("AVChatRoom", look, json!({ "Member_List_Account": ["u1"] }), 10004),
        ("AVChatRoom", delete, json!({ "MemberToDel_Account": ["u1"] }), 10004),
        ("Public", "destroy_group", json!({}), 60002),
    ];
    for (kind, command, mut body, expected) in cases {
        let world = World::full(kind, 10);
        body["GroupId"] = json!(GROUP);
        assert_eq!(code(&world, &world.api, command, &body), expected, "{kind} {command} {body}");
        body["GroupId"] = json!("@TGS#gone");
        if expected == 0 {
            assert_eq!(code(&world, &world.api, command, &body), 10010);
        }
    }
}

#[test]
fn credentials() {
    let world = World::full("Public", 10);
    let cases = [
        (api(APP, ADMIN, SECRET), 0),
        (api(APP, ADMIN, "another"), 70009),
        (api(APP, "bob", SECRET), 70013),
        (api(SdkAppId::new(1), ADMIN, SECRET), 70020),
    ];
    for (api, expected) in cases {
        assert_eq!(code(&world, &api, "get_group_info", &json!({ "GroupIdList": [GROUP] })), expected, "{api:?}");
    }
}

#[test]
fn calls_of_each_command_in_a_second() {
    let world = World::full("Public", 10);
    let count = || code(&world, &world.api, "get_group_info", &json!({ "GroupIdList": [GROUP] }));
    let codes: Vec<_> = (0..201).map(|_| count()).collect();
    assert_eq!(codes, [vec![0; 200], vec![10006]].concat());
    let page = json!({ "GroupId": GROUP, "Limit": 1 });
    assert_eq!(code(&world, &world.api, "get_group_member_info", &page), 0);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(count(), 0);
}
