//! The keys of the configuration: what is read, what an error suggests, what
//! linkwatch.toml(5) and the example say of each. All of that is made of the
//! tables below.

use std::path::{Path, PathBuf};
use std::time::Duration;

use linkwatch::Pattern;
use serde::de::{Deserialize, Deserializer, Error as _};
use toml::Spanned;

use crate::cli::args::{Events, parse_duration, parse_events, parse_size, parse_timeout};

/// Defines a table of the file: the structure that serde reads, whose names are
/// those that an error suggests, and, for the manual, its keys in their order.
///
/// The first paragraph on a key is in the example too, the others are in the
/// manual alone. After `=` is the default as it would be written, empty if
/// there is none; after `or`, what the example has instead.
macro_rules! table {
    (
        $(#[doc = $about:literal])*
        $name:ident {
            $(
                $(#[doc = $help:literal])*
                $key:ident: $kind:ty = $default:literal $(or $example:literal)?;
            )*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(serde::Deserialize, Default)]
        #[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
        pub(super) struct $name {
            $(
                $(#[doc = $help])*
                pub(super) $key: $kind,
            )*
        }

        #[cfg(test)]
        impl $name {
            const ABOUT: &[&str] = &[$($about),*];
            const KEYS: &[described::Key] = &[
                $(
                    described::Key {
                        field: stringify!($key),
                        form: <$kind as described::Form>::FORM,
                        default: $default,
                        example: last!($default $($example)?),
                        help: &[$($help),*],
                    },
                )*
            ];
        }
    };
}

#[cfg(test)]
macro_rules! last {
    ($only:literal) => {
        $only
    };
    ($first:literal $last:literal) => {
        $last
    };
}

/// All of the file.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tables {
    #[serde(default)]
    pub(super) service: ServiceTable,
    #[serde(default)]
    pub(super) watch: Vec<Spanned<WatchTable>>,
}

table! {
    /// What concerns all watches.
    ServiceTable {
        /// For node_exporter's textfile collector; the service has to be let write
        /// there (systemctl edit linkwatch: ReadWritePaths=/var/lib/prometheus/node-exporter).
        ///
        /// The file is replaced at once whole, at most once a second. By default none is
        /// written.
        metrics: Option<AbsolutePath> = "" or "\"/var/lib/prometheus/node-exporter/linkwatch.prom\"";

        /// Hooks that run at the same time, at most.
        ///
        /// Others wait in order.
        most_hooks: Option<HookCount> = "16";
    }
}

table! {
    /// Each [[watch]] has its own interfaces, and its own way with them. An
    /// interface that is in two watches is told by both.
    WatchTable {
        /// What it is called in JSON and in metrics; otherwise its number.
        name: Option<Spanned<String>> = "" or "\"uplinks\"";

        /// Shell globs for names and alternative names, also of interfaces yet to
        /// come. Without any: every interface but loopback.
        patterns: Vec<Glob> = "[]" or "[\"eth*\", \"wlan0\"]";

        /// When an interface is connected: "carrier", when it is up and has carrier;
        /// "running", when it is operational too (WPA or 802.1X handshake done).
        criterion: CriterionName = "\"carrier\"";

        /// In another network namespace (see: ip netns list).
        netns: Option<String> = "" or "\"blue\"";

        /// An interface is reported as connected only once it has been so for this
        /// long; a change that lasts less is a flap.
        ///
        /// Nothing is lost from the sums: what was held back is in the transitions of
        /// the next event.
        settle_up: Time = "\"0ms\"";

        /// The same for disconnected.
        settle_down: Time = "\"0ms\"" or "\"2s\"";

        /// What is reported, and what runs the hook. By default all but "notice" is
        /// reported, and the hook runs at "connected", at "disconnected", and at
        /// "initial" of an interface that is connected.
        events: Option<Vec<EventName>> = "" or "[\"connected\", \"disconnected\"]";

        /// A program to run: PROGRAM IFACE EVENT. It, its folders and this file may be
        /// written by root only.
        ///
        /// How it is called, and what it is told, is under HOOKS in linkwatch(1). It may
        /// also be written by the user that linkwatch runs as, if that is not root.
        exec: Option<AbsolutePath> = "" or "\"/etc/linkwatch/changed\"";

        /// How long that may run before it is terminated.
        exec_timeout: Option<Timeout> = "\"1m\"";

        /// A log file beside the journal; SIGHUP, which "systemctl reload" sends too,
        /// reopens it.
        log_file: Option<AbsolutePath> = "" or "\"/var/log/linkwatch/links.log\"";

        /// The receive buffer to ask the kernel for.
        buffer_size: Option<Size> = "\"4M\"";

        /// Whether the kernel may drop messages that cannot matter; what is reported is
        /// the same.
        kernel_filter: Option<bool> = "true";
    }
}

#[derive(serde::Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
pub(super) enum CriterionName {
    #[default]
    Carrier,
    Running,
}

/// Defines the values that are written as a string of some form.
macro_rules! strings {
    ($($name:ident($value:ty) by $parse:expr;)*) => {
        $(
            pub(super) struct $name(pub(super) $value);

            impl<'de> Deserialize<'de> for $name {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    let text = String::deserialize(deserializer)?;
                    let parse: fn(&str) -> Result<$value, String> = $parse;
                    parse(&text).map($name).map_err(D::Error::custom)
                }
            }
        )*
    };
}

strings! {
    Glob(Pattern) by |text| Pattern::new(text).map_err(|error| error.to_string());
    EventName(Events) by |text| parse_events(text);
    Time(Duration) by |text| parse_duration(text);
    Timeout(Duration) by |text| parse_timeout(text);
    Size(usize) by |text| parse_size(text);
    AbsolutePath(PathBuf) by |text| match Path::new(text) {
        path if path.is_absolute() => Ok(path.to_owned()),
        _ => Err(format!("'{text}' is no absolute path; it has to begin with '/'")),
    };
}

impl Default for Time {
    fn default() -> Self {
        Time(Duration::ZERO)
    }
}

pub(super) struct HookCount(pub(super) usize);

impl<'de> Deserialize<'de> for HookCount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u16::deserialize(deserializer)? {
            count @ 1..=1000 => Ok(HookCount(count.into())),
            _ => Err(D::Error::custom("expected a number from 1 to 1000")),
        }
    }
}

