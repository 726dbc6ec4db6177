#include "actors/spool/spool.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <random>

namespace fleetgate::spool {
namespace {

using model::lane;

/// The order in which a commit serves the lanes: what is owed first, control before all.
constexpr std::array<lane, model::lane_count> commit_order{
    lane::control_owed,   lane::heartbeat_owed, lane::event_owed,
    lane::telemetry_owed, lane::quarantine,     lane::control_free,
    lane::heartbeat_free, lane::event_free,     lane::telemetry_free};

constexpr std::uint64_t segments_in_budget = 16;
constexpr std::uint64_t segments_in_quarantine = 4;

model::spool_uuid random_uuid() {
  std::random_device random;
  model::spool_uuid uuid;
  for (auto& byte : uuid.bytes) byte = static_cast<std::uint8_t>(random());
  return uuid;
}

std::string parent_of(const std::string& path) {
  const auto slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

result<void> make_directories(contract::file_layer& files, const std::string& directory) {
  for (std::size_t i = 0; i < model::lane_count; ++i) {
    auto made = files.make_directory(lane_directory(directory, static_cast<lane>(i)));
    if (!made) return made;
  }
  return files.sync_directory(directory).and_then(
      [&] { return files.sync_directory(parent_of(directory)); });
}

/// Of two starts after one backup each has its own name, so that a cursor of the one is not good in
/// the other. A clock beyond the year 2097 is not believed: starts must have room to count.
std::uint32_t next_incarnation(std::uint32_t last, std::uint32_t now_s) noexcept {
  constexpr std::uint32_t latest_s = 0xF000'0000;
  return std::max(last + 1, now_s < latest_s ? now_s : 0);
}

std::uint64_t as_ns(std::chrono::nanoseconds d) noexcept {
  return static_cast<std::uint64_t>(d.count());
}

}  // namespace

result<std::optional<model::spool_uuid>> spool::uuid_in(contract::file_layer& files,
                                                        const std::string& directory) {
  if (auto made = make_directories(files, directory); !made) {
    return tl::unexpected(std::move(made.error()));
  }
  const auto found = find_spool_id(files, directory);
  if (!found) return tl::unexpected(found.error());
  if (!*found) return std::nullopt;
  return (*found)->uuid;
}

result<std::unique_ptr<spool>> spool::open(contract::file_layer& files, spool_options options,
                                           std::uint64_t visit_from_lsn,
                                           const recovered_visitor& visit) {
  using out = result<std::unique_ptr<spool>>;
  spool_id_file id_file(options.directory);
  if (auto made = make_directories(files, options.directory); !made) {
    return out(tl::unexpect, made.error());
  }
  auto found = find_spool_id(files, options.directory);
  if (!found) return out(tl::unexpect, found.error());
  auto& id = *found;
  if (!id) {
    id.emplace();
    id->uuid = options.new_uuid == model::spool_uuid{} ? random_uuid() : options.new_uuid;
  }
  const recovery_request request{options.directory, id->uuid, visit_from_lsn, id->extent};
  auto lanes = recover_lanes(files, request, visit);
  if (!lanes) return out(tl::unexpect, lanes.error());

  // A snapshot may cover records that were lost since; their lsns are not given again either.
  lanes->highest_lsn = std::max(lanes->highest_lsn, id->extent.highest_lsn);
  if (visit_from_lsn > 0) lanes->highest_lsn = std::max(lanes->highest_lsn, visit_from_lsn - 1);
  id->incarnation = next_incarnation(id->incarnation, options.opened_at_s);
  id->starts.push_back({id->incarnation, lanes->highest_lsn + 1});
  if (id->starts.size() > remembered_incarnations) id->starts.erase(id->starts.begin());

  std::unique_ptr<spool> made(
      new spool(files, std::move(options), std::move(id_file), std::move(*id), std::move(*lanes)));
  if (auto noted = made->note_extent(nullptr, false); !noted)
    return out(tl::unexpect, noted.error());
  return made;
}

spool::spool(contract::file_layer& files, spool_options options, spool_id_file id_file, spool_id id,
             recovered_lanes lanes)
    : files_(files),
      options_(std::move(options)),
      shares_(shares_of(options_.budget_bytes)),
      id_file_(std::move(id_file)),
      id_(std::move(id)),
      recovered_(lanes.report),
      view_(std::make_shared<spool_view>(id_.uuid, id_.starts)),
      next_lsn_(lanes.highest_lsn + 1) {
  lanes_.reserve(model::lane_count);
  for (std::size_t i = 0; i < model::lane_count; ++i) {
    const auto in = static_cast<lane>(i);
    const std::uint64_t most = in == lane::quarantine
                                   ? options_.quarantine_budget_bytes / segments_in_quarantine
                                   : options_.budget_bytes / segments_in_budget;
    lane_context context{&files_,
                         view_.get(),
                         &next_lsn_,
                         options_.directory,
                         id_.uuid,
                         id_.incarnation,
                         std::min(options_.segment_bytes, most)};
    lanes_.emplace_back(std::move(context), in, std::move(lanes.lanes[i]));
  }
}

/// `emptied`: the lane that is about to lose its last segment.
result<void> spool::note_extent(const lane_log* emptied, bool clean) {
  const spool_extent before = id_.extent;
  for (const lane_log& l : lanes_) {
    const std::size_t i = model::index(l.in());
    id_.extent.last_ordinals[i] = l.durable_ordinal();
    const bool empty = &l == emptied || l.segments().empty();
    id_.extent.first_ordinals[i] = empty ? l.durable_ordinal() + 1 : l.first_ordinal();
    id_.extent.first_lsns[i] = empty ? 0 : l.segments().front().shared->first_lsn;
  }
  id_.extent.highest_lsn = last_lsn();
  id_.extent.clean = clean;
  auto noted = id_file_.write(files_, id_);
  if (!noted) id_.extent = before;
  return noted;
}

void spool::append(const contract::append_request& request,
                   std::vector<contract::settlement>& settled) {
  std::array<bool, model::lane_count> has_records{};
  std::uint64_t all_bytes = 0;
  sizes_.clear();
  for (const contract::append_item& item : request.items) {
    sizes_.push_back(encoded_bytes(request.batch->envelopes[item.index]));
    all_bytes += sizes_.back();
  }
  // Asked of each record only where room is short.
  const bool all_fit = has_room(request.batch->cls, all_bytes);
  for (std::size_t i = 0; i < request.items.size(); ++i) {
    const contract::append_item& item = request.items[i];
    const model::envelope& e = request.batch->envelopes[item.index];
    const auto in =
        append_one(e, sizes_[i], all_fit && e.cls == request.batch->cls, item.ticket, settled);
    if (in) has_records[model::index(*in)] = true;
  }
  if (request.batch->charge.bytes() == 0) return;
  const auto charge =
      std::make_shared<const runtime::memory_charge>(std::move(request.batch->charge));
  for (std::size_t i = 0; i < model::lane_count; ++i) {
    if (has_records[i]) charges_[i].push_back(charge);
  }
}

std::optional<lane> spool::append_one(const model::envelope& e, std::size_t bytes, bool fits,
                                      std::uint64_t ticket,
                                      std::vector<contract::settlement>& settled) {
  const lane in = lane_of(e);
  fault_code refused = fault_code::packet_too_large;
  if (bytes != 0) {
    if ((fits && in != lane::quarantine) || admit(e, in, bytes)) {
      lanes_[model::index(in)].append(e, bytes, ticket);
      lane_counts& counted = counts_[model::index(in)];
      ++counted.appended_records;
      counted.appended_bytes += bytes;
      ++(model::is_message(e.kind) ? kept_messages_ : counted.appended_marks);
      return in;
    }
    refused = fault_code::spool_budget_full;
  }
  ++counters_.refused_records;
  if (model::is_message(e.kind)) ++refused_messages_;
  settled.push_back({ticket, false, refused, {}});
  return std::nullopt;
}

void spool::commit(std::uint64_t now_ns, std::vector<contract::settlement>& settled,
                   commit_part which) {
  for (const lane in : commit_order) {
    if (which == commit_part::urgent && !model::is_urgent(in)) continue;
    lane_log& l = lanes_[model::index(in)];
    const bool sync = model::is_owed(in) || sync_due(l, now_ns);
    commit_lane(l, sync, now_ns, settled);
  }
}

void spool::commit_lane(lane_log& l, bool sync, std::uint64_t now_ns,
                        std::vector<contract::settlement>& settled) {
  retry_state& retry = retries_[model::index(l.in())];
  if (l.unsynced_bytes() == 0 || (!sync && l.unwritten_bytes() == 0)) return;
  if (retry.at_ns > now_ns) return;
  std::optional<std::uint64_t>& unsynced_since = unsynced_since_ns_[model::index(l.in())];
  // A note of a clean close must not outlive what it says.
  result<void> done = id_.extent.clean ? note_extent(nullptr, false) : result<void>{};
  if (done) done = l.flush(sync);
  if (!done) {
    unsynced_since.reset();
    note_trouble(done.error(), retry, now_ns);
    return;
  }
  retry = {};
  if (l.unsynced_bytes() == 0)
    unsynced_since.reset();
  else if (!unsynced_since)
    unsynced_since = now_ns;
  clear_trouble();
  settle(l, settled);
  if (l.unwritten_bytes() == 0) charges_[model::index(l.in())].clear();
}

bool spool::sync_due(const lane_log& l, std::uint64_t now_ns) const noexcept {
  if (l.unsynced_bytes() >= options_.free_sync_bytes) return true;
  const auto& since = unsynced_since_ns_[model::index(l.in())];
  return since && now_ns - *since >= as_ns(options_.free_sync_interval);
}

void spool::note_trouble(const fault& f, retry_state& retry, std::uint64_t now_ns) {
  ++counters_.storage_faults;
  retry.backoff_ns =
      std::clamp(retry.backoff_ns * 2, as_ns(options_.retry_least), as_ns(options_.retry_most));
  retry.at_ns = now_ns + retry.backoff_ns;
  if (!counters_.trouble) counters_.trouble = storage_trouble{f.code, now_ns, f.detail};
  counters_.trouble->code = f.code;
  counters_.trouble->detail = f.detail;
}

void spool::clear_trouble() noexcept {
  const bool well = std::all_of(retries_.begin(), retries_.end(),
                                [](const retry_state& r) { return r.at_ns == 0; });
  if (well) counters_.trouble.reset();
}

void spool::settle(lane_log& l, std::vector<contract::settlement>& settled) {
  scratch_.clear();
  l.take_settled(scratch_);
  settled.reserve(settled.size() + scratch_.size());
  for (const pending_ticket& t : scratch_) {
    const model::position at{id_.incarnation, t.lsn};
    if (t.waits_for_readers && !readers_.required_passed(l.in(), at)) {
      waiting_[model::index(l.in())].push_back({t.ticket, at});
    } else {
      settled.push_back({t.ticket, true, fault_code::internal, at});
    }
  }
}

void spool::settle_waiting(std::vector<contract::settlement>& settled) {
  for (std::size_t i = 0; i < model::lane_count; ++i) {
    auto& waiting = waiting_[i];
    while (!waiting.empty() && readers_.required_passed(static_cast<lane>(i), waiting.front().at)) {
      settled.push_back({waiting.front().ticket, true, fault_code::internal, waiting.front().at});
      waiting.pop_front();
    }
  }
}

bool spool::is_stuck(model::traffic_class cls) const noexcept {
  if (cls == model::traffic_class::control || cls == model::traffic_class::heartbeat) return false;
  const auto fails = [&](model::ack_level level) {
    return retries_[model::index(model::lane_of(cls, level))].at_ns != 0;
  };
  return fails(model::ack_level::durable) || fails(model::ack_level::none);
}

bool spool::has_pending() const noexcept {
  return std::any_of(lanes_.begin(), lanes_.end(),
                     [](const lane_log& l) { return l.unwritten_bytes() != 0; });
}

bool spool::has_mixed_pending() const noexcept {
  const auto pending = [this](bool urgent) {
    return std::any_of(lanes_.begin(), lanes_.end(), [urgent](const lane_log& l) {
      return l.unwritten_bytes() != 0 && model::is_urgent(l.in()) == urgent;
    });
  };
  return pending(true) && pending(false);
}

std::optional<std::uint64_t> spool::next_deadline_ns() const noexcept {
  std::uint64_t next = std::numeric_limits<std::uint64_t>::max();
  for (std::size_t i = 0; i < model::lane_count; ++i) {
    if (lanes_[i].unsynced_bytes() == 0) continue;
    if (retries_[i].at_ns != 0)
      next = std::min(next, retries_[i].at_ns);
    else if (unsynced_since_ns_[i]) {
      next = std::min(next, *unsynced_since_ns_[i] + as_ns(options_.free_sync_interval));
    }
  }
  if (next == std::numeric_limits<std::uint64_t>::max()) return std::nullopt;
  return next;
}

result<void> spool::register_reader(std::string name, bool required, const contract::cursor& at) {
  auto good = view_->check(at);
  readers_.put(std::move(name), required, good ? at : contract::cursor{});
  return good;
}

result<void> spool::register_follower(std::string name, const contract::cursor& at) {
  auto good = view_->check(at);
  readers_.put_follower(std::move(name), good ? at : contract::cursor{});
  return good;
}

result<void> spool::advance_reader(std::string_view name, const contract::cursor& at,
                                   std::vector<contract::settlement>& settled) {
  reader_registry::reader* reader = readers_.find(name);
  if (reader == nullptr) return failure(fault_code::not_found, "no reader of that name");
  if (auto good = view_->check(at); !good) return good;
  reader->at.spool = at.spool;
  for (std::size_t i = 0; i < model::lane_count; ++i) {
    reader->at.lanes[i] = std::max(reader->at.lanes[i], at.lanes[i]);
  }
  settle_waiting(settled);
  collect();
  return {};
}

result<void> spool::rewind_reader(std::string_view name, const contract::cursor& at) {
  reader_registry::reader* reader = readers_.find(name);
  if (reader == nullptr) return failure(fault_code::not_found, "no reader of that name");
  if (auto good = view_->check(at); !good) return good;
  for (std::size_t i = 0; i < model::lane_count; ++i) {
    reader->at.lanes[i] = std::min(reader->at.lanes[i], at.lanes[i]);
  }
  return {};
}

void spool::unregister_reader(std::string_view name, std::vector<contract::settlement>& settled) {
  readers_.remove(name);
  settle_waiting(settled);
  collect();
}

void spool::set_snapshot_floor(std::uint64_t lsn) {
  bool is_news = lsn > snapshot_floor_;
  snapshot_floor_ = std::max(snapshot_floor_, lsn);
  collect();
  for (const lane_log& l : lanes_) {
    is_news |= l.durable_ordinal() != id_.extent.last_ordinals[model::index(l.in())];
  }
  // From time to time, so that the loss of a last segment is not taken for a torn tail, and a start
  // knows what was durable.
  if (is_news && !note_extent(nullptr, false)) ++counters_.storage_faults;
}

std::uint64_t spool::durable_lsn() const noexcept {
  std::uint64_t lsn = last_lsn();
  for (const lane_log& l : lanes_) {
    if (const auto pending = l.first_pending_lsn()) lsn = std::min(lsn, *pending - 1);
  }
  return lsn;
}

std::uint64_t spool::lsns_given_up() const noexcept {
  std::uint64_t sum = 0;
  for (const lane_log& l : lanes_) sum += l.lsns_given_up();
  return sum;
}

result<void> spool::close(std::uint64_t now_ns, std::vector<contract::settlement>& settled) {
  retries_ = {};
  for (const lane in : commit_order) {
    commit_lane(lanes_[model::index(in)], true, now_ns, settled);
  }
  if (counters_.trouble) return failure(counters_.trouble->code, counters_.trouble->detail);
  return note_extent(nullptr, true);
}

}  // namespace fleetgate::spool
