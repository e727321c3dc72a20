/* linkwatch: tells the moment a network cable is pulled or a Wi-Fi access point
 * is lost, and accounts for every carrier transition that the kernel counted.
 *
 * Functions return 0, or a count, or a negative LINKWATCH_E_...; outputs are
 * written only on success; free(NULL) is fine. Strings are NUL-terminated.
 *
 * Generated from src/capi/ by cbindgen: do not edit.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

#ifndef LINKWATCH_H
#define LINKWATCH_H

#include <stddef.h>
#include <stdint.h>

/* libnl's, for programs that have it. */
struct nl_sock;
struct nl_msg;

/**
 * Version of this header as text.
 */
#define LINKWATCH_VERSION_STRING "0.1.0"

/**
 * Major version of this header; linkwatch_version() tells that of the library.
 */
#define LINKWATCH_VERSION_MAJOR 0

/**
 * Minor version of this header.
 */
#define LINKWATCH_VERSION_MINOR 1

/**
 * Patch level of this header.
 */
#define LINKWATCH_VERSION_PATCH 0

/**
 * A NULL or otherwise impossible argument.
 */
#define LINKWATCH_E_INVAL (-1)

/**
 * Memory was refused to the kernel or to libnl. (Where it is refused to the
 * library's own code, that ends the process, as Rust does.)
 */
#define LINKWATCH_E_NOMEM (-2)

/**
 * A defect of the library; what was asked for may be half done. Please
 * report it.
 */
#define LINKWATCH_E_PANIC (-3)

/**
 * The operation needs a privilege that the process lacks.
 */
#define LINKWATCH_E_PERM (-4)

/**
 * No such interface, network namespace or multicast group.
 */
#define LINKWATCH_E_NOENT (-5)

/**
 * Not possible in this state: started or attached already, or not yet.
 */
#define LINKWATCH_E_STATE (-6)

/**
 * Another thread, or the callback that calls, is delivering events.
 */
#define LINKWATCH_E_BUSY (-7)

/**
 * The kernel or this libnl cannot do it.
 */
#define LINKWATCH_E_NOTSUP (-8)

/**
 * Links came and went each time they were listed. Try again.
 */
#define LINKWATCH_E_AGAIN (-9)

/**
 * A system call failed; linkwatch_error_detail() tells which and why.
 */
#define LINKWATCH_E_SYSTEM (-10)

/**
 * Connected: administratively up, with carrier. The default.
 */
#define LINKWATCH_CRITERION_CARRIER 0

/**
 * That, and operational (IFF_RUNNING): WPA or 802.1X handshake done.
 */
#define LINKWATCH_CRITERION_RUNNING 1

/**
 * The state when the watch began.
 */
#define LINKWATCH_EVENT_INITIAL 1

/**
 * An interface appeared, or was renamed into the watch.
 */
#define LINKWATCH_EVENT_ADDED 2

/**
 * It is connected now.
 */
#define LINKWATCH_EVENT_CONNECTED 3

/**
 * It is not connected any more; linkwatch_event_reason() tells why.
 */
#define LINKWATCH_EVENT_DISCONNECTED 4

/**
 * The kernel counted transitions, yet the state is as it was.
 */
#define LINKWATCH_EVENT_FLAPPED 5

/**
 * It has another name; the last event, if that is out of the watch.
 */
#define LINKWATCH_EVENT_RENAMED 6

/**
 * It is gone.
 */
#define LINKWATCH_EVENT_REMOVED 7

/**
 * Messages were lost and made up for. About no interface.
 */
#define LINKWATCH_EVENT_RESYNC 8

/**
 * A Wi-Fi interface has another access point of its network, and stayed
 * connected.
 */
#define LINKWATCH_EVENT_ROAMED 9

/**
 * The kernel said something beside the state (linkwatch_event_notice()), where
 * linkwatch_set_notices() asks for it.
 */
#define LINKWATCH_EVENT_NOTICE 10

/**
 * Not disconnected, so there is no reason.
 */
#define LINKWATCH_REASON_NONE 0

