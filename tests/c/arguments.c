/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* NULL for every pointer, texts for every number, copies and cut lines. */

#include "common.h"

static struct linkwatch_event *kept;

static void check_null_handle(void)
{
	linkwatch_free(NULL);
	linkwatch_stop(NULL);
	linkwatch_on_event(NULL, NULL, NULL);
	CHECK_EQ(linkwatch_new(NULL), LINKWATCH_E_INVAL);
	CHECK_EQ(linkwatch_add_pattern(NULL, "eth*"), LINKWATCH_E_INVAL);
	CHECK_EQ(linkwatch_set_criterion(NULL, LINKWATCH_CRITERION_CARRIER), LINKWATCH_E_INVAL);
	CHECK_EQ(linkwatch_set_buffer_size(NULL, 4096), LINKWATCH_E_INVAL);
	CHECK_EQ(linkwatch_set_settle(NULL, 0, 0), LINKWATCH_E_INVAL);
	CHECK_EQ(linkwatch_conclude(NULL), LINKWATCH_E_INVAL);
	CHECK_EQ(linkwatch_set_namespace(NULL, "blue"), LINKWATCH_E_INVAL);
	CHECK_EQ(linkwatch_start(NULL), LINKWATCH_E_INVAL);
	CHECK_EQ(linkwatch_fd(NULL), LINKWATCH_E_INVAL);
	CHECK_EQ(linkwatch_dispatch(NULL, 0), LINKWATCH_E_INVAL);
	CHECK_EQ(linkwatch_dispatch(NULL, -1), LINKWATCH_E_INVAL);
	CHECK_EQ(linkwatch_run(NULL), LINKWATCH_E_INVAL);
	CHECK_EQ(linkwatch_attach(NULL, NULL), LINKWATCH_E_INVAL);
	CHECK_EQ(linkwatch_detach(NULL), LINKWATCH_E_INVAL);
	CHECK_EQ(linkwatch_process(NULL, NULL), LINKWATCH_E_INVAL);
	CHECK_EQ(linkwatch_resync(NULL), LINKWATCH_E_INVAL);
	CHECK_EQ(linkwatch_links(NULL, NULL, NULL), LINKWATCH_E_INVAL);
	CHECK(strcmp(linkwatch_error_detail(NULL), "") == 0);
}

static void check_null_event_and_link(void)
{
	char buffer[8] = "as it is";

	CHECK_EQ(linkwatch_event_type(NULL), LINKWATCH_E_INVAL);
	CHECK(!linkwatch_event_ifname(NULL));
	CHECK(!linkwatch_event_previous_name(NULL));
	CHECK(!linkwatch_event_kind(NULL));
	CHECK_EQ(linkwatch_event_ifindex(NULL), 0);
	CHECK_EQ(linkwatch_event_connected(NULL), 0);
	CHECK_EQ(linkwatch_event_transitions(NULL), 0);
	CHECK_EQ(linkwatch_event_unseen(NULL), 0);
	CHECK_EQ(linkwatch_event_reason(NULL), LINKWATCH_REASON_NONE);
	CHECK_EQ(linkwatch_event_overruns(NULL), 0);
	CHECK_EQ(linkwatch_event_time_us(NULL), 0);
	CHECK_EQ(linkwatch_event_json(NULL, buffer, sizeof(buffer)), LINKWATCH_E_INVAL);
	CHECK(memcmp(buffer, "as it is", 8) == 0);
	CHECK(!linkwatch_event_clone(NULL));
	linkwatch_event_free(NULL);

	CHECK(!linkwatch_link_name(NULL));
	CHECK(!linkwatch_link_kind(NULL));
	CHECK(!linkwatch_link_operstate(NULL));
	CHECK_EQ(linkwatch_link_ifindex(NULL), 0);
	CHECK_EQ(linkwatch_link_connected(NULL), 0);
	CHECK_EQ(linkwatch_link_carrier(NULL), 0);
	CHECK_EQ(linkwatch_link_running(NULL), 0);
	CHECK_EQ(linkwatch_link_admin_up(NULL), 0);
	CHECK_EQ(linkwatch_link_transitions(NULL), -1);
}

