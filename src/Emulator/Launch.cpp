// Launch.cpp: the threads of the operating system that share the blocks of a launch.
#include "Launch.h"

#include "Where.h"
#include "Worker.h"

#include <condition_variable>
#include <signal.h>
#include <thread>
#include <vector>

namespace emulator {

// The pool has its own threads. A runtime such as .NET then never sees a fiber's stack, and never sends a signal to
// one.
class Pool {
public:
    void run(Launch& launch, unsigned workers) {
        std::unique_lock<std::mutex> guard(lock);
        while (threads.size() < workers)
            start();
        job = &launch;
        wanted = running = workers;
        number++;
        begin.notify_all();
        end.wait(guard, [&] { return running == 0; });
    }

private:
    void start() {
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        unsigned index = unsigned(threads.size());
        threads.emplace_back([this, index, seen = number] { work(index, seen); });
        threads.back().detach();
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
    }

    void work(unsigned index, uint64_t seen) {
        prepareLines();
        Worker worker;
        std::unique_lock<std::mutex> guard(lock);
        for (;;) {
            begin.wait(guard, [&] { return number != seen; });
            seen = number;
            if (index >= wanted)
                continue;
            Launch& launch = *job;
            guard.unlock();
            worker.run(launch);
            guard.lock();
            if (--running == 0)
                end.notify_all();
        }
    }

    std::mutex lock;
    std::condition_variable begin, end;
    std::vector<std::thread> threads;
    Launch* job = nullptr;
    uint64_t number = 0;
    unsigned wanted = 0, running = 0;
};

void run(Launch& launch, unsigned workers) {
    static auto* pool = new Pool; // its threads outlive main
    uint64_t blocks = launch.blocks();
    pool->run(launch, blocks < workers ? unsigned(blocks) : workers);
}

} // namespace emulator
