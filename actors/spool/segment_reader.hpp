// A reader of the spool by its own cursor (contract/spool_reader.hpp). One thread at a time, any
// thread; shares only spool_view with the journal. Limit: one open file a lane, and the caller's
// read_block.
#pragma once

#include <memory>

#include "actors/contract/file_layer.hpp"
#include "actors/contract/spool_reader.hpp"
#include "actors/spool/spool_view.hpp"

namespace fleetgate::spool {

/// `files` must outlive the reader. It stands at the beginning until it is told to seek.
std::unique_ptr<contract::spool_reader> make_reader(contract::file_layer& files,
                                                    std::shared_ptr<const spool_view> view);
/// The same for one lane; the others' cursors stay where they are.
std::unique_ptr<contract::spool_reader> make_lane_reader(contract::file_layer& files,
                                                         std::shared_ptr<const spool_view> view,
                                                         model::lane in);

}  // namespace fleetgate::spool
