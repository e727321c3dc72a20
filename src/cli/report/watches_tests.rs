//! Logs of configurations with several watches.

use super::*;

#[test]
fn two_watches_of_one_link_have_an_account_each() {
    let lines = [
        initial(0, 2, "eth0", true).of_watch("all"),
        initial(0, 3, "eth1", true).of_watch("all"),
        initial(0, 2, "eth0", true).of_watch("late"),
        disconnected(100, 2, "eth0").of_watch("all"),
        connected(103, 2, "eth0").of_watch("all"),
        event(103, EventKind::Flapped, 2, "eth0", true)
            .counting(2, 2)
            .of_watch("late"),
        end(1000),
    ];
    let account = account(lines);
    assert_eq!((account.starts, account.unwatched), (1, 0));
    let titles: Vec<String> = account.links.iter().map(|l| account.title(l)).collect();
    assert_eq!(titles, ["eth0 (all)", "eth0 (late)", "eth1 (all)"]);
    let [all, late, other] = &account.links[..] else {
        panic!("{:#?}", account.links)
    };
    assert_eq!((all.outages, all.flaps, all.transitions), (1, 0, 2));
    assert_eq!((late.outages, late.flaps, late.transitions), (0, 1, 2));
    assert_eq!(seconds(all), [997, 3, 0, 0]);
    assert_eq!(seconds(late), [1000, 0, 0, 0]);
    assert_eq!(seconds(other), [1000, 0, 0, 0]);
}

/// `lines` after those of two watches that begin together: a has eth0, b eth1.
fn of_two_watches(lines: impl IntoIterator<Item = Line>) -> Account {
    let begin = [
        initial(0, 2, "eth0", true).of_watch("a"),
        initial(0, 3, "eth1", true).of_watch("b"),
    ];
    account(begin.into_iter().chain(lines))
}

/// The seconds of its two links, then the starts and the seconds unwatched.
fn of_both(account: &Account) -> ([u64; 4], [u64; 4], u64, u64) {
    let [eth0, eth1] = &account.links[..] else {
        panic!("{:#?}", account.links)
    };
    let unwatched = account.unwatched / SECOND as u64;
    (seconds(eth0), seconds(eth1), account.starts, unwatched)
}

#[test]
fn a_reload_of_one_watch_ends_nothing_of_the_others() {
    // Whether the other one tells something later or not.
    let quiet = of_two_watches([initial(1000, 3, "eth1", true).of_watch("b"), end(3000)]);
    let expected = ([3000, 0, 0, 0], [2000, 0, 0, 1000], 1, 0);
    assert_eq!(of_both(&quiet), expected);
    let failing = of_two_watches([
        initial(1000, 3, "eth1", true).of_watch("b"),
        disconnected(2000, 2, "eth0").of_watch("a"),
        end(3000),
    ]);
    let expected = ([2000, 1000, 0, 0], [2000, 0, 0, 1000], 1, 0);
    assert_eq!(of_both(&failing), expected);
    assert_eq!(failing.links[0].missing, 0);
}

#[test]
fn a_watch_that_tells_something_later_has_gone_on() {
    // Also if the first one is replaced, or the same one many times.
    let a = (2, "eth0", "a");
    let b = (3, "eth1", "b");
    for (replaced, going_on) in [(a, b), (b, a)] {
        let begins = |at, (index, name, watch): (u32, &str, &str)| {
            initial(at, index, name, true).of_watch(watch)
        };
        let flaps = |at, (index, name, watch): (u32, &str, &str)| {
            event(at, EventKind::Flapped, index, name, true).of_watch(watch)
        };
        let account = of_two_watches([
            begins(1000, replaced),
            begins(1010, replaced),
            begins(2000, replaced),
            flaps(2500, going_on),
            end(3000),
        ]);
        assert_eq!((account.starts, account.unwatched), (1, 0));
        for link in &account.links {
            let unknown = if link.name == replaced.1 { 2000 } else { 0 };
            assert_eq!(seconds(link), [3000 - unknown, 0, 0, unknown]);
        }
        // One after the other, in less than the time of a start.
        let account = of_two_watches([
            begins(1000, replaced),
            flaps(1010, going_on),
            begins(1020, going_on),
            flaps(2000, replaced),
            end(3000),
        ]);
        assert_eq!((account.starts, account.unwatched), (1, 0));
        for link in &account.links {
            let unknown = if link.name == replaced.1 { 1000 } else { 10 };
            assert_eq!(seconds(link), [3000 - unknown, 0, 0, unknown]);
        }
    }
}

#[test]
fn what_was_no_start_is_none_for_what_follows_either() {
    let account = of_two_watches([
        initial(1000, 3, "eth1", true).of_watch("b"),
        initial(2000, 3, "eth1", true).of_watch("b"),
        // The first watch is still there, and silent again.
        event(2500, EventKind::Flapped, 2, "eth0", true).of_watch("a"),
        initial(2600, 3, "eth1", true).of_watch("b"),
        end(3000),
    ]);
    let expected = ([3000, 0, 0, 0], [900, 0, 0, 2100], 1, 0);
    assert_eq!(of_both(&account), expected);
}

