//! The report for a terminal of 80 columns.

use std::io::{self, IsTerminal, Write};

use example_support::vendor::Outcome;

const COLUMNS: usize = 80;
const INDENT: &str = "      ";

pub(crate) fn print(
    out: &mut impl Write,
    outcomes: &[Outcome],
    passed: usize,
    diagnosis: Option<&str>,
) -> io::Result<()> {
    let colourful = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let width = outcomes.iter().map(|outcome| outcome.case.chars().count()).max().unwrap_or_default();
    for Outcome { case, expected, got, error_info, milliseconds, passed } in outcomes {
        let (mark, on) = if *passed { ("ok  ", "\x1b[32m") } else { ("FAIL", "\x1b[31m") };
        let (on, off) = if colourful { (on, "\x1b[0m") } else { ("", "") };
        // Longer answers get their own line below.
        let short = if got.len() <= 8 { got } else { "" };
        writeln!(out, "{on}{mark}{off}  {case:width$}  {short:8}  {milliseconds:>5} ms")?;
        if short.is_empty() {
            wrap(out, got)?;
        }
        if !passed {
            wrap(out, &format!("expected {expected}"))?;
        }
        if !error_info.is_empty() {
            wrap(out, error_info)?;
        }
    }
    if let Some(diagnosis) = diagnosis {
        return words(out, &format!("A genuine callback was not answered OK: {diagnosis}."));
    }
    writeln!(out, "{passed} of {} as they should be", outcomes.len())
}

/// Prints a sentence, wrapped at words.
fn words(out: &mut impl Write, sentence: &str) -> io::Result<()> {
    let mut line = String::new();
    for word in sentence.split(' ') {
        if line.len() + 1 + word.len() > COLUMNS {
            writeln!(out, "{line}")?;
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    writeln!(out, "{line}")
}

/// Prints a text under a case, and escapes control characters from the server.
fn wrap(out: &mut impl Write, text: &str) -> io::Result<()> {
    let text: Vec<char> =
        text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect();
    for line in text.chunks(COLUMNS - INDENT.len()) {
        writeln!(out, "{INDENT}{}", line.iter().collect::<String>())?;
    }
    Ok(())
}
