//! What is asked about a link beside its state: why it is down, how fast it
//! is, which access point it has.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, SigmaskHow};

use super::{Event, EventKind, LinkKind, LinkState, Reason};
use crate::nl::Namespace;
use crate::nl::ethtool::{EthernetLink, Ethtool};
use crate::nl::nl80211::{Association, Wireless};
use crate::{Error, Result};

/// How long an event waits for its details.
const TIMEOUT: Duration = Duration::from_millis(200);

/// Beside link messages, this much is known of a link.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct LinkDetails {
    /// What the driver tells of hardware, by the family `ethtool`.
    pub ethernet: Option<EthernetLink>,
    /// The access point that a Wi-Fi link is associated with.
    pub wifi: Option<Association>,
}

/// Asks drivers about links, and waits for the answer for a limited time.
///
/// The kernel answers within the system call that asks, however long the
/// driver and the hardware take, and no timeout of a socket ends that. So a
/// thread of its own asks; it is started with the first question, with all
/// signals blocked. A driver that hangs costs its caller one timeout: until
/// it answers, no other question is asked.
///
/// ```
/// use std::time::Duration;
/// use linkwatch::Monitor;
/// use linkwatch::monitor::DetailQuery;
/// use linkwatch::nl::Namespace;
///
/// let mut query = DetailQuery::new(&Namespace::current());
/// for link in Monitor::builder().links()? {
///     if let Some(details) = query.ask(&link, Duration::from_millis(500))
///         && let Some(speed) = details.ethernet.and_then(|ethernet| ethernet.speed)
///     {
///         println!("{}: {speed} Mb/s", link.name());
///     }
/// }
/// # Ok::<(), linkwatch::Error>(())
/// ```
#[derive(Debug)]
pub struct DetailQuery {
    namespace: Namespace,
    worker: Option<Worker>,
}

#[derive(Debug, Clone, Copy)]
enum Question {
    /// All that the driver tells.
    Ethernet,
    /// Only why there is no carrier.
    EthernetState,
    Wifi,
}

#[derive(Debug)]
struct Worker {
    /// Dropped first, which ends the thread.
    questions: Option<Sender<(Question, u32)>>,
    answers: Receiver<LinkDetails>,
    /// Questions without an answer yet.
    pending: usize,
    thread: Option<JoinHandle<()>>,
}

impl DetailQuery {
    /// Asks in this namespace. Nothing is opened before the first question.
    pub fn new(namespace: &Namespace) -> DetailQuery {
        DetailQuery {
            namespace: namespace.clone(),
            worker: None,
        }
    }

    /// What is known of the link; `None` if it takes longer than `timeout`, if
    /// an earlier question has no answer yet, or if it is of a kind that has
    /// nothing to tell. Hardware, bonds, teams and VLANs have; what veth and TAP
    /// devices tell of their speed is made up.
    pub fn ask(&mut self, link: &LinkState, timeout: Duration) -> Option<LinkDetails> {
        const TELLING: [&[u8]; 3] = [b"bond", b"team", b"vlan"];
        let question = match link.kind() {
            LinkKind::Ethernet => Question::Ethernet,
            LinkKind::Wifi => Question::Wifi,
            LinkKind::Other(kind) if TELLING.contains(&kind.as_bytes()) => Question::Ethernet,
            _ => return None,
        };
        self.put(question, link.ifindex(), timeout)
    }

    /// Adds to an event what the driver knows.
    pub(super) fn complete(&mut self, event: &mut Event) {
        let Some(link) = event.link().cloned() else {
            return;
        };
        match (event.kind(), link.kind()) {
            (EventKind::Disconnected, _) if event.reason() == Some(Reason::NoCarrier) => {
                event.set_detail(self.why_no_carrier(&link, TIMEOUT));
            }
            (EventKind::Initial | EventKind::Connected | EventKind::Roamed, LinkKind::Wifi)
                if event.is_connected() =>
            {
                let details = self.ask(&link, TIMEOUT);
                if let Some(association) = details.and_then(|details| details.wifi) {
                    let wifi = event.wifi_mut();
                    if wifi.bssid.is_some_and(|bssid| bssid != association.bssid) {
                        return; // It has gone on to another one since.
                    }
                    wifi.ssid = association.ssid;
                    wifi.bssid = Some(association.bssid);
                    wifi.frequency = association.frequency;
                    wifi.signal = association.signal;
                }
            }
            _ => {}
        }
    }

