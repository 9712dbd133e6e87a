//! Several processes on one PostgreSQL, and what stands in their way. `src/rooms/tests.rs` has what each statement promises.
#![cfg(target_os = "linux")]

use std::fs;

use example_support::testing::Started;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::util::postgres::Postgres;
use crate::util::{GROUP, OK, Table, eventually};

mod util;

/// Starts a receiver.
fn receiver(table: &Table, arguments: &[&str]) -> Started {
    table.start(&[&["receive"], arguments].concat(), None)
}

/// Starts a worker, and returns it once it says this.
fn worker(table: &Table, arguments: &[&str]) -> Started {
    Started::running(&mut table.command(&[&["work", "--pretend", "0"], arguments].concat()))
}

#[test]
fn one_process_receives_and_another_works() {
    let server = Postgres::start(&["fsync=off"]);
    let table = Table::at(&server.url("postgres"));
    let receiver = receiver(&table, &[]);
    assert_eq!(receiver.paste("", ""), OK);
    table.shows("waiting  \"@TGS#2J4SZEAEL\"");
    let mut worker = worker(&table, &[]);
    worker.says(GROUP);
    table.shows_nothing();
    assert_eq!((receiver.stop("TERM").0, worker.stop("TERM").0), (Some(0), Some(0)));
}

#[test]
fn a_worker_that_was_frozen_beyond_its_lease_gives_up() {
    let server = Postgres::start(&["fsync=off"]);
    let table = Table::at(&server.url("postgres"));
    let receiver = receiver(&table, &[]);
    assert_eq!(receiver.paste("", ""), OK);
    let mut frozen = Started::running(&mut table.command(&["work", "--pretend", "3000", "--lease", "1"]));
    frozen.says("begin");
    frozen.signal("STOP");
    let mut other = worker(&table, &[]);
    other.says("end");
    table.shows_nothing();
    frozen.signal("CONT");
    frozen.says("ERROR gave up the work: the lease is over: another worker may have the group");
}

#[test]
fn a_standby_is_not_believed() {
    let primary = Postgres::start(&["fsync=off"]);
    let standby = Postgres::standby_of(&primary, &["fsync=off"]);
    let said = Table::at(&standby.url("postgres")).refuses(&["rooms"]);
    assert!(said.starts_with("server: database: ") && said.contains("database does not allow writes"), "{said}");
    let both = format!("postgres://postgres@127.0.0.1:{},127.0.0.1:{}/postgres", standby.port(), primary.port());
    assert!(Table::at(&both).says(&["rooms"]).starts_with("no group of the app 888888"));
}

/// A worker without work writes nothing, so nothing would ever fail.
#[test]
fn a_worker_that_waits_for_work_finds_the_new_primary() {
    let primary = Postgres::start(&["fsync=off"]);
    let standby = Postgres::standby_of(&primary, &["fsync=off"]);
    let both = format!("postgres://postgres@127.0.0.1:{},127.0.0.1:{}/postgres", primary.port(), standby.port());
    let table = Table::at(&both);
    let receiver = receiver(&table, &[]);
    let mut worker = worker(&table, &[]);
    assert_eq!(receiver.paste("", ""), OK);
    worker.says(GROUP);
    standby.psql("SELECT pg_promote()").unwrap();
    // Within some seconds, all see that its timeline is newer. What was stored in between waits on the old one.
    eventually(
        || {
            (standby.psql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'example-server'")
                != Ok("0".into()))
            .then_some(())
        },
        || "nobody came".into(),
    );
    eventually(
        || {
            assert_eq!(receiver.paste(GROUP, "after"), OK);
            standby.psql("SELECT 1 FROM rooms WHERE grp = 'after'").is_ok_and(|found| found == "1").then_some(())
        },
        || "nothing is stored on the new primary".into(),
    );
    while !worker.says("after").starts_with("end") {}
}

/// The rights that the README gives.
const RIGHTS: &str =
    "GRANT SELECT, UPDATE ON rooms_schema TO app; GRANT SELECT, INSERT, UPDATE, DELETE ON rooms TO app;
    GRANT SELECT, INSERT, UPDATE ON removals TO app";

#[test]
fn a_role_that_owns_no_table_will_do_and_its_password_can_change() {
    let server = Postgres::start(&["fsync=off"]);
    Table::at(&server.url("postgres")).says(&["rooms"]);
    server.psql(&format!("CREATE ROLE app LOGIN PASSWORD 'one'; {RIGHTS}")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    fs::write(&password, "one\n").unwrap();
    let table = Table::at(&server.url("postgres").replace("postgres@", "app@"));
    let file = ["--database-password-file", password.to_str().unwrap()];
    let receiver = receiver(&table, &file);
    assert_eq!(receiver.paste("", ""), OK);
    fs::write(&password, "two\n").unwrap();
    server.psql("ALTER ROLE app PASSWORD 'two'").unwrap();
    server.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'").unwrap();
    // The first one finds its connection ended.
    receiver.paste("", "");
    assert_eq!(receiver.paste("", ""), OK);
    worker(&table, &file).says("end");
    let said = table.refuses(&["rooms"]);
    assert!(said.contains("password"), "{said}");
}

#[test]
fn a_password_in_the_url_is_refused() {
    let said = Table::at("postgres://app:secret@127.0.0.1/postgres").refuses(&["rooms"]);
    assert_eq!(said, "server: --database: process lists are public; give the password in PGPASSWORD or a file\n");
}

#[test]
fn tls_trusts_the_certificates_that_it_is_told_to() {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let server = Postgres::start(&["fsync=off"]);
    server.write("server.crt", &certificate.pem());
    server.write("server.key", &key.serialize_pem());
    server.psql("ALTER SYSTEM SET ssl = on").unwrap();
    server.psql("SELECT pg_reload_conf()").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    fs::write(&ca, authority.pem()).unwrap();
    let table = Table::at(&format!("{}?sslmode=require", server.url("postgres")));
    assert!(table.says(&["rooms", "--database-ca", ca.to_str().unwrap()]).starts_with("no group"));
    let said = table.refuses(&["rooms"]);
    assert!(said.contains("certificate"), "{said}");
}
