// The metric families of the node as a whole: queues, memory, log, process.
#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <memory>
#include <string>

#include "actors/observe/probe_registration.hpp"

namespace fleetgate::observe {
namespace {

using queue_part = std::size_t queue_reading::*;

void add_queue_part(registry& to, std::string_view stage, const queue_reader& read,
                    const metric_family& f, queue_part part) {
  for (const auto cls : model::all_traffic_classes) {
    to.add(f, {stage, model::to_string(cls)},
           [read, cls, part] { return static_cast<double>(read(cls).*part); });
  }
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// proc(5), statm: the first number is the virtual size, the second the resident one, in pages.
double memory_bytes(bool resident) {
  std::ifstream statm("/proc/self/statm");
  double virtual_pages = 0;
  double resident_pages = 0;
  statm >> virtual_pages >> resident_pages;
  return (resident ? resident_pages : virtual_pages) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double open_descriptors() {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir("/proc/self/fd"), closedir);
  if (!directory) return 0;
  // Without ".", ".." and the descriptor that lists the others.
  int n = -3;
  while (readdir(directory.get()) != nullptr) ++n;
  return n;
}

double descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<double>(limit.rlim_cur);
}

}  // namespace

void register_queue(registry& to, std::string_view stage, const queue_reader& read) {
  const auto family = [](std::string_view name, std::string_view help) {
    return metric_family{name, help, metric_type::gauge, {"stage", "class"}};
  };
  add_queue_part(to, stage, read,
                 family("fleetgate_queue_items", "Items that wait in front of a stage."),
                 &queue_reading::items);
  add_queue_part(to, stage, read,
                 family("fleetgate_queue_limit_items", "Items that may wait in front of a stage."),
                 &queue_reading::limit_items);
  add_queue_part(to, stage, read,
                 family("fleetgate_queue_bytes", "Bytes that wait in front of a stage."),
                 &queue_reading::bytes);
  add_queue_part(to, stage, read,
                 family("fleetgate_queue_limit_bytes", "Bytes that may wait in front of a stage."),
                 &queue_reading::limit_bytes);
}

void register_memory(registry& to, const runtime::memory_budget& budget) {
  for (const auto cls : model::all_traffic_classes) {
    const auto name = model::to_string(cls);
    to.add({"fleetgate_memory_used_bytes",
            "Bytes of messages in memory.",
            metric_type::gauge,
            {"class"}},
           {name}, [&budget, cls] { return static_cast<double>(budget.used(cls)); });
    to.add({"fleetgate_memory_limit_bytes",
            "How far this class may fill the memory budget where no other has anything.",
            metric_type::gauge,
            {"class"}},
           {name}, [&budget, cls] { return static_cast<double>(budget.limit_for(cls)); });
  }
}

void register_log(registry& to, const logger& log) {
  to.add({"fleetgate_log_overrun_total",
          "Log lines lost because the log's queue was full.",
          metric_type::counter,
          {}},
         {}, [&log] { return static_cast<double>(log.overrun()); });
  to.add({"fleetgate_log_suppressed_total",
          "Log lines left out as repeats; summaries count them.",
          metric_type::counter,
          {}},
         {}, [&log] { return static_cast<double>(log.suppressed()); });
}

void register_node(registry& to, std::string_view version, std::function<bool()> ready) {
  to.add({"fleetgate_ready", "1 where /readyz says that devices may come.", metric_type::gauge, {}},
         {}, [ready = std::move(ready)] { return ready() ? 1.0 : 0.0; });
  to.add({"fleetgate_build_info",
          "Always 1; the label says what runs.",
          metric_type::gauge,
          {"version"}},
         {version}, [] { return 1.0; });
}

void register_process(registry& to) {
  const auto add = [&](std::string_view name, std::string_view help, metric_type type,
                       std::function<double()> read) {
    to.add({name, help, type, {}}, {}, std::move(read));
  };
  const double start = static_cast<double>(system_unix_ns()) / 1e9;
  add("process_cpu_seconds_total", "Processor time used, user and system.", metric_type::counter,
      cpu_seconds);
  add("process_resident_memory_bytes", "Resident memory.", metric_type::gauge,
      [] { return memory_bytes(true); });
  add("process_virtual_memory_bytes", "Virtual memory.", metric_type::gauge,
      [] { return memory_bytes(false); });
  add("process_open_fds", "Open file descriptors.", metric_type::gauge, open_descriptors);
  add("process_max_fds", "How many file descriptors may be open.", metric_type::gauge,
      descriptor_limit);
  add("process_start_time_seconds", "When the node started, Unix time.", metric_type::gauge,
      [start] { return start; });
}

}  // namespace fleetgate::observe