/**
 * Carrier is lost: the cable is pulled, the access point gone.
 */
#define LINKWATCH_REASON_NO_CARRIER 1

/**
 * Administratively down.
 */
#define LINKWATCH_REASON_ADMIN_DOWN 2

/**
 * The interface was removed, or moved to another namespace.
 */
#define LINKWATCH_REASON_REMOVED 3

/**
 * It has carrier but is not operational (LINKWATCH_CRITERION_RUNNING only).
 */
#define LINKWATCH_REASON_NOT_RUNNING 4

/**
 * It was renamed out of the watch.
 */
#define LINKWATCH_REASON_RENAMED 5

/**
 * A watch over network links. Opaque.
 */
struct linkwatch;

/**
 * One change of one interface, or a resync.
 */
struct linkwatch_event;

/**
 * One interface as it is now.
 */
struct linkwatch_link;

/**
 * What is called for each event. The event is valid until it returns; `user`
 * is what linkwatch_on_event() was given.
 *
 * It must return: no longjmp, and no C++ exception may leave it.
 */
typedef void (*linkwatch_event_fn)(const struct linkwatch_event *event, void *user);

/**
 * What is called for each interface. It is valid until it returns.
 */
typedef void (*linkwatch_link_fn)(const struct linkwatch_link *link, void *user);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of the library, as LINKWATCH_VERSION_STRING is that of the
 * header. It lives for ever.
 */
const char *linkwatch_version(void);

/**
 * The text for an error code; also for codes that do not exist. It is never
 * NULL and lives for ever.
 */
const char *linkwatch_strerror(int code);

/**
 * Makes a handle. It watches nothing yet: set patterns and options, then
 * linkwatch_start() it or linkwatch_attach() it.
 *
 * Any one thread at a time may use it, also another one than made it;
 * linkwatch_stop() may be called from any thread at any time before
 * linkwatch_free().
 *
 * Returns 0; LINKWATCH_E_INVAL if `out` is NULL, LINKWATCH_E_SYSTEM if
 * descriptors have run out.
 *
 * Requires: `out` is NULL or points to room for a pointer.
 */
int linkwatch_new(struct linkwatch **out);

/**
 * Brings the account to its end, before linkwatch_free(): lists the interfaces
 * once more, so that transitions are told which the kernel has counted and not
 * announced yet, lets go of what linkwatch_set_settle() holds back or may just be
 * a Wi-Fi roam, and delivers these events. Of an attached handle, what its
 * program has not received yet is older than this, and not told any more.
 *
 * Returns 0; LINKWATCH_E_STATE if it is neither started nor attached, or the
 * callback has freed the handle; others if the interfaces cannot be listed: what
 * was held back is delivered all the same.
 *
 * Requires: `handle` as for linkwatch_free().
 */
int linkwatch_conclude(struct linkwatch *handle);

/**
 * Frees a handle; detaches it first, if it is attached. NULL is fine.
 *
 * The callback may free its own handle: no event is delivered after that, and
 * the function that was delivering returns LINKWATCH_E_STATE, or, of an
 * attached program's own loop, as it would have. Another thread must not be
 * using the handle.
 *
 * Requires: `handle` is NULL or a handle that was not freed yet.
 */
void linkwatch_free(struct linkwatch *handle);

/**
 * Sets what is called for each event, and `user`, which is passed on to it.
 * With NULL, events are dropped. May be called at any time, also by the
 * callback.
 *
 * The callback is called by the thread that starts, dispatches, runs, or, of
 * an attached handle, receives. It may call any function of the handle.
 *
 * Requires: `handle` as for linkwatch_free(); `callback` may be called with `user` as
 * long as the handle lives or until another is set.
 */
void linkwatch_on_event(struct linkwatch *handle, linkwatch_event_fn callback, void *user);

/**
 * Tells about the last failure of a function on this handle more than its
 * code does: what was being done, and why it failed. An empty string if none
 * has failed. Valid until the next failure on the handle.
 *
 * Requires: `handle` is NULL or a handle that was not freed yet.
 */
const char *linkwatch_error_detail(const struct linkwatch *handle);

