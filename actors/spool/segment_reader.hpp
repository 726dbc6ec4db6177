// A reader of the spool by its own cursor (contract/spool_reader.hpp). One thread at a time, any
// thread; shares only spool_view with the journal. Limit: one open file a lane, and the caller's
// read_block.
#pragma once

#include <memory>

#include "actors/contract/file_layer.hpp"
#include "actors/contract/spool_reader.hpp"
#include "actors/runtime/clock.hpp"
#include "actors/spool/patient_reading.hpp"
#include "actors/spool/spool_view.hpp"

namespace fleetgate::spool {

/// `files` must outlive the reader. It stands at the beginning until it is told to seek. By its
/// clock it is patient with places that cannot be read (patient_reading.hpp).
std::unique_ptr<contract::spool_reader> make_reader(contract::file_layer& files,
                                                    std::shared_ptr<const spool_view> view,
                                                    patience_clock clock = runtime::steady_now_ns);
/// For a look at one lane; the others' cursors stay where they are. Nobody moves on by what it
/// passes, so it passes at once what cannot be read.
std::unique_ptr<contract::spool_reader> make_lane_reader(contract::file_layer& files,
                                                         std::shared_ptr<const spool_view> view,
                                                         model::lane in);

}  // namespace fleetgate::spool
