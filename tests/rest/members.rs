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
    assert_eq!(look(body).unwrap(), page.list);
    // When each joined, spoke and was active, and what it has read; one role has a blank, as in a sample of the vendor's.
    let (joined, spoke) = (1_425_976_500, 1_425_976_600);
    let expected = [
        (Member::new("bob", Role::Owner, joined, spoke), Some(spoke), spoke, None),
        (Member::new("eve", Role::Member, joined, 0).with_msg_seq(7), None, joined, Some(7)),
        (Member::new("tom", Role::Admin, joined, joined), None, joined, None),
    ];
    assert_eq!(page.list.members.len(), 3);
    for (member, (expected, spoke, active, seq)) in page.list.members.iter().zip(expected) {
        assert_eq!(*member, expected);
        assert_eq!((member.joined(), member.last_spoke()), (Some(joined), spoke));
        assert_eq!((member.last_active(), member.msg_seq()), (active, seq));
    }
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
    let (bob, eve) = (entry("bob", "Member", 0), entry("eve", "Member", 0));
    let cases = [
        (bob.clone(), false),
        (entry("bob", "Admin", 0), true),
        (entry("bob", "Member", 5), true),
        (entry("bob", "Guest", 0), true),
        (r#"{"Member_Account":"bob","Role":"Member","Role":"Admin"}"#.to_owned(), true),
    ];
    for (other, unclear) in cases {
        for list in [format!("[{bob},{other},{eve}]"), format!("[{other},{bob},{eve}]")] {
            let page = page(&list);
            let members: Vec<_> = page.members.iter().map(Member::account).collect();
            assert_eq!(members, ["bob", "eve"][usize::from(unclear)..], "{list}");
            assert_eq!(page.unclear.first().map(String::as_str), unclear.then_some("bob"), "{list}");
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
    let cases = [
        ("", (None, None)),
        (r#","Name":"x\ud83d","LastMsgTime":7,"NextMsgSeq":9"#, (Some(7), Some(9))),
        (r#","LastMsgTime":0,"NextMsgSeq":0"#, (None, Some(0))),
        (r#","LastMsgTime":"7","NextMsgSeq":null"#, (None, None)),
    ];
    for (fields, expected) in cases {
        let body = format!(
            r#"{{"ErrorCode":0,"ErrorInfo":"\ud83d","GroupInfo":[{{"GroupId":"g","ErrorCode":0,"Type":"Public",
                "MemberNum":2990,"MaxMemberNum":3000{fields}}}]}}"#
        );
        let info = GetGroupInfo::new("g").response(StatusCode::OK, body.as_bytes()).unwrap();
        assert_eq!((info.members, info.limit), (2990, 3000));
        assert_eq!((info.last_msg_time, info.next_msg_seq), expected, "{fields}");
    }
    let refused = br#"{"ErrorCode":10010,"ErrorInfo":"group x\ud83d"}"#;
    let error = GetGroupInfo::new("g").response(StatusCode::OK, refused).unwrap_err();
    assert_eq!((error.code(), error.info()), (Some(10010), Some("")));
}
