//! Hands callbacks over to workers through a Redis stream, which outlives the process.

mod append;
mod dead;
mod hook;
mod keys;
mod link;
mod log;
mod metrics;
mod options;
mod receive;
mod room;
mod server;
mod take;
mod tell;
mod work;

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::append::{Appender, Limits};
use crate::log::Strangers;
use crate::metrics::Watch;
use crate::options::{Cli, Command, Dead, Receive, Stream, Work};
use crate::receive::Receiver;
use crate::take::Taker;
use crate::work::Worker;

#[tokio::main]
async fn main() -> ExitCode {
    let command = Cli::parse().command;
    let outcome = {
        let _guard = log::start();
        match command {
            Command::Receive(options) => receive(options).await,
            Command::Work(options) => work(options).await,
            Command::Dead(options) => dead(options).await,
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Not `eprintln!`, which panics when nobody reads.
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn receive(options: Receive) -> Result<(), Box<dyn Error>> {
    let limits = Limits {
        mark_life: Duration::from_secs(options.mark_life),
        max_waiting: options.max_waiting,
        replicas: options.wait_replicas,
    };
    let (keys, link) = (options.stream.keys()?, options.stream.link()?.hurrying());
    let validator = options.flags.validator()?;
    link.check(&keys.stream).await?;
    let appender = Appender::start(link, keys, limits);
    let stop = stop()?;
    let listener = options.flags.listen()?;
    serve_metrics(&options.stream).await?;
    receive::serve(listener, Receiver { validator, appender, strangers: Strangers::default() }, stop).await?;
    Ok(())
}

async fn work(options: Work) -> Result<(), Box<dyn Error>> {
    let consumer = options.consumer();
    let hook = options.hook(&consumer)?;
    let taker = Taker::new(&options.stream.server, options.stream.keys()?, consumer)?;
    taker.link().check(&taker.keys.stream).await?;
    serve_metrics(&options.stream).await?;
    let forget_after = Duration::from_secs(options.forget_after);
    work::run(Worker { taker, hook, at_once: options.at_once, forget_after }, stop()?).await;
    Ok(())
}

async fn dead(options: Dead) -> Result<(), Box<dyn Error>> {
    let dead = dead::Dead { link: options.stream.link()?, keys: options.stream.keys()? };
    if options.replay {
        let replayed = dead.replay(&options.ids).await?;
        writeln!(std::io::stdout(), "{replayed} moved back")?;
        return Ok(());
    }
    dead.show().await
}

async fn serve_metrics(stream: &Stream) -> Result<(), Box<dyn Error>> {
    let Some(address) = stream.metrics else { return Ok(()) };
    let watch = Watch { link: stream.link()?, keys: stream.keys()?, group: stream.group.clone() };
    metrics::serve(address, watch).await.map_err(|error| format!("--metrics: {address}: {error}"))?;
    Ok(())
}

/// Becomes `true` on Ctrl-C, or when a service manager says so; the second time, the process ends.
fn stop() -> std::io::Result<watch::Receiver<bool>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        for first in [true, false] {
            tokio::select! {
                _ = interrupt.recv() => (),
                _ = terminate.recv() => (),
            }
            if first {
                tracing::info!("finishing what was begun; a second signal gives it up");
                sender.send_replace(true);
            }
        }
        std::process::exit(1);
    });
    Ok(receiver)
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    // An error would say that the sender is gone, and it only goes with the process.
    let _ = stop.wait_for(|stop| *stop).await;
}
