#include "actors/dedup/known_devices.hpp"

#include <gtest/gtest.h>

#include <string>

#include "protocol/model/envelope.hpp"

namespace fleetgate::dedup {
namespace {

std::string device(int n) {
  return "device-" + std::to_string(n);
}

TEST(known_devices, never_forgets_and_hardly_ever_invents_one) {
  known_devices known(4711);
  EXPECT_FALSE(known.may_have(device(1)));
  constexpr int many = 1'000'000;
  for (int n = 0; n < many; ++n) known.add(device(n));
  int invented = 0;
  for (int n = 0; n < many; ++n) {
    ASSERT_TRUE(known.may_have(device(n))) << n;
    invented += known.may_have(device(many + n)) ? 1 : 0;
  }
  EXPECT_LT(invented, many / 15);
}

TEST(known_devices, are_named_by_the_key_of_their_window) {
  window_key key(1);
  model::envelope e;
  e.tenant = "te:nant,";
  e.device = "9:de,vice";
  e.stream = "3:str,";
  key.set_to(e);
  EXPECT_EQ(device_in(key.text()), e.device);
  e.tenant = e.stream = "";
  key.set_to(e);
  EXPECT_EQ(device_in(key.text()), e.device);
}

TEST(known_devices, a_key_that_is_none_names_nobody) {
  for (const char* bad : {"", "x", "0:,", "0:,5:ab,", "0:,9", "0:,9:", "0:,-1:a,", "0:,1:a",
                          "0:,99999999999999999999:a,", "7:abc,1:d,"}) {
    EXPECT_EQ(device_in(bad), "") << bad;
  }
}

}  // namespace
}  // namespace fleetgate::dedup
