//! What gets lost when everything that takes part is killed or frozen, and Redis fails over to its replica.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::runtime::Runtime;

use crate::ledger::{Dead, Ledger, Split, Worked};
use crate::load::Load;
use crate::outages::{Gone, Outages};
use crate::util::process::Process;
use crate::util::proxy::Proxy;
use crate::util::{Redis, eventually};
use crate::{Options, RECEIVERS, Receiver, confirms, start_replica};

const WORKERS: usize = 3;
/// Long enough for events to run out of time.
const DOWN: Duration = Duration::from_secs(3);
/// How long there are two primaries.
const SPLIT: Duration = Duration::from_millis(200);
/// How long a receiver is frozen.
const FROZEN: Duration = Duration::from_secs(1);
/// One entry in so many is none.
const POISON: u32 = 100;
/// While Redis is away and the answers take long; the sender must not wait for them.
const IN_FLIGHT: usize = 8_192;

/// All that takes part.
struct Chaos {
    primary: Redis,
    replica: Redis,
    proxy: Proxy,
    receivers: Vec<Receiver>,
    workers: Vec<Process>,
    files: Vec<PathBuf>,
    outages: Outages,
    split: Option<Split>,
    /// Workers killed and frozen, receivers killed and frozen, flushes of the scripts.
    done: [usize; 5],
}

/// Sends events while workers, receivers and Redis are killed, and counts every one of them.
pub fn count(options: &Options, replicas: u32) -> Option<Ledger> {
    let primary = Redis::start_as(&["--repl-diskless-sync-delay", "0"])?;
    let replica = start_replica(&primary)?;
    let proxy = Proxy::start(primary.port);
    let (url, dir) = (proxy.url(), out_dir(&proxy));
    let receivers = (0..RECEIVERS).map(|number| Receiver::start(&url, &dir, options, number, replicas));
    let receivers: Vec<_> = receivers.collect();
    let files: Vec<_> = (0..WORKERS).map(|number| dir.join(format!("worker-{number}"))).collect();
    let workers = files.iter().map(|file| start_worker(&url, file)).collect();

    let load = Load { in_flight: IN_FLIGHT, rate: Some(options.rate), ..options.load(&receivers) };
    let begun = Arc::clone(&load.begun);
    let load = thread::spawn(move || Runtime::new().unwrap().block_on(load.run()));
    let (outages, start) = (Outages::default(), Instant::now());
    let mut chaos = Chaos { primary, replica, proxy, receivers, workers, files, outages, split: None, done: [0; 5] };
    let (mut ticks, mut receivers_hit, mut restarted, mut poison, mut stored_poison) = (0, 0, false, 0, 0);
    while !load.is_finished() {
        let share = f64::from(begun.load(Relaxed)) / f64::from(options.events);
        if start.elapsed() >= Duration::from_millis(options.kill_every) * (ticks + 1) {
            chaos.hit_a_worker(ticks);
            ticks += 1;
        }
        if share >= 0.1 * f64::from(receivers_hit + 1) {
            chaos.hit_a_receiver(receivers_hit);
            receivers_hit += 1;
        }
        while poison * POISON < begun.load(Relaxed) {
            stored_poison += usize::from(add_poison(chaos.current()));
            poison += 1;
        }
        if !restarted && share >= 0.35 {
            chaos.restart();
            restarted = true;
        } else if chaos.split.is_none() && share >= 0.65 {
            chaos.fail_over();
        }
        thread::sleep(Duration::from_millis(5));
    }
    let answers = load.join().unwrap();
    let sent = start.elapsed();
    let Chaos { replica, proxy, workers, files, outages, split, done, .. } = chaos;
    let split = split.expect("too few events for a failover");
    workers.iter().for_each(Process::go_on);
    eventually("everything is done", || (replica.waiting() == 0).then_some(()));
    let all_done = start.elapsed();
    assert!(workers.into_iter().all(Process::stop));
    let mut worked = Worked::default();
    for file in &files {
        worked.read(file);
    }
    let ledger = Ledger::new(&answers, &worked, &Dead::read(&replica), options.events, stored_poison, &split);
    let _ = std::fs::remove_dir_all(out_dir(&proxy));

    let [killed, frozen, receivers_killed, receivers_frozen, flushed] = done;
    println!("--wait-replicas {replicas}, {} events a second, whether or not they are answered", options.rate);
    println!(
        "  workers killed {killed} times, frozen {frozen} times; receivers killed {receivers_killed} times, frozen \
              {receivers_frozen} times; SCRIPT FLUSH {flushed} times"
    );
    println!(
        "  Redis killed and started again, and failed over to its replica while the old primary went on for {} ms",
        SPLIT.as_millis()
    );
    println!("  (killed by SIGKILL, which is no power cut: what was written to the kernel stays)");
    println!("  sent in {:.1} s, all done after {:.1} s", sent.as_secs_f64(), all_done.as_secs_f64());
    println!("{ledger}");
    let broken = answers.iter().filter(|answer| answer.ok.is_none()).count();
    println!("  tries at a receiver that was dead      {broken:>8}");
    outages.print(&answers, replicas);
    println!();
    Some(ledger)
}

