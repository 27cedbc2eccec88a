// fibers: Boost.Context fibers that libsonde knows of, so that parked ones are in the
// goroutine profile.
//
//   g++ -O2 fibers.cc $(pkg-config --cflags --libs sonde) -lboost_context -o fibers
//   ./fibers goroutine.pb.gz && sonde pprof -traces goroutine.pb.gz
#include <boost/context/fiber.hpp>
#include <boost/context/fixedsize_stack.hpp>
#include <chrono>
#include <fcntl.h>
#include <functional>
#include <memory>
#include <sonde/sonde.h>
#include <string>
#include <vector>

namespace ctx = boost::context;

// A fiber with its stack, and what libsonde is told of it.
class Fiber {
public:
    Fiber(const std::string &name, std::function<void(Fiber &)> body) : body_(std::move(body))
    {
        ctx::fixedsize_stack stacks(64 * 1024);
        ctx::stack_context stack = stacks.allocate();
        sonde_ = sonde_fiber_new(name.c_str(), static_cast<char *>(stack.sp) - stack.size, stack.size);
        fiber_ = ctx::fiber(std::allocator_arg, ctx::preallocated(stack.sp, stack.size, stack), stacks,
                            [this](ctx::fiber &&main) {
                                main_ = std::move(main);
                                body_(*this);
                                return std::move(main_);
                            });
    }
    ~Fiber()
    {
        sonde_fiber_free(sonde_);
    }
    Fiber(const Fiber &) = delete;
    Fiber &operator=(const Fiber &) = delete;

    // On the fiber: back to who resumed it.
    __attribute__((noinline)) void yield()
    {
        sonde_fiber_park(sonde_);
        main_ = std::move(main_).resume();
        sonde_fiber_resume(sonde_);
    }
    // On a thread: until the fiber yields; false: it has ended.
    bool resume()
    {
        fiber_ = std::move(fiber_).resume();
        return static_cast<bool>(fiber_);
    }

private:
    std::function<void(Fiber &)> body_;
    ctx::fiber fiber_, main_;
    struct sonde_fiber *sonde_;
};

static volatile int done; // so that the calls below are not the functions' last, and jumps

__attribute__((noinline)) static void waits_for_orders(Fiber &fiber)
{
    SONDE_LABEL("order", "none");
    fiber.yield();
    done = done + 1;
}

__attribute__((noinline)) static void reads_a_request(Fiber &fiber)
{
    fiber.yield();
    done = done + 1;
}

__attribute__((noinline)) static void computes(Fiber &fiber)
{
    auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(300);
    while (std::chrono::steady_clock::now() < end)
        ;
    fiber.yield();
    done = done + 1;
}

int main(int argc, char **argv)
{
    std::vector<std::unique_ptr<Fiber>> fibers;
    for (int i = 0; i < 3; i++)
        fibers.push_back(std::make_unique<Fiber>("waiter " + std::to_string(i), waits_for_orders));
    for (int i = 0; i < 2; i++)
        fibers.push_back(std::make_unique<Fiber>("reader " + std::to_string(i), reads_a_request));
    fibers.push_back(std::make_unique<Fiber>("computer", computes));
    int cpu = argc > 2 ? open(argv[2], O_CREAT | O_WRONLY | O_TRUNC, 0644) : -1;
    if (cpu >= 0 && sonde_start_cpu_profile(cpu) != 0)
        return 1;
    for (auto &fiber : fibers)
        fiber->resume();
    if (cpu >= 0 && sonde_stop_cpu_profile() != 0)
        return 1;
    int fd = argc > 1 ? open(argv[1], O_CREAT | O_WRONLY | O_TRUNC, 0644) : 1;
    int rc = sonde_profile_write(sonde_lookup("goroutine"), fd, argc > 1 ? 0 : 2);
    for (auto &fiber : fibers)
        fiber->resume();
    return rc != 0 || sonde_profile_count(sonde_lookup("goroutine")) != 1;
}
