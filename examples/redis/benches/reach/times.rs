use std::fmt;
use std::time::Duration;

/// Some answers' times, sorted.
pub struct Times(Vec<Duration>);

impl Times {
    pub fn of(times: impl Iterator<Item = Duration>) -> Self {
        let mut times: Vec<_> = times.collect();
        times.sort_unstable();
        Self(times)
    }

    fn at(&self, per_mille: usize) -> f64 {
        let place = (self.0.len() * per_mille).div_ceil(1000).saturating_sub(1);
        self.0.get(place).map_or(f64::NAN, |time| time.as_secs_f64() * 1_000.0)
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        let [half, most, nearly_all, all] = [500, 990, 999, 1000].map(|per_mille| self.at(per_mille));
        write!(f, "p50 {half:.1}, p99 {most:.1}, p99.9 {nearly_all:.1}, max {all:.1} ms, of {}", self.0.len())
    }
}
