//! How members are parsed: an unclear entry spares one member and has no other effect.

use http::StatusCode;
use im_group_full::rest::{GetGroupInfo, GetGroupMemberInfo, GetSpecifiedGroupMemberInfo, Member, MemberList, Role};

#[track_caller]
fn page(list: &str) -> MemberList {
    let body = format!(r#"{{"ErrorCode":0,"MemberNum":2,"MemberList":{list}}}"#);
    GetGroupMemberInfo::new("g").response(StatusCode::OK, body.as_bytes()).unwrap().list
}

#[track_caller]
fn look(body: &[u8]) -> Result<MemberList, String> {
    let call = GetSpecifiedGroupMemberInfo::new("g", ["bob"]).unwrap();
    call.response(StatusCode::OK, body).map_err(|error| error.to_string())
}

#[test]
fn as_documented() {
    let body = br#"{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0,"MemberNum":3,"MemberList":[
        {"Member_Account":"bob","Role":"Owner","JoinTime":1425976500,"LastSendMsgTime":1425976600,"ShutUpUntil":0},
        {"Member_Account":"eve","Role":"Member ","JoinTime":1425976500,"LastSendMsgTime":0,"MsgSeq":7},
        {"Member_Account":"tom","Role":"Admin","LastSendMsgTime":1425976500,"JoinTime":1425976500,"MsgSeq":null}]}"#;
    let page = GetGroupMemberInfo::new("g").response(StatusCode::OK, body).unwrap();
    assert_eq!((page.group_members, page.next), (Some(3), None));
    let expected = [
        Member::new("bob", Role::Owner, 1_425_976_500, 1_425_976_600),
        // With a blank, as in one of the vendor's samples.
        Member::new("eve", Role::Member, 1_425_976_500, 0).with_msg_seq(7),
        Member::new("tom", Role::Admin, 1_425_976_500, 1_425_976_500),
    ];
    assert_eq!(page.list.members, expected);
    let times = |member: &Member| (member.joined(), member.last_spoke(), member.last_active(), member.msg_seq());
    assert_eq!(
        page.list.members.iter().map(times).collect::<Vec<_>>(),
        [
            (Some(1_425_976_500), Some(1_425_976_600), 1_425_976_600, None),
            (Some(1_425_976_500), None, 1_425_976_500, Some(7)),
            (Some(1_425_976_500), None, 1_425_976_500, None),
        ]
    );
    assert_eq!(look(body).unwrap(), page.list);
}

