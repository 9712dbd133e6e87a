//! Which answers say something about the receivers, and which about what was done to them.

use std::time::{Duration, Instant};

use crate::load::Answer;
use crate::times::Times;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// No write is taken.
    Redis,
    /// No replica confirms a write.
    Replica,
    /// The receiver with this number is frozen.
    Receiver(usize),
}

type OfClass = fn(Option<Gone>) -> bool;

/// What was gone, and when.
#[derive(Default)]
pub struct Outages(Vec<(Gone, Instant, Instant)>);

impl Outages {
    /// Notes what was gone from then until now.
    pub fn note(&mut self, gone: Gone, from: Instant) {
        self.0.push((gone, from, Instant::now()));
    }

    /// Prints how long the answers took: when all was well, and when something was gone.
    pub fn print(&self, answers: &[Answer], replicas: u32) {
        let classes: [(_, OfClass); 4] = [
            ("nothing was gone", |gone| gone.is_none()),
            ("Redis was gone", |gone| gone == Some(Gone::Redis)),
            ("the replica was gone", |gone| gone == Some(Gone::Replica)),
            ("the receiver was frozen", |gone| matches!(gone, Some(Gone::Receiver(_)))),
        ];
        for (name, of_class) in classes {
            let lasted = self.0.iter().filter(|(gone, ..)| of_class(Some(*gone)));
            let lasted: Duration = lasted.map(|(_, from, to)| *to - *from).sum();
            let lasted = if lasted.is_zero() { String::new() } else { format!("{:.1} s", lasted.as_secs_f64()) };
            let of_class = |answer: &&Answer| answer.ok.is_some() && of_class(self.during(answer, replicas));
            let times = Times::of(answers.iter().filter(of_class).map(|answer| answer.end - answer.start));
            let failed = answers.iter().filter(of_class).filter(|answer| answer.ok == Some(false)).count();
            println!("  answers while {name:<23} {lasted:>6}: {times}, {failed} FAIL");
        }
        println!("  (99.9 % have to come within 100 ms while nothing was gone, and within 2 s while Redis was)");
    }

    /// The worst that was gone while the answer was awaited: a receiver that is frozen answers nothing, with Redis or
    /// without. A replica that nobody waits for is no excuse.
    fn during(&self, answer: &Answer, replicas: u32) -> Option<Gone> {
        let counts = |gone: Gone| match gone {
            Gone::Redis => true,
            Gone::Replica => replicas > 0,
            Gone::Receiver(number) => number == answer.receiver,
        };
        let gone = self.0.iter().filter(|(_, from, to)| answer.start < *to && answer.end > *from);
        gone.map(|(gone, ..)| *gone).filter(|gone| counts(*gone)).min_by_key(|gone| match gone {
            Gone::Receiver(_) => 0,
            Gone::Redis => 1,
            Gone::Replica => 2,
        })
    }
}
