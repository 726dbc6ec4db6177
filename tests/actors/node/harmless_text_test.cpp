#include "actors/node/harmless_text.hpp"

#include <gtest/gtest.h>

namespace fleetgate::node {
namespace {

TEST(harmless_text, has_nothing_that_steers_a_terminal) {
  EXPECT_EQ(harmless("a\x1B[2Jb\x7F\n"), "a?[2Jb??");
  EXPECT_EQ(harmless("\u009B2J\u009D0;x\u061C\u2028"), "?2J?0;x??");
  EXPECT_EQ(harmless("pay\u202Efdp.exe\u2066\u200B\uFEFF"), "pay?fdp.exe???");
}

TEST(harmless_text, is_as_it_was_otherwise) {
  for (const auto* text : {"", "d\u00FCse", "\u20AC \u2014 \u30DD", "\xE2\x80", "\xE2", "\xE2@K",
                           "\xC2", "\u00A0", "\xFF\xFE"}) {
    EXPECT_EQ(harmless(text), text);
  }
}

}  // namespace
}  // namespace fleetgate::node
