//! How a monitor is set up.

use std::collections::BTreeMap;
use std::time::Duration;

use super::pattern::Scope;
use super::settle::SettleTimes;
use super::wifi::Wifi;
use super::{Criterion, LinkState, Monitor, Pattern, StopHandle};
use crate::Result;
use crate::nl::{LinkQuery, Namespace};

/// Room for some thousand messages, where the system grants it.
const BUFFER_SIZE: usize = 4 << 20;
/// Longer settle times would leave the range of clocks at some point.
const LONGEST_SETTLE: Duration = Duration::from_secs(366 * 24 * 3600);

/// Configures a [`Monitor`].
///
/// ```no_run
/// use linkwatch::{Criterion, Monitor};
///
/// let monitor = Monitor::builder()
///     .pattern("wlan*")?
///     .pattern("eth0")?
///     .criterion(Criterion::Running)
///     .build()?;
/// # Ok::<(), linkwatch::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct MonitorBuilder {
    pub(super) scope: Scope,
    pub(crate) criterion: Criterion,
    pub(super) buffer_size: usize,
    pub(super) namespace: Namespace,
    pub(super) settle: SettleTimes,
    pub(super) stop: Option<StopHandle>,
    pub(super) notices: bool,
    pub(super) details: bool,
    pub(super) kernel_filter: bool,
}

impl Default for MonitorBuilder {
    fn default() -> Self {
        MonitorBuilder::new()
    }
}

impl MonitorBuilder {
    /// Every interface but loopback, by carrier, in the calling thread's
    /// namespace.
    pub fn new() -> MonitorBuilder {
        MonitorBuilder {
            scope: Scope::default(),
            criterion: Criterion::default(),
            buffer_size: BUFFER_SIZE,
            namespace: Namespace::current(),
            settle: SettleTimes::default(),
            stop: None,
            notices: false,
            details: false,
            kernel_filter: true,
        }
    }

    /// Adds a shell glob; a link is in scope if any matches its name or one
    /// of its alternative names. Names that do not exist yet are watched for.
    ///
    /// # Errors
    ///
    /// As [`Pattern::new`].
    pub fn pattern(self, glob: impl AsRef<[u8]>) -> Result<MonitorBuilder> {
        Ok(self.patterns([Pattern::new(glob)?]))
    }

    /// Adds patterns.
    pub fn patterns(mut self, patterns: impl IntoIterator<Item = Pattern>) -> MonitorBuilder {
        self.scope.patterns.extend(patterns);
        self
    }

    /// When a link counts as connected.
    pub fn criterion(mut self, criterion: Criterion) -> MonitorBuilder {
        self.criterion = criterion;
        self
    }

    /// The size of the receive buffer to ask for, in bytes; 4 MiB by default.
    /// How much was got tells [`Monitor::receive_buffer`]. A small one loses
    /// nothing from the account, but single transitions from the report.
    pub fn buffer_size(mut self, bytes: usize) -> MonitorBuilder {
        self.buffer_size = bytes;
        self
    }

    /// The network namespace to watch.
    pub fn namespace(mut self, namespace: Namespace) -> MonitorBuilder {
        self.namespace = namespace;
        self
    }

    /// How long a link must have been connected before it is reported, at most
    /// a year; zero, the default, reports at once. A link that is lost again before that is
    /// reported as [`Flapped`](super::EventKind::Flapped), with all
    /// transitions accounted for.
    pub fn settle_up(mut self, time: Duration) -> MonitorBuilder {
        self.settle.up = time.min(LONGEST_SETTLE);
        self
    }

    /// How long a link must have been disconnected before it is reported, at
    /// most a year; zero, the default, reports at once. Removal is always reported at once.
    pub fn settle_down(mut self, time: Duration) -> MonitorBuilder {
        self.settle.down = time.min(LONGEST_SETTLE);
        self
    }

    /// Whether what the kernel says beside a link's state is reported, as
    /// [`Notice`](super::EventKind::Notice): bonds that change their active
    /// port, features, and the like. By default it is not.
    pub fn notices(mut self, notices: bool) -> MonitorBuilder {
        self.notices = notices;
        self
    }

