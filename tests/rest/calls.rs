use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{Method, Request, StatusCode};
use im_group_full::SdkAppId;
use im_group_full::rest::{
    DeleteGroupMembers, Endpoint, GetGroupInfo, GetGroupMemberInfo, GetIpList, GetSpecifiedGroupMemberInfo, GroupType,
    ModifyGroupBaseInfo, NetType, RestApi, RestErrorKind, SecretKey, UserSig,
};
use serde_json::{Value, json};

use crate::world::{APP, NOW, SECRET};

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

fn api(endpoint: Endpoint, admin: &str) -> RestApi {
    RestApi::new(endpoint, APP, admin, SecretKey::new(SECRET).unwrap()).unwrap()
}

#[track_caller]
fn assert_request(request: &Request<Vec<u8>>, command: &str, expected: &Value) {
    assert_eq!(request.method(), Method::POST);
    assert_eq!(request.uri().path(), format!("/v4/group_open_http_svc/{command}"));
    assert_eq!(request.headers()["content-type"], "application/json");
    assert_eq!(serde_json::from_slice::<Value>(request.body()).unwrap(), *expected);
}

#[test]
fn requests_have_the_documented_bodies() {
    let api = api(Endpoint::Singapore, "admin");
    let filter = json!(["Role", "JoinTime", "LastSendMsgTime", "MsgSeq", "MuteUntil", "ShutUpUntil"]);
    assert_request(
        &GetGroupInfo::new("@TGS#1").request(&api, now()),
        "get_group_info",
        &json!({
            "GroupIdList": ["@TGS#1"],
            "ResponseFilter": {
                "GroupBaseInfoFilter": [
                "Type", "MemberNum", "MaxMemberNum", "LastMsgTime", "NextMsgSeq", "MuteAllMember", "ShutUpAllMember",
            ],
            },
        }),
    );
    let pages = [
        (GetGroupMemberInfo::new("g"), json!({ "Limit": 200, "Offset": 0 })),
        (GetGroupMemberInfo::new("g").limit(100).unwrap().offset(300), json!({ "Limit": 100, "Offset": 300 })),
        (GetGroupMemberInfo::new("g").next(""), json!({ "Limit": 200, "Next": "" })),
        (GetGroupMemberInfo::new("g").limit(1).unwrap().next("c \"1\""), json!({ "Limit": 1, "Next": "c \"1\"" })),
    ];
    for (page, mut expected) in pages {
        expected["GroupId"] = json!("g");
        expected["MemberInfoFilter"] = filter.clone();
        assert_request(&page.request(&api, now()), "get_group_member_info", &expected);
    }
    assert_request(
        &GetSpecifiedGroupMemberInfo::new("g", ["bob", "群员"]).unwrap().request(&api, now()),
        "get_specified_group_member_info",
        &json!({ "GroupId": "g", "Member_List_Account": ["bob", "群员"], "MemberInfoFilter": filter }),
    );
    let delete = DeleteGroupMembers::new("g", ["bob"]).unwrap();
    let bare = json!({ "GroupId": "g", "MemberToDel_Account": ["bob"] });
    assert_request(&delete.request(&api, now()), "delete_group_member", &bare);
    assert_request(
        &delete.no_notification().reason("inactive").request(&api, now()),
        "delete_group_member",
        &json!({ "GroupId": "g", "MemberToDel_Account": ["bob"], "Silence": 1, "Reason": "inactive" }),
    );
}