/**
 * Watches the interfaces that match a shell glob (fnmatch(3)), by their names
 * or alternative names; also those that do not exist yet. May be called again
 * and again. Without any pattern, every interface but loopback is watched.
 *
 * Returns 0; LINKWATCH_E_INVAL for NULL, for a glob that is longer than 127
 * bytes, the longest name, and for one that cannot be right;
 * LINKWATCH_E_STATE once started.
 *
 * Requires: `handle` as for linkwatch_free(); `glob` is NULL or a string.
 */
int linkwatch_add_pattern(struct linkwatch *handle, const char *glob);

/**
 * When an interface counts as connected: LINKWATCH_CRITERION_….
 *
 * Returns 0; LINKWATCH_E_INVAL for other numbers, LINKWATCH_E_STATE once
 * started.
 *
 * Requires: `handle` as for linkwatch_free().
 */
int linkwatch_set_criterion(struct linkwatch *handle, int criterion);

/**
 * The receive buffer to ask the kernel for, in bytes, 1 to 1 GiB; 4 MiB by
 * default. What does not fit is lost to the report of single transitions, not
 * to their account. Of no effect where the program reads its own socket.
 *
 * Returns 0; LINKWATCH_E_INVAL for other sizes, LINKWATCH_E_STATE once
 * started.
 *
 * Requires: `handle` as for linkwatch_free().
 */
int linkwatch_set_buffer_size(struct linkwatch *handle, size_t bytes);

/**
 * How long, in milliseconds, an interface must have been connected (`up_ms`)
 * or disconnected (`down_ms`) before that is reported; 0, the default, reports
 * at once. An opposite change before that makes LINKWATCH_EVENT_FLAPPED of
 * both. Removal is reported at once.
 *
 * Events that are held back are delivered by linkwatch_dispatch(), for which
 * linkwatch_fd() is readable then, also of an attached handle.
 *
 * Returns 0; LINKWATCH_E_STATE once started.
 *
 * Requires: `handle` as for linkwatch_free().
 */
int linkwatch_set_settle(struct linkwatch *handle, unsigned int up_ms, unsigned int down_ms);

/**
 * Whether what the kernel says beside an interface's state is reported, as
 * LINKWATCH_EVENT_NOTICE: 1, or 0, the default.
 *
 * Returns 0; LINKWATCH_E_STATE once started.
 *
 * Requires: `handle` as for linkwatch_free().
 */
int linkwatch_set_notices(struct linkwatch *handle, int on);

/**
 * Whether drivers are asked for details, which come with the event: why there
 * is no carrier (linkwatch_event_detail()), which network a Wi-Fi interface is
 * in (linkwatch_event_ssid()). 1, or 0, the default.
 *
 * They are asked after an event of hardware, from a thread that is started
 * with the first question, has all signals blocked and ends with the handle;
 * the event waits 0.2 s at most for the answer.
 *
 * Returns 0; LINKWATCH_E_STATE once started.
 *
 * Requires: `handle` as for linkwatch_free().
 */
int linkwatch_set_details(struct linkwatch *handle, int on);

/**
 * Watches a network namespace made by `ip netns add`, instead of the calling
 * thread's. With a handle that is attached, it must be that of the socket.
 *
 * Returns 0; LINKWATCH_E_NOENT if there is none of this name,
 * LINKWATCH_E_INVAL for NULL and for a path, LINKWATCH_E_STATE once started.
 * That the process may not enter it (LINKWATCH_E_PERM) is told by the start.
 *
 * Requires: `handle` as for linkwatch_free(); `name` is NULL or a string.
 */
int linkwatch_set_namespace(struct linkwatch *handle, const char *name);

/**
 * Starts watching: subscribes, lists the interfaces, and calls the callback
 * with a LINKWATCH_EVENT_INITIAL for each that is watched. Then call
 * linkwatch_run(), or linkwatch_dispatch() when linkwatch_fd() is readable.
 *
 * Returns 0; LINKWATCH_E_STATE if it is started or attached already;
 * LINKWATCH_E_PERM where the namespace may not be entered; LINKWATCH_E_SYSTEM
 * and others if the socket cannot be opened or the interfaces cannot be
 * listed. After a failure it may be tried again.
 *
 * Requires: `handle` as for linkwatch_free().
 */
