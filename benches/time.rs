//! Takes the time of every case, all in one run: compare within a run, and not between two.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};

fn all(criterion: &mut Criterion) {
    for case in benches::all() {
        criterion.bench_function(&case.name, |bencher| bencher.iter(&case.run));
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = all
}
criterion_main!(benches);
