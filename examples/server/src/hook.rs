use std::error::Error;

use im_group_full::GroupFull;

/// Your own work on a full group goes here. Without the vendor's REST credentials, the worker calls it.
///
/// It may take as long as it likes, and must be safe to repeat: it is called again if it fails, and if the process is killed. The
/// event is the group's latest. If it comes again while this runs, this is called again afterwards.
#[expect(clippy::unused_async, reason = "yours may await")]
pub(crate) async fn group_full(event: &GroupFull<'_>) -> Result<(), Box<dyn Error + Send + Sync>> {
    tracing::info!("{:?} is full", event.group_id());
    Ok(())
}