static void check_other_arguments(void)
{
	struct linkwatch *watch = new_watch(NULL);
	char name[600];

	CHECK(strcmp(linkwatch_error_detail(watch), "") == 0);
	CHECK_EQ(linkwatch_add_pattern(watch, NULL), LINKWATCH_E_INVAL);
	CHECK(strcmp(linkwatch_error_detail(watch), "") != 0);
	CHECK_EQ(linkwatch_add_pattern(watch, ""), LINKWATCH_E_INVAL);
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	CHECK_EQ(linkwatch_add_pattern(watch, name), LINKWATCH_E_INVAL);
	CHECK(strstr(linkwatch_error_detail(watch), "599 bytes long") != NULL);
	name[128] = '\0';
	CHECK_EQ(linkwatch_add_pattern(watch, name), LINKWATCH_E_INVAL);
	name[127] = '\0';
	CHECK_EQ(linkwatch_add_pattern(watch, name), 0);
	CHECK_EQ(linkwatch_set_criterion(watch, -1), LINKWATCH_E_INVAL);
	CHECK_EQ(linkwatch_set_criterion(watch, 2), LINKWATCH_E_INVAL);
	CHECK_EQ(linkwatch_set_buffer_size(watch, 0), LINKWATCH_E_INVAL);
	CHECK_EQ(linkwatch_set_buffer_size(watch, (1UL << 30) + 1), LINKWATCH_E_INVAL);
	CHECK_EQ(linkwatch_set_buffer_size(watch, (size_t) -1), LINKWATCH_E_INVAL);
	CHECK_EQ(linkwatch_set_buffer_size(watch, 1), 0);
	CHECK_EQ(linkwatch_set_buffer_size(watch, 1UL << 30), 0);
	CHECK_EQ(linkwatch_set_settle(watch, (unsigned int) -1, (unsigned int) -1), 0);
	CHECK_EQ(linkwatch_set_namespace(watch, NULL), LINKWATCH_E_INVAL);
	CHECK_EQ(linkwatch_set_namespace(watch, "a/path"), LINKWATCH_E_INVAL);
	CHECK_EQ(linkwatch_set_namespace(watch, ".."), LINKWATCH_E_INVAL);
	CHECK_EQ(linkwatch_set_namespace(watch, ""), LINKWATCH_E_INVAL);
	CHECK_EQ(linkwatch_set_namespace(watch, "none-of-this-name"), LINKWATCH_E_NOENT);
	CHECK_EQ(linkwatch_links(watch, NULL, NULL), LINKWATCH_E_INVAL);
	CHECK_EQ(linkwatch_attach(watch, NULL), LINKWATCH_E_INVAL);
	CHECK_EQ(linkwatch_process(watch, NULL), LINKWATCH_E_INVAL);
	/* None of this has spoilt the handle. */
	CHECK_EQ(linkwatch_set_settle(watch, 0, 0), 0);
	CHECK_EQ(linkwatch_set_buffer_size(watch, 65536), 0);
	CHECK_EQ(linkwatch_start(watch), 0);
	linkwatch_free(watch);
}

static void check_what_is_no_handle(void)
{
	static union {
		long long align;
		char bytes[4096];
	} zeroes;
	struct linkwatch *none = (struct linkwatch *) &zeroes;

	CHECK_EQ(linkwatch_start(none), LINKWATCH_E_INVAL);
	CHECK_EQ(linkwatch_dispatch(none, -1), LINKWATCH_E_INVAL);
	linkwatch_stop(none);
	linkwatch_free(none);
}

