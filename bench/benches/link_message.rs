//! The view of a link message: from bytes to what the table needs of it.

#[path = "recorded.rs"]
mod recorded;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use linkwatch::LinkState;
use linkwatch::nl::{Messages, RawMessage};

fn view(c: &mut Criterion) {
    let [_, up] = recorded::flip();
    let raw = RawMessage::new(&up).expect("a message");
    let mut group = c.benchmark_group("link message");
    group.throughput(Throughput::Elements(1));
    group.bench_function("parse", |b| {
        b.iter(|| black_box(raw).link().expect("well-formed").expect("a link"));
    });
    let link = raw.link().expect("well-formed").expect("a link");
    group.bench_function("name, carrier and counters", |b| {
        b.iter(|| {
            let link = black_box(&link);
            (
                link.name(),
                link.carrier(),
                link.carrier_up_count(),
                link.carrier_down_count(),
            )
        });
    });
    group.bench_function("state", |b| {
        b.iter(|| LinkState::from_message(black_box(&link)).expect("a state"));
    });
    group.finish();
}

fn walk(c: &mut Criterion) {
    let storm = recorded::storm(1000, 200);
    let mut group = c.benchmark_group("buffer");
    group.throughput(Throughput::Elements(1000));
    group.bench_function("walk and parse 1000 messages", |b| {
        b.iter(|| {
            let messages = Messages::new(black_box(&storm));
            messages
                .filter_map(|message| message.link().ok()??.carrier())
                .count()
        });
    });
    group.finish();
}

criterion_group!(benches, view, walk);
criterion_main!(benches);