#[test]
fn url_has_every_required_parameter() {
    let request = GetGroupInfo::new("g").request(&api(Endpoint::China, "管 a&b=c~"), now());
    let query = request.uri().query().unwrap();
    let (names, values): (Vec<_>, Vec<_>) = query.split('&').map(|pair| pair.split_once('=').unwrap()).unzip();
    assert_eq!(names, ["sdkappid", "identifier", "usersig", "random", "contenttype"]);
    assert_eq!((values[0], values[1], values[4]), ("1400000001", "%E7%AE%A1%20a%26b%3Dc~", "json"));
    // An hour, so that a logged URL soon expires.
    let hour = Duration::from_secs(60 * 60);
    let user_sig = UserSig::new(APP, &SecretKey::new(SECRET).unwrap(), "管 a&b=c~", hour, now());
    assert_eq!(values[2], user_sig.as_str());
    values[3].parse::<u32>().unwrap();
}

#[test]
fn random_differs_from_call_to_call() {
    let api = api(Endpoint::China, "admin");
    let uris: std::collections::HashSet<_> =
        (0..100).map(|_| GetGroupInfo::new("g").request(&api, now()).uri().to_string()).collect();
    assert!(uris.len() > 90, "{}", uris.len());
}

#[test]
fn endpoints() {
    let cases = [
        ("china", "https://console.tim.qq.com"),
        ("singapore", "https://adminapisgp.im.qcloud.com"),
        ("seoul", "https://adminapikr.im.qcloud.com"),
        ("tokyo", "https://adminapijpn.im.qcloud.com"),
        ("frankfurt", "https://adminapiger.im.qcloud.com"),
        ("silicon-valley", "https://adminapiusa.im.qcloud.com"),
        ("jakarta", "https://adminapiidn.im.qcloud.com"),
        ("https://proxy.example:8443/", "https://proxy.example:8443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://localhost", "http://localhost"),
    ];
    for (text, expected) in cases {
        let endpoint: Endpoint = text.parse().unwrap();
        if let Endpoint::Host(host) = &endpoint {
            assert_eq!(host.to_string(), expected);
        }
        let uri = GetGroupInfo::new("g").request(&api(endpoint, "admin"), now()).uri().to_string();
        assert!(uri.starts_with(&format!("{expected}/v4/group_open_http_svc/get_group_info?")), "{text}: {uri}");
    }
}

#[test]
fn endpoints_that_are_refused() {
    let form = "expected a region, or `https://` and a host, without user, path or query";
    let plain = "expected `https`: plain `http` would show the credential to the network";
    let cases = [
        ("", form),
        ("mars", form),
        ("proxy.example:8443", form),
        ("ftp://proxy.example", form),
        ("https://proxy.example/im", form),
        ("https://proxy.example/?a=b", form),
        ("https://user:password@proxy.example", form),
        ("https://", form),
        ("https://:443", form),
        ("http://proxy.example", plain),
        ("http://10.0.0.1:8080", plain),
        ("http://localhost.example", plain),
    ];
    for (text, expected) in cases {
        assert_eq!(text.parse::<Endpoint>().unwrap_err().to_string(), expected, "{text}");
    }
}

#[test]
fn admins_that_are_refused() {
    for (len, expected) in [(0, false), (1, true), (255, true), (256, false)] {
        let key = SecretKey::new("k").unwrap();
        let api = RestApi::new(Endpoint::China, SdkAppId::new(1), "群".repeat(len / 3) + &"a".repeat(len % 3), key);
        match api {
            Ok(api) => {
                assert!(expected, "{len}");
                let request = GetGroupInfo::new("g").request(&api, now());
                assert_eq!(request.uri().host(), Some("console.tim.qq.com"));
            }
            Err(error) => {
                assert!(!expected, "{len}");
                assert_eq!(error.to_string(), format!("expected an admin account of 1 to 255 bytes, found {len}"));
            }
        }
    }
}

