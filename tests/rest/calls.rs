use std::collections::HashSet;
use std::time::Duration;

use http::{Method, Request, StatusCode};
use im_group_full::rest::{
    DeleteGroupMembers, Endpoint, GetGroupInfo, GetGroupMemberInfo, GetIpList, GetSpecifiedGroupMemberInfo, GroupType,
    ModifyGroupBaseInfo, NetType, RestApi, RestErrorKind, SecretKey, UserSig,
};
use serde_json::{Value, json};

use crate::canned::{at, info, with};
use crate::world::{APP, GROUP, NOW, SECRET};

fn api(endpoint: Endpoint, admin: &str) -> RestApi {
    RestApi::new(endpoint, APP, admin, SecretKey::new(SECRET).unwrap()).unwrap()
}

/// The request for a group's info.
fn info_request(endpoint: Endpoint, admin: &str) -> Request<Vec<u8>> {
    GetGroupInfo::new(GROUP).request(&api(endpoint, admin), at(NOW))
}

#[test]
fn requests_have_the_documented_bodies() {
    let (api, now) = (&api(Endpoint::Singapore, "admin"), at(NOW));
    assert_eq!(api.admin(), "admin");
    let fields = ["Type", "MemberNum", "MaxMemberNum", "LastMsgTime", "NextMsgSeq", "MuteAllMember", "ShutUpAllMember"];
    let filter = json!(["Role", "JoinTime", "LastSendMsgTime", "MsgSeq", "MuteUntil", "ShutUpUntil"]);
    let page = GetGroupMemberInfo::new("g");
    let look = GetSpecifiedGroupMemberInfo::new("g", ["bob", "群员"]).unwrap();
    let delete = DeleteGroupMembers::new("g", ["bob"]).unwrap();
    let limit = ModifyGroupBaseInfo::new("g");
    let pages = |call: &GetGroupMemberInfo, body: Value| {
        (call.request(api, now), "get_group_member_info", with(body, "MemberInfoFilter", filter.clone()))
    };
    let removals = |call: &DeleteGroupMembers, body: Value| {
        (call.request(api, now), "delete_group_member", with(body, "MemberToDel_Account", json!(["bob"])))
    };
    let cases = [
        pages(&page, json!({ "GroupId": "g", "Limit": 200, "Offset": 0 })),
        pages(&page.clone().limit(100).unwrap().offset(300), json!({ "GroupId": "g", "Limit": 100, "Offset": 300 })),
        pages(&page.clone().next(""), json!({ "GroupId": "g", "Limit": 200, "Next": "" })),
        pages(&page.limit(1).unwrap().next("c \"1\""), json!({ "GroupId": "g", "Limit": 1, "Next": "c \"1\"" })),
        removals(&delete, json!({ "GroupId": "g" })),
        removals(
            &delete.clone().no_notification().reason("inactive"),
            json!({ "GroupId": "g", "Silence": 1, "Reason": "inactive" }),
        ),
        (
            GetGroupInfo::new("g").request(api, now),
            "get_group_info",
            json!({ "GroupIdList": ["g"], "ResponseFilter": { "GroupBaseInfoFilter": fields } }),
        ),
        (
            look.request(api, now),
            "get_specified_group_member_info",
            json!({ "GroupId": "g", "Member_List_Account": ["bob", "群员"], "MemberInfoFilter": filter }),
        ),
        (limit.request(api, now), "modify_group_base_info", json!({ "GroupId": "g" })),
        (
            limit.max_member_num(2000).request(api, now),
            "modify_group_base_info",
            json!({ "GroupId": "g", "MaxMemberNum": 2000 }),
        ),
    ];
    for (request, command, body) in cases {
        assert_eq!(request.method(), Method::POST);
        assert_eq!(request.uri().path(), format!("/v4/group_open_http_svc/{command}"));
        assert_eq!(request.headers()["content-type"], "application/json");
        assert_eq!(serde_json::from_slice::<Value>(request.body()).unwrap(), body);
    }
}