int linkwatch_start(struct linkwatch *handle);

/**
 * The descriptor to wait for with poll(2), epoll(7) or the like: when it is
 * readable, call linkwatch_dispatch(). It belongs to the handle, which closes
 * it when it is freed; do not read from it.
 *
 * Returns the descriptor; LINKWATCH_E_STATE if it is not started.
 *
 * Requires: `handle` as for linkwatch_free().
 */
int linkwatch_fd(const struct linkwatch *handle);

/**
 * Delivers the events that there are, up to 1024; if there is none, waits for
 * one, at most `timeout_ms` milliseconds: not at all if it is 0, for ever if
 * it is negative. While more are left, linkwatch_fd() stays readable.
 *
 * Returns the number of events delivered: 0 if the time is over, and if
 * linkwatch_stop() was called; LINKWATCH_E_STATE if it is not started, or the
 * callback has freed the handle; LINKWATCH_E_BUSY from within the callback;
 * another error if the socket cannot be read any more, or, of an attached
 * handle, if the interfaces cannot be listed after a loss (tried again later).
 * A stop that is asked for while events are delivered ends the next call.
 *
 * Requires: `handle` as for linkwatch_free().
 */
int linkwatch_dispatch(struct linkwatch *handle, int timeout_ms);

/**
 * Delivers events until linkwatch_stop() is called. Those that are left then
 * are there the next time.
 *
 * Returns 0 once stopped; LINKWATCH_E_STATE if it is not started, if it is
 * attached (then the program's own loop receives), or the callback has freed
 * the handle; LINKWATCH_E_BUSY from within the callback; another error if the
 * socket cannot be read any more.
 *
 * Requires: `handle` as for linkwatch_free().
 */
int linkwatch_run(struct linkwatch *handle);

/**
 * Ends linkwatch_run(), or the waiting of linkwatch_dispatch(): now, or the
 * next one, if none is under way. May be called from the callback, from
 * another thread, and from a signal handler: it is one write(2). errno is
 * left as it was. NULL is fine.
 *
 * Requires: `handle` is NULL or a handle that is not freed before this returns.
 */
void linkwatch_stop(struct linkwatch *handle);

/**
 * Lets a program's own loop feed the handle. The socket (NETLINK_ROUTE,
 * connected) joins RTNLGRP_LINK; the interfaces are listed; the callback gets
 * a LINKWATCH_EVENT_INITIAL for each. From then on events are delivered from
 * within the program's nl_recvmsgs(), nl_recvmsgs_default() or
 * nl_recvmsgs_report() on this socket.
 *
 * The program's groups and callbacks stay as they are. Only NL_CB_MSG_IN of
 * the socket's own callbacks is taken: every message passes there first, so
 * linkwatch sees it first, and then the program's NL_CB_VALID and others, with
 * their results as before. A program that needs NL_CB_MSG_IN itself, that
 * receives with other callbacks than the socket's, or that exchanges them
 * (nl_socket_set_cb()), calls linkwatch_process() instead.
 *
 * Sequence checking must be off (nl_socket_disable_seq_check()), as it must
 * for any socket that receives notifications. When the loop gets -NLE_NOMEM,
 * call linkwatch_resync(). With settle times, to have a list of the interfaces
 * that failed tried again without a message, and to notice at once that the
 * system has slept, also watch linkwatch_fd() and call linkwatch_dispatch().
 * Link messages take room in the socket's receive buffer: consider
 * nl_socket_set_buffer_size().
 *
 * The initial events are delivered at once, or, if messages are queued, when
 * the program has received them. The interfaces are listed in the network
 * namespace of the calling thread, or that of linkwatch_set_namespace(): it
 * must be the socket's.
 *
 * Handle and socket may end in any order: detach, free the handle or free the
 * socket first. From within the callback the handle may be freed; the socket
 * may not, nor may its callbacks be exchanged, for libnl is using them. After
 * nl_close(), detach and attach again. While it is attached, the handle and
 * the socket are used by one thread at a time.
 *
 * Copies of the socket's callbacks that were made while it was attached
 * (nl_cb_clone(), nl_cache_mngr_data_ready()) feed the handle too. They may be
 * kept and used after it was detached or freed; then linkwatch ignores what
 * they receive.
 *
 * Returns 0; LINKWATCH_E_INVAL if the socket is NULL, not connected or of
 * another protocol; LINKWATCH_E_STATE if it is started or attached already, or
 * another handle is attached to the socket; others if the interfaces cannot be
 * listed.
 *
 * Requires: `handle` as for linkwatch_free(); `socket` is NULL or a live socket.
 */