/// What the manual and the example are made of; the program goes without.
#[cfg(test)]
pub(in crate::cli) mod described {
    use super::*;

    /// A key, as it is explained to people.
    pub(in crate::cli) struct Key {
        pub(super) field: &'static str,
        /// What form its value has.
        pub(in crate::cli) form: &'static str,
        /// As it would be written; empty where there is none.
        pub(in crate::cli) default: &'static str,
        /// A value for the example.
        pub(in crate::cli) example: &'static str,
        pub(super) help: &'static [&'static str],
    }

    impl Key {
        pub(in crate::cli) fn name(&self) -> String {
            self.field.replace('_', "-")
        }

        pub(in crate::cli) fn paragraphs(&self) -> Vec<String> {
            paragraphs(self.help)
        }
    }

    /// A table, and what is said of it.
    pub(in crate::cli) struct Table {
        pub(in crate::cli) heading: &'static str,
        about: &'static [&'static str],
        pub(in crate::cli) keys: &'static [Key],
    }

    impl Table {
        pub(in crate::cli) fn paragraphs(&self) -> Vec<String> {
            paragraphs(self.about)
        }
    }

    pub(in crate::cli) const TABLES: [Table; 2] = [
        Table {
            heading: "[service]",
            about: ServiceTable::ABOUT,
            keys: ServiceTable::KEYS,
        },
        Table {
            heading: "[[watch]]",
            about: WatchTable::ABOUT,
            keys: WatchTable::KEYS,
        },
    ];

    fn paragraphs(lines: &[&str]) -> Vec<String> {
        lines
            .split(|line| line.trim().is_empty())
            .map(|lines| {
                let lines: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
                lines.join(" ")
            })
            .collect()
    }

    /// The words for what a value is.
    pub(super) trait Form {
        const FORM: &'static str;
    }

    macro_rules! forms {
        ($($kind:ty: $form:literal;)*) => {
            $(impl Form for $kind { const FORM: &'static str = $form; })*
        };
    }

    forms! {
        bool: "boolean";
        String: "string";
        HookCount: "number from 1 to 1000";
        CriterionName: "string";
        Time: "duration";
        Timeout: "duration, not zero";
        Size: "size";
        AbsolutePath: "absolute path";
        Vec<Glob>: "array of shell globs";
        Vec<EventName>: "array of names of events";
    }

    impl<T: Form> Form for Option<T> {
        const FORM: &'static str = T::FORM;
    }

    impl<T: Form> Form for Spanned<T> {
        const FORM: &'static str = T::FORM;
    }
}
