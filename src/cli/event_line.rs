//! An event as a line of JSON that says which watch it is from.

use linkwatch::Event;

/// What `watch --json` prints. With several watches in one stream, a link may
/// be watched by two of them: `watch` tells whose account an event belongs to.
pub(super) fn json(event: &Event, watch: Option<&str>) -> String {
    let mut line = event.to_json();
    if let Some(watch) = watch.and_then(|watch| serde_json::to_string(watch).ok()) {
        line.pop();
        line.push_str(r#","watch":"#);
        line.push_str(&watch);
        line.push('}');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use linkwatch::Monitor;

    #[test]
    fn the_watch_is_named_whatever_it_is_called() {
        let monitor = Monitor::builder().pattern("lo").and_then(|lo| lo.build());
        let event = monitor.unwrap().try_next().unwrap().unwrap();
        assert_eq!(json(&event, None), event.to_json());
        for name in ["uplinks", "a \"b\" \\ {c}\n", "ö"] {
            let line = json(&event, Some(name));
            assert!(!line.contains('\n'), "{line}");
            let object: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert_eq!(object["watch"], name);
            assert_eq!(object["event"], "initial");
        }
    }
}
