//! Makes room in a full group, one worker at a time.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{Request, StatusCode};
use im_group_full::SdkAppId;
use im_group_full::rest::{InactivityPolicy, MakeRoom, Outcome as Fate, Report, RestApi, RestError, SavedRun, Step};
use redis::{RedisResult, Script};
use tokio::time::{Instant, sleep};

use crate::hook::{Error, Job, Outcome};
use crate::keys::Keys;
use crate::link::Link;
use example_support::rest_client::{Client, SendError};

/// Longer than the vendor takes, and shorter than what was read stays fresh.
pub const CALL_WITHIN: Duration = Duration::from_secs(10);
/// A run that nobody went on with for so long begins anew.
const RUN_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

pub struct Rooms {
    pub api: RestApi,
    pub app: SdkAppId,
    pub policy: InactivityPolicy,
    /// Without it, every run is a dry one.
    pub remove: bool,
    pub client: Arc<Client>,
    pub link: Link,
    pub keys: Keys,
    /// This worker.
    pub name: String,
    /// How long a lease lasts that is not renewed.
    pub lease: Duration,
    pub scripts: Scripts,
}

pub struct Scripts {
    lease: Script,
    save: Script,
    release: Script,
}

impl Default for Scripts {
    fn default() -> Self {
        Self {
            lease: Script::new(include_str!("scripts/lease.lua")),
            save: Script::new(include_str!("scripts/save.lua")),
            release: Script::new(include_str!("scripts/release.lua")),
        }
    }
}

/// A group that is this worker's.
struct Lease {
    key: String,
    run: String,
    token: String,
}

/// What to do next, without the borrow of the run, which has to be saved first.
enum Next {
    Send(Box<Request<Vec<u8>>>),
    Wait(Duration),
    Done,
    Failed(RestError),
}

impl Rooms {
    pub async fn make_room(&self, job: &Job) -> Result<Outcome, Error> {
        let Job { event, entry, delivery } = job;
        if event.sdk_app_id() != self.app {
            return Err(format!("of another app: {}", event.sdk_app_id()).into());
        }
        let Ok(run) = MakeRoom::for_event(event, self.policy.clone()) else {
            // Its members are not those of its Community, from which nobody must be removed for it.
            let topic = event.topic_id().unwrap_or_default();
            tracing::info!("skipped the topic {topic:?}: the calls are about whole groups");
            return Ok(Outcome::Done);
        };
        let token = format!("{} {entry} {delivery}", self.name);
        let lease = Lease { key: self.keys.lease(event), run: self.keys.run(event), token };
        let Some(saved) = self.acquire(&lease).await? else { return Ok(Outcome::Busy) };
        let mut run = self.saved_or(run, &saved);
        let result = self.drive(&mut run, &lease).await;
        log(&run, self.remove);
        // After a failure the run stays saved: the next try goes on with it. A lease that cannot be given back
        // expires.
        let _ = self.release(&lease, result.is_ok()).await;
        result.map(|()| Outcome::Done)
    }

    /// Goes on with the run that was saved, or begins this one.
    fn saved_or(&self, begun: MakeRoom, saved: &[u8]) -> MakeRoom {
        let begun = begun.reason("inactive");
        let begun = if self.remove { begun } else { begun.plan_only() };
        match serde_json::from_slice::<SavedRun>(saved) {
            Ok(saved) => {
                tracing::info!("going on with the run that was begun for {:?}", begun.group_id());
                begun.clone().continue_from(saved).unwrap_or(begun)
            }
            Err(_) => begun,
        }
    }

    async fn drive(&self, run: &mut MakeRoom, lease: &Lease) -> Result<(), Error> {
        loop {
            let next = match run.step(&self.api, SystemTime::now()) {
                Step::Send(request) => Next::Send(Box::new(request)),
                Step::Wait(time) => Next::Wait(time),
                Step::Done(_) => Next::Done,
                Step::Failed(error) => Next::Failed(error.clone()),
            };
            // Before the request is sent: a removal that nobody saw the answer of is in the report all the same.
            self.save(lease, run).await?;
            match next {
                Next::Send(request) => match self.holding(lease, self.send(*request)).await?? {
                    Ok((status, body)) => run.response(status, &body, SystemTime::now()),
                    Err(error) => {
                        tracing::warn!("no response from the vendor: {error}");
                        run.no_response(SystemTime::now());
                    }
                },
                Next::Wait(time) => self.holding(lease, sleep(time)).await?,
                Next::Done => return Ok(()),
                Next::Failed(error) => return Err(error.into()),
            }
        }
    }

    async fn send(
        &self,
        request: Request<Vec<u8>>,
    ) -> Result<Result<(StatusCode, Vec<u8>), SendError>, tokio::task::JoinError> {
        let client = Arc::clone(&self.client);
        tokio::task::spawn_blocking(move || client.send(request)).await
    }

    /// Waits for something, and renews the lease meanwhile.
    async fn holding<T>(&self, lease: &Lease, something: impl Future<Output = T>) -> Result<T, Error> {
        let renew = async {
            let mut renewed = Instant::now();
            loop {
                sleep(self.lease / 3).await;
                let asked = Instant::now();
                match self.renew(lease, "").await {
                    Ok(true) => renewed = asked,
                    Err(_) if renewed.elapsed() < self.lease => (),
                    Ok(false) | Err(_) => return,
                }
            }
        };
        tokio::select! {
            value = something => Ok(value),
            () = renew => Err(LOST.into()),
        }
    }

    async fn acquire(&self, lease: &Lease) -> RedisResult<Option<Vec<u8>>> {
        let mut acquire = self.scripts.lease.key(&lease.key);
        acquire.key(&lease.run).arg(&lease.token).arg(self.lease.as_millis());
        self.link.script(&acquire).await
    }

    async fn save(&self, lease: &Lease, run: &MakeRoom) -> Result<(), Error> {
        let json = serde_json::to_string(run)?;
        if self.renew(lease, &json).await? { Ok(()) } else { Err(LOST.into()) }
    }

    async fn renew(&self, lease: &Lease, json: &str) -> RedisResult<bool> {
        let mut save = self.scripts.save.key(&lease.key);
        save.key(&lease.run).arg(&lease.token).arg(self.lease.as_millis()).arg(json).arg(RUN_LIFE.as_millis());
        self.link.script(&save).await
    }

    async fn release(&self, lease: &Lease, over: bool) -> RedisResult<bool> {
        let mut release = self.scripts.release.key(&lease.key);
        release.key(&lease.run).arg(&lease.token).arg(u8::from(over));
        self.link.script(&release).await
    }
}

const LOST: &str = "another worker makes room in this group by now";

/// Names everybody who was removed, whatever came afterwards.
fn log(run: &MakeRoom, remove: bool) {
    let (group, report): (_, &Report) = (run.group_id(), run.report());
    let fate = if remove { Fate::Removed } else { Fate::Planned };
    let what = if remove { "removed" } else { "would remove" };
    for candidate in report.with_outcome(fate) {
        tracing::info!("{what} {:?} from {group:?}", candidate.member().account());
    }
    let count = report.with_outcome(fate).count();
    tracing::info!("{group:?} had {} of {} members, {what} {count}", report.members(), report.limit());
}
