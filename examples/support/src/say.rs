use std::fmt::Arguments;
use std::io::Write;

/// Writes one line to the standard output. Unlike `println!` it does not panic when nobody reads.
pub fn say(line: Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