int linkwatch_attach(struct linkwatch *handle, struct nl_sock *socket);

/**
 * Ends what linkwatch_attach() or linkwatch_process() began. The socket stays
 * in RTNLGRP_LINK, for the program may be in it too. The socket may have been
 * freed before. No event comes any more; the handle may be attached or started
 * again.
 *
 * Returns 0; LINKWATCH_E_STATE if it is not attached.
 *
 * Requires: `handle` as for linkwatch_free().
 */
int linkwatch_detach(struct linkwatch *handle);

/**
 * Hands over one message that the program received from the kernel, from its
 * own NL_CB_VALID for example; instead of linkwatch_attach(), which is
 * preferable where it is possible. The socket has joined RTNLGRP_LINK before
 * the first call, which lists the interfaces and delivers the initial events.
 * Messages that are not about links, and those that the kernel did not send,
 * change nothing, nor do those of another protocol (nlmsg_get_proto()).
 *
 * Returns 0, which is NL_OK; LINKWATCH_E_INVAL for NULL; LINKWATCH_E_STATE if
 * the handle is started, attached, or was freed by the callback; others if the
 * interfaces cannot be listed (tried again later).
 *
 * Requires: `handle` as for linkwatch_free(); `message` is NULL or a live message.
 */
int linkwatch_process(struct linkwatch *handle, struct nl_msg *message);

/**
 * Makes up for messages that the kernel dropped: to be called when the
 * program's loop gets -NLE_NOMEM, which is libnl's word for ENOBUFS. Lists the
 * interfaces and delivers the differences, and a LINKWATCH_EVENT_RESYNC.
 *
 * Of an attached handle that is done once the socket's queue is empty: now,
 * or from within the loop when it has received what is queued. So go on
 * receiving as usual. A program that uses linkwatch_process() receives until
 * -NLE_AGAIN first. On a handle that is neither started nor attached, it
 * lists the interfaces and delivers the initial events; messages may then be
 * handed over with linkwatch_process().
 *
 * Returns 0; LINKWATCH_E_STATE if the handle reads a socket of its own (then
 * it makes up for losses itself) or was freed by the callback; others if the
 * interfaces cannot be listed (tried again later).
 *
 * Requires: `handle` as for linkwatch_free().
 */
int linkwatch_resync(struct linkwatch *handle);

/**
 * What happened: LINKWATCH_EVENT_…; LINKWATCH_E_INVAL for NULL.
 *
 * Requires: `event` is NULL or an event of this library that is still valid.
 */
int linkwatch_event_type(const struct linkwatch_event *event);

/**
 * The word for an event type, as "connected"; "unknown" for other numbers.
 * Never NULL; lives for ever.
 */
const char *linkwatch_event_type_name(int event_type);

/**
 * The interface's name. It lives as long as the event. NULL for a resync.
 *
 * The kernel allows bytes in it that are not UTF-8 and that could harm a
 * terminal; linkwatch_event_json() escapes them.
 *
 * Requires: As linkwatch_event_type().
 */
const char *linkwatch_event_ifname(const struct linkwatch_event *event);

/**
 * The name before, on LINKWATCH_EVENT_RENAMED, and on LINKWATCH_EVENT_ADDED
 * where the interface was renamed into the watch; otherwise NULL. It lives as
 * long as the event.
 *
 * Requires: As linkwatch_event_type().
 */