static void check_texts(void)
{
	char expected[64];
	int code, other;

	for (code = 0; code >= LINKWATCH_E_SYSTEM; code--) {
		CHECK(strlen(linkwatch_strerror(code)) > 3);
		CHECK(strcmp(linkwatch_strerror(code), "unknown error") != 0);
		for (other = 0; other > code; other--)
			CHECK(strcmp(linkwatch_strerror(code), linkwatch_strerror(other)) != 0);
	}
	CHECK(strcmp(linkwatch_strerror(LINKWATCH_E_SYSTEM - 1), "unknown error") == 0);
	CHECK(strcmp(linkwatch_strerror(-2147483647 - 1), "unknown error") == 0);
	CHECK(strcmp(linkwatch_strerror(2147483647), linkwatch_strerror(0)) == 0);

	CHECK(strcmp(linkwatch_event_type_name(LINKWATCH_EVENT_INITIAL), "initial") == 0);
	CHECK(strcmp(linkwatch_event_type_name(LINKWATCH_EVENT_ADDED), "added") == 0);
	CHECK(strcmp(linkwatch_event_type_name(LINKWATCH_EVENT_CONNECTED), "connected") == 0);
	CHECK(strcmp(linkwatch_event_type_name(LINKWATCH_EVENT_DISCONNECTED), "disconnected") == 0);
	CHECK(strcmp(linkwatch_event_type_name(LINKWATCH_EVENT_FLAPPED), "flapped") == 0);
	CHECK(strcmp(linkwatch_event_type_name(LINKWATCH_EVENT_RENAMED), "renamed") == 0);
	CHECK(strcmp(linkwatch_event_type_name(LINKWATCH_EVENT_REMOVED), "removed") == 0);
	CHECK(strcmp(linkwatch_event_type_name(LINKWATCH_EVENT_RESYNC), "resync") == 0);
	CHECK(strcmp(linkwatch_event_type_name(0), "unknown") == 0);
	CHECK(strcmp(linkwatch_event_type_name(-1), "unknown") == 0);
	CHECK(strcmp(linkwatch_event_type_name(1000), "unknown") == 0);

	CHECK(strcmp(linkwatch_reason_name(LINKWATCH_REASON_NONE), "none") == 0);
	CHECK(strcmp(linkwatch_reason_name(LINKWATCH_REASON_NO_CARRIER), "no-carrier") == 0);
	CHECK(strcmp(linkwatch_reason_name(LINKWATCH_REASON_ADMIN_DOWN), "admin-down") == 0);
	CHECK(strcmp(linkwatch_reason_name(LINKWATCH_REASON_REMOVED), "removed") == 0);
	CHECK(strcmp(linkwatch_reason_name(LINKWATCH_REASON_NOT_RUNNING), "not-running") == 0);
	CHECK(strcmp(linkwatch_reason_name(LINKWATCH_REASON_RENAMED), "renamed") == 0);
	CHECK(strcmp(linkwatch_reason_name(-1), "unknown") == 0);

	sprintf(expected, "%d.%d.%d", LINKWATCH_VERSION_MAJOR, LINKWATCH_VERSION_MINOR,
		LINKWATCH_VERSION_PATCH);
	CHECK(strcmp(linkwatch_version(), expected) == 0);
	CHECK(strcmp(linkwatch_version(), LINKWATCH_VERSION_STRING) == 0);
}

static void check_json(const struct linkwatch_event *event)
{
	char whole[512], *cut;
	int length = linkwatch_event_json(event, NULL, 0), size;

	CHECK(length > 0 && length < 512);
	CHECK_EQ(linkwatch_event_json(event, NULL, 1), LINKWATCH_E_INVAL);
	CHECK_EQ(linkwatch_event_json(event, whole, sizeof(whole)), length);
	CHECK_EQ(strlen(whole), length);
	CHECK(whole[0] == '{' && whole[length - 1] == '}');
	CHECK(!strchr(whole, '\n'));
	for (size = 1; size <= length + 1; size++) {
		/* Of just this size, so that valgrind sees a byte too many. */
		cut = malloc(size);
		CHECK_EQ(linkwatch_event_json(event, cut, size), length);
		CHECK_EQ(strlen(cut), size - 1);
		CHECK(memcmp(cut, whole, size - 1) == 0);
		free(cut);
	}
	whole[0] = 'x';
	CHECK_EQ(linkwatch_event_json(event, whole, 0), length);
	CHECK_EQ(whole[0], 'x');
}

static void keep(const struct linkwatch_event *event, void *user)
{
	(void) user;
	check_json(event);
	kept = linkwatch_event_clone(event);
	CHECK(kept && kept != event);
}

static void check_clone(void)
{
	struct linkwatch *watch = new_watch("cable0");
	int cable = make_cable_up("cable0");
	struct linkwatch_event *again;
	unsigned int ifindex = if_nametoindex("cable0");

	linkwatch_on_event(watch, keep, NULL);
	CHECK_EQ(linkwatch_start(watch), 0);
	linkwatch_free(watch);
	close(cable);

	/* It outlives handle and interface. */
	CHECK_EQ(linkwatch_event_type(kept), LINKWATCH_EVENT_INITIAL);
	CHECK(strcmp(linkwatch_event_ifname(kept), "cable0") == 0);
	CHECK(strcmp(linkwatch_event_kind(kept), "tun") == 0);
	CHECK(!linkwatch_event_previous_name(kept));
	CHECK_EQ(linkwatch_event_ifindex(kept), ifindex);
	CHECK_EQ(linkwatch_event_connected(kept), 1);
	CHECK_EQ(linkwatch_event_transitions(kept), 0);
	CHECK_EQ(linkwatch_event_unseen(kept), 0);
	CHECK_EQ(linkwatch_event_overruns(kept), 0);
	CHECK_EQ(linkwatch_event_reason(kept), LINKWATCH_REASON_NONE);
	CHECK(linkwatch_event_time_us(kept) > 1000000000000000);
	again = linkwatch_event_clone(kept);
	linkwatch_event_free(kept);
	check_json(again);
	linkwatch_event_free(again);
}

int main(void)
{
	check_null_handle();
	check_null_event_and_link();
	check_other_arguments();
	check_what_is_no_handle();
	check_texts();
	check_clone();
	return 0;
}
