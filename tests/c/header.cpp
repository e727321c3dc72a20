/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* The header as C++ sees it: a handle with an owner, a lambda as callback. */

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "linkwatch.h"

namespace {

struct Free {
	void operator()(struct linkwatch *watch) const { linkwatch_free(watch); }
	void operator()(struct linkwatch_event *event) const { linkwatch_event_free(event); }
};

using Watch = std::unique_ptr<struct linkwatch, Free>;
using Event = std::unique_ptr<struct linkwatch_event, Free>;

}

int main()
{
	struct linkwatch *handle = nullptr;
	std::vector<Event> events;
	std::vector<std::string> links;

	if (linkwatch_new(&handle) < 0)
		return 1;
	Watch watch(handle);
	linkwatch_add_pattern(handle, "lo");
	linkwatch_on_event(handle, [](const struct linkwatch_event *event, void *user) {
		static_cast<std::vector<Event> *>(user)->emplace_back(linkwatch_event_clone(event));
	}, &events);
	int result = linkwatch_start(handle);
	if (result < 0) {
		std::fprintf(stderr, "%s\n", linkwatch_strerror(result));
		return 1;
	}
	result = linkwatch_links(handle, [](const struct linkwatch_link *link, void *user) {
		static_cast<std::vector<std::string> *>(user)->emplace_back(linkwatch_link_name(link));
	}, &links);
	watch.reset();
	if (result != 1 || links.size() != 1 || links[0] != "lo")
		return 2;
	if (events.size() != 1 || linkwatch_event_type(events[0].get()) != LINKWATCH_EVENT_INITIAL)
		return 3;
	return std::string(linkwatch_event_ifname(events[0].get())) == "lo" ? 0 : 4;
}