#[test]
fn a_restart_of_the_whole_program_ends_what_all_watches_know() {
    let account = of_two_watches([
        disconnected(100, 3, "eth1").of_watch("b"),
        initial(1000, 2, "eth0", true).of_watch("a"),
        initial(1001, 3, "eth1", true).of_watch("b"),
        end(2000),
    ]);
    let expected = ([1100, 0, 0, 900], [1099, 0, 0, 901], 2, 900);
    assert_eq!(of_both(&account), expected);
    // In another order, after a reload, and several times.
    let account = of_two_watches([
        initial(500, 3, "eth1", true).of_watch("b"),
        disconnected(600, 2, "eth0").of_watch("a"),
        connected(600, 2, "eth0").of_watch("a"),
        initial(1000, 3, "eth1", true).of_watch("b"),
        initial(1000, 2, "eth0", true).of_watch("a"),
        disconnected(1100, 2, "eth0").of_watch("a"),
        initial(1130, 2, "eth0", true).of_watch("a"),
        initial(1130, 3, "eth1", true).of_watch("b"),
        end(2000),
    ]);
    let expected = ([1570, 0, 0, 430], [1070, 0, 0, 930], 3, 430);
    assert_eq!(of_both(&account), expected);
}

#[test]
fn a_watch_that_is_no_longer_started_is_not_known() {
    let account = of_two_watches([
        disconnected(100, 2, "eth0").of_watch("a"),
        initial(1000, 2, "eth0", true).of_watch("a"),
        end(2000),
    ]);
    let expected = ([1100, 0, 0, 900], [100, 0, 0, 1900], 2, 900);
    assert_eq!(of_both(&account), expected);
    // The first one: the other one's start might be a reload; its next, hardly.
    let account = of_two_watches([
        initial(1000, 3, "eth1", true).of_watch("b"),
        end(1500),
        initial(2000, 3, "eth1", true).of_watch("b"),
        end(2500),
        initial(3000, 3, "eth1", true).of_watch("b"),
        end(4000),
    ]);
    let expected = ([1500, 0, 0, 2500], [2000, 0, 0, 2000], 3, 1000);
    assert_eq!(of_both(&account), expected);
}

#[test]
fn a_watch_that_comes_back_is_not_known_meanwhile() {
    let account = of_two_watches([
        end(500),
        initial(1000, 2, "eth0", true).of_watch("a"),
        end(1500),
        initial(2000, 2, "eth0", true).of_watch("a"),
        initial(2000, 3, "eth1", false).of_watch("b"),
        end(3000),
    ]);
    let expected = ([2000, 0, 0, 1000], [500, 1000, 0, 1500], 3, 1000);
    assert_eq!(of_both(&account), expected);
}

#[test]
fn watches_with_and_without_a_name_are_not_of_one_program() {
    let account = account([
        initial(0, 2, "eth0", true),
        end(100),
        initial(200, 3, "eth1", true).of_watch("a"),
        end(300),
        initial(310, 2, "eth0", true),
        end(400),
    ]);
    let expected = ([190, 0, 0, 210], [100, 0, 0, 100], 3, 110);
    assert_eq!(of_both(&account), expected);
    // However soon one follows the other.
    let account = self::account([
        initial(0, 2, "eth0", true),
        end(10),
        initial(30, 3, "eth1", true).of_watch("a"),
        end(100),
    ]);
    let expected = ([10, 0, 0, 90], [70, 0, 0, 0], 2, 20);
    assert_eq!(of_both(&account), expected);
}

#[test]
fn a_link_that_is_gone_is_so_through_the_start_of_another_watch() {
    let mut lines = Vec::from(removed(10, 2, "eth0").map(|line| line.of_watch("a")));
    lines.extend([
        initial(1000, 3, "eth1", true).of_watch("b"),
        event(2000, EventKind::Added, 4, "eth0", false).of_watch("a"),
        end(3000),
    ]);
    let expected = ([10, 1000, 1990, 0], [2010, 0, 0, 990], 1, 0);
    assert_eq!(of_both(&of_two_watches(lines)), expected);
}

#[test]
fn watches_without_number_take_bounded_room() {
    let lines = (0..1500).map(|number| {
        let line = initial(number, 2, "eth0", true);
        line.of_watch(&number.to_string())
    });
    let account = account(lines);
    assert_eq!((account.links.len(), account.left_out), (1000, 500));
}

#[test]
fn one_watch_need_not_be_named() {
    let line = initial(0, 2, "eth0", true).of_watch("uplinks");
    let account = account([line, end(10)]);
    assert_eq!(account.title(only(&account)), "eth0");
}