impl Chaos {
    /// The one that takes writes.
    fn current(&self) -> &Redis {
        if self.split.is_some() { &self.replica } else { &self.primary }
    }

    /// Kills one, freezes another one for two ticks, and lets Redis forget the scripts.
    fn hit_a_worker(&mut self, tick: u32) {
        let victim = |step: u32| (tick / 4 + step) as usize % WORKERS;
        match tick % 4 {
            1 => {
                self.workers[victim(1)].pause();
                self.done[1] += 1;
            }
            3 => self.workers[victim(1)].go_on(),
            step => {
                let number = victim(step);
                self.workers[number].kill();
                self.workers[number] = start_worker(&self.proxy.url(), &self.files[number]);
                self.done[0] += 1;
            }
        }
        self.current().ask::<()>("SCRIPT FLUSH");
        self.done[4] += 1;
    }

    /// Kills one and freezes one in turn.
    fn hit_a_receiver(&mut self, time: u32) {
        let number = time as usize / 2 % RECEIVERS;
        let (receiver, start) = (&mut self.receivers[number], Instant::now());
        if time.is_multiple_of(2) {
            receiver.process.kill();
            receiver.start_again();
            self.done[2] += 1;
        } else {
            receiver.process.pause();
            thread::sleep(FROZEN);
            receiver.process.go_on();
            self.outages.note(Gone::Receiver(number), start);
            self.done[3] += 1;
        }
    }

    fn restart(&mut self) {
        let start = Instant::now();
        self.primary.kill();
        thread::sleep(DOWN);
        self.primary.start_again();
        self.is_back(start, start);
    }

    /// As when the network is split: the replica is promoted, and for a while the old primary takes events, too.
    fn fail_over(&mut self) {
        let (from, from_millis) = (Instant::now(), unix_millis());
        self.replica.ask::<()>("REPLICAOF NO ONE");
        self.proxy.lead_to(self.replica.port);
        thread::sleep(SPLIT);
        let killed = Instant::now();
        self.primary.kill();
        self.split = Some(Split { from, to: Instant::now(), from_millis });
        self.primary.follow(self.replica.port);
        self.is_back(from, killed);
    }

    /// Waits until Redis takes a write, and then until a replica confirms one.
    fn is_back(&mut self, no_replica_since: Instant, no_redis_since: Instant) {
        let write = || self.current().try_ask::<()>("SET {group-full}:probe 1").ok();
        eventually("redis takes a write", write);
        self.outages.note(Gone::Redis, no_redis_since);
        eventually("the replica confirms", || confirms(self.current()).then_some(()));
        self.outages.note(Gone::Replica, no_replica_since);
    }
}

fn unix_millis() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

/// Adds an entry that is no event; returns whether the replica has it, so that it must not get lost.
fn add_poison(redis: &Redis) -> bool {
    let add = || {
        let mut connection = redis::Client::open(redis.url())?.get_connection()?;
        let mut both = redis::pipe();
        both.cmd("XADD").arg("group-full").arg("*").arg("event").arg("nonsense");
        both.cmd("WAIT").arg(1).arg(1_000);
        both.query::<(String, u32)>(&mut connection)
    };
    add().is_ok_and(|(_, replicas)| replicas == 1)
}

/// Outlives every Redis.
fn out_dir(proxy: &Proxy) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("reach-{}", proxy.port));
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

fn start_worker(url: &str, file: &Path) -> Process {
    let written = file.to_str().unwrap();
    let arguments = ["work", "--redis", url, "--claim-after", "2", "--max-deliveries", "3", "--pretend", "1"];
    let more = ["--at-once", "64", "--pretend-failing", "fails", "--pretend-file", written];
    Process::start_into(&[&arguments[..], &more].concat(), &file.with_extension("out"), &file.with_extension("err"))
}
