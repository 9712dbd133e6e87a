//! The example tells its story to the end.

use std::process::Command;

#[test]
fn story() {
    let output = Command::new(env!("CARGO_BIN_EXE_example-make-room")).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    for line in [
        "@TGS#2J4SZEAEL: 5000 of 5020 members at the last count, 20 slots free now",
        "raising the limit: Some(Planned)",
        "     1 stay: Role",
        "     1 stay: Protected",
        "raising the limit: Some(Raised)",
        "     1 stay: NotApproved",
        "@TGS#2J4SZEAEL: 5000 of 5020 members at the last count, 29 slots free now",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(said.trim_end().ends_with("\n9 removed"), "{said}");
    assert_eq!(said.matches("days ago  Planned").count(), 10);
}

#[test]
fn an_address_that_is_none_is_refused() {
    let output = Command::new(env!("CARGO_BIN_EXE_example-make-room")).arg("here").output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8(output.stderr).unwrap().contains("invalid socket address"));
}
