// docs/reference/config.md says of every key what the loader does: type, default, bounds, example.
#include "actors/node/config_document.hpp"
#include "actors/node/config_keys.hpp"
#include "tests/actors/node/config_fixture.hpp"

namespace fleetgate::node {
namespace {

using testing::HasSubstr;

std::string reference() {
  const std::filesystem::path here(__FILE__);
  const auto root = here.parent_path().parent_path().parent_path().parent_path();
  return contents((root / "docs/reference/config.md").string()) + "\n";
}

std::string in_code(std::string_view s) {
  return "`" + std::string(s) + "`";
}

/// A bar would end the cell of the table.
std::string escaped(std::string s) {
  for (std::size_t at = 0; (at = s.find('|', at)) != std::string::npos; at += 2) {
    s.insert(at, "\\");
  }
  return s;
}

/// The row that the reference must have for `key`.
template <class Section>
std::string row(const config_key<Section>& key) {
  const auto by_default = key.show(Section{});
  const std::string standard = key.required ? "required"
                               : by_default ? in_code(to_literal(*by_default))
                                            : "none";
  const std::string limits = key.limits.empty() ? "" : ", " + key.limits;
  return "| " + in_code(key.name) + " | " + escaped(key.type) + limits + " | " + standard + " | " +
         in_code(key.example) + " | " + std::string(key.about) + " |\n";
}

template <class Section>
Section section_of(const config_table<Section>&) {
  return {};
}

/// "## [node]" and "## [[sink]]" alike.
std::size_t find_heading(const std::string& text, std::string_view table) {
  const std::size_t at = text.find("\n## [" + std::string(table) + "]\n");
  return at != std::string::npos ? at : text.find("\n## [[" + std::string(table) + "]]\n");
}

TEST(config_reference, every_key_the_loader_knows_stands_in_its_table) {
  const std::string text = reference();
  ASSERT_FALSE(text.empty());
  for_each_table([&](const auto& table, auto) {
    std::string rows;
    for (const auto& key : table.keys) rows += row(key);
    const std::size_t from = find_heading(text, table.name);
    ASSERT_NE(from, std::string::npos) << table.name;
    const std::size_t to = text.find("\n## ", from + 1);
    EXPECT_THAT(text.substr(from, to + 1 - from), HasSubstr("\n" + rows + "\n"))
        << "docs/reference/config.md lacks, under " << table.name << ":\n"
        << rows;
  });
}

TEST(config_reference, every_example_and_every_default_is_accepted) {
  for_each_table([&](const auto& table, auto) {
    for (const auto& key : table.keys) {
      auto section = section_of(table);
      const auto by_default = key.show(section);
      const auto example = read_toml("[t]\nk = " + std::string(key.example) + "\n", "f.toml");
      ASSERT_TRUE(example) << key.name;
      const auto assigned = key.assign(section, example->tables[0].entries[0].value, "");
      EXPECT_TRUE(assigned) << key.name << ": " << assigned.error().message;
      if (!by_default) continue;
      EXPECT_TRUE(key.assign(section, *by_default, "")) << key.name;
      EXPECT_EQ(to_literal(*key.show(section)), to_literal(*by_default)) << key.name;
    }
  });
}

}  // namespace
}  // namespace fleetgate::node
