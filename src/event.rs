use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::query::check_content_type;
use crate::{CallbackBody, CallbackQuery, OptPlatform, Rejection, SdkAppId};

/// A checked callback: a group of the app is full.
///
/// Only a [`Validator`](crate::Validator) makes one from a request, so your code need not check it
/// again. The same event can arrive twice (see [`id`](Self::id)), and another one comes with every join
/// that fails while the group stays full. So what you do must be safe to repeat.
///
/// # Through a queue
///
/// It serialises as `{"query":{…},"body":{…}}` with the vendor's names and without the signature.
/// It reads back as `GroupFull<'static>`, and what can be checked without the app's configuration is
/// checked again: the command, `contenttype`, `GroupId`, `TopicId`. It is as trustworthy as the queue.
///
/// Keep it as JSON. Later versions of this crate may add fields, and read the JSON of earlier ones.
/// There is no such promise for formats that go by position, such as postcard.
///
/// To save time, write the borrowed event straight into a buffer. That takes two thirds of the time of
/// [`to_static`](Self::to_static) and `serde_json::to_string`:
///
/// ```
/// use im_group_full::{Failure, GroupFull};
///
/// fn push(event: &GroupFull<'_>, queue: &std::sync::mpsc::SyncSender<Vec<u8>>) -> Result<(), Failure> {
///     // Longer than the vendor's events are.
///     let mut json = Vec::with_capacity(512);
///     serde_json::to_writer(&mut json, event)?;
///     queue.try_send(json).map_err(|_| Failure::new("busy"))
/// }
///
/// fn pop(json: &[u8]) -> serde_json::Result<GroupFull<'static>> {
///     serde_json::from_slice(json)
/// }
/// # let event = im_group_full::testing::Callback::new(im_group_full::SdkAppId::new(888_888)).event();
/// # let (sender, receiver) = std::sync::mpsc::sync_channel(1);
/// # push(&event, &sender).unwrap();
/// # assert_eq!(pop(&receiver.recv().unwrap()).unwrap(), event);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct GroupFull<'a> {
    query: CallbackQuery<'a>,
    body: CallbackBody<'a>,
}

#[derive(Deserialize)]
struct Unchecked {
    query: CallbackQuery<'static>,
    body: CallbackBody<'static>,
}

impl TryFrom<Unchecked> for GroupFull<'_> {
    type Error = Rejection;

    fn try_from(Unchecked { query, body }: Unchecked) -> Result<Self, Rejection> {
        query.check_command()?;
        check_content_type(query.command(), query.content_type())?;
        body.check_group_full()?;
        Ok(Self { query, body })
    }
}

impl<'a> GroupFull<'a> {
    #[inline]
    pub(crate) fn new(query: CallbackQuery<'a>, body: CallbackBody<'a>) -> Self {
        Self { query, body }
    }

    /// Makes an event for the app's unit tests, and only for these: it bypasses every check.
    #[cfg(feature = "testing")]
    pub fn assume_verified(query: CallbackQuery<'a>, body: CallbackBody<'a>) -> Self {
        Self::new(query, body)
    }

    /// Returns the group that is full, such as `@TGS#2J4SZEAEL`, or an id that the app chose; never empty.
    pub fn group_id(&self) -> &str {
        self.body.group_id()
    }

    /// Returns the topic that is full, such as `@TGS#_@TGS#cTESTHIM62CJ@TOPIC#_@TOPIC#cRTE1HIM62C5`; never empty.
    ///
    /// The vendor sends it for private topics only. Then this topic of the Community [`group_id`](Self::group_id) is
    /// full, and **the Community itself is not**: a topic has a member list and a limit of its own.
    pub fn topic_id(&self) -> Option<&str> {
        self.body.topic_id()
    }

    /// Returns when the group was full; `None` if the callback does not say, or if a `SystemTime` cannot hold it.
    pub fn event_time(&self) -> Option<SystemTime> {
        UNIX_EPOCH.checked_add(Duration::from_millis(self.event_time_millis()?))
    }

    /// Returns when the group was full, in milliseconds since the Unix epoch; absent in the
    /// callbacks of older versions.
    pub fn event_time_millis(&self) -> Option<u64> {
        self.body.event_time_millis()
    }

    /// Returns the app's SDKAppID.
    pub fn sdk_app_id(&self) -> SdkAppId {
        self.query.sdk_app_id()
    }

    /// Returns the name of this event: `{SDKAppID}:{EventTime}:{GroupId}`, such as
    /// `888888:1670574414123:@TGS#2J4SZEAEL`. For a full topic it is
    /// `{SDKAppID}:{EventTime}/{length of GroupId in bytes}:{GroupId}/{TopicId}`.
    ///
    /// A callback that the vendor repeats after a time-out has the same id, even if other parameters
    /// such as `RequestID` differ. Events of different apps, groups, topics or times never share one,
    /// although a group and a topic are arbitrary text: the length says where the group ends. The form
    /// never changes, so it can be a key in a store that several versions of an app share.
    ///
    /// Without `EventTime` it is `888888::@TGS#2J4SZEAEL` for **every** event of the group. You may
    /// merge two of them while the first one waits, but a later one is not the same event.
    pub fn id(&self) -> String {
        let (app, group) = (self.sdk_app_id(), self.group_id());
        let millis = self.event_time_millis().map(|millis| millis.to_string()).unwrap_or_default();
        match self.topic_id() {
            None => format!("{app}:{millis}:{group}"),
            Some(topic) => format!("{app}:{millis}/{}:{group}/{topic}", group.len()),
        }
    }

    /// Returns the address of the client whose action caused the callback; `None` if it is absent or not an address.
    pub fn client_addr(&self) -> Option<IpAddr> {
        self.query.client_ip()?.parse().ok()
    }

    /// Returns the kind of client whose action caused the callback.
    pub fn opt_platform(&self) -> Option<OptPlatform<'_>> {
        self.query.opt_platform()
    }

    /// Returns the whole query.
    pub fn query(&self) -> &CallbackQuery<'a> {
        &self.query
    }

    /// Returns the whole body.
    pub fn body(&self) -> &CallbackBody<'a> {
        &self.body
    }

    /// Copies the event, so that the copy can outlive the request. (`clone` still borrows it.)
    pub fn to_static(&self) -> GroupFull<'static> {
        self.clone().into_owned()
    }

    /// Copies what is borrowed, so that the event can outlive the request.
    pub fn into_owned(self) -> GroupFull<'static> {
        GroupFull { query: self.query.into_owned(), body: self.body.into_owned() }
    }
}
