#include "actors/node/cli.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ostream>

#include "actors/node/config_capacity.hpp"
#include "actors/node/config_text.hpp"

namespace fleetgate::node {
namespace {

/// Never over a file that is there.
exit_code write_new_file(const std::string& path, const std::string& text, std::ostream& err) {
  std::FILE* file = std::fopen(path.c_str(), "wxb");
  bool written = file != nullptr;
  if (file != nullptr) {
    written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
    // The close writes what is still buffered: a full disk may show only here.
    written = std::fclose(file) == 0 && written;
  }
  if (written) return exit_code::ok;
  const int error = errno;
  err << path << ": cannot be written: " << std::strerror(error) << "; "
      << (error == EEXIST ? "it is never overwritten: name another file with --output"
                          : "name a file in a directory that you may write, with --output")
      << "\n";
  return error == EACCES || error == EPERM ? exit_code::no_permission : exit_code::cannot_create;
}

config_result shown_config(const config_show_command& given, const environment& env) {
  return given.file ? load_config(*given.file, env) : default_config(env);
}

}  // namespace

void print_errors(const config_errors& errors, std::ostream& err) {
  for (const config_error& e : errors) err << to_string(e) << "\n";
  err << errors.size() << (errors.size() == 1 ? " error" : " errors")
      << " in the configuration; correct " << (errors.size() == 1 ? "it" : "them")
      << ", then run: fleetgate config check FILE\n";
}

exit_code check_config(const config_check_command& given, const environment& env, std::ostream& out,
                       std::ostream& err) {
  const config_result loaded = load_config(given.file, env);
  if (!loaded) {
    print_errors(loaded.error(), err);
    return exit_code::config_error;
  }
  out << "ok: " << given.file << "\n" << summary(*loaded);
  return exit_code::ok;
}

exit_code show_config(const config_show_command& given, const environment& env, std::ostream& out,
                      std::ostream& err) {
  const config_result loaded = shown_config(given, env);
  if (!loaded) {
    print_errors(loaded.error(), err);
    return exit_code::config_error;
  }
  switch (given.format) {
    case text_format::toml:
      out << to_toml(*loaded);
      break;
    case text_format::json:
      out << to_json(*loaded);
      break;
  }
  return exit_code::ok;
}

exit_code init_config(const config_init_command& given, std::ostream& out, std::ostream& err) {
  if (!given.output) {
    out << init_text();
    return exit_code::ok;
  }
  const exit_code written = write_new_file(*given.output, init_text(), err);
  if (written == exit_code::ok) {
    out << "wrote " << *given.output << "; now run: fleetgate run --config " << *given.output
        << "\n";
  }
  return written;
}

}  // namespace fleetgate::node