#[test]
fn url_has_every_required_parameter() {
    let request = info_request(Endpoint::China, "管 a&b=c~");
    let query = request.uri().query().unwrap();
    let (names, values): (Vec<_>, Vec<_>) = query.split('&').map(|pair| pair.split_once('=').unwrap()).unzip();
    assert_eq!(names, ["sdkappid", "identifier", "usersig", "random", "contenttype"]);
    assert_eq!((values[0], values[1], values[4]), ("1400000001", "%E7%AE%A1%20a%26b%3Dc~", "json"));
    // An hour, so that a logged URL soon expires.
    let hour = Duration::from_secs(60 * 60);
    let user_sig = UserSig::new(APP, &SecretKey::new(SECRET).unwrap(), "管 a&b=c~", hour, at(NOW));
    assert_eq!(values[2], user_sig.as_str());
    values[3].parse::<u32>().unwrap();
}

#[test]
fn random_differs_from_call_to_call() {
    let uris: HashSet<_> = (0..100).map(|_| info_request(Endpoint::China, "admin").uri().to_string()).collect();
    assert!(uris.len() > 90, "{}", uris.len());
}

#[test]
fn endpoints() {
    let form = Err("expected a region, or `https://` and a host, without user, path or query");
    let plain = Err("expected `https`: plain `http` would show the credential to the network");
    let cases = [
        ("china", Ok("https://console.tim.qq.com")),
        ("singapore", Ok("https://adminapisgp.im.qcloud.com")),
        ("seoul", Ok("https://adminapikr.im.qcloud.com")),
        ("tokyo", Ok("https://adminapijpn.im.qcloud.com")),
        ("frankfurt", Ok("https://adminapiger.im.qcloud.com")),
        ("silicon-valley", Ok("https://adminapiusa.im.qcloud.com")),
        ("jakarta", Ok("https://adminapiidn.im.qcloud.com")),
        ("https://proxy.example:8443/", Ok("https://proxy.example:8443")),
        ("http://127.0.0.1:8080", Ok("http://127.0.0.1:8080")),
        ("http://[::1]:8080", Ok("http://[::1]:8080")),
        ("http://localhost", Ok("http://localhost")),
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
        let endpoint = text.parse::<Endpoint>();
        if let Ok(Endpoint::Host(host)) = &endpoint {
            assert_eq!(Ok(host.to_string().as_str()), expected);
        }
        let start = endpoint.map_err(|error| error.to_string()).map(|endpoint| {
            let uri = info_request(endpoint, "admin").uri().to_string();
            uri.split_once("/v4/group_open_http_svc/get_group_info?").unwrap().0.to_owned()
        });
        assert_eq!(start.as_deref().map_err(String::as_str), expected, "{text}");
    }
}

#[test]
fn admins_have_1_to_255_bytes() {
    for (len, expected) in [(0, false), (1, true), (255, true), (256, false)] {
        let admin = "群".repeat(len / 3) + &"a".repeat(len % 3);
        let api = RestApi::new(Endpoint::China, APP, admin, SecretKey::new("k").unwrap());
        // Without one, the URI was too long.
        let has_host = api.map(|api| GetGroupInfo::new(GROUP).request(&api, at(NOW)).uri().host().is_some());
        let text = format!("expected an admin account of 1 to 255 bytes, found {len}");
        assert_eq!(has_host.map_err(|error| error.to_string()), if expected { Ok(true) } else { Err(text) });
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
        let body = with(with(info(name, 3000), "MemberNum", 2990), "New", json!([])).to_string();
        let info = GetGroupInfo::new(GROUP).response(StatusCode::OK, body.as_bytes()).unwrap();
        assert_eq!((info.group_type, info.members, info.limit, info.free()), (expected, 2990, 3000, 10));
    }
}

#[test]
fn a_new_limit_that_is_refused() {
    let call = ModifyGroupBaseInfo::new("g").max_member_num(2000);
    assert!(call.response(StatusCode::OK, br#"{"ErrorCode":0}"#).is_ok());
    let refused = call.response(StatusCode::OK, br#"{"ActionStatus":"FAIL","ErrorCode":10038}"#).unwrap_err();
    assert_eq!((refused.code(), refused.kind()), (Some(10038), RestErrorKind::InvalidRequest));
}

/// The kind is in the URL, and the body is empty.
#[test]
fn addresses_of_callbacks() {
    for (net_type, query) in
        [(NetType::CallbackChina, "nettype=5&sdkappid="), (NetType::CallbackOverseas, "nettype=6&sdkappid=")]
    {
        let request = GetIpList::new(net_type).request(&api(Endpoint::China, "admin"), at(NOW));
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
