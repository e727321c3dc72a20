//! The table: what a message costs that changes nothing, and one that does.

#[path = "recorded.rs"]
mod recorded;

use std::collections::VecDeque;
use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use linkwatch::Criterion as Rule;
use linkwatch::monitor::{Table, Verdict};
use linkwatch::nl::{LinkMessage, Messages};

fn links(bytes: &[u8]) -> Vec<LinkMessage<'_>> {
    Messages::new(bytes)
        .filter_map(|message| message.link().ok()?)
        .collect()
}

/// A table that knows these links.
fn table(known: &[LinkMessage<'_>]) -> Table {
    let mut table = Table::new(Vec::new(), Rule::Carrier);
    let mut events = VecDeque::new();
    for message in known {
        table.apply(message, |_| true, &mut events);
    }
    table.announce(&mut events);
    table
}

fn apply(c: &mut Criterion) {
    const LINKS: usize = 200;
    const MESSAGES: usize = 10_000;
    let storm = recorded::storm(MESSAGES, LINKS);
    let messages = links(&storm);
    let (known, changes) = messages.split_at(LINKS);

    let mut group = c.benchmark_group("table");
    group.throughput(Throughput::Elements(LINKS as u64));
    let mut same = table(known);
    let mut events = VecDeque::new();
    group.bench_function("200 messages that change nothing", |b| {
        b.iter(|| {
            for message in black_box(known) {
                let verdict = same.apply(message, |_| true, &mut events);
                debug_assert_eq!(verdict, Verdict::Applied);
            }
        });
    });
    assert!(events.is_empty());
    group.throughput(Throughput::Elements(changes.len() as u64));
    group.bench_function("9800 messages that connect or disconnect", |b| {
        b.iter_batched_ref(
            || (table(known), VecDeque::new()),
            |(table, events)| {
                let mut count = 0;
                for message in black_box(changes) {
                    table.apply(message, |_| true, events);
                    count += events.len();
                    events.clear();
                }
                assert_eq!(count, changes.len());
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, apply);
criterion_main!(benches);
