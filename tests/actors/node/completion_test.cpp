#include "actors/node/completion.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "actors/node/command_line.hpp"

namespace fleetgate::node {
namespace {

using testing::HasSubstr;

std::string script(const char* shell) {
  const char* words[] = {"fleetgate", "completion", shell};
  const auto c = parse_command_line(3, words);
  return c ? std::get<print_command>(*c).text : c.error().text;
}

TEST(completion, every_shell_knows_commands_verbs_and_options) {
  for (const auto* shell : {"bash", "zsh", "fish"}) {
    for (const auto* word :
         {"devices", "kick", "commands", "send", "quarantine", "replay", "config", "completion"}) {
      EXPECT_THAT(script(shell), HasSubstr(word)) << shell;
    }
    EXPECT_THAT(script(shell), HasSubstr("allow-duplicates")) << shell;
    EXPECT_THAT(script(shell), HasSubstr("idempotency-key")) << shell;
  }
  EXPECT_THAT(script("zsh"), testing::StartsWith("#compdef fleetgate\n"));
}

TEST(completion, an_apostrophe_does_not_end_a_quotation) {
  const completion_word program{"p", "", {}, {{"a", "it's", {}, {}}}};
  EXPECT_THAT(completion_script("fish", program), HasSubstr("'it'\\''s'"));
}

TEST(completion, an_unknown_shell_is_refused) {
  EXPECT_THAT(script("tcsh"), HasSubstr("completion --help"));
}

}  // namespace
}  // namespace fleetgate::node
