# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_linkwatch_global_optspecs
    string join \n v/verbose h/help V/version
end

function __fish_linkwatch_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_linkwatch_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_linkwatch_using_subcommand
    set -l cmd (__fish_linkwatch_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c linkwatch -n "__fish_linkwatch_needs_command" -s v -l verbose -d 'Tell more on stderr (-vv, -vvv: still more); the variable RUST_LOG, where set, decides'
complete -c linkwatch -n "__fish_linkwatch_needs_command" -s h -l help -d 'Print help'
complete -c linkwatch -n "__fish_linkwatch_needs_command" -s V -l version -d 'Print version'
complete -c linkwatch -n "__fish_linkwatch_needs_command" -f -a "status" -d 'Show which interfaces are connected'
complete -c linkwatch -n "__fish_linkwatch_needs_command" -f -a "watch" -d 'Report each change as it happens, until interrupted'
complete -c linkwatch -n "__fish_linkwatch_needs_command" -f -a "wait" -d 'Wait until interfaces are connected, or as --for says'
complete -c linkwatch -n "__fish_linkwatch_needs_command" -f -a "report" -d 'Tell how well links did: from logs of \'watch --json\', as text or as a page'
complete -c linkwatch -n "__fish_linkwatch_needs_command" -f -a "check-config" -d 'Check a configuration file'
complete -c linkwatch -n "__fish_linkwatch_needs_command" -f -a "netplugd" -d 'Stand in for netplugd: run its script when links come and go'
complete -c linkwatch -n "__fish_linkwatch_needs_command" -f -a "ifplugd" -d 'Stand in for ifplugd: configure a link once it is plugged in'
complete -c linkwatch -n "__fish_linkwatch_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand status" -l criterion -d 'When an interface counts as connected' -r -f -a "carrier\t'It is up and has carrier'
running\t'It is operational too: WPA or 802.1X handshake done, not dormant'"
complete -c linkwatch -n "__fish_linkwatch_using_subcommand status" -l netns -d 'Look into this network namespace (see: ip netns list)' -r
complete -c linkwatch -n "__fish_linkwatch_using_subcommand status" -l cable-test -d 'Let the PHY test the cable of this interface, and tell of each pair how it is and how far away a fault is. The link goes down for some seconds. Needs CAP_NET_ADMIN and a driver that can do it; exit status 0 if it was done, whatever it found' -r
complete -c linkwatch -n "__fish_linkwatch_using_subcommand status" -s v -l verbose -d 'Tell more on stderr (-vv, -vvv: still more); the variable RUST_LOG, where set, decides'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand status" -l json -d 'Print an array of JSON objects'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand status" -l addresses -d 'Show the IP addresses too'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand watch" -l criterion -d 'When an interface counts as connected' -r -f -a "carrier\t'It is up and has carrier'
running\t'It is operational too: WPA or 802.1X handshake done, not dormant'"
complete -c linkwatch -n "__fish_linkwatch_using_subcommand watch" -l netns -d 'Look into this network namespace (see: ip netns list)' -r
complete -c linkwatch -n "__fish_linkwatch_using_subcommand watch" -l log-file -d 'Also append to this file, with time stamps' -r -F
complete -c linkwatch -n "__fish_linkwatch_using_subcommand watch" -l events -d 'Report only these events, comma-separated: initial, added, connected, disconnected, flapped, renamed, removed, resync, roamed, notice; or all. By default all but notice' -r
complete -c linkwatch -n "__fish_linkwatch_using_subcommand watch" -l settle-up -d 'Report that an interface is connected only once it has been so for this long, as 250ms, 2s or 1m' -r
complete -c linkwatch -n "__fish_linkwatch_using_subcommand watch" -l settle-down -d 'Report that an interface is disconnected only once it has been so for this long. What has not lasted when the watch ends is reported then, and runs no hook' -r
complete -c linkwatch -n "__fish_linkwatch_using_subcommand watch" -l exec -d 'Run this program at each connected and disconnected, and at the start for each interface that is connected: PROGRAM IFACE EVENT, with the event\'s fields as LINKWATCH_* and its JSON on standard input. With --events, at those. Nobody but root and the user may be able to write it' -r -F
complete -c linkwatch -n "__fish_linkwatch_using_subcommand watch" -l exec-timeout -d 'How long the program may run before it is terminated' -r
complete -c linkwatch -n "__fish_linkwatch_using_subcommand watch" -l metrics -d 'Write metrics to this file, in the text format of Prometheus: for node_exporter\'s textfile collector' -r -F
complete -c linkwatch -n "__fish_linkwatch_using_subcommand watch" -l config -d 'Read what to watch and to do from this file instead; see linkwatch.toml(5) for its keys. Beside it only --json, --count and -v are accepted' -r -F
complete -c linkwatch -n "__fish_linkwatch_using_subcommand watch" -l count -d 'End after this many reported events' -r
complete -c linkwatch -n "__fish_linkwatch_using_subcommand watch" -l buffer-size -d 'Ask the kernel for a receive buffer of this size, as 512K or 4M; what is granted is told with -vv' -r
complete -c linkwatch -n "__fish_linkwatch_using_subcommand watch" -s v -l verbose -d 'Tell more on stderr (-vv, -vvv: still more); the variable RUST_LOG, where set, decides'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand watch" -l json -d 'Print a JSON object a line'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand watch" -l no-kernel-filter -d 'Look at every message here, instead of having the kernel drop those that cannot matter; what is reported is the same'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand watch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand wait" -l criterion -d 'When an interface counts as connected' -r -f -a "carrier\t'It is up and has carrier'
running\t'It is operational too: WPA or 802.1X handshake done, not dormant'"
complete -c linkwatch -n "__fish_linkwatch_using_subcommand wait" -l netns -d 'Look into this network namespace (see: ip netns list)' -r
complete -c linkwatch -n "__fish_linkwatch_using_subcommand wait" -l for -d 'What to wait for' -r -f -a "connected\t'They are connected'
disconnected\t'They are not connected'
present\t'They exist'
absent\t'They do not exist'"
complete -c linkwatch -n "__fish_linkwatch_using_subcommand wait" -l timeout -d 'Give up after this long, as 250ms, 2s or 1m' -r
complete -c linkwatch -n "__fish_linkwatch_using_subcommand wait" -s v -l verbose -d 'Tell more on stderr (-vv, -vvv: still more); the variable RUST_LOG, where set, decides'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand wait" -l any -d 'Wait until it is so of one interface, instead of all'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand wait" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand report" -l html -d 'Write a page for the browser to this file instead; - is standard output' -r -F
complete -c linkwatch -n "__fish_linkwatch_using_subcommand report" -s v -l verbose -d 'Tell more on stderr (-vv, -vvv: still more); the variable RUST_LOG, where set, decides'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand report" -l json -d 'Print one JSON object'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand report" -s h -l help -d 'Print help'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand check-config" -s v -l verbose -d 'Tell more on stderr (-vv, -vvv: still more); the variable RUST_LOG, where set, decides'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand check-config" -s h -l help -d 'Print help'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand netplugd" -s c -d 'Read patterns from this file, \'-\' for standard input; may be repeated' -r -F
complete -c linkwatch -n "__fish_linkwatch_using_subcommand netplugd" -s i -d 'Manage the interfaces that match this shell glob, too; may be repeated' -r
complete -c linkwatch -n "__fish_linkwatch_using_subcommand netplugd" -s p -d 'Keep the daemon\'s process id in this file; in the foreground it is not written' -r -F
complete -c linkwatch -n "__fish_linkwatch_using_subcommand netplugd" -s s -d 'Call this script' -r -F
complete -c linkwatch -n "__fish_linkwatch_using_subcommand netplugd" -s v -l verbose -d 'Tell more on stderr (-vv, -vvv: still more); the variable RUST_LOG, where set, decides'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand netplugd" -s D -d 'Tell more'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand netplugd" -s F -d 'Stay in the foreground, and tell on stderr instead of the system\'s log'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand netplugd" -s P -d 'Do not call the script for \'probe\' at the start'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand netplugd" -s h -l help -d 'Print help'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand ifplugd" -s i -l iface -d 'Watch this interface, under this very name' -r
complete -c linkwatch -n "__fish_linkwatch_using_subcommand ifplugd" -s r -l run -d 'Run this program: PROGRAM IFACE up|down [EXTRA]' -r -F
complete -c linkwatch -n "__fish_linkwatch_using_subcommand ifplugd" -s x -l extra-arg -d 'Give the program one more argument' -r
complete -c linkwatch -n "__fish_linkwatch_using_subcommand ifplugd" -s u -l delay-up -d 'Run the program for a connection once it has lasted for so many seconds; fractions are fine' -r
complete -c linkwatch -n "__fish_linkwatch_using_subcommand ifplugd" -s d -l delay-down -d 'Run the program for the loss of a connection once it has lasted for so many seconds' -r
complete -c linkwatch -n "__fish_linkwatch_using_subcommand ifplugd" -s m -l api-mode -d 'How a connection is looked for: i(ff) by whether the interface is running, a(uto), e(thtool), m(ii), p(riv) and w(lan) by its carrier, whatever it is' -r
complete -c linkwatch -n "__fish_linkwatch_using_subcommand ifplugd" -s t -l poll-time -d 'Accepted, without effect: nothing is polled' -r
complete -c linkwatch -n "__fish_linkwatch_using_subcommand ifplugd" -s T -l poll-utime -d 'Accepted, without effect' -r
complete -c linkwatch -n "__fish_linkwatch_using_subcommand ifplugd" -s I -l ignore-retval -d 'Go on if the program fails, instead of ending'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand ifplugd" -s p -l no-startup -d 'Do not run the program at the start'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand ifplugd" -s l -l initial-down -d 'Run the program at the start also if there is no connection'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand ifplugd" -s q -l no-shutdown -d 'Do not run the program at the end'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand ifplugd" -s a -l no-auto -d 'Do not set the interface up: it is somebody else\'s to do'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand ifplugd" -s M -l monitor -d 'Wait for the interface where there is none, and take one that goes for a connection that is lost. Without it, and without -f and -F, that is the end'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand ifplugd" -s f -l ignore-fail -d 'Take an interface that there is none of for one without a connection'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand ifplugd" -s F -l ignore-fail-positive -d 'Take an interface that there is none of for one with a connection'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand ifplugd" -s n -l no-daemon -d 'Stay in the foreground, and log to standard error'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand ifplugd" -s s -l no-syslog -d 'Do not log to the system\'s log'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand ifplugd" -s w -l wait-on-fork -d 'Go into the background once the program has been run for the state at the start, and tell the state: exit status 2 connected, 3 not'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand ifplugd" -s b -l no-beep -d 'Accepted, without effect: nothing beeps'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand ifplugd" -s U -l no-beep-up -d 'Accepted, without effect'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand ifplugd" -s D -l no-beep-down -d 'Accepted, without effect'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand ifplugd" -s k -l kill -d 'End the daemon of this interface'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand ifplugd" -s W -l wait-on-kill -d 'With -k, wait until it has ended, for 5 seconds at most'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand ifplugd" -s c -l check-running -d 'Tell whether a daemon runs for this interface: exit status 0 if so, 255 if not'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand ifplugd" -s S -l suspend -d 'Have the daemon of this interface take no notice of it, until as many -R as -S have come'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand ifplugd" -s R -l resume -d 'Have the daemon of this interface go on'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand ifplugd" -s z -l info -d 'Have the daemon of this interface log how it is'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand ifplugd" -s v -l version -d 'Print the version'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand ifplugd" -s h -l help -d 'Print help'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand help; and not __fish_seen_subcommand_from status watch wait report check-config netplugd ifplugd help" -f -a "status" -d 'Show which interfaces are connected'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand help; and not __fish_seen_subcommand_from status watch wait report check-config netplugd ifplugd help" -f -a "watch" -d 'Report each change as it happens, until interrupted'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand help; and not __fish_seen_subcommand_from status watch wait report check-config netplugd ifplugd help" -f -a "wait" -d 'Wait until interfaces are connected, or as --for says'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand help; and not __fish_seen_subcommand_from status watch wait report check-config netplugd ifplugd help" -f -a "report" -d 'Tell how well links did: from logs of \'watch --json\', as text or as a page'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand help; and not __fish_seen_subcommand_from status watch wait report check-config netplugd ifplugd help" -f -a "check-config" -d 'Check a configuration file'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand help; and not __fish_seen_subcommand_from status watch wait report check-config netplugd ifplugd help" -f -a "netplugd" -d 'Stand in for netplugd: run its script when links come and go'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand help; and not __fish_seen_subcommand_from status watch wait report check-config netplugd ifplugd help" -f -a "ifplugd" -d 'Stand in for ifplugd: configure a link once it is plugged in'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand help; and not __fish_seen_subcommand_from status watch wait report check-config netplugd ifplugd help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c linkwatch -n "__fish_linkwatch_using_subcommand status" -f -a "(__fish_print_interfaces)"
complete -c linkwatch -n "__fish_linkwatch_using_subcommand status" -l cable-test -r -f -a "(__fish_print_interfaces)"
complete -c linkwatch -n "__fish_linkwatch_using_subcommand watch" -f -a "(__fish_print_interfaces)"
complete -c linkwatch -n "__fish_linkwatch_using_subcommand wait" -f -a "(__fish_print_interfaces)"
complete -c linkwatch -n "__fish_linkwatch_using_subcommand netplugd" -s i -r -f -a "(__fish_print_interfaces)"
complete -c linkwatch -n "__fish_linkwatch_using_subcommand ifplugd" -s i -l iface -r -f -a "(__fish_print_interfaces)"