    /// Whether the driver is asked for details, which come with the event:
    /// why there is no carrier ([`Event::detail`](super::Event::detail)), and
    /// which access point a Wi-Fi link has ([`Event::wifi`](super::Event::wifi)).
    /// By default it is not.
    ///
    /// It is asked after an event of a hardware link, from a thread that is
    /// started with the first question, and for 0.2 s at most; an event waits
    /// for the answer that long. Where the driver has nothing to tell, or does
    /// not answer, the event comes without. Needs the feature `genl`.
    pub fn details(mut self, details: bool) -> MonitorBuilder {
        self.details = details;
        self
    }

    /// Whether the kernel drops messages that cannot matter before they take
    /// room in the receive buffer; by default it does.
    ///
    /// It drops those of bridges' ports, and, where each pattern begins with a
    /// plain character, those about links whose names begin otherwise. What is
    /// reported is the same: [`Statistics::messages`](super::Statistics::messages)
    /// is not. One thing can differ: where a link was renamed while it was out
    /// of scope, the [`previous_name`](super::Event::previous_name) that it
    /// comes into scope with may be an older one.
    pub fn kernel_filter(mut self, kernel_filter: bool) -> MonitorBuilder {
        self.kernel_filter = kernel_filter;
        self
    }

    /// Stops at this handle instead of one of its own.
    pub fn stop_handle(mut self, stop: StopHandle) -> MonitorBuilder {
        self.stop = Some(stop);
        self
    }

    /// True if a link of this state is in scope.
    pub fn selects(&self, link: &LinkState) -> bool {
        self.scope.contains(link)
    }

    /// Starts watching: subscribes, lists the links, and has an
    /// [`Initial`](super::EventKind::Initial) event ready for each in scope.
    ///
    /// # Errors
    ///
    /// Where the socket cannot be opened or the links cannot be listed, and
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a buffer above 1 GiB.
    pub fn build(self) -> Result<Monitor> {
        Monitor::start(self)
    }

    /// Lists the links in scope once, without watching, in the order of their
    /// indices.
    ///
    /// ```
    /// let links = linkwatch::Monitor::builder().pattern("lo")?.links()?;
    /// assert_eq!(links[0].name(), "lo");
    /// # Ok::<(), linkwatch::Error>(())
    /// ```
    ///
    /// Where links come and go all the time, no list is complete. Then those that
    /// stay are listed; one that came or went meanwhile may or may not be.
    ///
    /// # Errors
    ///
    /// Where the links cannot be listed.
    pub fn links(self) -> Result<Vec<LinkState>> {
        let mut query = LinkQuery::new(&self.namespace)?;
        let mut links = list(&mut query)?;
        Wifi::new(self.namespace, false).identify(links.iter_mut());
        links.retain(|link| self.scope.contains(link));
        Ok(links)
    }
}

/// Lists all links in the order of their indices. An interrupted list may have
/// passed over a link (kernels that list by hash go on at a place in the table,
/// which is another link's when one has gone), so two are joined.
fn list(query: &mut LinkQuery) -> Result<Vec<LinkState>> {
    let by_index = |links: Vec<LinkState>| -> BTreeMap<u32, LinkState> {
        let links = links.into_iter();
        links.map(|link| (link.ifindex(), link)).collect()
    };
    let mut first = query.dump(LinkState::from_message)?.flatten();
    if first.complete {
        first.links.sort_unstable_by_key(LinkState::ifindex);
        return Ok(first.links);
    }
    log::debug!("links come and go all the time: joining two lists");
    let second = query.dump_once(LinkState::from_message)?.flatten();
    let mut links = by_index(second.links);
    if !second.complete {
        let mut former = by_index(first.links);
        former.retain(|ifindex, _| !links.contains_key(ifindex));
        for ifindex in former.into_keys() {
            if let Some(Some(link)) = query.get(ifindex, LinkState::from_message)? {
                links.insert(ifindex, link);
            }
        }
    }
    Ok(links.into_values().collect())
}