const char *linkwatch_event_previous_name(const struct linkwatch_event *event);

/**
 * What kind of interface it is: "ethernet", "wifi", "loopback", or the
 * kernel's own word ("veth", "bridge", …). It lives as long as the event. NULL
 * for a resync.
 *
 * Requires: As linkwatch_event_type().
 */
const char *linkwatch_event_kind(const struct linkwatch_event *event);

/**
 * The interface index; 0 for a resync.
 *
 * Requires: As linkwatch_event_type().
 */
unsigned int linkwatch_event_ifindex(const struct linkwatch_event *event);

/**
 * 1 if the interface is reported as connected once this event is known, 0 if
 * not. It is 0 on LINKWATCH_EVENT_ADDED: a LINKWATCH_EVENT_CONNECTED follows
 * where the interface has carrier.
 *
 * Requires: As linkwatch_event_type().
 */
int linkwatch_event_connected(const struct linkwatch_event *event);

/**
 * The steps of the kernel's carrier counters that the event accounts for.
 * Summed over the events of an interface, they are what the kernel counted.
 *
 * Requires: As linkwatch_event_type().
 */
uint64_t linkwatch_event_transitions(const struct linkwatch_event *event);

/**
 * Those of the transitions that the event does not report itself.
 *
 * Requires: As linkwatch_event_type().
 */
uint64_t linkwatch_event_unseen(const struct linkwatch_event *event);

/**
 * Why it is not connected any more, on LINKWATCH_EVENT_DISCONNECTED;
 * otherwise LINKWATCH_REASON_NONE.
 *
 * Requires: As linkwatch_event_type().
 */
int linkwatch_event_reason(const struct linkwatch_event *event);

/**
 * The word for a reason, as "no-carrier"; "none" for LINKWATCH_REASON_NONE,
 * "unknown" for other numbers. Never NULL; lives for ever.
 */
const char *linkwatch_reason_name(int reason);

/**
 * Why there is no carrier, in the words of the driver ("no-cable", …), on
 * LINKWATCH_EVENT_DISCONNECTED, where linkwatch_set_details() asks for it and
 * the driver knows; otherwise NULL. It lives as long as the event.
 *
 * Requires: As linkwatch_event_type().
 */
const char *linkwatch_event_detail(const struct linkwatch_event *event);

/**
 * What the kernel said, on LINKWATCH_EVENT_NOTICE: "bonding-failover",
 * "features", "notify-peers", …; otherwise NULL. It lives as long as the event.
 *
 * Requires: As linkwatch_event_type().
 */
const char *linkwatch_event_notice(const struct linkwatch_event *event);

/**
 * The name of the Wi-Fi network, on LINKWATCH_EVENT_INITIAL, _CONNECTED and
 * _ROAMED where linkwatch_set_details() asks for it; otherwise NULL. Bytes that
 * could harm a terminal are escaped, as \xNN. It lives as long as the event.
 *
 * Requires: As linkwatch_event_type().
 */
const char *linkwatch_event_ssid(const struct linkwatch_event *event);

/**
 * The address of the Wi-Fi access point, as "02:00:5e:10:00:01", on
 * LINKWATCH_EVENT_CONNECTED and _ROAMED where it is known, and on
 * LINKWATCH_EVENT_INITIAL where linkwatch_set_details() asks for it; otherwise
 * NULL. It lives as long as the event.
 *
 * Requires: As linkwatch_event_type().
 */
const char *linkwatch_event_bssid(const struct linkwatch_event *event);

/**
 * How often the kernel told of lost messages, on LINKWATCH_EVENT_RESYNC;
 * otherwise 0.
 *
 * Requires: As linkwatch_event_type().
 */
uint64_t linkwatch_event_overruns(const struct linkwatch_event *event);

/**
 * When the change was read from the kernel: microseconds since 1970-01-01
 * 00:00 UTC, by the system's clock.
 *
 * Requires: As linkwatch_event_type().
 */
uint64_t linkwatch_event_time_us(const struct linkwatch_event *event);

