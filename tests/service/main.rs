//! The entry points that need a server or its types: the tower service, async handlers, and a queue behind
//! them. Files that open sockets say so in their names.

#[path = "../util/raw.rs"]
mod raw;
#[path = "../util/script.rs"]
mod script;
#[path = "../util/mod.rs"]
mod util;

mod async_handler;
mod faults_over_sockets;
mod handle_http;
mod handle_request;
mod hooks;
mod other_command;
mod over_sockets;
mod properties;
mod queue;
mod service;
mod several_apps;
mod testing;
