//! Several processes on one PostgreSQL, and what stands in their way. `src/rooms/tests.rs` has what each statement promises.
#![cfg(target_os = "linux")]

use std::fs;

use example_support::testing::Started;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::util::postgres::Postgres;
use crate::util::{GROUP, OK, Table, eventually};

mod util;

const SETTINGS: &[&str] = &["fsync=off"];

/// Starts a receiver, which gets an event.
fn receiver(table: &Table, arguments: &[&str]) -> Started {
    let receiver = table.start(&[&["receive"], arguments].concat(), None);
    assert_eq!(receiver.paste("", ""), OK);
    receiver
}

fn worker(table: &Table, arguments: &[&str]) -> Started {
    Started::running(&mut table.command(&[&["work", "--pretend"], arguments].concat()))
}

#[test]
fn one_process_receives_and_another_works() {
    let server = Postgres::start(SETTINGS);
    let table = Table::at(server.url());
    let receiver = receiver(&table, &[]);
    table.shows("waiting  \"@TGS#2J4SZEAEL\"");
    let mut worker = worker(&table, &["0"]);
    worker.says(GROUP);
    table.shows_nothing();
    assert_eq!((receiver.stop("TERM").0, worker.stop("TERM").0), (Some(0), Some(0)));
}

#[test]
fn a_worker_that_was_frozen_beyond_its_lease_gives_up() {
    let server = Postgres::start(SETTINGS);
    let table = Table::at(server.url());
    let _receiver = receiver(&table, &[]);
    let mut frozen = worker(&table, &["6000", "--lease", "2"]);
    frozen.says("begin");
    frozen.signal("STOP");
    let mut other = worker(&table, &["0"]);
    other.says("end");
    table.shows_nothing();
    frozen.signal("CONT");
    // Because the lease is over, or because the freeze took its connection.
    frozen.says("ERROR gave up the work: ");
}

#[test]
fn a_standby_is_not_believed() {
    let primary = Postgres::start(SETTINGS);
    let standby = Postgres::standby_of(&primary, SETTINGS);
    let said = Table::at(standby.url()).refuses(&["rooms"]);
    assert!(said.starts_with("server: database: ") && said.contains("database does not allow writes"), "{said}");
    assert!(Table::at(standby.url_with(&primary)).says(&["rooms"]).starts_with("no group of the app 888888"));
}

/// A worker without work writes nothing, so nothing would ever fail.
#[test]
fn a_worker_that_waits_for_work_finds_the_new_primary() {
    let primary = Postgres::start(SETTINGS);
    let standby = Postgres::standby_of(&primary, SETTINGS);
    let table = Table::at(primary.url_with(&standby));
    let receiver = receiver(&table, &[]);
    let mut worker = worker(&table, &["0"]);
    worker.says(GROUP);
    standby.psql("SELECT pg_promote()").unwrap();
    // Within some seconds, all see that its timeline is newer. What was stored in between waits on the old one.
    let count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'example-server'";
    eventually(|| standby.psql(count).unwrap_or_default(), |count| count != "0");
    let store = || {
        assert_eq!(receiver.paste(GROUP, "after"), OK);
        standby.psql("SELECT grp FROM rooms WHERE grp = 'after'").unwrap_or_default()
    };
    eventually(store, |found| found == "after");
    while !worker.says("after").starts_with("end") {}
}

#[test]
fn a_role_that_owns_no_table_will_do_and_its_password_can_change() {
    let server = Postgres::start(SETTINGS);
    Table::at(server.url()).says(&["rooms"]);
    let rights = include_str!("../README.md").split("```").find_map(|block| block.strip_prefix("sql")).unwrap();
    let rights = rights.replace("TO rooms;", "TO app;");
    server.psql(&format!("CREATE ROLE app LOGIN PASSWORD 'one'; {rights}")).unwrap();
    // What the record of a removal needs.
    let record = "INSERT INTO removals VALUES (1, 'g', 'a', 1, '', 1) ON CONFLICT (app, grp, account, sent) DO UPDATE";
    server.psql(&format!("SET ROLE app; {record} SET outcome = 'Removed'")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    fs::write(&password, "one\n").unwrap();
    let table = Table::at(server.url().replace("postgres@", "app@"));
    let file = ["--database-password-file", password.to_str().unwrap()];
    let receiver = receiver(&table, &file);
    fs::write(&password, "two\n").unwrap();
    server.psql("ALTER ROLE app PASSWORD 'two'").unwrap();
    server.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'").unwrap();
    // The first one finds its connection ended.
    receiver.paste("", "");
    assert_eq!(receiver.paste("", ""), OK);
    worker(&table, &[&["0"], &file[..]].concat()).says("end");
    let said = table.refuses(&["rooms"]);
    assert!(said.contains("password"), "{said}");
}

#[test]
fn a_url_that_says_too_much_is_refused() {
    let cases = [
        ("app:secret@127.0.0.1/postgres", "process lists are public; give the password in PGPASSWORD or a file"),
        ("app@/postgres?host=a&host=b", "give the hosts between `@` and `/`"),
    ];
    for (url, why) in cases {
        let said = Table::at(format!("postgres://{url}")).refuses(&["rooms"]);
        assert_eq!(said, format!("server: --database: {why}\n"));
    }
}

#[test]
fn tls_trusts_the_certificates_that_it_is_told_to() {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let server = Postgres::start(SETTINGS);
    server.write("server.crt", &certificate.pem());
    server.write("server.key", &key.serialize_pem());
    server.psql("ALTER SYSTEM SET ssl = on").unwrap();
    server.psql("SELECT pg_reload_conf()").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    fs::write(&ca, authority.pem()).unwrap();
    let table = Table::at(server.url() + "?sslmode=require");
    assert!(table.says(&["rooms", "--database-ca", ca.to_str().unwrap()]).starts_with("no group"));
    let said = table.refuses(&["rooms"]);
    assert!(said.contains("certificate"), "{said}");
}