/**
 * Writes the event as one line of JSON, as `linkwatch watch --json` does, with
 * NUL and without line feed, in the manner of snprintf(3): at most `size`
 * bytes; `buffer` may be NULL if `size` is 0. Returns the length that the
 * whole needs without its NUL; if that is not less than `size`, it was cut
 * short. 1024 bytes are enough for any event of this version.
 *
 * Requires: As linkwatch_event_type(); `buffer` has room for `size` bytes.
 */
int linkwatch_event_json(const struct linkwatch_event *event, char *buffer, size_t size);

/**
 * A callback to begin with: prints the event to the FILE that its `user` is, as
 * linkwatch_event_json() and a line feed, and flushes it.
 *
 * linkwatch_on_event(handle, linkwatch_print_event, stdout);
 *
 * Requires: As linkwatch_event_type(); `file` is NULL, for nothing to be printed, or an
 * open FILE.
 */
void linkwatch_print_event(const struct linkwatch_event *event, void *file);

/**
 * Copies an event, to keep it beyond the callback. The copy is to be freed
 * with linkwatch_event_free(). NULL for NULL.
 *
 * Requires: As linkwatch_event_type().
 */
struct linkwatch_event *linkwatch_event_clone(const struct linkwatch_event *event);

/**
 * Frees a copy that linkwatch_event_clone() made; not the event of a callback.
 * NULL is fine.
 *
 * Requires: `event` is NULL or such a copy, which was not freed yet.
 */
void linkwatch_event_free(struct linkwatch_event *event);

/**
 * Lists the interfaces that match the handle's patterns, in the order of
 * their indices, and calls `callback` with each. Asks the kernel anew each
 * time; the handle need not be started.
 *
 * Returns the number of interfaces; LINKWATCH_E_INVAL if `callback` is NULL;
 * LINKWATCH_E_AGAIN if interfaces came and went each time it was tried;
 * others if they cannot be listed.
 *
 * Requires: `handle` as for linkwatch_free(); `callback` may be called with `user`.
 */
int linkwatch_links(struct linkwatch *handle, linkwatch_link_fn callback, void *user);

/**
 * The interface's name. NULL for NULL.
 *
 * Requires: `link` is NULL or the link of a callback that has not returned.
 */
const char *linkwatch_link_name(const struct linkwatch_link *link);

/**
 * Its kind: "ethernet", "wifi", "loopback", or the kernel's own word.
 *
 * Requires: `link` is NULL or the link of a callback that has not returned.
 */
const char *linkwatch_link_kind(const struct linkwatch_link *link);

/**
 * Its operational state: "up", "down", "dormant", "lowerlayerdown", …
 *
 * Requires: `link` is NULL or the link of a callback that has not returned.
 */
const char *linkwatch_link_operstate(const struct linkwatch_link *link);

/**
 * The interface index; 0 for NULL.
 *
 * Requires: As linkwatch_link_name().
 */
unsigned int linkwatch_link_ifindex(const struct linkwatch_link *link);

/**
 * 1 if it is connected in the sense of the handle's criterion, 0 if not.
 *
 * Requires: As linkwatch_link_name().
 */
int linkwatch_link_connected(const struct linkwatch_link *link);

/**
 * 1 if it has carrier. One that is administratively down may have it too.
 *
 * Requires: As linkwatch_link_name().
 */
int linkwatch_link_carrier(const struct linkwatch_link *link);

/**
 * 1 if it is operational (IFF_RUNNING).
 *
 * Requires: As linkwatch_link_name().
 */
int linkwatch_link_running(const struct linkwatch_link *link);

/**
 * 1 if it is administratively up (IFF_UP).
 *
 * Requires: As linkwatch_link_name().
 */
int linkwatch_link_admin_up(const struct linkwatch_link *link);

/**
 * How many carrier transitions the kernel has counted, modulo 2^32; -1 where
 * it does not count them (before Linux 3.15).
 *
 * Requires: As linkwatch_link_name().
 */
int64_t linkwatch_link_transitions(const struct linkwatch_link *link);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* LINKWATCH_H */
