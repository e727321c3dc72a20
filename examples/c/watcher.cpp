// The header in C++: a handle that frees itself, a closure as callback.
//
//	c++ -std=c++17 watcher.cpp $(pkg-config --cflags --libs linkwatch) -o watcher
#include <linkwatch.h>

#include <functional>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>

class Watcher {
public:
	using Callback = std::function<void(const linkwatch_event &)>;

	explicit Watcher(Callback callback) : callback_(std::move(callback))
	{
		linkwatch *handle = nullptr;

		check(linkwatch_new(&handle));
		handle_.reset(handle);
		linkwatch_on_event(handle, call, this);
	}
	// The handle points to this object.
	Watcher(const Watcher &) = delete;
	Watcher &operator=(const Watcher &) = delete;

	void add_pattern(const std::string &glob) { check(linkwatch_add_pattern(handle_.get(), glob.c_str())); }
	void start() { check(linkwatch_start(handle_.get())); }
	void run() { check(linkwatch_run(handle_.get())); }

private:
	// No exception may pass through the library.
	static void call(const linkwatch_event *event, void *self) noexcept
	{
		static_cast<Watcher *>(self)->callback_(*event);
	}
	void check(int result)
	{
		if (result >= 0)
			return;
		std::string detail = linkwatch_error_detail(handle_.get());
		throw std::runtime_error(detail.empty() ? linkwatch_strerror(result) : detail);
	}
	struct Free {
		void operator()(linkwatch *handle) const { linkwatch_free(handle); }
	};

	Callback callback_;
	std::unique_ptr<linkwatch, Free> handle_;
};

int main(int argc, char **argv)
{
	try {
		Watcher watcher([](const linkwatch_event &event) {
			const char *name = linkwatch_event_ifname(&event);
			std::cout << (name ? name : "*") << ' '
				  << linkwatch_event_type_name(linkwatch_event_type(&event)) << std::endl;
		});
		for (int i = 1; i < argc; i++)
			watcher.add_pattern(argv[i]);
		watcher.start();
		watcher.run();
	} catch (const std::exception &error) {
		std::cerr << "watcher: " << error.what() << '\n';
		return 1;
	}
	return 0;
}
