//! Lines on the standard output, which may be slow, or a pipe that nobody reads.

use std::fmt::Arguments;
use std::io::Write;
use std::mem::take;
use std::sync::{Condvar, Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::Duration;

/// Rather a line that is lost than memory without bound.
const MAX_WAITING: usize = 1024 * 1024;

static WAITING: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static SOME_WAIT: Condvar = Condvar::new();
static OUTPUT: Mutex<()> = Mutex::new(());

/// Writes one line, and whatever was logged before, now. Unlike `println!` it does not panic when nobody reads.
pub(crate) fn say(line: Arguments<'_>) {
    append(&mut lock(&WAITING), line);
    write_waiting();
}

/// Writes one line soon: no answer waits for it, and many share one system call.
pub(crate) fn log(line: Arguments<'_>) {
    static WRITER: Once = Once::new();
    WRITER.call_once(|| drop(thread::spawn(write_for_ever)));
    let mut waiting = lock(&WAITING);
    let first = waiting.is_empty();
    append(&mut waiting, line);
    drop(waiting);
    if first {
        SOME_WAIT.notify_one();
    }
}

fn append(waiting: &mut Vec<u8>, line: Arguments<'_>) {
    if waiting.len() < MAX_WAITING {
        // Into memory, which does not fail.
        let _ = writeln!(waiting, "{line}");
    }
}

fn write_for_ever() {
    loop {
        drop(SOME_WAIT.wait_while(lock(&WAITING), |waiting| waiting.is_empty()));
        write_waiting();
        thread::sleep(Duration::from_millis(10));
    }
}

fn write_waiting() {
    // Held while writing, so that the lines keep their order.
    let _output = lock(&OUTPUT);
    let lines = take(&mut *lock(&WAITING));
    let mut out = std::io::stdout();
    let _ = out.write_all(&lines).and_then(|()| out.flush());
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
