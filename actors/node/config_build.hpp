// Applies documents to a config, one over the other, and gathers every error on the way. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "actors/node/config_document.hpp"
#include "actors/node/config_keys.hpp"

namespace fleetgate::node {

/// Where each key of each section was written, for checks that come after reading. Keys are
/// "memory.budget" and "listener[0].bind".
class config_places {
 public:
  void note(const std::string& section, std::string_view key, const config_origin& at);
  void note_faulty(const std::string& section, std::string_view key);

  /// The key's place; where it was not written the section's, else the first document's.
  [[nodiscard]] config_origin find(const std::string& section, std::string_view key) const;
  /// The value in the config is not what was written, so there is no sense in checking it further.
  [[nodiscard]] bool is_faulty(const std::string& section, std::string_view key) const;

 private:
  struct place {
    config_origin at;
    bool faulty = false;
  };
  std::map<std::string, place> places_;
};

/// "listener[0]".
std::string section_name(std::string_view table, std::size_t index);

class config_builder {
 public:
  void apply(const raw_document& document);
  /// A document that could not be read at all.
  void add_unread(config_error e) {
    unread_ = true;
    errors_.push_back(std::move(e));
  }

  /// What it learns of files that the config names it may note in the config.
  using files_check = config_errors (*)(config&, const config_places&);

  /// The config, or all errors in the order of documents and lines; with what only shows when
  /// everything is known (config_check.hpp, and `files`), unless a document could not be read.
  config_result finish_whole(files_check files = nullptr) &&;
  /// The same without looking at the whole.
  config_result finish_parts() &&;

 private:
  template <class Section>
  bool apply_table(const raw_document& document, const raw_table& written,
                   const config_table<Section>& known, Section config::*member);
  template <class Section>
  bool apply_table(const raw_document& document, const raw_table& written,
                   const config_table<Section>& known, std::vector<Section> config::*member);
  template <class Section>
  void apply_keys(const raw_document& document, const raw_table& written,
                  const config_table<Section>& known, const std::string& section, Section& into);
  template <class Section>
  void require_keys(const raw_table& written, const config_table<Section>& known,
                    const std::string& section);
  template <class Section>
  void unknown_key(const raw_document& document, const raw_table& written, const raw_entry& entry,
                   const config_table<Section>& known);
  void unknown_table(const raw_document& document, const raw_table& written);
  void outside_tables(const raw_table& written);
  void add(const config_origin& at, std::string message, std::string suggestion);

  config config_;
  config_places places_;
  config_errors errors_;
  bool unread_ = false;
};

}  // namespace fleetgate::node