#[test]
fn vendors_limits() {
    let accounts = |count: usize| (0..count).map(|i| i.to_string());
    let page = |limit| GetGroupMemberInfo::new("g").limit(limit).map(drop);
    let look = |count| GetSpecifiedGroupMemberInfo::new("g", accounts(count)).map(drop);
    let delete = |count| DeleteGroupMembers::new("g", accounts(count)).map(drop);
    let cases = [
        (page(0), Some("members of a page: expected 1 to 200, found 0")),
        (page(1), None),
        (page(200), None),
        (page(201), Some("members of a page: expected 1 to 200, found 201")),
        (look(0), Some("accounts to look up: expected 1 to 50, found 0")),
        (look(50), None),
        (look(51), Some("accounts to look up: expected 1 to 50, found 51")),
        (delete(0), Some("accounts to remove: expected 1 to 100, found 0")),
        (delete(100), None),
        (delete(101), Some("accounts to remove: expected 1 to 100, found 101")),
    ];
    for (result, expected) in cases {
        assert_eq!(result.err().map(|error| error.to_string()).as_deref(), expected);
    }
}

#[test]
fn group_types() {
    let cases = [
        ("Private", GroupType::Work),
        ("Work", GroupType::Work),
        ("Public", GroupType::Public),
        ("ChatRoom", GroupType::Meeting),
        ("Meeting", GroupType::Meeting),
        ("AVChatRoom", GroupType::AvChatRoom),
        ("Community", GroupType::Community),
        ("Guild", GroupType::Other),
    ];
    for (name, expected) in cases {
        let body = format!(
            r#"{{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","GroupInfo":[{{"GroupId":"g","ErrorCode":0,
                "ErrorInfo":"","Type":"{name}","MemberNum":2990,"MaxMemberNum":3000,"New":[]}}]}}"#
        );
        let info = GetGroupInfo::new("g").response(StatusCode::OK, body.as_bytes()).unwrap();
        assert_eq!((info.group_type, info.members, info.limit, info.free()), (expected, 2990, 3000, 10));
    }
}

#[test]
fn a_limit_is_set_alone() {
    let call = ModifyGroupBaseInfo::new("g");
    let api = api(Endpoint::China, "admin");
    assert_request(&call.request(&api, now()), "modify_group_base_info", &json!({ "GroupId": "g" }));
    let call = call.max_member_num(2000);
    let body = json!({ "GroupId": "g", "MaxMemberNum": 2000 });
    assert_request(&call.request(&api, now()), "modify_group_base_info", &body);
    assert!(call.response(StatusCode::OK, br#"{"ErrorCode":0}"#).is_ok());
    let refused = call.response(StatusCode::OK, br#"{"ActionStatus":"FAIL","ErrorCode":10038}"#).unwrap_err();
    assert_eq!((refused.code(), refused.kind()), (Some(10038), RestErrorKind::InvalidRequest));
    assert_eq!(api.admin(), "admin");
}

/// The kind is in the URL, and the body is empty.
#[test]
fn addresses_of_callbacks() {
    for (net_type, query) in
        [(NetType::CallbackChina, "nettype=5&sdkappid="), (NetType::CallbackOverseas, "nettype=6&sdkappid=")]
    {
        let request = GetIpList::new(net_type).request(&api(Endpoint::China, "admin"), now());
        assert_eq!((request.uri().path(), request.body().as_slice()), ("/v4/ConfigSvc/GetIPList", &b"{}"[..]));
        assert!(request.uri().query().unwrap().starts_with(query));
    }
    let call = GetIpList::new(NetType::CallbackChina);
    let read = |body: &str| call.response(StatusCode::OK, body.as_bytes());
    let list = read(r#"{"ActionStatus":"OK","ErrorCode":0,"IPList":["127.0.0.2","183.192.202.0/25"]}"#).unwrap();
    assert_eq!(list.iter().collect::<Vec<_>>(), ["127.0.0.2", "183.192.202.0/25"]);
    // An allow list without an address would refuse every callback.
    for body in [r#"{"ErrorCode":0,"IPList":[]}"#, r#"{"ErrorCode":0}"#, r#"{"ErrorCode":0,"IPList":[1]}"#] {
        assert_eq!(read(body).unwrap_err().kind(), RestErrorKind::Malformed, "{body}");
    }
}