/// Next to a good entry; then the unclear accounts, and the number of unnamed entries.
#[test]
fn entries_that_cannot_be_understood() {
    let fine = r#"{"Member_Account":"eve","Role":"Member","JoinTime":1,"LastSendMsgTime":2}"#;
    let cases: [(&str, &[&str], usize); 18] = [
        (r#"{"Member_Account":"bob","JoinTime":1,"LastSendMsgTime":1}"#, &["bob"], 0),
        (r#"{"Member_Account":"bob","Role":"Member","JoinTime":1}"#, &["bob"], 0),
        (r#"{"Member_Account":"bob","Role":"Member","JoinTime":1,"LastSendMsgTime":null}"#, &["bob"], 0),
        (r#"{"Member_Account":"bob","Role":"Member","JoinTime":1,"LastSendMsgTime":"0"}"#, &["bob"], 0),
        (r#"{"Member_Account":"bob","Role":"Member","JoinTime":1,"LastSendMsgTime":1.5}"#, &["bob"], 0),
        (r#"{"Member_Account":"bob","Role":"Member","JoinTime":-1,"LastSendMsgTime":1}"#, &["bob"], 0),
        (r#"{"Member_Account":"bob","Role":"Member","JoinTime":1e999,"LastSendMsgTime":1}"#, &["bob"], 0),
        (r#"{"Member_Account":"bob","Role":"member","JoinTime":1,"LastSendMsgTime":1}"#, &["bob"], 0),
        (r#"{"Member_Account":"bob","Role":"Moderator","JoinTime":1,"LastSendMsgTime":1}"#, &["bob"], 0),
        (r#"{"Member_Account":"bob","Role":"x\ud83d","JoinTime":1,"LastSendMsgTime":1}"#, &["bob"], 0),
        (r#"{"Member_Account":"bob","Role":"Member","Role":"Admin","JoinTime":1,"LastSendMsgTime":1}"#, &["bob"], 0),
        (r#"{"Member_Account":"","Role":"Member","JoinTime":1,"LastSendMsgTime":1}"#, &[], 1),
        (r#"{"Member_Account":7,"Role":"Member","JoinTime":1,"LastSendMsgTime":1}"#, &[], 1),
        (r#"{"Member_Account":"b\ud83d","Role":"Member","JoinTime":1,"LastSendMsgTime":1}"#, &[], 1),
        (r#"{"Role":"Member","JoinTime":1,"LastSendMsgTime":1}"#, &[], 1),
        (r#"["bob","Member",1,1]"#, &[], 1),
        ("null", &[], 1),
        ("{}", &[], 1),
    ];
    for (entry, unclear, unnamed) in cases {
        for list in [format!("[{entry},{fine}]"), format!("[{fine},{entry}]")] {
            let page = page(&list);
            assert_eq!(page.members, [Member::new("eve", Role::Member, 1, 2)], "{list}");
            assert_eq!(
                (page.unclear, page.unnamed, page.entries),
                (unclear.iter().map(ToString::to_string).collect(), unnamed, 2)
            );
        }
    }
}

#[test]
fn entries_that_contradict_each_other() {
    let entry = |account: &str, role: &str, sent: u64| {
        format!(r#"{{"Member_Account":"{account}","Role":"{role}","JoinTime":1,"LastSendMsgTime":{sent}}}"#)
    };
    let bob = entry("bob", "Member", 0);
    let cases = [
        (bob.clone(), None),
        (entry("bob", "Admin", 0), Some("bob")),
        (entry("bob", "Member", 5), Some("bob")),
        (entry("bob", "Guest", 0), Some("bob")),
        (r#"{"Member_Account":"bob","Role":"Member","Role":"Admin"}"#.to_owned(), Some("bob")),
    ];
    for (other, unclear) in cases {
        for list in [
            format!("[{bob},{other},{}]", entry("eve", "Member", 0)),
            format!("[{other},{bob},{}]", entry("eve", "Member", 0)),
        ] {
            let page = page(&list);
            let members: Vec<_> = page.members.iter().map(Member::account).collect();
            let expected: &[&str] = if unclear.is_some() { &["eve"] } else { &["bob", "eve"] };
            assert_eq!((members.as_slice(), page.unclear.first().map(String::as_str)), (expected, unclear), "{list}");
        }
    }
}

/// Invalid UTF-8 makes only its own member unclear.
#[test]
fn account_that_is_cut_within_a_character() {
    let mut body = br#"{"ErrorCode":0,"MemberList":[{"Member_Account":"b"#.to_vec();
    body.extend([0xe7, 0xbe]);
    body.extend(br#"","Role":"Member","JoinTime":1,"LastSendMsgTime":0},{"Member_Account":"eve"}]}"#);
    let list = look(&body).unwrap();
    assert_eq!((list.members.len(), list.unclear, list.unnamed), (0, vec!["eve".to_owned()], 1));
}

/// In a page, a missing list counts as empty; in a look, it would mean that all have left.
#[test]
fn lists_that_are_missing() {
    let missing = [r#"{"ErrorCode":0}"#, r#"{"ErrorCode":0,"MemberList":null}"#];
    for body in missing {
        let page = GetGroupMemberInfo::new("g").response(StatusCode::OK, body.as_bytes()).unwrap();
        assert_eq!((page.list, page.group_members, page.next), (MemberList::default(), None, None));
        let error = look(body.as_bytes()).unwrap_err();
        assert!(error.starts_with("unexpected response: "), "{error}");
    }
    assert_eq!(look(br#"{"ErrorCode":0,"MemberList":[]}"#), Ok(MemberList::default()));
    let nonsense = look(br#"{"ErrorCode":0,"MemberList":[{},7]}"#).unwrap_err();
    assert_eq!(nonsense, "unexpected response: none of 2 members can be understood");
}

/// Unrequested fields are not decoded, and bad informational fields do no harm.
#[test]
fn group_info_with_strange_fields() {
    let info = |fields: &str| {
        let body = format!(
            r#"{{"ErrorCode":0,"ErrorInfo":"\ud83d","GroupInfo":[{{"GroupId":"g","ErrorCode":0,"Type":"Public",
                "MemberNum":2990,"MaxMemberNum":3000{fields}}}]}}"#
        );
        let info = GetGroupInfo::new("g").response(StatusCode::OK, body.as_bytes()).unwrap();
        assert_eq!((info.members, info.limit), (2990, 3000));
        (info.last_msg_time, info.next_msg_seq)
    };
    let cases = [
        ("", (None, None)),
        (r#","Name":"x\ud83d","LastMsgTime":7,"NextMsgSeq":9"#, (Some(7), Some(9))),
        (r#","LastMsgTime":0,"NextMsgSeq":0"#, (None, Some(0))),
        (r#","LastMsgTime":"7","NextMsgSeq":null"#, (None, None)),
    ];
    for (fields, expected) in cases {
        assert_eq!(info(fields), expected, "{fields}");
    }
    let refused = br#"{"ErrorCode":10010,"ErrorInfo":"group x\ud83d"}"#;
    let error = GetGroupInfo::new("g").response(StatusCode::OK, refused).unwrap_err();
    assert_eq!((error.code(), error.info()), (Some(10010), Some("")));
    let twice = br#"{"ErrorCode":0,"GroupInfo":[{"GroupId":"g","ErrorCode":0},{"GroupId":"g","ErrorCode":0}]}"#;
    let error = GetGroupInfo::new("g").response(StatusCode::OK, twice).unwrap_err().to_string();
    assert_eq!(error, "unexpected response: two entries for the group");
}
