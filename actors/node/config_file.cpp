#include "actors/node/config_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include "actors/node/config_build.hpp"
#include "actors/node/config_document.hpp"
#include "actors/node/harmless_text.hpp"
#include "actors/parse/schema.hpp"

namespace fleetgate::node {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_bytes = 1024 * 1024;
constexpr std::size_t most_drop_ins = 1000;

config_error whole_file(const std::string& file, std::string message, std::string suggestion) {
  return {file, 0, 0, std::move(message), std::move(suggestion)};
}

/// A descriptor, or -1 with errno. Of a kind that is not wanted errno is 0.
int open_file(const std::string& path, file_kind kind) {
  if (kind == file_kind::any) return ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  // A pipe that nobody writes would hold up whoever opens it.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat about {};
  if (file < 0 || (::fstat(file, &about) == 0 && S_ISREG(about.st_mode))) return file;
  ::close(file);
  errno = 0;
  return -1;
}

tl::expected<std::string, config_error> read_file(const std::string& path, file_kind kind) {
  const auto refused = [&](const char* what) {
    const int error = errno;
    const bool absent = error == ENOENT;
    return tl::unexpected(
        whole_file(path, std::string(what) + ": " + std::strerror(error),
                   absent ? "write one with fleetgate config init --output " + path
                          : "check its kind and its permissions with ls -ld " + path));
  };
  const int opened = open_file(path, kind);
  if (opened < 0 && errno == 0) {
    return tl::unexpected(
        whole_file(path, "is not a regular file, which alone can be read again", "put one there"));
  }
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
      opened < 0 ? nullptr : ::fdopen(opened, "rb"), &std::fclose);
  if (!file) return refused("cannot be opened");
  std::string text(most_bytes + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) return refused("cannot be read");
  if (text.size() > most_bytes) {
    return tl::unexpected(whole_file(path, "is larger than 1 MiB, which no configuration is",
                                     "check that this is the right file"));
  }
  return text;
}

/// From here on paths mean the same wherever the process goes.
std::string from_here(const fs::path& directory) {
  std::error_code error;
  const fs::path working = fs::current_path(error);
  // Without a working directory relative paths stay what they are, and opening them says why.
  return error ? directory.string() : (working / directory).string();
}

void apply_here(config_builder& builder, raw_document document) {
  document.base_dir = from_here({});
  builder.apply(document);
}

void apply_file(config_builder& builder, const std::string& path, file_kind kind) {
  const auto text = read_file(path, kind);
  if (!text) return builder.add_unread(text.error());
  auto document = read_toml(*text, path);
  if (!document) return builder.add_unread(document.error());
  document->base_dir = from_here(fs::path(path).parent_path());
  builder.apply(*document);
}

/// conf.d/*.toml beside `path`, in the order of their names; none where there is no conf.d.
std::vector<std::string> drop_ins(const std::string& path, config_builder& builder) {
  const fs::path directory = fs::path(path).parent_path() / "conf.d";
  std::vector<std::string> found;
  std::error_code error;
  if (!fs::exists(directory, error)) return found;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    const bool is_hidden = it->path().filename().string().starts_with('.');  // an editor's lock
    if (!is_hidden && it->path().extension() == ".toml") found.push_back(it->path().string());
  }
  if (error) {
    builder.add_unread(whole_file(directory.string(), "cannot be listed: " + error.message(),
                                  "check its permissions with ls -ld " + directory.string()));
  }
  if (found.size() > most_drop_ins) {
    builder.add_unread(whole_file(directory.string(), "has more than 1000 files",
                                  "put what belongs together into one file"));
    found.clear();
  }
  std::sort(found.begin(), found.end());
  return found;
}

/// Whether a schema stands where a rule says can only be known by reading it. Notes what it found:
/// a schema may change where its path does not.
config_errors check_schemas(config& c, const config_places& places) {
  config_errors errors;
  for (std::size_t i = 0; i < c.topics.size(); ++i) {
    const std::string& path = c.topics[i].schema;
    const std::string section = section_name("topic", i);
    if (path.empty() || places.is_faulty(section, "schema")) continue;
    const auto loaded = parse::schema::load(path);
    if (loaded) {
      c.topics[i].schema_hash = loaded->hash();
      continue;
    }
    const config_origin at = places.find(section, "schema");
    std::error_code error;
    errors.push_back({at.file, at.line, at.column, "schema: " + loaded.error().detail,
                      fs::exists(path, error)
                          ? "write a JSON Schema of draft 7 as docs/reference/topics.md says"
                          : "relative paths start at the directory of the file they stand in"});
  }
  return errors;
}

}  // namespace

std::string to_string(const config_error& e) {
  std::string out = e.file;
  if (e.line != 0) out += ":" + std::to_string(e.line) + ":" + std::to_string(e.column);
  out += (out.empty() ? "" : ": ") + e.message;
  if (!e.suggestion.empty()) out += "; " + e.suggestion;
  // File names and keys come from outside: what would steer a terminal does not reach it.
  return harmless(out);
}

config_result parse_config(std::string_view text, const std::string& filename) {
  const auto document = read_toml(text, filename);
  if (!document) return tl::unexpected(config_errors{document.error()});
  config_builder builder;
  builder.apply(*document);
  return std::move(builder).finish_whole();
}

config_result load_config(const std::string& path, const environment& env,
                          const config_flags& flags, file_kind kind) {
  config_builder builder;
  apply_file(builder, path, kind);
  for (const std::string& file : drop_ins(path, builder)) {
    apply_file(builder, file, file_kind::regular);
  }
  apply_here(builder, read_environment(env));
  apply_here(builder, read_flags(flags));
  return std::move(builder).finish_whole(check_schemas);
}

config_result default_config(const environment& env) {
  config_builder builder;
  apply_here(builder, read_environment(env));
  return std::move(builder).finish_parts();
}

environment process_environment() {
  environment env;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view variable(*entry);
    const auto equals = variable.find('=');
    if (equals == std::string_view::npos) continue;
    env.emplace(variable.substr(0, equals), variable.substr(equals + 1));
  }
  return env;
}

}  // namespace fleetgate::node