    /// Why a link has no carrier, in the words of its driver.
    fn why_no_carrier(&mut self, link: &LinkState, timeout: Duration) -> Option<String> {
        if link.kind() != LinkKind::Ethernet {
            return None;
        }
        let details = self.put(Question::EthernetState, link.ifindex(), timeout)?;
        let extended = details.ethernet?.state.extended?;
        Some(extended.to_string())
    }

    fn put(&mut self, question: Question, ifindex: u32, timeout: Duration) -> Option<LinkDetails> {
        if self.worker.is_none() {
            match Worker::start(&self.namespace) {
                Ok(worker) => self.worker = Some(worker),
                Err(error) => {
                    log::debug!("{error}");
                    return None;
                }
            }
        }
        let answer = self.worker.as_mut()?.put(question, ifindex, timeout);
        answer.unwrap_or_else(|Gone| {
            self.worker = None;
            None
        })
    }
}

/// The thread has ended, which it does not by itself.
struct Gone;

impl Worker {
    fn start(namespace: &Namespace) -> Result<Worker> {
        const DOING: &str = "starting a thread to ask drivers";
        let (questions, asked) = mpsc::channel();
        let (answer, answers) = mpsc::channel();
        let namespace = namespace.clone();
        // The thread inherits the mask: no handler of the program's runs on it.
        let mask = SigSet::all()
            .thread_swap_mask(SigmaskHow::SIG_SETMASK)
            .map_err(|errno| Error::from_nix(errno, DOING))?;
        let thread = thread::Builder::new()
            .name("link details".to_owned())
            .stack_size(256 << 10)
            .spawn(move || answer_all(&namespace, &asked, &answer));
        // It was this thread's before, so it can be again.
        let _ = mask.thread_set_mask();
        let thread =
            thread.map_err(|error| Error::from_errno(error.raw_os_error().unwrap_or(0), DOING))?;
        Ok(Worker {
            questions: Some(questions),
            answers,
            pending: 0,
            thread: Some(thread),
        })
    }

