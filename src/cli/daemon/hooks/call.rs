//! What a hook is told of an event, or of several that it was too slow for.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use linkwatch::Event;
use linkwatch::nl::Name;
use serde_json::Value;

use crate::cli::process::Launch;

/// The newest event of a link, and the account of those before that nobody was
/// told of.
#[derive(Debug)]
pub(super) struct Call {
    event: Event,
    name: Name,
    /// Of events before.
    owed: Owed,
}

/// What a link's hook was not told of yet.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Owed {
    transitions: u64,
    events: u64,
}

impl Owed {
    /// Adds an event that the hook is not called for.
    pub(super) fn add(&mut self, event: &Event) {
        self.transitions = self.transitions.saturating_add(event.transitions());
        self.events += 1;
    }
}

impl Call {
    /// `None` for an event that is not about a link.
    pub(super) fn new(event: &Event) -> Option<Call> {
        Some(Call {
            name: event.name()?,
            owed: Owed::default(),
            event: event.clone(),
        })
    }

    /// A newer one takes its place, and its account.
    pub(super) fn collapse(&mut self, newer: Call) {
        let mut older = std::mem::replace(self, newer);
        older.owed.add(&older.event);
        self.settle(older.owed);
    }

    /// Tells of these too.
    pub(super) fn settle(&mut self, owed: Owed) {
        self.owed.transitions = self.owed.transitions.saturating_add(owed.transitions);
        self.owed.events += owed.events;
    }

    /// The interface's name.
    pub(super) fn name(&self) -> Name {
        self.name
    }

    pub(super) fn event(&self) -> &Event {
        &self.event
    }

    /// The event's JSON, with the account of the collapsed ones.
    fn json(&self) -> String {
        let mut json = self.event.to_json();
        if self.owed.events == 0 {
            return json;
        }
        let (transitions, unseen) = (self.event.transitions(), self.event.unseen());
        let account = |transitions: u64, unseen: u64| {
            format!(r#","transitions":{transitions},"unseen":{unseen}"#)
        };
        // What the hook is told of are the steps of the newest event.
        let owed = self.owed.transitions;
        let all = account(
            transitions.saturating_add(owed),
            unseen.saturating_add(owed),
        );
        // In a string, the quotation marks would be escaped.
        json = json.replacen(&account(transitions, unseen), &all, 1);
        json.pop();
        format!(r#"{json},"collapsed":{}}}"#, self.owed.events)
    }

    /// `PROGRAM IFACE EVENT`, with each field of the JSON in the environment.
    pub(super) fn describe(&self, launch: &mut Launch) {
        let name = OsStr::from_bytes(self.name.as_bytes());
        let event = self.event.kind().as_str();
        launch.arguments = vec![name.to_owned(), event.into()];
        let json = self.json();
        if let Ok(Value::Object(fields)) = serde_json::from_str(&json) {
            for (field, value) in fields {
                let variable = format!("LINKWATCH_{}", field.to_ascii_uppercase());
                match value {
                    // Not escaped: the bytes that other programs know it by.
                    _ if field == "name" => launch.set(variable, name),
                    _ if field == "previous_name" => {
                        let name = self.event.previous_name().unwrap_or_default();
                        launch.set(variable, OsStr::from_bytes(name.as_bytes()));
                    }
                    Value::Null => {}
                    Value::String(text) => launch.set(variable, text),
                    other => launch.set(variable, other.to_string()),
                }
            }
        }
        launch.input = json.into_bytes();
        launch.input.push(b'\n');
    }
}
