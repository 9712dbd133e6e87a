use std::time::Duration;

use redis::{RedisError, RedisResult};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::link::{LONG_PAUSE, PAUSE};
use crate::stopped;
use crate::take::{Entry, Taker};

/// How long to go on telling Redis what is done, after the worker was told to stop.
const TELL_WITHIN: Duration = Duration::from_secs(5);
/// When an entry comes again whose group another worker is busy with.
const BUSY: Duration = Duration::from_secs(5);

/// What Redis has to be told of an entry.
pub enum News {
    Finished,
    Busy,
    Dead(String),
}

pub async fn tell(taker: &Taker, entry: &Entry, news: &News, stop: watch::Receiver<bool>) -> RedisResult<()> {
    let once = || async {
        match news {
            News::Finished => taker.finish(entry).await,
            News::Busy => taker.put_back(entry, BUSY).await,
            News::Dead(reason) => taker.bury(entry, reason).await,
        }
    };
    until_told(once, stop).await
}

/// Tells Redis, again and again, and for a while after the worker was told to stop.
async fn until_told<F>(mut once: impl FnMut() -> F, stop: watch::Receiver<bool>) -> RedisResult<()>
where
    F: Future<Output = RedisResult<bool>>,
{
    let mut pause = PAUSE;
    let mut last: Option<RedisError> = None;
    let until_told = async {
        while let Err(error) = once().await {
            last = Some(error);
            sleep(pause).await;
            pause = LONG_PAUSE.min(pause * 2);
        }
    };
    let too_late = async {
        stopped(stop).await;
        sleep(TELL_WITHIN).await;
    };
    tokio::select! {
        () = until_told => return Ok(()),
        () = too_late => (),
    }
    Err(last.unwrap_or_else(|| std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_redis_does_not_take_is_told_more_and_more_rarely() {
        let (stop, stopped) = watch::channel(false);
        let (start, mut told) = (Instant::now(), Vec::new());
        let once = || {
            told.push(start.elapsed().as_millis());
            std::future::ready(Err(std::io::Error::from(std::io::ErrorKind::ConnectionRefused).into()))
        };
        let stopping = async {
            sleep(Duration::from_millis(1_600)).await;
            stop.send_replace(true);
        };
        let (outcome, ()) = tokio::join!(until_told(once, stopped), stopping);
        assert!(outcome.unwrap_err().is_connection_refusal());
        assert_eq!(told, [0, 50, 150, 350, 750, 1_550, 2_550, 3_550, 4_550, 5_550, 6_550]);
    }
}