    fn put(
        &mut self,
        question: Question,
        ifindex: u32,
        timeout: Duration,
    ) -> Result<Option<LinkDetails>, Gone> {
        while self.pending > 0 && self.answers.try_recv().is_ok() {
            self.pending -= 1;
        }
        if self.pending > 0 {
            return Ok(None);
        }
        let questions = self.questions.as_ref().ok_or(Gone)?;
        questions.send((question, ifindex)).map_err(|_| Gone)?;
        self.pending += 1;
        match self.answers.recv_timeout(timeout) {
            Ok(details) => {
                self.pending -= 1;
                Ok(Some(details))
            }
            Err(RecvTimeoutError::Timeout) => {
                log::debug!("the driver of link {ifindex} does not answer within {timeout:?}");
                Ok(None)
            }
            Err(RecvTimeoutError::Disconnected) => Err(Gone),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.questions = None;
        // One that hangs in a driver is left to end when that does.
        if self.pending == 0
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
    }
}

fn answer_all(
    namespace: &Namespace,
    asked: &Receiver<(Question, u32)>,
    answers: &Sender<LinkDetails>,
) {
    let mut sources = Sources::default();
    while let Ok((question, ifindex)) = asked.recv() {
        let started = Instant::now();
        let details = sources.answer(namespace, question, ifindex);
        let details = details.unwrap_or_else(|error| {
            log::debug!("{error}");
            LinkDetails::default()
        });
        log::trace!(
            "{question:?} of link {ifindex} took {:?}",
            started.elapsed()
        );
        if answers.send(details).is_err() {
            break;
        }
    }
}

/// The families that are asked, each opened when it is first needed.
#[derive(Default)]
struct Sources {
    ethtool: Option<Ethtool>,
    wireless: Option<Wireless>,
}

impl Sources {
    fn answer(
        &mut self,
        namespace: &Namespace,
        question: Question,
        ifindex: u32,
    ) -> Result<LinkDetails> {
        let mut details = LinkDetails::default();
        match question {
            Question::Ethernet | Question::EthernetState => {
                if self.ethtool.is_none() {
                    self.ethtool = Ethtool::connect_in(namespace)?;
                }
                if let Some(ethtool) = &mut self.ethtool {
                    details.ethernet = Some(match question {
                        Question::Ethernet => ethtool.link(ifindex)?,
                        _ => EthernetLink {
                            state: ethtool.link_state(ifindex)?,
                            ..EthernetLink::default()
                        },
                    });
                }
            }
            Question::Wifi => {
                if self.wireless.is_none() {
                    self.wireless = Wireless::connect_in(namespace)?;
                }
                if let Some(wireless) = &mut self.wireless {
                    details.wifi = wireless.association(ifindex)?;
                    if details.wifi.is_none() {
                        // The family may have another number by now.
                        self.wireless = None;
                    }
                }
            }
        }
        Ok(details)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::test_messages::{new_link, parse};

    const LONG: Duration = Duration::from_secs(20);

    fn link(kind: Option<&str>) -> LinkState {
        let bytes = new_link(i32::MAX, "eth0").up().carrier(false);
        let bytes = match kind {
            Some(kind) => bytes.link_kind(kind),
            None => bytes,
        };
        LinkState::from_message(&parse(&bytes.bytes())).unwrap()
    }

    #[test]
    fn links_that_have_nothing_to_tell_are_not_asked() {
        let mut query = DetailQuery::new(&Namespace::current());
        assert_eq!(query.ask(&link(Some("veth")), LONG), None);
        assert_eq!(query.why_no_carrier(&link(Some("tun")), LONG), None);
        assert!(query.worker.is_none(), "no thread was started");
    }

    #[test]
    fn a_link_that_is_gone_has_no_details() {
        let mut query = DetailQuery::new(&Namespace::current());
        for _ in 0..3 {
            assert_eq!(query.ask(&link(None), LONG), Some(LinkDetails::default()));
            assert_eq!(query.why_no_carrier(&link(None), LONG), None);
        }
        assert_eq!(query.worker.as_ref().map(|worker| worker.pending), Some(0));
    }

    #[test]
    fn a_question_without_an_answer_costs_one_timeout() {
        let mut query = DetailQuery::new(&Namespace::current());
        assert!(query.ask(&link(None), LONG).is_some());
        // A driver that hangs: the thread has the question and does not answer.
        let (answer, answers) = mpsc::channel();
        let (questions, asked) = mpsc::channel();
        let worker = query.worker.as_mut().unwrap();
        let theirs = (
            worker.questions.replace(questions),
            std::mem::replace(&mut worker.answers, answers),
        );
        assert_eq!(query.ask(&link(None), Duration::from_millis(1)), None);
        assert_eq!(query.ask(&link(None), LONG), None, "not even asked");
        assert_eq!(asked.try_iter().count(), 1);
        // It has answered in the end.
        answer.send(LinkDetails::default()).unwrap();
        let worker = query.worker.as_mut().unwrap();
        (worker.questions, worker.answers) = theirs;
        worker.pending = 0;
        assert!(query.ask(&link(None), LONG).is_some());
    }

    #[test]
    fn a_thread_that_has_ended_is_started_anew() {
        let mut query = DetailQuery::new(&Namespace::current());
        assert!(query.ask(&link(None), LONG).is_some());
        let (questions, _) = mpsc::channel();
        query.worker.as_mut().unwrap().questions = Some(questions);
        assert_eq!(query.ask(&link(None), LONG), None);
        assert!(query.ask(&link(None), LONG).is_some());
    }
}
